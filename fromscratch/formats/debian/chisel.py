"""Definitions of slices as chisel reads them: one file of a release's folder `slices` for each package.

    package: openssl
    essential: [openssl_copyright]
    slices:
      bins:
        essential: [libc6_libs]
        contents:
          /usr/bin/openssl:
          /usr/lib/*-linux-*/engines-3/**:

Follows the formats v1 to v3 of chisel-releases. A path that ends in "/" is a directory; in globs `?` and `*` stay
within a name, and `**` goes through folders.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct, field

from fromscratch.errors import FormatError, RecipeError
from fromscratch.formats.yaml import decode, document
from fromscratch.formats.yaml.decode import Fault
from fromscratch.formats.yaml.document import Document, Path
from fromscratch.lazy_regex import lazy_regex
from fromscratch.nearest import nearest

KEY = lazy_regex(r"(?P<package>[a-z0-9][a-z0-9+.-]*)_(?P<slice>[a-z][a-z0-9-]*)")
_MOST = 20_000
T = TypeVar("T", bound=Struct)
_HINT = "take a checkout of chisel-releases as it is, of the branch of the release"

Architectures = str | list[str]


class PathDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one path of a slice comes to be: out of the package, unless it is made, a text, a symlink or generated."""

    make: bool = False
    mode: Annotated[str, Meta(pattern=r"^0?o?[0-7]{1,4}$")] | None = None
    copy: str = ""
    text: str | None = None
    symlink: str = ""
    mutable: bool = False
    until: Literal["mutate", ""] = ""
    arch: Architectures = []
    generate: Literal["manifest", ""] = ""
    prefer: str = ""

    @property
    def is_of_package(self) -> bool:
        return not (self.make or self.symlink or self.generate or self.text is not None)

    @property
    def permissions(self) -> int | None:
        return None if self.mode is None else int(self.mode.removeprefix("0o"), 8)


class Essential(Struct, frozen=True, forbid_unknown_fields=True):
    """A slice that another needs, on some architectures alone if it names them."""

    arch: Architectures = []


Essentials = list[str] | dict[str, Essential | None]


class _Slice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hint: str = ""
    essential: Essentials = []
    v3_essential: Annotated[dict[str, Essential | None], Meta()] = field(default_factory=dict, name="v3-essential")
    contents: dict[str, Any] = {}
    mutate: str = ""

    def __post_init__(self) -> None:
        for path in self.contents:
            if not path.startswith("/") or "//" in path or {"..", "."} & {*path.split("/")} or "\0" in path:
                raise ValueError(f"contents: {path!r} is not a path from the root of an image")


