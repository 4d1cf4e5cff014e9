"""The database of apk in a root, written: apk-tools 2.14 goes on with it, and scanners read it.

/lib/apk/db has `installed` (paragraphs as in an index, each with the folders and files of its package), `triggers` and
`scripts.tar`; /etc/apk has `world`, what was asked for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from fromscratch.formats.alpine.dependency import Dependency
from fromscratch.formats.alpine.index import Package
from fromscratch.formats.alpine.listing import Shipped
from fromscratch.formats.tar.header import BLOCK
from fromscratch.limits import number
from fromscratch.paths import encode

_USUAL_FOLDER, _USUAL_FILE = (0, 0, 0o755, ""), (0, 0, 0o644, "")


class Record(Struct, frozen=True, kw_only=True):
    """What the database has of one package. `tag` is that of the repository; `scripts` are by name."""

    package: Package
    shipped: Sequence[Shipped]
    replaces: str = ""
    replaces_priority: int = 0
    tag: str = ""
    triggers: str = ""
    scripts: Mapping[str, bytes] = {}


def installed(records: Iterable[Record]) -> str:
    """The file `installed`: sorted by name, as apk writes it."""
    ordered = sorted(records, key=lambda one: (one.package.name.lower(), one.package.name))
    return "".join(f"{paragraph(one)}\n" for one in ordered)


def paragraph(record: Record) -> str:
    """One package, with a line feed at its end."""
    package = record.package
    rows = [f"C:{package.checksum}", f"P:{package.name}", f"V:{package.version}"]
    rows += [f"A:{package.architecture}"] if package.architecture else []
    rows += [f"S:{package.size}", f"I:{package.installed_size}"]
    rows += [f"T:{package.description}", f"U:{package.url}", f"L:{package.license}"]
    optional = {
        "o": package.origin,
        "m": package.maintainer,
        "t": package.built if package.built != "0" else "",
        "c": package.commit,
        "k": str(package.provider_priority or ""),
        "D": " ".join(package.depends.split()),
        "p": " ".join(package.provides.split()),
        "i": " ".join(package.install_if.split()),
        "r": record.replaces,
        "q": str(record.replaces_priority or ""),
        "s": record.tag,
    }
    rows += [f"{letter}:{value}" for letter, value in optional.items() if value]
    rows += _files(record.shipped)
    return "".join(f"{row}\n" for row in rows)


def _files(shipped: Iterable[Shipped]) -> Iterator[str]:
    """The folders in the order in which they come, each with its files."""
    folders: dict[str, list[str]] = {}
    for one in shipped:
        meta = (one.uid, one.gid, one.mode, one.xattrs_checksum)
        if one.is_directory:
            folders.setdefault(one.path, []).extend([] if meta == _USUAL_FOLDER else [_meta("M", one)])
            continue
        folder, _, name = one.path.rpartition("/")
        rows = folders.setdefault(folder, [])
        rows.append(f"R:{name}")
        rows += [] if meta == _USUAL_FILE else [_meta("a", one)]
        rows += [f"Z:{one.checksum}"] if one.checksum else []
    for folder, rows in folders.items():
        yield f"F:{folder}"
        yield from rows


def _meta(letter: str, one: Shipped) -> str:
    checksum = f":{one.xattrs_checksum}" if one.xattrs_checksum else ""
    return f"{letter}:{one.uid}:{one.gid}:{one.mode:o}{checksum}"


def world(dependencies: Iterable[Dependency]) -> str:
    """The file `world`: one a line, sorted by name."""
    ordered = sorted(dependencies, key=lambda one: (one.name.lower(), one.name))
    return "".join(f"{_written(one)}\n" for one in ordered)


def _written(one: Dependency) -> str:
    tag = f"@{one.tag}" if one.tag else ""
    return f"{'!' if one.is_conflict else ''}{one.name}{tag}{one.operator}{one.version}"


def triggers(records: Iterable[Record]) -> str:
    """The file `triggers`: which folders the trigger of a package watches."""
    return "".join(f"{one.package.checksum} {one.triggers}\n" for one in records if one.triggers)


def scripts(records: Iterable[Record]) -> bytes:
    """The file `scripts.tar`: what apk would run when a package is upgraded or removed. Headers as apk writes them."""
    out = bytearray()
    for one in records:
        package = one.package
        for name, content in one.scripts.items():
            place = f"{package.name}-{package.version}.{package.checksum}.{name}"
            out += _header(place, len(content), number(package.built or "0") or 0)
            out += content + bytes(-len(content) % BLOCK)
    return bytes(out) + bytes(2 * BLOCK)


def _header(name: str, size: int, modified: int) -> bytes:
    """The header of an executable file of root, in GNU's form of ustar."""
    fields = [
        encode(name)[:100].ljust(100, b"\0"),
        b"0000755\0" + b"0000000\0" * 2,
        b"%012o%012o" % (size, modified),
        b" " * 8,
        b"0".ljust(101, b"\0"),
        b"ustar  \0" + b"root".ljust(32, b"\0") * 2,
    ]
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
