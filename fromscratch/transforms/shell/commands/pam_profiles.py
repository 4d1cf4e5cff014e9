"""pam-auth-update(8): the files common-* in /etc/pam.d, out of the profiles of all packages."""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from fromscratch.model.content import Inline, read
from fromscratch.model.entry import File, Meta
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.tree_files import regular_file

_PROFILES, _TEMPLATES, _CONFIGURATION = TreePath("/usr/share/pam-configs"), "/usr/share/pam", "/etc/pam.d"
_TYPES = ("auth", "account", "password", "session", "session-noninteractive")
_FIELD = re.compile(r"(\S+):\s+(.*?)\s*")
_LINE = re.compile(r"((?:\[[^]]+\]|\w+)\s+\S+)\s*(.*)")
_LISTS = ("--remove", "--enable", "--disable")
_PRIMARY = '# here are the per-package modules (the "Primary" block)'
_FALLBACK = "# here's the fallback if no module succeeds"
_ADDITIONAL = '# and here are more per-package modules (the "Additional" block)'
_END = "# end of pam-auth-update config"
_INVALID = "pam_tally"
_LONGEST = 1 << 16

Profile = Mapping[str, str]


class _Choice:
    """The profiles that scripts have turned on and off."""

    def __init__(self) -> None:
        self.on: set[str] = set()
        self.off: set[str] = set()


class _Block(Struct, frozen=True):
    """One of the two parts of a file that are made of profiles: from the line `begin` to the line `end`."""

    kind: str
    begin: str
    end: str


_BLOCKS = (_Block("Primary", _PRIMARY, _FALLBACK), _Block("Additional", _ADDITIONAL, _END))


def pam_auth_update(machine: Machine, call: Call) -> Result:
    """Write the files anew, with every profile that is on by default, as on a machine that nobody has changed."""
    choice, option, root = machine.state(_Choice), "", ""
    words = iter(call.arguments)
    for word in words:
        if word.startswith("--"):
            option = word
            root = next(words, "") if word == "--root" else root
        elif option in _LISTS:
            (choice.on if option == "--enable" else choice.off).add(word)
            (choice.off if option == "--enable" else choice.on).discard(word)
    if root.strip("/"):
        raise NotUnderstood(f"the root {root} is not that of the image")
    profiles = dict(_profiles(machine))
    enabled = _enabled(profiles, choice)
    if not enabled:
        raise NotUnderstood(f"no profile in {_PROFILES} is on")
    for kind in _TYPES:
        template = _text(machine, f"{_TEMPLATES}/common-{kind}")
        data = "".join(f"{line}\n" for line in _filled(template, kind, [profiles[name] for name in enabled]))
        place = TreePath(f"{_CONFIGURATION}/common-{kind}")
        machine.tree.put(place, File(Meta(0o644), Inline(data.encode()), (machine.origin(),)))
    return Result()


def _text(machine: Machine, path: str) -> str:
    return read(regular_file(machine, path, _LONGEST).content).decode("utf-8", "replace")


def _profiles(machine: Machine) -> Iterator[tuple[str, Profile]]:
    for name in machine.tree.children(_PROFILES):
        if not name.endswith("~") and not (name.startswith("#") and name.endswith("#")):
            text = _text(machine, f"{_PROFILES}/{name}")
            if _INVALID not in text:
                yield name, _parsed(text)


def _parsed(text: str) -> Profile:
    """The fields of a profile; the lines of one that has several are joined by newlines."""
    found: dict[str, str] = {}
    field = ""
    for line in text.splitlines():
        head = _FIELD.fullmatch(f"{line}\n")
        if head:
            field = head[1].removesuffix("-Final")
            found[field] = head[2]
        elif line.strip():
            found[field] = f"{found.get(field, '')}\n{line.strip()}".strip()
    if found.get("Session-Interactive-Only") != "yes":
        for suffix in ("", "-Type", "-Initial"):
            found[f"Session-noninteractive{suffix}"] = found.get(f"Session{suffix}", "")
    return found


def _enabled(profiles: Mapping[str, Profile], choice: _Choice) -> Sequence[str]:
    """The names of the profiles that are on, in their order."""
    on = [
        name
        for name, profile in profiles.items()
        if name not in choice.off and (name in choice.on or profile.get("Default") == "yes")
    ]
    on.sort(reverse=True)
    on.sort(key=lambda name: -int(profiles[name].get("Priority", "0")))
    for name in list(on):
        conflicts = profiles[name].get("Conflicts", "").split(", ") if name in on else []
        on = [other for other in on if other not in conflicts]
    return on


def _filled(template: str, kind: str, profiles: Sequence[Profile]) -> Iterator[str]:
    """The lines of a file: those of its template, with the lines of the profiles in both blocks."""
    end = ""
    for line in template.splitlines():
        if end:
            if not line.startswith(end):
                continue
            end = ""
        yield line
        for block in _BLOCKS:
            if line.startswith(block.begin):
                yield from _block(kind, block.kind, profiles)
                end = block.end


def _block(kind: str, block: str, profiles: Sequence[Profile]) -> Iterator[str]:
    field, service = kind.capitalize(), kind.removesuffix("-noninteractive")
    lines: list[str] = []
    is_first = True
    for profile in profiles:
        if profile.get(f"{field}-Type") == block:
            initial = profile.get(f"{field}-Initial", "") if is_first else ""
            lines += (initial or profile.get(field, "")).split("\n")
            is_first = False
    lines = [line for line in lines if line]
    if block == "Primary" and not lines:
        yield f"{service}\t[default=1]\t\t\tpam_permit.so"
    # `end` stands for how many lines are left to jump over; no jump leaves the last block.
    left = len(lines) - (block == "Additional")
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            raise NotUnderstood(f"{line!r} is not a line of a PAM profile")
        yield f"{service}\t{found[1].replace('end', str(left - number))} {' '.join(found[2].split())}"


COMMANDS = {"pam-auth-update": Command(pam_auth_update, "content")}