class _Package(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    package: str
    archive: str = ""
    essential: Essentials = []
    v3_essential: Annotated[dict[str, Essential | None], Meta()] = field(default_factory=dict, name="v3-essential")
    slices: dict[str, Any] = {}


class SliceDefinition(Struct, frozen=True):
    """`script` says that chisel would change the slice's files by one."""

    essentials: Sequence[Essentials]
    contents: Mapping[str, PathDefinition]
    script: bool


class PackageDefinition(Struct, frozen=True):
    """The slices of a package, by their names; what all of them need is in each."""

    package: str
    slices: Mapping[str, SliceDefinition]


class ChosenSlice(Struct, frozen=True):
    """A slice that is wanted on an architecture, with the paths that it has there."""

    package: str
    name: str
    contents: Mapping[str, PathDefinition]

    @property
    def key(self) -> str:
        return f"{self.package}_{self.name}"


def read(text: str, name: str) -> PackageDefinition:
    """The definitions in a file of that name. Raises RecipeError with every fault, each at its line."""
    try:
        found = document.load(text, name)
    except FormatError as error:
        raise RecipeError(error.message, error.hint) from error
    reader = _Reader(found)
    made = reader.package()
    if reader.faults or made is None:
        reader.faults.sort(key=lambda fault: (fault.line, str(fault.path)))
        lines = dict.fromkeys(f"{name}:{fault.line}: {fault}" for fault in reader.faults)
        raise RecipeError("\n".join(lines), _HINT)
    return made


class _Reader:
    """Decodes a document level by level, so that each fault has its line."""

    def __init__(self, found: Document) -> None:
        self._document = found
        self.faults = [Fault(line, path, "this key stands twice") for path, line in found.repeated]

    def package(self) -> PackageDefinition | None:
        top = self._part((), self._document.value, _Package)
        if top is None:
            return None
        common = [top.essential, top.v3_essential]
        slices = {name: self._slice(("slices", name), value, common) for name, value in top.slices.items()}
        return PackageDefinition(top.package, {name: one for name, one in slices.items() if one is not None})

    def _slice(self, place: Path, value: Any, common: list[Essentials]) -> SliceDefinition | None:
        one = self._part(place, value, _Slice)
        if one is None:
            return None
        paths = {path: self._part((*place, "contents", path), of, PathDefinition) for path, of in one.contents.items()}
        contents = {path: of for path, of in paths.items() if of is not None}
        script = bool(one.mutate) or any(of.until for of in contents.values())
        return SliceDefinition([*common, one.essential, one.v3_essential], contents, script)

    def _part(self, place: Path, value: Any, kind: type[T]) -> T | None:
        """A value as `kind`; what is wrong with it is noted at its place."""
        size = len(place)
        lines = {path[size:]: line for path, line in self._document.lines.items() if path[:size] == place}
        made, faults = decode.decode(value, Document(value, lines, ()), kind)
        self.faults += [Fault(fault.line, (*place, *fault.path), fault.text) for fault in faults]
        return made


def choose(keys: Sequence[str], architecture: str, package: Callable[[str], PackageDefinition]) -> list[ChosenSlice]:
    """These slices, each as PACKAGE_SLICE, with those that they need, each once.

    `package` gives the definitions of a package. Raises RecipeError for a slice that is not defined, and for one whose
    content a script of chisel would change, which is not run.
    """
    found: dict[str, ChosenSlice] = {}
    pending = [(key, "") for key in reversed(keys)]
    while pending:
        key, by = pending.pop()
        if key in found:
            continue
        if len(found) > _MOST:
            raise RecipeError(f"{key}: these are more than {_MOST} slices", _HINT)
        definition = _defined(key, by, package)
        found[key] = _on(definition, key, architecture)
        pending += [(need, key) for need in reversed(list(_needed(definition.essentials, architecture)))]
    return list(found.values())


def _defined(key: str, by: str, package: Callable[[str], PackageDefinition]) -> SliceDefinition:
    parts = KEY.fullmatch(key)
    needed = f", which {by} needs" if by else ""
    if parts is None:
        raise RecipeError(f"{key}{needed} is not a slice of chisel", "write it as PACKAGE_SLICE, such as libc6_libs")
    definitions = package(parts["package"])
    if parts["slice"] not in definitions.slices:
        near = nearest(parts["slice"], definitions.slices, count=2) or sorted(definitions.slices)[:5]
        known = " or ".join(f"{parts['package']}_{each}" for each in near)
        raise RecipeError(f"{key}{needed} is not defined", f"did you mean {known}?" if known else _HINT)
    one = definitions.slices[parts["slice"]]
    if one.script:
        raise RecipeError(
            f"{key}{needed} has a script that changes its files (mutate), and scripts are not run",
            f"take {parts['package']} as a whole under packages:, or what is needed of it by a slice of your own",
        )
    return one


def _needed(essentials: Sequence[Essentials], architecture: str) -> Iterator[str]:
    for each in essentials:
        if isinstance(each, list):
            yield from each
        else:
            yield from (key for key, of in each.items() if of is None or _is_for(of.arch, architecture))


def _on(one: SliceDefinition, key: str, architecture: str) -> ChosenSlice:
    package, _, name = key.rpartition("_")
    contents = {path: of for path, of in one.contents.items() if _is_for(of.arch, architecture)}
    return ChosenSlice(package, name, contents)


def _is_for(architectures: Architectures, architecture: str) -> bool:
    names = [architectures] if isinstance(architectures, str) else architectures
    return not names or architecture in names


def expression(glob: str) -> re.Pattern[str]:
    """A glob of chisel as a regular expression of whole paths, in which directories end in "/"."""
    parts = re.split(r"(\*\*|\*|\?)", glob)
    meaning = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts), re.DOTALL)
