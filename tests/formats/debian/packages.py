"""Binary packages made from nothing: an ar of debian-binary, control.tar and data.tar."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Mapping

import zstandard

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lzma.compress,
    ".lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    ".bz2": bz2.compress,
    ".zst": lambda data: zstandard.ZstdCompressor(write_content_size=False).compress(data),
}


def ar(members: Mapping[str, bytes]) -> bytes:
    """An ar(5) archive of these members, in this order."""
    parts = [b"!<arch>\n"]
    for name, data in members.items():
        parts.append(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


def tar(files: Mapping[str, bytes | str | None]) -> bytes:
    """A tar: bytes are a file, text is a symlink's target, None is a directory. `name@755` gives a mode."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for written, content in files.items():
            name, _, mode = written.partition("@")
            entry = tarfile.TarInfo(f"./{name}")
            entry.mtime = 1_700_000_000
            if content is None:
                entry.type, entry.mode = tarfile.DIRTYPE, int(mode or "755", 8)
            elif isinstance(content, str):
                entry.type, entry.mode, entry.linkname = tarfile.SYMTYPE, 0o777, content
            else:
                entry.mode, entry.size = int(mode or "644", 8), len(content)
            archive.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def deb(
    control: str,
    files: Mapping[str, bytes | str | None],
    *,
    extra: Mapping[str, bytes] | None = None,
    suffix: str = ".xz",
) -> bytes:
    """A whole package; `extra` are further files beside `control`."""
    pack = PACKERS[suffix]
    return ar(
        {
            "debian-binary": b"2.0\n",
            f"control.tar{suffix}": pack(tar({"control": control.encode(), **(extra or {})})),
            f"data.tar{suffix}": pack(tar(files)),
        }
    )
