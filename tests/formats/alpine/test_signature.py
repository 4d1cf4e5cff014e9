"""Signatures of indexes: who may sign, and what forged, damaged and foreign ones are answered with."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fromscratch.errors import FormatError, ImageError, IntegrityError
from fromscratch.formats.alpine.segments import first_segments
from fromscratch.formats.alpine.signature import check_signature
from tests.formats.alpine.packages import apk, index, packed, piece
from tests.formats.alpine.signing import signing_key

KEY = signing_key()
KEYS = {KEY.name: KEY.pem}


def signer(folder: Path, content: bytes, keys: Mapping[str, bytes]) -> str:
    path = folder / "APKINDEX.tar.gz"
    path.write_bytes(content)
    [first, *_] = first_segments(path, "the index", 2)
    return check_signature(path, first, keys, "the index")


def refusal(folder: Path, content: bytes, keys: Mapping[str, bytes]) -> str:
    with pytest.raises(ImageError) as caught:
        signer(folder, content, keys)
    return caught.value.message


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_signed(tmp_path: Path, algorithm: str) -> None:
    assert signer(tmp_path, index(apk("a"), algorithm=algorithm), KEYS) == KEY.name


def test_unsigned(tmp_path: Path) -> None:
    assert refusal(tmp_path, index(apk("a"), signed=False), KEYS) == "the index is not signed"


def test_signed_by_a_key_that_is_not_given(tmp_path: Path) -> None:
    other = signing_key("other.rsa.pub")
    assert refusal(tmp_path, index(apk("a"), key=other), KEYS) == (
        "the index is signed by other.rsa.pub, which is not trusted"
    )


def test_another_key_of_that_name(tmp_path: Path) -> None:
    other = signing_key("other.rsa.pub")
    assert (
        refusal(tmp_path, index(apk("a")), {KEY.name: other.pem}) == "the index has a wrong signature by test.rsa.pub"
    )


def test_changed_after_it_was_signed(tmp_path: Path) -> None:
    whole = index(apk("a"))
    changed = whole + packed(piece({"APKINDEX": b""}, end=True))
    assert refusal(tmp_path, changed, KEYS) == "the index has a wrong signature by test.rsa.pub"


@pytest.mark.parametrize("garbage", [0, 8])
def test_a_message_that_is_only_encoded_like_one(tmp_path: Path, garbage: int) -> None:
    """The padding has to fill the message: what stands behind the digest would let a forger choose a cube."""
    import hashlib

    body = index(apk("a"), signed=False)
    info = bytes.fromhex("3021300906052b0e03021a05000414") + hashlib.sha1(body, usedforsecurity=False).digest()
    padding = b"\xff" * (KEY.size - len(info) - 3 - garbage)
    signature = KEY.raw(b"\0\1" + padding + b"\0" + info + b"x" * garbage)
    content = packed(piece({f".SIGN.RSA.{KEY.name}": signature})) + body
    if garbage:
        assert refusal(tmp_path, content, KEYS) == "the index has a wrong signature by test.rsa.pub"
    else:
        assert signer(tmp_path, content, KEYS) == KEY.name


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (b"ssh-rsa AAAA", "the key test.rsa.pub is not a public key"),
        (
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "the key test.rsa.pub is a damaged public key",
        ),
        (b"-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----\n", "the key test.rsa.pub is not a public key"),
    ],
)
def test_files_that_are_not_keys(tmp_path: Path, pem: bytes, message: str) -> None:
    assert refusal(tmp_path, index(apk("a")), {KEY.name: pem}) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ADBd" + b"\0" * 40, "the index is of version 3 of apk's formats (ADB), which is not read yet"),
        (b"<!DOCTYPE html><html></html>", "the index is a web page, and not a file of an Alpine repository"),
        (b"plain", "the index is not a file of an Alpine repository: it is not compressed with gzip"),
        (index(apk("a"))[:60], "the index is cut"),
        (packed(b"x" * 600), "the index has a segment that is not a tar archive"),
        (packed(b"\0" * (17 << 20)), "the index: what describes it unpacks to more than 16777216 bytes"),
    ],
)
def test_what_is_not_an_index(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        signer(tmp_path, content, KEYS)
    assert caught.value.message.startswith(message)


def test_errors_are_of_integrity(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        signer(tmp_path, index(apk("a"), signed=False), KEYS)
