"""A repository of RPM packages in a folder, with the index that createrepo_c would make, signed by a key made here."""

import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pysequoia

from fromscratch.formats.rpm.files import described
from fromscratch.formats.rpm.header import Header
from fromscratch.formats.rpm.package import Parts, parts
from fromscratch.formats.rpm.tags import Tag
from tests.formats.rpm import packages as made
from tests.formats.rpm.packages import Made

_COMMON, _RPM, _REPO = (f"http://linux.duke.edu/metadata/{name}" for name in ("common", "rpm", "repo"))
_RELATIONS = {
    "provides": (1047, 1112, 1113), "requires": (1049, 1048, 1050), "conflicts": (1054, 1053, 1055),
    "obsoletes": (1090, 1114, 1115), "recommends": (5046, 5048, 5047), "suggests": (5049, 5051, 5050),
    "supplements": (5052, 5054, 5053), "enhances": (5055, 5057, 5056),
}  # fmt: skip
_SENSES = {2: "LT", 4: "GT", 8: "EQ", 10: "LE", 12: "GE"}


def package(name: str, files: Mapping[str, Made | bytes] | None = None, **more: Any) -> bytes:
    """A package; `requires=["libc"]` and the like are its relations."""
    relations = {word: more.pop(word) for word in _RELATIONS if word in more}
    return made.package(name, files or {f"/usr/bin/{name}": made.program(name.encode())}, relations=relations, **more)


@dataclass
class Repository:
    """`keys` has the key that signs the index, and, if asked, the packages."""

    folder: Path
    key: Any = field(default_factory=lambda: pysequoia.Tsk.generate("Repository <repository@example.invalid>"))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.keys.write_bytes(bytes(self.key.extract_certificate()))

    @property
    def keys(self) -> Path:
        return self.folder / "KEYS"

    @property
    def address(self) -> str:
        return f"file://{self.folder}"

    def package(self, name: str, files: Mapping[str, Made | bytes] | None = None, **more: Any) -> bytes:
        """A package that the key has signed."""
        return package(name, files, signer=self.key.signer(), **more)

    def publish(
        self,
        *packages: bytes,
        signed: bool = False,
        date: int = 1_700_000_000,
        compress: Any = lambda data: gzip.compress(data, mtime=0),
        suffix: str = "gz",
        more: Mapping[str, bytes] | None = None,
    ) -> None:
        """Make the repository hold exactly these packages; `more` are further files of the index by their kinds."""
        (self.folder / "repodata").mkdir(exist_ok=True)
        found = []
        for raw in packages:
            path = self.folder / "package.rpm"
            path.write_bytes(raw)
            read = parts(path)
            header = read.header
            version = f"{header.text(Tag.VERSION)}-{header.text(Tag.RELEASE)}"
            name = f"{read.name}-{version}.{header.text(Tag.ARCH)}"
            path.rename(self.folder / f"{name}.rpm")
            found.append((f"{name}.rpm", raw, read))
        primary = "".join(_primary(*each) for each in found)
        lists = "".join(_lists(*each) for each in found)
        documents = {
            "primary": f'<metadata xmlns="{_COMMON}" xmlns:rpm="{_RPM}" packages="{len(found)}">{primary}</metadata>',
            "filelists": f'<filelists xmlns="{_COMMON}" packages="{len(found)}">{lists}</filelists>',
        }
        entries = ""
        for kind, text in {**{word: each.encode() for word, each in documents.items()}, **(more or {})}.items():
            packed = compress(text)
            digest = hashlib.sha256(packed).hexdigest()
            end = "xml" if kind in documents else "yaml"
            (self.folder / f"repodata/{digest}-{kind}.{end}.{suffix}").write_bytes(packed)
            entries += (
                f'<data type="{kind}"><checksum type="sha256">{digest}</checksum><timestamp>{date}</timestamp>'
                f'<location href="repodata/{digest}-{kind}.{end}.{suffix}"/><size>{len(packed)}</size></data>'
            )
        index = f'<repomd xmlns="{_REPO}"><revision>{date}</revision>{entries}</repomd>'.encode()
        (self.folder / "repodata/repomd.xml").write_bytes(index)
        signature = self.folder / "repodata/repomd.xml.asc"
        signature.unlink(missing_ok=True)
        if signed:
            mode = pysequoia.SignatureMode.DETACHED
            signature.write_bytes(bytes(pysequoia.sign(self.key.signer(), index, mode=mode)))


def _primary(location: str, raw: bytes, read: Parts) -> str:
    header = read.header
    evr = f'epoch="{header.number(Tag.EPOCH) or 0}" ver="{header.text(Tag.VERSION)}" rel="{header.text(Tag.RELEASE)}"'
    relations = "".join(_relations(word, header, *tags) for word, tags in _RELATIONS.items())
    short = (each.path for each in described(header, location) if "bin/" in each.path or each.path.startswith("/etc/"))
    return (
        f'<package type="rpm"><name>{read.name}</name><arch>{header.text(Tag.ARCH)}</arch><version {evr}/>'
        f'<checksum type="sha256" pkgid="YES">{hashlib.sha256(raw).hexdigest()}</checksum><summary>x</summary>'
        f'<size package="{len(raw)}" installed="1" archive="1"/><location href="{location}"/>'
        f"<format><rpm:license>MIT</rpm:license>{relations}{_files(short)}</format></package>"
    )


def _relations(word: str, header: Header, names: int, flags: int, versions: int) -> str:
    columns: Sequence[Sequence[Any]] = (header.texts(names), header.numbers(flags), header.texts(versions))
    entries = ""
    for name, sense, version in zip(*columns, strict=True):
        epoch, colon, rest = version.rpartition(":")
        number, _, release = rest.partition("-")
        more = f' flags="{_SENSES[sense & 14]}" epoch="{epoch if colon else 0}" ver="{number}"' if sense & 14 else ""
        more += f' rel="{release}"' if sense & 14 and release else ""
        entries += f"<rpm:entry name={quoteattr(name)}{more}/>"
    return f"<rpm:{word}>{entries}</rpm:{word}>" if entries else ""


def _lists(location: str, raw: bytes, read: Parts) -> str:
    header = read.header
    return (
        f'<package pkgid="{hashlib.sha256(raw).hexdigest()}" name="{read.name}" arch="{header.text(Tag.ARCH)}">'
        f'<version epoch="{header.number(Tag.EPOCH) or 0}" ver="{header.text(Tag.VERSION)}" '
        f'rel="{header.text(Tag.RELEASE)}"/>{_files(each.path for each in described(header, location))}</package>'
    )


def _files(names: Iterable[str]) -> str:
    return "".join(f"<file>{escape(path)}</file>" for path in names)
