"""gconv-modules: which module of glibc converts which character set, read as glibc does, cut to some, and written.

Follows iconv/gconv_conf.c and the comment at the head of that file: `alias NAME// REAL//` and
`module FROM TO FILE [COST]`, names in any case, a `#` ends a line. What is neither is passed over, as glibc does.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fromscratch.lazy_regex import lazy_regex

INTERNAL = "INTERNAL"

# iconv/gconv_builtin.h: conversions that need no module, by their names and those of their aliases.
_BUILT_IN = """
    ISO-10646/UCS4/ UCS4// UCS-4// UCS-4BE// UCS-4LE// CSUCS4// ISO-10646// 10646-1:1993// 10646-1:1993/UCS4/
    OSF00010104// OSF00010105// OSF00010106// WCHAR_T// INTERNAL
    ISO-10646/UTF8/ UTF8// UTF-8// ISO-IR-193// OSF05010001// ISO-10646/UTF-8/
    ISO-10646/UCS2/ UCS2// UCS-2// UCS-2BE// UCS-2LE// OSF00010100// OSF00010101// OSF00010102//
    UNICODEBIG// UNICODELITTLE//
    ANSI_X3.4-1968// ANSI_X3.4// ISO-IR-6// ANSI_X3.4-1986// ISO_646.IRV:1991// ASCII// ISO646-US// US-ASCII// US//
    IBM367// CP367// CSASCII// OSF00010020// //
"""
_NEED_NONE = frozenset(_BUILT_IN.split())
_LINE = lazy_regex(r"[ \t\v\f\r]*(alias|module)[ \t\v\f\r]+([^\0]*)")


class Module(NamedTuple):
    """One direction of a conversion. `file` is a path below the folder, or an absolute one, with its .so."""

    source: str
    target: str
    file: str
    cost: int


class Index(NamedTuple):
    """`aliases` maps a name to the real one; both with their slashes, in capitals."""

    aliases: dict[str, str]
    modules: tuple[Module, ...]


def read_index(texts: Iterable[bytes]) -> Index:
    """What these files say together, the earlier one first. No text is an error."""
    aliases: dict[str, str] = {}
    modules: dict[tuple[str, str], Module] = {}
    for words in _lines(texts):
        if words[0] == "alias" and len(words) >= 3:
            aliases.setdefault(_upper(words[1]), _upper(words[2]))
        elif words[0] == "module" and len(words) >= 4:
            module = Module(_upper(words[1]), _upper(words[2]), _file(words[3]), _cost(words[4:]))
            known = modules.setdefault(module[:2], module)
            if module.cost < known.cost:
                modules[module[:2]] = module
    sources = {module.source for module in modules.values()}
    visible = {name: real for name, real in aliases.items() if name not in sources}
    return Index(visible, tuple(modules.values()))


def _lines(texts: Iterable[bytes]) -> Iterator[list[str]]:
    for text in texts:
        for line in text.decode("utf-8", "surrogateescape").split("\n"):
            found = _LINE.match(line.partition("#")[0])
            if found:
                yield [found[1], *re.split(r"[ \t\v\f\r]+", found[2].strip(" \t\v\f\r"))]


def _upper(name: str) -> str:
    return "".join(char.upper() if char.isascii() else char for char in name)


def _file(name: str) -> str:
    return name if name.endswith(".so") else f"{name}.so"


def _cost(words: list[str]) -> int:
    return int(words[0]) if words and re.fullmatch(r"[1-9][0-9]{0,8}", words[0], re.ASCII) else 1


def normal(charset: str) -> str:
    """The name that glibc looks up for what a program calls a character set: iconv/gconv_charset.h, `strip`."""
    name = _upper("".join(re.findall(r"[A-Za-z0-9_.,:/-]", charset)))
    first, second = [*name.split("/"), ""][:2]
    return f"{first}/{second}/"


def is_built_in(charset: str) -> bool:
    """Whether glibc converts it without any module."""
    return normal(charset) in _NEED_NONE


def cut(index: Index, charsets: Iterable[str]) -> tuple[Index, list[str]]:
    """The index of these character sets alone, both ways, with all their aliases; and those that it has nothing for."""
    selected: dict[Module, None] = {}
    unknown = []
    for charset in charsets:
        if is_built_in(charset):
            continue
        name = normal(charset)
        found = _ways(index, index.aliases.get(name, name))
        if not found:
            unknown.append(charset)
        selected.update(dict.fromkeys(found))
    charsets_selected = {name for module in selected for name in (module.source, module.target)}
    aliases = {name: real for name, real in index.aliases.items() if real in charsets_selected}
    return Index(aliases, tuple(module for module in index.modules if module in selected)), unknown


def _ways(index: Index, name: str) -> list[Module]:
    """The modules between a character set and INTERNAL, with those of other sets where none does it alone."""
    at: dict[str, list[Module]] = {}
    for module in index.modules:
        for end in dict.fromkeys((module.source, module.target)):
            at.setdefault(end, []).append(module)
    found: dict[Module, None] = {}
    pending, known = [name], {name}
    while pending:
        here = pending.pop()
        near = at.get(here, [])
        direct = [module for module in near if INTERNAL in module[:2]]
        found.update(dict.fromkeys(direct or near))
        for module in [] if direct else near:
            new = {module.source, module.target} - known - _NEED_NONE
            known |= new
            pending += sorted(new)
    return list(found)


def text(index: Index) -> bytes:
    """The file that says so."""
    lines = [f"alias {name} {real}\n" for name, real in index.aliases.items()]
    lines += [f"module {each.source} {each.target} {each.file} {each.cost}\n" for each in index.modules]
    return "".join(lines).encode("utf-8", "surrogateescape")
