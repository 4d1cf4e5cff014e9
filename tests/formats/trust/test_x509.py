"""The hash by which OpenSSL finds a certificate. The numbers are those of `openssl x509 -subject_hash`."""

from pathlib import Path

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.trust.x509 import certificates, subject_hash

FOLDER = Path(__file__).parent / "certificates"


@pytest.mark.parametrize(("name", "number"), [("blanks.crt", "a9874eda"), ("utf8.crt", "fd7df1ae")])
def test_subject_hash(name: str, number: str) -> None:
    [certificate] = certificates((FOLDER / name).read_bytes())
    assert subject_hash(certificate) == number


def test_several_certificates_in_a_file() -> None:
    pem = (FOLDER / "blanks.crt").read_bytes()
    assert certificates(pem + b"\ntext between\n" + pem) == certificates(pem) * 2
    assert certificates(b"none") == []


def test_cut_anywhere() -> None:
    [certificate] = certificates((FOLDER / "utf8.crt").read_bytes())
    for end in range(len(certificate)):
        with pytest.raises(FormatError, match="a certificate is damaged"):
            subject_hash(certificate[:end])


def test_no_base64() -> None:
    with pytest.raises(FormatError, match="not PEM"):
        certificates(b"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----")
