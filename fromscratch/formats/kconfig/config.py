"""Configurations in the form of Kconfig: fragments, defconfigs and .config files.

    BR2_PACKAGE_BUSYBOX=y
    # BR2_PACKAGE_VIM is not set
    BR2_TARGET_GENERIC_HOSTNAME="box"

The form is that of the Linux kernel's Documentation/kbuild/kconfig.rst; what menus say about a
symbol is read in `kconfig.menus`.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.lazy_regex import lazy_regex

_ASSIGNED = lazy_regex(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_NOT_SET = lazy_regex(r"#\s*([A-Za-z_][A-Za-z0-9_]*) is not set\s*")
_NAME = lazy_regex(r"[A-Z][A-Za-z0-9_]*")

Value = str
"""The text behind the = sign, quotes included; `n` stands for "is not set"."""

NOT_SET: Value = "n"


class Setting(Struct, frozen=True):
    """One symbol with a requested value; `asked_by` names the requester in messages."""

    name: str
    value: Value
    asked_by: str

    @property
    def line(self) -> str:
        """The line of a fragment that says it."""
        return line(self.name, self.value)


def line(name: str, value: Value) -> str:
    """`NAME=value`, or the comment that turns a symbol off."""
    return f"# {name} is not set" if value == NOT_SET else f"{name}={value}"


def parse(text: str, asked_by: str) -> list[Setting]:
    """The settings of a fragment, in its order. Raises FormatError, naming the line, for anything else.

    `asked_by` names the fragment, and is what each setting says it was asked by.
    """
    settings = []
    for number, row in enumerate(text.splitlines(), 1):
        stripped = row.strip()
        if found := _NOT_SET.fullmatch(stripped):
            settings.append(Setting(found[1], NOT_SET, asked_by))
        elif found := _ASSIGNED.fullmatch(stripped):
            settings.append(Setting(found[1], _value(found[2].strip(), f"{asked_by}:{number}", row), asked_by))
        elif stripped and not stripped.startswith("#"):
            raise FormatError(
                f"{asked_by}:{number}: {row.strip()!r} is not a setting",
                "write SYMBOL=y, SYMBOL=\"text\" or '# SYMBOL is not set'",
            )
    return settings


def merge(settings: Iterable[Setting]) -> dict[str, Setting]:
    """One setting for each symbol: a later one wins and moves to its place in the order."""
    merged: dict[str, Setting] = {}
    for setting in settings:
        merged.pop(setting.name, None)
        merged[setting.name] = setting
    return merged


def render(settings: Iterable[Setting]) -> str:
    """The text of a fragment or defconfig."""
    return "".join(f"{setting.line}\n" for setting in settings)


def read_config(text: str) -> dict[str, Value]:
    """The symbols of a .config that Kconfig wrote; what is not set is left out."""
    found = (_ASSIGNED.fullmatch(row.rstrip("\n")) for row in text.splitlines())
    return {match[1]: match[2] for match in found if match}


def is_set(config: Mapping[str, Value], name: str) -> bool:
    """Whether a symbol is on."""
    return config.get(name, NOT_SET) not in (NOT_SET, '""')


def lost(settings: Iterable[Setting], config: Mapping[str, Value]) -> list[Setting]:
    """The settings that did not come out in `config` as asked."""
    return [setting for setting in settings if not _same(setting.value, config.get(setting.name, NOT_SET))]


def difference(before: Mapping[str, Value], after: Mapping[str, Value]) -> dict[str, Value]:
    """What a fragment must say to turn `before` into `after`, by symbol."""
    return {
        name: after.get(name, NOT_SET)
        for name in sorted({*before, *after})
        if before.get(name, NOT_SET) != after.get(name, NOT_SET)
    }


def value_of(given: str | int | bool) -> Value:
    """The text for a value of a recipe: true is y, false is not set, a number is itself, other text is quoted.

    Text that is y, n or m, a number or quoted already is taken as it is; a recipe's scalars arrive
    as the text that was written, so the words true and false count as such.
    """
    if isinstance(given, bool):
        return "y" if given else NOT_SET
    if isinstance(given, int):
        return str(given)
    if given in ("true", "false"):
        return "y" if given == "true" else NOT_SET
    if re.fullmatch(r'[ymn]|-?[0-9]+|0x[0-9A-Fa-f]+|".*"', given):
        return given
    return quoted(given)


def quoted(text: str) -> Value:
    """A string value."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(value: Value) -> str:
    """The text of a string value."""
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def is_symbol(text: str) -> bool:
    """Whether this can be the name of a symbol."""
    return _NAME.fullmatch(text) is not None


def _value(text: str, where: str, row: str) -> Value:
    if text.startswith('"') and not re.fullmatch(r'"(?:[^"\\]|\\.)*"', text):
        raise FormatError(f"{where}: {row.strip()!r} has a string that does not end", "put a quote at its end")
    if not text.startswith('"') and not re.fullmatch(r"[ymn]|-?[0-9]+|0[xX][0-9A-Fa-f]+", text):
        raise FormatError(
            f"{where}: {row.strip()!r} has a value that is not y, n, a number or a string", "put it in quotes"
        )
    return text


def _same(expected: Value, found: Value) -> bool:
    return expected == found or (expected in (NOT_SET, '""') and found in (NOT_SET, '""'))
