"""Signatures: the same answer from each tool that can verify them.

Keys are made here with pysequoia; what that library rightly refuses to make (a signature with SHA-1,
one that has expired) was made once with GnuPG and lies in openpgp/, all by one key.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fromscratch.errors import IntegrityError, MissingTool
from fromscratch.formats.trust import openpgp
from fromscratch.host.machine import signature
from fromscratch.host.process import run

pysequoia = pytest.importorskip("pysequoia", reason="pysequoia is not installed; it makes the keys of these tests")

FIXTURES = Path(__file__).parents[2] / "formats/trust/openpgp"
TEXT = b"Origin: Example\n- a line with a dash\n-- and with two\n\ntrailing blanks  \t\nFrom here on"
SIGNED = b"Origin: Example\n- a line with a dash\n-- and with two\n\ntrailing blanks\nFrom here on"


@pytest.fixture(params=["gpgv", "sqv", "pysequoia"])
def tool(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name not in signature.available():
        pytest.skip(f"{name} is not installed")
    return name


@dataclass(frozen=True)
class Signer:
    key: Any
    keyring: Path

    def clearsign(self, text: bytes) -> bytes:
        return bytes(pysequoia.sign(self.key.signer(), text, mode=pysequoia.SignatureMode.CLEAR))

    def detached(self, data: bytes, *, armor: bool = True) -> bytes:
        return bytes(pysequoia.sign(self.key.signer(), data, mode=pysequoia.SignatureMode.DETACHED, armor=armor))


Make = Callable[..., Signer]


@pytest.fixture
def signer(tmp_path: Path) -> Make:
    def make(name: str, *, armored: bool = False, validity: int | None = None) -> Signer:
        key = pysequoia.Tsk.generate(f"{name} <{name}@example.invalid>", validity_seconds=validity)
        certificate = key.extract_certificate()
        keyring = tmp_path / f"{name}.{'asc' if armored else 'gpg'}"
        keyring.write_bytes(str(certificate).encode() if armored else bytes(certificate))
        return Signer(key, keyring)

    return make


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(IntegrityError) as caught:
        call()
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("armored", [False, True])
def test_the_signed_text_comes_back_and_only_that(signer: Make, tool: str, armored: bool) -> None:
    alice = signer("alice", armored=armored)
    document = alice.clearsign(TEXT)
    assert signature.verify_clearsigned(document, [alice.keyring], "InRelease", tool=tool) == SIGNED


def test_line_ends_of_another_system_are_no_change(signer: Make, tool: str) -> None:
    alice = signer("alice")
    document = alice.clearsign(TEXT).replace(b"\n", b"\r\n")
    assert signature.verify_clearsigned(document, [alice.keyring], "InRelease", tool=tool) == SIGNED


def test_one_known_signer_of_several_is_enough(signer: Make, tool: str) -> None:
    alice, bob = signer("alice"), signer("bob", armored=True)
    both = alice.detached(b"data", armor=False) + bob.detached(b"data", armor=False)
    data = alice.keyring.with_name("data")
    data.write_bytes(b"data")
    signature.verify_detached(data, both, [alice.keyring], "data", tool=tool)
    signature.verify_detached(data, both, [bob.keyring], "data", tool=tool)
    signature.verify_detached(data, both, [alice.keyring, bob.keyring], "data", tool=tool)


def test_a_changed_text_is_refused(signer: Make, tool: str) -> None:
    alice = signer("alice")
    document = alice.clearsign(TEXT).replace(b"Example", b"example")
    said = refused(lambda: signature.verify_clearsigned(document, [alice.keyring], "InRelease", tool=tool))
    assert said.startswith("InRelease has no good signature by a key in ")


def test_a_key_that_is_not_in_the_keyring_is_refused(signer: Make, tool: str) -> None:
    alice, mallory = signer("alice"), signer("mallory")
    said = refused(
        lambda: signature.verify_clearsigned(mallory.clearsign(TEXT), [alice.keyring], "InRelease", tool=tool)
    )
    assert "is not among them" in said


def test_a_signature_that_names_a_known_key_but_was_made_by_another_is_refused(signer: Make, tool: str) -> None:
    alice = signer("alice")
    data = alice.keyring.with_name("data")
    data.write_bytes(b"data")
    forged = bytearray(alice.detached(b"data", armor=False))
    forged[-3] ^= 1
    refused(lambda: signature.verify_detached(data, bytes(forged), [alice.keyring], "data", tool=tool))


@pytest.mark.parametrize(
    ("around", "said"),
    [
        (b"%s\nnobody signed this\n", "there is text after the signature"),
        (b"nobody signed this\n%s", "there is text before the signed text"),
        (b"%s%s", "there is text after the signature"),
    ],
)
def test_text_around_the_signed_text_is_refused(signer: Make, tool: str, around: bytes, said: str) -> None:
    alice = signer("alice")
    document = around.replace(b"%s", alice.clearsign(TEXT))
    assert said in refused(lambda: signature.verify_clearsigned(document, [alice.keyring], "InRelease", tool=tool))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda document: TEXT, "there is no signed text in it"),
        (lambda document: b"", "there is no signed text in it"),
        (lambda document: document[: document.index(b"-----BEGIN PGP SIGNATURE")], "has no signature"),
        (lambda document: document[:-40], "its signature is cut"),
        (lambda document: document.replace(b"\n- - a", b"\n- a"), "no good signature"),
        (lambda document: document.replace(b"\n- -- and", b"\n-- and"), "an unescaped dash"),
        (lambda document: document.replace(b"\n\n", b"\nSuite: sid\n\n", 1), "text in the header"),
    ],
)
def test_a_document_that_is_not_signed_as_it_should_be_is_refused(
    signer: Make, tool: str, change: Callable[[bytes], bytes], said: str
) -> None:
    alice = signer("alice")
    document = change(alice.clearsign(TEXT))
    assert said in refused(lambda: signature.verify_clearsigned(document, [alice.keyring], "InRelease", tool=tool))


@pytest.mark.parametrize("armor", [False, True])
def test_a_detached_signature(signer: Make, tool: str, tmp_path: Path, armor: bool) -> None:
    alice = signer("alice")
    data = tmp_path / "buildroot.tar"
    data.write_bytes(os.urandom(100_000))
    signed = alice.detached(data.read_bytes(), armor=armor)
    signature.verify_detached(data, signed, [alice.keyring], "buildroot.tar", tool=tool)
    data.write_bytes(data.read_bytes() + b"\0")
    refused(lambda: signature.verify_detached(data, signed, [alice.keyring], "buildroot.tar", tool=tool))


@pytest.mark.parametrize("junk", [b"", b"<html>not found</html>", b"\x99\xff\xff", b"\xc2\x05abc"])
def test_a_signature_that_is_none_is_refused(signer: Make, tool: str, junk: bytes) -> None:
    alice = signer("alice")
    refused(lambda: signature.verify_detached(alice.keyring, junk, [alice.keyring], "data", tool=tool))


def test_a_signed_message_is_no_detached_signature(signer: Make, tool: str) -> None:
    alice = signer("alice")
    message = bytes(pysequoia.sign(alice.key.signer(), b"other data", armor=False))
    said = refused(lambda: signature.verify_detached(alice.keyring, message, [alice.keyring], "data", tool=tool))
    assert "something else than signatures" in said


def test_the_key_of_the_fixtures_signs_well(tool: str) -> None:
    good = (FIXTURES / "good.sig").read_bytes()
    signature.verify_detached(FIXTURES / "text", good, [FIXTURES / "signer.asc"], "text", tool=tool)


def test_an_expired_signature_is_refused(tool: str) -> None:
    expired = (FIXTURES / "expired.sig").read_bytes()
    said = refused(
        lambda: signature.verify_detached(FIXTURES / "text", expired, [FIXTURES / "signer.asc"], "text", tool=tool)
    )
    assert "expired" in said.lower() or tool == "pysequoia"


def test_a_signature_with_sha_1_is_refused(tool: str) -> None:
    weak = (FIXTURES / "sha1.sig").read_bytes()
    said = refused(
        lambda: signature.verify_detached(FIXTURES / "text", weak, [FIXTURES / "signer.asc"], "text", tool=tool)
    )
    assert "SHA-1, which can be forged" in said


def test_a_key_that_has_expired_is_refused_with_its_date(signer: Make, tool: str) -> None:
    brief = signer("brief", validity=3600)
    document = brief.clearsign(TEXT)
    [key] = openpgp.certificates(brief.keyring.read_bytes())
    assert key.expires is not None
    later = key.expires + 1.0
    said = refused(lambda: signature.verify_clearsigned(document, [brief.keyring], "InRelease", tool=tool, now=later))
    assert "has expired on 2" in said


@pytest.mark.parametrize("content", [None, b"", b"no keyring", b"\0\0\0\0\0\0\0\0KBXf"])
def test_a_keyring_that_cannot_be_used_is_named(signer: Make, tool: str, tmp_path: Path, content: bytes | None) -> None:
    keyring = tmp_path / "other.gpg"
    if content is not None:
        keyring.write_bytes(content)
    document = signer("alice").clearsign(TEXT)
    said = refused(lambda: signature.verify_clearsigned(document, [keyring], "InRelease", tool=tool))
    assert str(keyring) in said


def test_without_a_keyring_nothing_is_verified(signer: Make, tool: str) -> None:
    document = signer("alice").clearsign(TEXT)
    assert "no keyring is known" in refused(lambda: signature.verify_clearsigned(document, [], "InRelease", tool=tool))


def test_a_tool_that_is_not_here_is_named_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MissingTool) as caught:
        signature.verify_detached(tmp_path, b"", [tmp_path], "data", tool="nonesuch")
    assert "apt-get install gpgv" in caught.value.hint
    assert "pip install pysequoia" in caught.value.hint


def test_keyrings_are_found_where_apt_keeps_them(tmp_path: Path) -> None:
    for name in (
        "usr/share/keyrings/debian-archive-keyring.gpg",
        "usr/share/keyrings/debian-archive-removed-keys.gpg",
        "usr/share/keyrings/someone.gpg",
        "etc/apt/trusted.gpg.d/debian.asc",
        "etc/apt/trusted.gpg.d/README",
        "etc/apt/keyrings/vendor.pgp",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def found(*names: str) -> list[str]:
        return [str(path.relative_to(tmp_path)) for path in signature.find_keyrings(names, tmp_path)]

    assert found() == [
        "usr/share/keyrings/debian-archive-keyring.gpg",
        "etc/apt/trusted.gpg.d/debian.asc",
        "etc/apt/keyrings/vendor.pgp",
    ]
    assert found("vendor", "nobody") == ["etc/apt/keyrings/vendor.pgp"]


def test_the_indexes_of_this_machine(tool: str) -> None:
    indexes = sorted(Path("/var/lib/apt/lists").glob("*_InRelease"))
    keyrings = signature.find_keyrings()
    if not indexes or not keyrings:
        pytest.skip("this machine has no apt lists, or no keyring of Debian's")
    for index in indexes[:3]:
        document = index.read_bytes()
        text = signature.verify_clearsigned(document, keyrings, index.name, tool=tool)
        assert text + b"\n" in document
        changed = document.replace(b"\nSuite: ", b"\nSuite: x", 1)
        refused(partial(signature.verify_clearsigned, changed, keyrings, index.name, tool=tool))


def test_what_is_returned_is_what_gnupg_itself_takes_out(signer: Make, tmp_path: Path) -> None:
    if run.find("gpgv") is None:
        pytest.skip("gpgv is not installed")
    alice = signer("alice")
    document = tmp_path / "document"
    document.write_bytes(alice.clearsign(TEXT))
    argv = ["gpgv", "--keyring", str(alice.keyring), "--output", "-", str(document)]
    own = run.run(argv).stdout
    assert (
        own.replace(b"  \t", b"") == signature.verify_clearsigned(document.read_bytes(), [alice.keyring], "it") + b"\n"
    )
