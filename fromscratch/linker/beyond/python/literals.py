"""What the strings of a Python source name: libraries for ctypes and cffi, modules, plugins, distributions.

The source is read as bytes, for a string says the same wherever it stands; what is taken for a name counts only if
something of that name is there.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import decode

_MAX_SOURCE = 2 << 20
_LOADERS = (b"ctypes", b"dlopen", b"LoadLibrary", b"find_library")
_LIBRARY = lazy_regex(rb"[\"']((?:/[\w.+/-]{1,200}/)?[A-Za-z0-9_][\w.+-]{0,100}\.so(?:\.\d{1,9}){0,4})[\"']")
_FOUND = lazy_regex(rb"(?:find_library|dlopen)\s{0,9}\([^\"'\n)]{0,80}[\"']([A-Za-z0-9_][\w.+-]{0,60})[\"']")
_MODULE = lazy_regex(rb"[\"']([A-Za-z_]\w{0,80}(?:\.[A-Za-z_]\w{0,80}){0,12})(:[A-Za-z_][\w.()]{0,80})?[\"']")
_ZONE = lazy_regex(rb"[\"']([A-Z][A-Za-z]{1,20}(?:/[A-Z][A-Za-z_+-]{1,30}){1,2}|UTC)[\"']")
_MAX_ZONES = 20  # a source that names more has a table of them
_DISTRIBUTION = lazy_regex(
    rb"\b(?:version|distribution|metadata|requires|files|get_distribution|require)\s{0,9}\(\s{0,9}[\"']([\w.-]{1,100})[\"']"
)
_SCRIPT = lazy_regex(
    rb"load_entry_point\(\s{0,9}[\"']([\w.-]{1,100})(?:==[^\"']{0,40})?[\"'],\s{0,9}[\"']console_scripts[\"'],\s{0,9}[\"']([\w.-]{1,100})[\"']"
)
_EASY = lazy_regex(
    rb"EASY-INSTALL-ENTRY-SCRIPT: '([\w.-]{1,100}?)(?:==[^']{0,40})?','console_scripts','([\w.-]{1,100})'"
)


class Libraries(NamedTuple):
    """`sonames` are names of files, `searched` are what find_library(3) of Python is asked for, without "lib"."""

    sonames: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()


_NONE = Libraries()


def libraries(text: bytes) -> Libraries:
    """The libraries that a source names, if it can open any."""
    if not any(word in text for word in _LOADERS):
        return _NONE
    return Libraries(_each(_LIBRARY, text), tuple(each for each in _each(_FOUND, text) if ".so" not in each))


def modules(text: bytes) -> tuple[tuple[str, bool], ...]:
    """What could be a dotted name of a module, or of something in one: `mysite.settings`, `main:app`.

    Each comes with whether it can hardly be anything else, for which the colon speaks.
    """
    found = _MODULE.findall(text[:_MAX_SOURCE])
    return tuple(dict.fromkeys((decode(name), bool(colon)) for name, colon in found))


def distributions(text: bytes) -> tuple[str, ...]:
    """The distributions whose metadata a source asks for by name."""
    return _each(_DISTRIBUTION, text) if b"importlib" in text or b"pkg_resources" in text else ()


def zones(text: bytes) -> tuple[str, ...]:
    """What could be names of time zones, of a source that has only a few."""
    found = _each(_ZONE, text)
    return found if len(found) <= _MAX_ZONES else ()


def commands(text: bytes) -> tuple[tuple[str, str], ...]:
    """The commands of distributions that a script of setuptools begins, as (distribution, name)."""
    pairs = [*_SCRIPT.findall(text[:_MAX_SOURCE]), *_EASY.findall(text[:_MAX_SOURCE])]
    return tuple(dict.fromkeys((decode(first), decode(second)) for first, second in pairs))


def groups(text: bytes, known: Iterable[str]) -> tuple[str, ...]:
    """Those of the known groups of entry points that a source names."""
    found = _groups(frozenset(known)).findall(text[:_MAX_SOURCE])
    return tuple(dict.fromkeys(map(decode, found)))


@lru_cache(maxsize=8)
def _groups(known: frozenset[str]) -> re.Pattern[bytes]:
    choices = "|".join(re.escape(each) for each in sorted(known))
    return re.compile(rf"[\"']({choices})[\"']".encode())


def _each(pattern: re.Pattern[bytes], text: bytes) -> tuple[str, ...]:
    return tuple(dict.fromkeys(decode(each) for each in pattern.findall(text[:_MAX_SOURCE])))
