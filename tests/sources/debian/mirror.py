"""A Debian mirror in a folder: packages, their indexes, and a Release signed by a key made here."""

import hashlib
import lzma
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pysequoia

from tests.formats.debian import packages as debs


@dataclass
class Mirror:
    """`keyring` has the key that signs."""

    folder: Path
    key: Any = field(default_factory=lambda: pysequoia.Tsk.generate("Archive <archive@example.invalid>"))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.keyring.write_bytes(bytes(self.key.extract_certificate()))

    @property
    def keyring(self) -> Path:
        return self.folder / "keyring.gpg"

    @property
    def address(self) -> str:
        return f"file://{self.folder}"

    def publish(
        self,
        *packages: bytes,
        suite: str = "bookworm",
        architecture: str = "amd64",
        fields: Mapping[str, str] | None = None,
        by_hash: bool = True,
    ) -> None:
        """Make the suite hold exactly these packages."""
        paragraphs = "\n".join(self._paragraph(package) for package in packages).encode()
        root = self.folder / "dists" / suite
        folder = root / "main" / f"binary-{architecture}"
        folder.mkdir(parents=True, exist_ok=True)
        packed = lzma.compress(paragraphs)
        (folder / "Packages.xz").write_bytes(packed)
        digest = hashlib.sha256(packed).hexdigest()
        if by_hash:
            (folder / "by-hash/SHA256").mkdir(parents=True, exist_ok=True)
            (folder / "by-hash/SHA256" / digest).write_bytes(packed)
        release = {
            "Suite": "stable",
            "Codename": suite,
            "Date": "Sat, 11 Jul 2026 10:16:37 UTC",
            "Acquire-By-Hash": "yes" if by_hash else "no",
            "Architectures": architecture,
            "Components": "main",
            **(fields or {}),
            "SHA256": f"\n {digest} {len(packed)} main/binary-{architecture}/Packages.xz",
        }
        text = "".join(f"{name}: {value}\n" for name, value in release.items()).encode()
        (root / "Release").write_bytes(text)
        signed = pysequoia.sign(self.key.signer(), text, mode=pysequoia.SignatureMode.CLEAR)
        (root / "InRelease").write_bytes(bytes(signed))

    def sign_beside(self, suite: str = "bookworm") -> None:
        """Replace InRelease by Release.gpg, as old archives have it."""
        root = self.folder / "dists" / suite
        (root / "InRelease").unlink()
        text = (root / "Release").read_bytes()
        signature = pysequoia.sign(self.key.signer(), text, mode=pysequoia.SignatureMode.DETACHED)
        (root / "Release.gpg").write_bytes(bytes(signature))

    def pool(self) -> list[Path]:
        return sorted((self.folder / "pool").iterdir())

    def _paragraph(self, package: bytes) -> str:
        control = _control(package)
        fields = dict(line.split(": ", 1) for line in control.splitlines() if not line.startswith(" "))
        path = self.folder / "pool" / f"{fields['Package']}_{fields['Version']}_{fields['Architecture']}.deb"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(package)
        digest = hashlib.sha256(package).hexdigest()
        return f"{control}Filename: pool/{path.name}\nSize: {len(package)}\nSHA256: {digest}\n"


def package(
    name: str,
    files: Mapping[str, bytes | str | None] | None = None,
    version: str = "1",
    architecture: str = "amd64",
    *,
    extra: Mapping[str, bytes] | None = None,
    **fields: str,
) -> bytes:
    """A .deb; `depends="libc6"` becomes a field of its control file."""
    words = {word.replace("_", "-").title(): value for word, value in fields.items()}
    control = {"Package": name, "Version": version, "Architecture": architecture, **words}
    text = "".join(f"{word}: {value}\n" for word, value in control.items())
    return debs.deb(text, files or {}, extra=extra)


def _control(package: bytes) -> str:
    start = package.index(b"control.tar.xz")
    size = int(package[start + 48 : start + 58])
    raw = lzma.decompress(package[start + 60 : start + 60 + size])
    length = int(raw[124:135], 8)
    return raw[512 : 512 + length].decode()
