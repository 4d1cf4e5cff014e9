"""Modules of RPM repositories, modules.yaml: streams of packages, one of which is enabled at a time (modulemd 2).

Only what decides which packages can be installed is read: the packages of each stream, the streams that it needs, and
which stream of a module is the default one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.yaml import document

_BETWEEN = re.compile(r"(?m)^(?:---|\.\.\.)[ \t]*$")
_MOST = 64 << 20


class Stream(Struct, frozen=True):
    """One build of a stream: its packages as name-epoch:version-release.architecture, and the streams that it needs."""

    module: str
    name: str
    packages: frozenset[str]
    needs: Mapping[str, tuple[str, ...]] = {}

    @property
    def shown(self) -> str:
        return f"{self.module}:{self.name}"


class Modules(Struct, frozen=True):
    """`defaults` has the default stream of those modules that have one."""

    streams: tuple[Stream, ...] = ()
    defaults: Mapping[str, str] = {}


def parse(text: str, what: str) -> Modules:
    """Raises FormatError."""
    if len(text) > _MOST:
        raise FormatError(f"{what} has {len(text)} characters; no honest one is so large", "use another repository")
    streams: list[Stream] = []
    defaults: dict[str, str] = {}
    for part in _BETWEEN.split(text):
        if not part.strip():
            continue
        found = document.load(part, what).value
        kind, data = (_of(found, "document"), _of(found, "data"))
        if kind == "modulemd-defaults" and isinstance(data, dict):
            module, stream = data.get("module"), data.get("stream")
            if isinstance(module, str) and isinstance(stream, str):
                defaults[module] = stream
        elif kind == "modulemd" and isinstance(data, dict):
            streams.append(_stream(data, what))
    return Modules(tuple(streams), defaults)


def _stream(data: dict[str, Any], what: str) -> Stream:
    module, name = data.get("name"), data.get("stream")
    if not isinstance(module, str) or not isinstance(name, str):
        raise FormatError(
            f"{what} has a module without its name or stream", "fetch it again, or use another repository"
        )
    packages = frozenset(_texts(_of(data.get("artifacts"), "rpms")))
    needs: dict[str, tuple[str, ...]] = {}
    for one in data.get("dependencies") or ():
        requires = _of(one, "requires")
        for other, streams in requires.items() if isinstance(requires, dict) else ():
            needs[str(other)] = tuple(_texts(streams))
    return Stream(module, name, packages, needs)


def _of(value: object, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _texts(value: object) -> Iterator[str]:
    yield from (each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
