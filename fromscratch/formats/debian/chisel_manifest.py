"""The manifest of chisel: /var/lib/chisel/manifest.wall, which lists the slices of Debian packages that are in a root.

Lines of JSON under zstd ("jsonwall"): a header with their number, then packages, slices, and paths with their slices.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from io import BytesIO

import msgspec
from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.installed import Installed, Package
from fromscratch.formats.packing.decompress import DamagedData, pieces
from fromscratch.limits import check_json

MOST_BYTES = 64 << 20
"""The bytes that a manifest may expand to; one of 500 packages has some two megabytes."""
_LEVEL = 3
_HINT = "make the root again with a chisel that writes schema 1.0"
_SCHEMA = "1."


class _Line(Struct, frozen=True):
    """Any line: the header has `jsonwall`, and which of the other fields there are depends on `kind`."""

    kind: str = ""
    name: str = ""
    version: str = ""
    arch: str = ""
    path: str = ""
    slice: str = ""
    slices: tuple[str, ...] = ()
    jsonwall: str = ""


def installed(raw: bytes) -> Iterator[Installed]:
    """Every package of which a slice is in the root, with the paths of its slices. Raises FormatError."""
    lines = [line for _, line in _lines(raw)]
    files: dict[str, list[str]] = {}
    for line in lines:
        if line.kind == "path":
            for name in dict.fromkeys(map(_package_of, line.slices)):
                files.setdefault(name, []).append(line.path)
    for line in lines:
        if line.kind == "package" and line.name and line.version:
            package = Package("dpkg", line.name, line.version, line.arch)
            yield Installed(package, tuple(files.get(line.name, ())))


def slices(raw: bytes) -> dict[str, list[str]]:
    """The names of the slices of each package, such as `libs`. Raises FormatError."""
    found: dict[str, list[str]] = {}
    for _, line in _lines(raw):
        if line.kind == "slice":
            found.setdefault(_package_of(line.name), []).append(line.name.rpartition("_")[2])
    return found


class ManifestPath(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A path of slices, as a manifest lists it: a directory ends in "/", a symlink has its `link`."""

    path: str
    mode: str
    slices: list[str]
    sha256: str = ""
    size: int = 0
    link: str = ""


class ManifestPackage(Struct, frozen=True, kw_only=True):
    """A package of which slices are in the root, by its version and digest."""

    name: str
    version: str
    sha256: str
    arch: str


def written(packages: Iterable[ManifestPackage], paths: Iterable[ManifestPath], names: Iterable[str]) -> bytes:
    """The manifest of these packages, of slices of these names, and of the paths that they have."""
    encode = msgspec.json.Encoder().encode
    found = [*paths]
    lines = [encode({"kind": "package", **msgspec.to_builtins(each)}) for each in packages]
    lines += [encode({"kind": "path", **msgspec.to_builtins(each)}) for each in found]
    lines += [encode({"kind": "slice", "name": name}) for name in names]
    lines += [encode({"kind": "content", "slice": name, "path": each.path}) for each in found for name in each.slices]
    return _packed(sorted(lines))


def _packed(lines: Sequence[bytes]) -> bytes:
    from zstandard import ZstdCompressor

    header = b'{"jsonwall":"1.0","schema":"1.0","count":%d}' % (len(lines) + 1)
    return ZstdCompressor(level=_LEVEL).compress(b"".join(text + b"\n" for text in (header, *lines)))


def cut(raw: bytes, packages: Set[Package], remains: Callable[[str], bool]) -> bytes:
    """The manifest of these packages alone, with the paths for which `remains` is true. Raises FormatError."""
    names = {package.name for package in packages}
    left = [text for text, line in _lines(raw) if not line.jsonwall and _is_left(line, names, remains)]
    return _packed(left)


def _is_left(line: _Line, names: Set[str], remains: Callable[[str], bool]) -> bool:
    match line.kind:
        case "package":
            return line.name in names
        case "slice":
            return _package_of(line.name) in names
        case "path":
            return remains(line.path) and any(_package_of(name) in names for name in line.slices)
        case "content":
            return remains(line.path) and _package_of(line.slice) in names
    return True


def _package_of(name: str) -> str:
    """The package of PACKAGE_SLICE."""
    return name.rpartition("_")[0]


def _lines(raw: bytes) -> Iterator[tuple[bytes, _Line]]:
    decode = msgspec.json.Decoder(_Line).decode
    for number, text in enumerate(_expanded(raw).splitlines()):
        if not text:
            continue
        try:
            check_json(text)
            line = decode(text)
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise FormatError(f"line {number + 1} of a chisel manifest: {error}", _HINT) from error
        if number == 0 and not line.jsonwall.startswith(_SCHEMA):
            raise FormatError(f"a chisel manifest in the form {line.jsonwall!r} is not read", _HINT)
        yield text, line


def _expanded(raw: bytes) -> bytes:
    out = bytearray()
    try:
        for piece in pieces(BytesIO(raw), "zstd"):
            out += piece
            if len(out) > MOST_BYTES:
                raise FormatError(f"a chisel manifest expands to more than {MOST_BYTES >> 20} MiB", _HINT)
    except DamagedData as error:
        raise FormatError(f"a chisel manifest is not a sound zstd file: {error}", _HINT) from error
    return bytes(out)
