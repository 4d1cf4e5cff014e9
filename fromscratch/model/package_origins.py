"""Why the files of packages are there, as chains of origins."""

from collections.abc import Mapping

from fromscratch.model.entry import Origin
from fromscratch.unsatisfied import Requirement


def reasons(
    requirements: Mapping[str, Requirement | None],
    label: str,
    place: str,
    shown: Mapping[str, str] | None = None,
    assumed: Mapping[str, str] | None = None,
) -> dict[str, Origin]:
    """Why each package is there, by its name, given the requirement that brought it; None: the recipe asks for it.

    `label` names the source, `place` the item of the recipe. `shown` has what the recipe asks for in other words than
    the name of the package, and `assumed` by whom each package is counted on that nobody asks for.
    """
    because: dict[str, Origin] = {}
    for name in requirements:
        # Not recursive: a chain may be as long as there are packages.
        chain = dict.fromkeys([name])
        last = name
        while last not in because and (link := requirements.get(last)) is not None and link.by not in chain:
            last = link.by
            chain[last] = None
        for each in reversed(chain):
            link = requirements.get(each)
            if each in because:
                continue
            if assumed and each in assumed:
                because[each] = Origin(label, "assumed by", assumed[each], because.get(link.by) if link else None)
                continue
            if link is None or link.by not in because:
                because[each] = Origin(label, "asked for", f"{(shown or {}).get(each, each)} in {place}")
            else:
                detail = f"{link.by} ({link.field}: {link.relation})"
                because[each] = Origin(label, "needed by", detail, because[link.by])
    return because
