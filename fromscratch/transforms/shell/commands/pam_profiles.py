"""pam-auth-update(8): the PAM stacks that all services share, made of the profiles of packages."""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, File, Meta
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.tree_files import make_folders, read_file

_PROFILES, _TEMPLATES, _STACKS, _SAVED = "/usr/share/pam-configs", "/usr/share/pam", "/etc/pam.d", "/var/lib/pam"
_TYPES = ("auth", "account", "password", "session", "session-noninteractive")
_BLOCKS = {
    '# here are the per-package modules (the "Primary" block)': (
        "Primary",
        "# here's the fallback if no module succeeds",
    ),
    '# and here are more per-package modules (the "Additional" block)': (
        "Additional",
        "# end of pam-auth-update config",
    ),
}
_FIELD = re.compile(r"(\S+):\s+(.*?)\s*")
_MODULE = re.compile(r"((?:\[[^]]+\]|\w+)\s+\S+)\s*(.*)")
_STOCK = "[default=1]\t\t\tpam_permit.so"
_REMOVED_MODULE = "pam_tally"
_LISTS = {"--remove": "remove", "--disable": "disable", "--enable": "enable"}

Profile = Mapping[str, str]
Profiles = Mapping[str, Profile]


class _Request(Struct):
    """The options of a call."""

    force: bool = False
    root: str = ""
    remove: set[str] = set()
    disable: set[str] = set()
    enable: set[str] = set()


def pam_auth_update(machine: Machine, call: Call) -> Result:
    """Write /etc/pam.d/common-* anew. Raises NotUnderstood where the files are not as the program itself wrote them."""
    request = _request(call.arguments)
    profiles = _profiles(machine)
    saved = [_text(machine, f"{_SAVED}/{kind}") for kind in _TYPES]
    current = [_text(machine, f"{_STACKS}/common-{kind}") for kind in _TYPES]
    if not request.force and not all(saved + current):
        return Result()  # the program takes the files for changed by hand, and leaves them
    before = _recorded("".join(saved), profiles) if all(saved) else []
    if not request.force:
        stacks = [_stack(text, kind, profiles, before) for text, kind in zip(current, _TYPES, strict=True)]
        if stacks != current:
            raise NotUnderstood(f"{_STACKS}/common-* have other lines than their profiles")
    seen = {*_text(machine, f"{_SAVED}/seen").split("\n")} | request.disable
    enabled = _enabled(profiles, before, seen, request)
    for kind in _TYPES:
        template = _text(machine, f"{_STACKS}/common-{kind}") or _text(machine, f"{_TEMPLATES}/common-{kind}")
        if not template:
            raise NotInTree(f"{_TEMPLATES}/common-{kind} is not in the tree")
        _write(machine, f"{_STACKS}/common-{kind}", _stack(template, kind, profiles, enabled))
        _write(machine, f"{_SAVED}/{kind}", _record(kind, profiles, enabled))
    known = [name for name in _sorted(profiles) if name not in request.remove]
    _write(machine, f"{_SAVED}/seen", "".join(f"{name}\n" for name in known))
    return Result()


def _request(words: Sequence[str]) -> _Request:
    found, names = _Request(remove=set(), disable=set(), enable=set()), None
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            names = getattr(found, _LISTS[word]) if word in _LISTS else None
        elif names is not None:
            names.add(word)
        if word == "--force":
            found.force = True
        elif word == "--root" and next(rest, ""):
            raise NotUnderstood("--root of another root")
    return found


def _profiles(machine: Machine) -> dict[str, Profile]:
    place = machine.tree.resolve(_PROFILES)
    if not isinstance(machine.tree.find(place), Directory):
        raise NotInTree(f"{_PROFILES} is not in the tree")
    names = [name for name in machine.tree.children(place) if not name.endswith("~") and name[0] != "#"]
    profiles = {name: _profile(_text(machine, f"{_PROFILES}/{name}")) for name in names}
    return {name: profile for name, profile in profiles.items() if _REMOVED_MODULE not in str(profile)}


def _profile(text: str) -> Profile:
    found: dict[str, str] = {}
    field = ""
    for line in text.splitlines():
        if header := _FIELD.fullmatch(f"{line}\n"):
            field = header[1].removesuffix("-Final")
            found[field] = header[2]
        else:
            found[field] = "\n".join(filter(None, (found.get(field, ""), line.strip())))
    if "Session-Interactive-Only" not in found:
        for suffix in ("-Type", "", "-Initial"):
            if f"Session{suffix}" in found:
                found[f"Session-noninteractive{suffix}"] = found[f"Session{suffix}"]
    return found


