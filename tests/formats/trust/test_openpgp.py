"""What keys and signatures say about themselves, and bytes that are neither."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.formats.trust import openpgp

FIXTURES = Path(__file__).parent / "openpgp"
FINGERPRINT = "BA2E24F7EE8E067B36648747F0577DD0224F731E"
KEYRINGS = sorted(Path("/usr/share/keyrings").glob("debian-archive-*.gpg"))


def test_a_key_that_never_expires() -> None:
    [key] = openpgp.certificates((FIXTURES / "signer.asc").read_bytes())
    assert (key.fingerprints, key.expires) == ((FINGERPRINT,), None)


@pytest.mark.parametrize(("name", "weakness"), [("good.sig", ""), ("sha1.sig", "SHA-1"), ("expired.sig", "")])
def test_who_says_to_have_signed_and_with_what(name: str, weakness: str) -> None:
    [signature] = openpgp.signatures((FIXTURES / name).read_bytes())
    assert (signature.issuer, signature.weakness) == (FINGERPRINT, weakness)
    [key] = openpgp.certificates((FIXTURES / "signer.asc").read_bytes())
    assert key.may_have_made(signature)


def test_several_armored_blocks_are_one_keyring() -> None:
    armored = (FIXTURES / "signer.asc").read_bytes()
    keys = openpgp.certificates(b"a comment\n" + armored + b"\n" + armored.replace(b"\n\n", b"\nComment: second\n\n"))
    assert [key.fingerprints for key in keys] == [(FINGERPRINT,)] * 2


@pytest.mark.skipif(not KEYRINGS, reason="this machine has no keyring of Debian's")
def test_the_keyrings_of_this_machine_are_cut_into_whole_keys() -> None:
    for path in KEYRINGS:
        keys = openpgp.certificates(path.read_bytes())
        assert b"".join(key.raw for key in keys) == path.read_bytes()
        assert all(len(fingerprint) == 40 for key in keys for fingerprint in key.fingerprints)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_our_words(data: bytes) -> None:
    for read in (openpgp.certificates, openpgp.signatures, openpgp.split_clearsigned):
        with suppress(FormatError):
            read(data)


@given(st.data())
def test_damaged_keys_and_signatures_are_read_or_refused_in_our_words(data: st.DataObject) -> None:
    whole = openpgp.dearmored((FIXTURES / data.draw(st.sampled_from(["signer.asc", "good.sig"]))).read_bytes())
    start = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:start] + data.draw(st.binary(max_size=3)) + whole[start + data.draw(st.integers(0, 3)) :]
    for read in (openpgp.certificates, openpgp.signatures):
        with suppress(FormatError):
            read(damaged)


line = st.binary(max_size=12).filter(lambda raw: b"\n" not in raw and b"\r" not in raw)


@given(st.lists(line, max_size=6))
def test_splitting_undoes_the_escaping_of_dashes(lines: list[bytes]) -> None:
    escaped = b"".join((b"- " if each.startswith(b"-") else b"") + each + b"\n" for each in lines)
    document = (
        b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
        + escaped
        + b"-----BEGIN PGP SIGNATURE-----\n\n=AAAA\n-----END PGP SIGNATURE-----\n"
    )
    text, signature = openpgp.split_clearsigned(document)
    assert text == b"\n".join(each.rstrip(b" \t") for each in lines)
    assert signature.startswith(b"-----BEGIN PGP SIGNATURE-----\n")
