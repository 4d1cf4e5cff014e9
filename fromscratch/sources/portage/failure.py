"""What Portage says when it cannot go on, in a few lines: what failed, on what, and the line of a recipe that helps."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fromscratch.errors import CommandFailed, ImageError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.sources.portage.plan import Answer
from fromscratch.unsatisfied import Requirement, near, no_index_has, nothing_provides, reason, similar_names

_NO_EBUILDS = lazy_regex(r'emerge: there are no (?:ebuilds|binary packages) to satisfy "(?P<atom>[^"]+)".*')
_ALL_MASKED = lazy_regex(r'!!! All ebuilds that could satisfy "(?P<atom>[^"]+)".* have been masked\.')
_MASKED = lazy_regex(r"- (?P<cpv>\S+?)(?:::\S+)? \(masked by: (?P<why>.+)\)")
_UNMET_USE = lazy_regex(r'emerge: there are no ebuilds built with USE flags to satisfy "(?P<atom>[^"]+)".*')
_CHANGE_USE = lazy_regex(r"- (?P<cpv>\S+?)(?:::\S+)? \((?P<what>Change USE|Missing IUSE): (?P<flags>[^)]*)\)")
_BECAUSE = lazy_regex(r'\(dependency required by "(?P<by>[^"]+)" \[(?P<kind>\w+)\]\)')
_AMBIGUOUS = lazy_regex(r'!!! The short ebuild name "(?P<name>[^"]+)" is ambiguous\..*')
_NO_SET = lazy_regex(r"emerge: there is no set (?P<name>\S+)")
_CIRCLE = lazy_regex(r" ?\* Error: circular dependencies:.*")
_IN_CIRCLE = lazy_regex(r"\s*\((?P<cpv>[^\s:]+):\S+, [^)]*\) (?:depends on|\([\w, ]+\))")
_FAILED = lazy_regex(r" \* ERROR: (?P<cpv>\S+?)(?:::(?P<repository>\S+))? failed(?: \((?P<phase>[\w ]+) phase\))?:.*")
_MESSAGE = lazy_regex(r" \*   (?! )(?P<text>.+)")
_NOISE = lazy_regex(
    r" \* (?:Call stack:|The specific snippet|If you need support|The complete build log|The ebuild env|Working dir|"
    r"S: |ACCEPT_|USE=).*|!!! Problem with sandbox.*|Calculating dep.*|Dependency resolution.*|>>> Jobs:.*|\s*"
)
_TELLING = lazy_regex(
    r"\berror\b|\bfatal\b|undefined reference|No such file|cannot |can't |not found|Permission denied|No space left|"
    r"Killed|Assertion|FAILED|No rule to make|missing|too old|required",
    re.IGNORECASE,
)
_VERSION = lazy_regex(r"-[0-9][A-Za-z0-9_.]*(?:-r[0-9]+)?$")
_SHOWN = 15


def of_plan(text: str, answer: Answer, place: str) -> ImageError:
    """The error for a request that Portage cannot satisfy, from what it says; `place` is where the recipe asks."""
    lines = [line.rstrip() for line in text.splitlines()]
    for number, line in enumerate(lines):
        if found := _NO_SET.fullmatch(line):
            hint = similar_names([f"@{each}" for each in near(found["name"], answer.sets)], "a repository")
            return no_index_has(f"@{found['name']}", place, hint)
        if found := _AMBIGUOUS.fullmatch(line):
            full = [name for name in answer.names if name.rpartition("/")[2] == found["name"]]
            return ImageError(f"{found['name']}, asked for in {place}, may be {' or '.join(full)}", "write which one")
        if found := _ALL_MASKED.fullmatch(line):
            return _masked(found["atom"], lines[number:], _reason(found["atom"], lines, answer, place))
        if found := _UNMET_USE.fullmatch(line):
            return _unmet_use(found["atom"], lines[number:], _reason(found["atom"], lines, answer, place))
        if found := _NO_EBUILDS.fullmatch(line):
            return _nothing_provides(found["atom"], lines, answer, place)
        if _CIRCLE.fullmatch(line):
            return _circle(lines[number + 1 :], place)
    shown = "\n".join(f"  {line}" for line in _plain(lines)[-40:])
    return ImageError(f"portage: these packages cannot be had together, asked for in {place}:\n{shown}", _SEE)


_SEE = "ask for versions or flags that go together, or for fewer packages"


def of_build(lines: Sequence[str], logs: Mapping[str, str], code: int, whole: str) -> CommandFailed:
    """The error for an emerge that ended badly, from its last lines and the packages' own `logs`.

    `whole` says where everything is.
    """
    for number, line in enumerate(lines):
        if found := _FAILED.fullmatch(line):
            own = _log_of(found["cpv"], logs) or list(lines[:number])
            return _failed_package(found["cpv"], found["phase"] or "", own, lines[number + 1 :], whole)
    if code == 125 and lines:
        return CommandFailed(f"portage: {lines[-1]}", "see whether this machine allows namespaces")
    shown = "\n".join(f"  {line}" for line in _plain(lines)[-_SHOWN:])
    return CommandFailed(f"portage: emerge failed with exit code {code}:\n{shown}", whole)


def _failed_package(cpv: str, phase: str, own: Sequence[str], after: Sequence[str], whole: str) -> CommandFailed:
    until = next((number for number, line in enumerate(own) if _FAILED.fullmatch(line)), len(own))
    shown = telling(own[:until])
    said = next((found["text"] for line in after if (found := _MESSAGE.fullmatch(line))), "")
    if said and said not in shown and said != "(no error message)":
        shown.append(said)
    text = "\n".join(f"  {line}" for line in shown)
    hint = whole
    if any("No space left" in line for line in shown):
        hint = f"the disk is full: free some room and run it again; {whole}"
    elif any(re.search(r"\bKilled\b|signal 9", line) for line in shown):
        hint = f"memory may have run out: try again with jobs: 1 and threads: 1; {whole}"
    return CommandFailed(f"portage: {cpv} failed in its {phase or 'setup'} phase:\n{text}", hint)


def telling(lines: Sequence[str]) -> list[str]:
    """The lines that say why, at most fifteen: those with an error and what leads to them, else the last ones."""
    plain = _plain(lines)
    hits = [number for number, line in enumerate(plain) if _TELLING.search(line) and not line.startswith("checking ")]
    if not hits:
        return plain[-_SHOWN:]
    around = sorted(
        {number for hit in hits[-_SHOWN:] for number in (hit - 1, hit, hit + 1) if 0 <= number < len(plain)}
    )
    return [plain[number] for number in around[-_SHOWN:]]


def _log_of(cpv: str, logs: Mapping[str, str]) -> list[str]:
    name = cpv.rpartition("/")[2]
    for key, text in logs.items():
        if key == name or f":{name}:" in key:
            return text.splitlines()
    return []


def _plain(lines: Iterable[str]) -> list[str]:
    return [line.rstrip() for line in lines if not _NOISE.fullmatch(line)]


def _chain(atom: str, lines: Iterable[str], answer: Answer) -> Iterator[Requirement]:
    """Why Portage looks for an atom: who needs it, nearest first."""
    for line in lines:
        found = _BECAUSE.fullmatch(line)
        if found is None or found["kind"] == "argument":
            continue
        by = found["by"].partition("::")[0]
        name = name_of(atom)
        fields = answer.needs.get(by, {})
        given = ((field, each) for field, atoms in fields.items() for each in atoms if name_of(each) == name)
        field, relation = next(given, ("DEPEND", atom))
        yield Requirement(by, field, relation)
        atom = f"={by}"


def _reason(atom: str, lines: Iterable[str], answer: Answer, place: str) -> str:
    return reason(_chain(atom, lines, answer), place)


def _nothing_provides(atom: str, lines: Sequence[str], answer: Answer, place: str) -> ImageError:
    name, names = name_of(atom), answer.names
    if name in names:
        hint = f"the repositories have other versions of {name}: ask for another one, or for the package alone"
    else:
        short = {each.rpartition("/")[2]: each for each in names}
        likely = [short[each] for each in near(name.rpartition("/")[2], list(short))] or near(name, names)
        hint = similar_names(likely, "a repository")
    chain = list(_chain(atom, lines, answer))
    return nothing_provides(atom, chain, place, hint) if chain else no_index_has(atom, place, hint)


def _masked(atom: str, lines: Sequence[str], why: str) -> ImageError:
    masked = [found for line in lines if (found := _MASKED.fullmatch(line))]
    if not masked:
        return ImageError(f"{atom} is masked, {why}", "see package.mask of the profile")
    reasons = "\n".join(f"  {each['cpv']} ({each['why']})" for each in masked[:8])
    first = masked[0]
    unblock = "; ".join(dict.fromkeys(_unblocking(first["cpv"], first["why"])))
    return ImageError(f"{atom} is masked, {why}:\n{reasons}", unblock or "choose another version")


def _unblocking(cpv: str, why: str) -> Iterator[str]:
    """The lines of a recipe that let a package through, for each reason that masks it."""
    name = _VERSION.sub("", cpv)
    for mask in (each.strip() for each in why.split(", ")):
        if mask.endswith("license(s)"):
            words = ", ".join(mask.removesuffix("license(s)").split())
            yield f"accept it with  package_license: {{{name}: [{words}]}}"
        elif mask == "missing keyword":
            yield f'accept it with  package_accept_keywords: {{{name}: ["**"]}}'
        elif mask.endswith("keyword"):
            yield f"accept it with  package_accept_keywords: {{{name}: [{mask.removesuffix('keyword').strip()}]}}"
        elif mask == "package.mask":
            yield f"take it all the same with  package_unmask: [{name}]"


def _unmet_use(atom: str, lines: Sequence[str], why: str) -> ImageError:
    changes = [found for line in lines if (found := _CHANGE_USE.fullmatch(line))]
    name = name_of(atom)
    if not changes or changes[0]["what"] == "Missing IUSE":
        flags = changes[0]["flags"] if changes else ""
        return ImageError(f"{name} has no USE flag {flags}, {why}", "leave it out, or take another version")
    flags = ", ".join(flag.lstrip("+") for flag in changes[0]["flags"].split())
    return ImageError(
        f"{atom} is another {name} than the USE flags give, {why}",
        f"set them with  package_use: {{{name}: [{flags}]}}",
    )


def _circle(lines: Sequence[str], place: str) -> ImageError:
    links = []
    for line in filter(None, lines):
        found = _IN_CIRCLE.fullmatch(line)
        if found is None:
            break
        links.append(found["cpv"])
    shown = ", which needs ".join(links)
    return ImageError(
        f"{shown} to be built, asked for in {place}",
        "a USE flag of one of them may break the circle, set with package_use:",
    )


def name_of(atom: str) -> str:
    """The CATEGORY/PACKAGE of an atom."""
    text = atom.lstrip("<>=~!").partition("[")[0].partition("::")[0].partition(":")[0].rstrip("*")
    return _VERSION.sub("", text) if atom[:1] in "<>=~" else text
