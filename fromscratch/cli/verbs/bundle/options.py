"""The words that options of `bundle` are made of: what --with and --without stand for, pairs, command lines."""

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from fromscratch.errors import MissingTool, UsageError
from fromscratch.nearest import nearest
from fromscratch.sources.binaries.options import BinariesOptions

# A word of --with and --without -> the key of the recipe, its value when switched on, and when switched off.
_SWITCHES: dict[str, tuple[str, Any, Any]] = {
    "dlopen": ("dlopen", "all", "none"),
    "hwcaps": ("hwcaps", "all", "baseline"),
    "nss": ("nss", "auto", "none"),
    "gconv": ("gconv", ["all"], []),
    "locales": ("locales", None, []),
    "utf8": ("utf8", "auto", "none"),
    "messages": ("messages", True, False),
    "tzdata": ("tzdata", ["all"], []),
    "localtime": ("localtime", True, False),
    "commands": ("commands", True, False),
    "shell": ("shell", "always", "none"),
    "certificates": ("certificates", "auto", "none"),
    "python": ("python", "whole", "none"),
    "perl": ("perl", "auto", "none"),
    "ruby": ("ruby", "auto", "none"),
    "node": ("node", "auto", "none"),
    "java": ("java", "auto", "none"),
    "languages": ("languages", "auto", "none"),
    "data": ("data", "auto", "none"),
    "package": ("package", True, False),
    "packages": ("packages", None, []),
    "etc": ("etc", "auto", "none"),
    "ld_cache": ("ld_cache", "always", "never"),
    "missing": ("allow_missing", None, []),
}


KINDS = tuple(_SWITCHES)


def switches(on: Sequence[str], off: Sequence[str]) -> dict[str, Any]:
    """The keys of a recipe that --with and --without stand for. Raises UsageError."""
    keys: dict[str, Any] = {}
    for text in on:
        word, equals, value = text.partition("=")
        key, default, none = _switch("with", word)
        if (not equals and default is None) or (equals and not all(value.split(","))):
            raise UsageError(f"--with {text} needs a value", f"say which, as in --with {word}=…")
        if equals and isinstance(default, bool):
            raise UsageError(f"--with {text}: it takes no value", f"say --with {word}, or --without {word}")
        known = _values(key)
        if equals and known and value not in known:
            near = nearest(value, known)
            guess = f"did you mean {near[0]}?" if near else f"say one of {', '.join(known)}"
            raise UsageError(f"--with {text}: no such value", guess)
        if isinstance(none, list):
            keys[key] = [*keys.get(key, ()), *(value.split(",") if equals else default)]
        else:
            keys[key] = value if equals else default
    for text in off:
        key, _, none = _switch("without", text)
        keys[key] = none
    return keys


def _switch(option: str, word: str) -> tuple[str, Any, Any]:
    known = _SWITCHES.get(word.replace("-", "_"))
    if known is None:
        near = nearest(word, _SWITCHES)
        guess = f"did you mean {near[0]}?" if near else f"say one of {', '.join(_SWITCHES)}"
        raise UsageError(f"--{option} {word}: no such kind", guess)
    return known


def _values(key: str) -> tuple[str, ...]:
    """The words that a key of the recipe's `binaries` takes; none for one that takes any."""
    kind = get_type_hints(BinariesOptions)[key]
    return get_args(kind) if get_origin(kind) is Literal else ()


def switch(key: str, value: str) -> str:
    """The option that gives a key of the recipe this value; empty for a key without a switch."""
    for word, (of, default, _) in _SWITCHES.items():
        if of == key:
            return f"--with {word}" if value == _written(default) else f"--with {word}={value}"
    return ""


def _written(value: Any) -> str:
    return (
        ",".join(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else value or ""
    )


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE texts as a mapping. Raises UsageError."""
    found = {}
    for text in texts:
        name_, equals, value = text.partition("=")
        if not equals or not name_:
            raise UsageError(f"--{option} {text}: a name and a value belong together", f"say --{option} NAME=VALUE")
        found[name_] = value
    return found


def codec(name: str) -> str:
    """The codec of layers for a value of --compression: the smallest is zstd, if its library is there."""
    from fromscratch.formats.packing.codec import import_zstandard

    if name != "smallest":
        return name
    try:
        import_zstandard()
    except MissingTool:
        return "gzip"
    return "smallest"
