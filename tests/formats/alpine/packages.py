"""Alpine packages and indexes made from nothing: gzip segments of one tar archive, signed by a key of the tests."""

import base64
import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence

from tests.formats.alpine.signing import SigningKey, signing_key

Files = Mapping[str, bytes | str | None]
_KINDS = {"sha1": "RSA", "sha256": "RSA256", "sha512": "RSA512"}
_LETTERS = {
    "depend": "D",
    "provides": "p",
    "install_if": "i",
    "provider_priority": "k",
    "origin": "o",
    "builddate": "t",
}


def packed(plain: bytes) -> bytes:
    return gzip.compress(plain, 6, mtime=0)


def piece(
    files: Files, *, end: bool = False, owners: Mapping[str, str] | None = None, modified: int = 1_700_000_000
) -> bytes:
    """A piece of a tar: bytes are a file, text a symlink's target, None a directory. `name@755` gives a mode, and
    `owners` the user:group of a path, with the number 1000 in the header for those that are not root."""
    out = io.BytesIO()
    archive = tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)
    modes: dict[str, int] = {}
    for written, content in files.items():
        name, mode = _named(written)
        entry = tarfile.TarInfo(name)
        entry.mtime, entry.uname, entry.gname = modified, "root", "root"
        if owners and name in owners:
            entry.uname, _, entry.gname = owners[name].partition(":")
            entry.uid, entry.gid = (0 if name == "root" else 1000 for name in (entry.uname, entry.gname))
        if content is None:
            entry.type, entry.mode = tarfile.DIRTYPE, int(mode or "755", 8)
        elif isinstance(content, str):
            kind = tarfile.LNKTYPE if mode == "hard" else tarfile.SYMTYPE
            entry.type, entry.mode, entry.linkname = kind, modes.get(content, 0o777), content
            entry.pax_headers = {
                "APK-TOOLS.checksum.SHA1": hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
            }
        else:
            entry.mode, entry.size = int(mode or "644", 8), len(content)
            modes[name] = entry.mode
            entry.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(content, usedforsecurity=False).hexdigest()}
        archive.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else None)
    whole = out.getvalue()[: archive.offset]
    return whole + (b"\0" * 1024 if end else b"")


def _named(written: str) -> tuple[str, str]:
    """A path and what stands behind its last @, if that is a mode; names of keys have one too."""
    name, _, mode = written.rpartition("@")
    return (name, mode) if mode == "hard" or (name and mode.isdigit()) else (written, "")


def signature(segment: bytes, key: SigningKey, algorithm: str = "sha1") -> bytes:
    """The segment that stands before what is signed."""
    return packed(piece({f".SIGN.{_KINDS[algorithm]}.{key.name}": key.sign(segment, algorithm)}))


def control(
    name: str,
    version: str,
    data: bytes,
    architecture: str,
    scripts: Mapping[str, str],
    fields: Mapping[str, str | Sequence[str]],
) -> bytes:
    lines = [f"pkgname = {name}", f"pkgver = {version}", f"arch = {architecture}", "size = 1", "license = MIT"]
    for field, value in fields.items():
        lines += [f"{field} = {one}" for one in ([value] if isinstance(value, str) else value)]
    lines.append(f"datahash = {hashlib.sha256(data).hexdigest()}")
    info = "".join(f"{line}\n" for line in lines).encode()
    return packed(piece({".PKGINFO": info, **{f".{script}@755": text.encode() for script, text in scripts.items()}}))


def apk(
    name: str,
    files: Files | None = None,
    version: str = "1-r0",
    *,
    architecture: str = "x86_64",
    key: SigningKey | None = None,
    scripts: Mapping[str, str] | None = None,
    owners: Mapping[str, str] | None = None,
    **fields: str | Sequence[str],
) -> bytes:
    """A whole package; `depend=["so:libc.musl-x86_64.so.1"]` becomes lines of its .PKGINFO."""
    data = packed(piece(files or {}, end=True, owners=owners))
    described = control(name, version, data, architecture, scripts or {}, fields)
    return signature(described, key or signing_key()) + described + data


def checksum(package: bytes) -> str:
    """What an index has of a package: the SHA-1 of its control segment."""
    start = _length(package)
    segment = package[start : start + _length(package[start:])]
    return f"Q1{base64.b64encode(hashlib.sha1(segment, usedforsecurity=False).digest()).decode()}"


def paragraph(package: bytes) -> str:
    """A package as an index lists it."""
    rest = package[_length(package) :]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(rest[: _length(rest)]))) as archive:
        info = archive.extractfile(".PKGINFO")
        assert info is not None
        lines = info.read().decode().splitlines()
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(" = ")
        fields.setdefault(name, []).append(value)
    rows = [f"C:{checksum(package)}", f"P:{fields['pkgname'][0]}", f"V:{fields['pkgver'][0]}", f"A:{fields['arch'][0]}"]
    rows += [f"S:{len(package)}", "I:1", "T:", "U:", "L:MIT"]
    rows += [f"{letter}:{' '.join(fields[field])}" for field, letter in _LETTERS.items() if field in fields]
    return "\n".join(rows) + "\n"


def index(
    *packages: bytes,
    key: SigningKey | None = None,
    algorithm: str = "sha1",
    signed: bool = True,
    modified: int = 1_700_000_000,
) -> bytes:
    """APKINDEX.tar.gz of these packages."""
    text = "\n".join(paragraph(package) for package in packages).encode()
    whole = packed(piece({"DESCRIPTION": b"test", "APKINDEX": text}, end=True, modified=modified))
    return (signature(whole, key or signing_key(), algorithm) if signed else b"") + whole


def _length(data: bytes) -> int:
    """The bytes of the first gzip file."""
    import zlib

    decoder = zlib.decompressobj(31)
    decoder.decompress(data)
    return len(data) - len(decoder.unused_data)
