"""Asks Portage which of the packages in ROOT are needed at run time by those that were asked for.

Called as `runtime.py ANSWER CATEGORY/PACKAGE-VERSION…`; writes JSON to the file ANSWER: the packages, each with the
one that needs it, nearest first. RDEPEND and PDEPEND count; what only builds need does not.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from _emerge.actions import load_emerge_config
from portage.dep import Atom, use_reduce

FIELDS = ("RDEPEND", "PDEPEND")


def main(answer: str, asked: list[str]) -> None:
    config = load_emerge_config()
    installed = config.trees[config.target_config.settings["EROOT"]]["vartree"].dbapi
    found = {cpv: {"package": cpv, "by": "", "field": "", "relation": ""} for cpv in asked}
    waiting = list(found)
    for cpv in waiting:
        *texts, eapi, use = installed.aux_get(cpv, [*FIELDS, "EAPI", "USE"])
        for field, text in zip(FIELDS, texts, strict=True):
            needs = use_reduce(text, uselist=use.split(), eapi=eapi, token_class=Atom, opconvert=True)
            for atom in _atoms(needs, installed):
                for needed in map(str, installed.match(atom)):
                    if needed not in found:
                        found[needed] = {"package": needed, "by": cpv, "field": field, "relation": str(atom)}
                        waiting.append(needed)
    with open(answer, "w") as stream:
        json.dump({"packages": list(found.values())}, stream)


def _atoms(needs: list[Any], installed: Any) -> Iterator[Any]:
    """The atoms of a dependency; of several that would do, those that are installed."""
    for each in needs:
        if isinstance(each, list):
            if each and each[0] in ("||", "^^", "??"):
                # Each choice is an atom, or a list of them.
                choices = [choice if isinstance(choice, list) else [choice] for choice in each[1:]]
                met = [choice for choice in choices if _are_met(choice, installed)]
                yield from _atoms(met[0] if met else [], installed)
            else:
                yield from _atoms(each, installed)
        elif not each.blocker:
            yield each


def _are_met(choice: list[Any], installed: Any) -> bool:
    return all(installed.match(atom) for atom in _atoms(choice, installed))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