def _sorted(profiles: Profiles) -> list[str]:
    """The highest priority first, of equals the last by name."""
    return sorted(profiles, key=lambda name: (int(profiles[name].get("Priority", "0") or 0), name), reverse=True)


def _enabled(profiles: Profiles, before: Sequence[str], seen: set[str], request: _Request) -> list[str]:
    known = [name for name in _sorted(profiles) if name not in request.remove]
    chosen = ({*before} & {*known} | {*known} & request.enable) - request.disable
    unseen = {name for name in known if not chosen or name not in seen}
    chosen |= {name for name in unseen if profiles[name].get("Default") == "yes"}
    found = [name for name in known if name in chosen]
    for name in tuple(found):
        if name in found:
            found = [each for each in found if each not in profiles[name].get("Conflicts", "").split(", ")]
    if not found:
        raise NotUnderstood("no profile is enabled")
    return found


def _lines(kind: str, block: str, profiles: Profiles, enabled: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The lines of each profile in one block of a stack; the first there may have others than the rest."""
    field = kind[0].upper() + kind[1:]
    for number, name in enumerate(each for each in enabled if profiles[each].get(f"{field}-Type") == block):
        profile = profiles[name]
        lines = (profile.get(f"{field}-Initial") if number == 0 else "") or profile.get(field, "")
        yield name, [line for line in lines.split("\n") if line]


def _stack(template: str, kind: str, profiles: Profiles, enabled: Sequence[str]) -> str:
    """A template with its two blocks filled. Raises NotUnderstood for one without them."""
    out: list[str] = []
    end, blocks = "", 0
    for line in template.splitlines(keepends=True):
        if end and not line.startswith(end):
            continue
        end = ""
        out.append(line)
        for begin, (block, following) in _BLOCKS.items():
            if line.startswith(begin):
                out += _block(kind, block, profiles, enabled)
                end, blocks = following, blocks + 1
    if end or blocks != len(_BLOCKS):
        raise NotUnderstood(f"common-{kind} lacks the lines between which modules are put")
    return "".join(out)


def _block(kind: str, block: str, profiles: Profiles, enabled: Sequence[str]) -> Iterator[str]:
    lines = [line for _, found in _lines(kind, block, profiles, enabled) for line in found]
    realm = kind.removesuffix("-noninteractive")
    if block == "Primary" and not lines:
        yield f"{realm}\t{_STOCK}\n"
    for number, line in enumerate(lines):
        # A jump to the end of the block goes over the modules that are left; one in the last block stays in it.
        left = len(lines) - number - (block == "Additional")
        found = _MODULE.match(line)
        if found is None:
            raise NotUnderstood(f"{line!r} is not a module")
        yield f"{realm}\t{found[1].replace('end', str(left))} {' '.join(found[2].split())}\n"


def _record(kind: str, profiles: Profiles, enabled: Sequence[str]) -> str:
    """What the program remembers of a stack, to see later what was changed in it by hand."""
    primary = [*_lines(kind, "Primary", profiles, enabled)]
    found = primary or [("null", [_STOCK])]
    found += _lines(kind, "Additional", profiles, enabled)
    return "".join(f"Module: {name}\n" + "".join(f"{line}\n" for line in lines) for name, lines in found if lines)


def _recorded(records: str, profiles: Profiles) -> list[str]:
    """The profiles in records, in the order of stacks."""
    names = {line.removeprefix("Module: ") for line in records.splitlines() if line.startswith("Module: ")}
    return [name for name in _sorted(profiles) if name in names]


def _text(machine: Machine, path: str) -> str:
    """A file's text; empty if it is not there."""
    if not isinstance(machine.tree.find(path), File):
        return ""
    return read_file(machine, path).decode("utf-8", "surrogateescape")


def _write(machine: Machine, path: str, text: str) -> None:
    make_folders(machine, paths.parent(paths.tree_path(path)), 0o755)
    data = text.encode("utf-8", "surrogateescape")
    machine.tree.put(machine.tree.place(path), File(Meta(0o644), Inline(data), (machine.origin(),)))


COMMANDS = {"pam-auth-update": Command(pam_auth_update, "content")}
