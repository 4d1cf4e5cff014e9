"""A Java key store, byte by byte, and as keytool reads it."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from fromscratch.formats.trust.java_keystore import written
from fromscratch.formats.trust.x509 import certificates

CERTIFICATES = Path(__file__).parent / "certificates"


def test_a_store_is_its_entries_and_their_checksum() -> None:
    content = bytes.fromhex("feedfeed 00000002 00000001 00000002 0001 61 00000000000003e8 0005") + b"X.509"
    content += bytes.fromhex("00000003") + b"der"
    checksum = hashlib.new("sha1", b"\0p\0wMighty Aphrodite" + content, usedforsecurity=False).digest()
    assert written({"a": b"der"}, "pw", date=1) == content + checksum


def test_the_order_of_certificates_does_not_matter() -> None:
    assert written({"a": b"1", "b": b"2"}) == written({"b": b"2", "a": b"1"})


@pytest.mark.slow
def test_keytool_reads_the_certificates_by_their_names(tmp_path: Path) -> None:
    if shutil.which("keytool") is None:
        pytest.skip("there is no keytool; a Java has it")
    found = {f"debian:{path.name}": certificates(path.read_bytes())[0] for path in sorted(CERTIFICATES.glob("*.crt"))}
    found["debian:főtanúsítvány \U0001f600.pem"] = next(iter(found.values()))
    (tmp_path / "cacerts").write_bytes(written(found))
    words = ["keytool", "-list", "-keystore", str(tmp_path / "cacerts"), "-storepass", "changeit"]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert f"contains {len(found)} entries" in said
    assert [name for name in found if name.isascii() and f"{name}, " not in said] == []
