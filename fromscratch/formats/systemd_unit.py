"""Services as systemd reads them: systemd.syntax(7), and what systemd.service(5) and systemd.exec(5) say of a process.

Nothing of a running system is known: a specifier that depends on one makes its setting count as not given.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex

_MOST = 1 << 18  # characters of one file
_SECTION = lazy_regex(r"\[([^\[\]\n]+)\]")
_TRUE = frozenset({"1", "yes", "y", "true", "t", "on"})
_MODE = lazy_regex(r"[0-7]{1,5}")
_FOLDERS = {
    "RuntimeDirectory": "/run", "StateDirectory": "/var/lib", "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log", "ConfigurationDirectory": "/etc",
}  # fmt: skip
_SPECIFIERS = {
    "t": "/run", "S": "/var/lib", "C": "/var/cache", "L": "/var/log", "E": "/etc", "T": "/tmp", "V": "/var/tmp",
    "%": "%",
}  # fmt: skip
_PREFIXES = "@-:+!"
_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " ", "\\": "\\", '"': '"',
    "'": "'",
}  # fmt: skip
_WORD = lazy_regex(r"""\s*((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\.|[^\s"'\\])+)""", re.DOTALL)
_QUOTED = lazy_regex(r"""\\(x[0-9a-fA-F]{2}|[0-7]{3}|.)|(["'])""", re.DOTALL)


class Folder(Struct, frozen=True):
    """A folder that a service needs, by this setting of it; `link` is a symlink to the folder."""

    setting: str
    path: str
    mode: int = 0o755
    link: str = ""

    @property
    def is_owned(self) -> bool:
        """Whether it belongs to the service's user: that of configuration is root's."""
        return self.setting != "ConfigurationDirectory"


class Command(Struct, frozen=True):
    """A command of a service. `may_fail` is its prefix "-", `as_root` one of "+" and "!"."""

    words: tuple[str, ...]
    may_fail: bool = False
    as_root: bool = False


class Service(Struct, frozen=True, kw_only=True):
    """A service: `name` without ".service"; `user` and `group` are empty for root's, or where only a machine knows.

    Variables of commands are as they are written. `environment_files` start with "-" where one may be missing.
    """

    name: str
    type: str = "simple"
    user: str = ""
    group: str = ""
    dynamic_user: bool = False
    supplementary: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    before: tuple[Command, ...] = ()
    environment: Mapping[str, str] = {}
    environment_files: tuple[str, ...] = ()
    working_folder: str = ""
    pid_file: str = ""
    folders: tuple[Folder, ...] = ()


class Unit(Struct, frozen=True):
    """The settings of a unit, in the order in which they stand."""

    settings: tuple[tuple[str, str, str], ...]

    def texts(self, section: str, key: str) -> list[str]:
        """All values of a setting that adds up; an empty one forgets those before it."""
        found: list[str] = []
        for where, name, value in self.settings:
            if (where, name) == (section, key):
                found = [*found, value] if value else []
        return found

    def text(self, section: str, key: str) -> str:
        """The last value of a setting; empty if there is none."""
        return next((value for where, name, value in reversed(self.settings) if (where, name) == (section, key)), "")


def parse(*texts: str) -> Unit:
    """The settings of a unit file, and of the drop-ins that follow it."""
    settings = []
    for text in texts:
        section = ""
        for line in _logical_lines(text[:_MOST]):
            heading = _SECTION.fullmatch(line)
            if heading:
                section = heading[1]
                continue
            key, equals, value = line.partition("=")
            if equals:
                settings.append((section, key.strip(), value.strip()))
    return Unit(tuple(settings))


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments; one that ends in a backslash goes on in the next, comments between them left out."""
    joined = ""
    for raw in text.split("\n"):
        line = raw.strip()
        if line[:1] in ("#", ";") or (not line and not joined):
            continue
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        yield (joined + line).strip()
        joined = ""
    if joined:
        yield joined.strip()


def service(name: str, unit: Unit) -> Service:
    """What a unit `NAME.service` says of its processes; of a template, what every instance has."""
    specifiers = _specifiers(name)

    def text(key: str) -> str:
        return _expanded(unit.text("Service", key), specifiers) or ""

    def commands(key: str) -> tuple[Command, ...]:
        found = (_expanded(value, specifiers) for value in unit.texts("Service", key))
        return tuple(command for value in found if value is not None for command in _commands(value))

    kind = unit.text("Service", "Type")
    has_bus = bool(unit.text("Service", "BusName"))
    words = [_expanded(value, specifiers) for value in unit.texts("Service", "Environment")]
    user = text("User")
    return Service(
        name=name,
        type=kind or ("dbus" if has_bus else "simple"),
        user="" if user == "root" else user,
        group="" if text("Group") == "root" else text("Group"),
        dynamic_user=unit.text("Service", "DynamicUser").lower() in _TRUE,
        supplementary=tuple(word for value in unit.texts("Service", "SupplementaryGroups") for word in value.split()),
        commands=commands("ExecStart"),
        before=commands("ExecStartPre"),
        environment={
            key: value
            for each in words
            if each is not None
            for word in split(each)
            for key, equals, value in [word.partition("=")]
            if equals
        },
        environment_files=tuple(
            value
            for each in unit.texts("Service", "EnvironmentFile")
            if (value := _expanded(each, specifiers)) is not None
        ),
        working_folder=text("WorkingDirectory").lstrip("-"),
        pid_file=text("PIDFile"),
        folders=tuple(_folders(unit, specifiers)),
    )


def _specifiers(name: str) -> Mapping[str, str]:
    prefix, at, instance = name.partition("@")
    known = {**_SPECIFIERS, "p": prefix}
    if not at or instance:
        known |= {"n": f"{name}.service", "N": name, "i": instance, "I": instance}
    return known


def _expanded(text: str, specifiers: Mapping[str, str]) -> str | None:
    """The text without specifiers; None where one is not known."""
    if "%" not in text:
        return text
    parts = re.split("%(.)", text, flags=re.DOTALL)
    if any(each not in specifiers for each in parts[1::2]) or any("%" in each for each in parts[::2]):
        return None
    return "".join(specifiers[each] if index % 2 else each for index, each in enumerate(parts))


def _folders(unit: Unit, specifiers: Mapping[str, str]) -> Iterator[Folder]:
    for key, top in _FOLDERS.items():
        mode = unit.text("Service", f"{key}Mode")
        bits = int(mode, 8) & 0o7777 if _MODE.fullmatch(mode) else 0o755
        for value in unit.texts("Service", key):
            text = _expanded(value, specifiers)
            for word in split(text) if text is not None else ():
                path, _, link = word.partition(":")
                link = link.partition(":")[0]
                if any(part in ("", ".", "..") for part in (*path.split("/"), *(link.split("/") if link else ()))):
                    continue
                yield Folder(key, f"{top}/{path}", bits, f"{top}/{link}" if link else "")


def split(text: str) -> list[str]:
    """Words as systemd splits them: quotes of both kinds, and escapes of C in all of them."""
    return [_unquoted(found[1]) for found in _WORD.finditer(text)]


def _unquoted(word: str) -> str:
    quote = ""

    def one(found: re.Match[str]) -> str:
        nonlocal quote
        escape, mark = found[1], found[2]
        if escape is not None:
            if escape[0] == "x" and len(escape) == 3:
                return chr(int(escape[1:], 16))
            return chr(int(escape, 8) & 0xFF) if len(escape) == 3 else _ESCAPES.get(escape, f"\\{escape}")
        if quote in ("", mark):
            quote = "" if quote else mark
            return ""
        return mark

    return _QUOTED.sub(one, word)


def _commands(text: str) -> Iterator[Command]:
    """The commands of one line, of which a lone semicolon separates several."""
    words: list[str] = []
    for word in [*_WORD.findall(text), ";"]:
        if word != ";":
            words.append(_unquoted(word))
            continue
        if words:
            yield _command(words)
        words = []


def _command(words: Sequence[str]) -> Command:
    program = words[0].lstrip(_PREFIXES)
    prefix = words[0][: len(words[0]) - len(program)]
    rest = words[2:] if "@" in prefix else words[1:]
    return Command((program, *rest), "-" in prefix, "+" in prefix or "!" in prefix)
