"""Keys of OpenPGP that are made for a test, and what they sign."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pysequoia = pytest.importorskip("pysequoia", reason="pysequoia is not installed; it makes the keys of these tests")


@dataclass
class Signer:
    """`keyring` is a file with its public key, armored."""

    keyring: Path
    key: Any = field(default_factory=lambda: pysequoia.Tsk.generate("Releng <releng@example.invalid>"))

    def __post_init__(self) -> None:
        self.keyring.write_text(str(self.key.extract_certificate()))

    def clearsigned(self, text: bytes) -> bytes:
        return bytes(pysequoia.sign(self.key.signer(), text, mode=pysequoia.SignatureMode.CLEAR))

    def detached(self, data: bytes) -> bytes:
        return bytes(pysequoia.sign(self.key.signer(), data, mode=pysequoia.SignatureMode.DETACHED))
