"""`certificates:`: authorities that a tree trusts, where each program looks for them."""

import subprocess
from pathlib import Path

import pytest

from fromscratch.errors import Conflict, ImageError, RecipeError
from fromscratch.formats.trust.x509 import certificates
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs
from fromscratch.recipe import schema as recipe
from fromscratch.recipe.certificates import authorities
from fromscratch.recipe.folders import Project
from fromscratch.transforms.authorities import with_authorities
from tests.engines import need
from tests.trees import listed, text, tree

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(folder: Path, *words: str) -> str:
    return subprocess.run([need("openssl"), *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        openssl(tmp_path, "req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
    return tmp_path


def subject_hash(folder: Path, name: str) -> str:
    return openssl(folder, "x509", "-noout", "-subject_hash", "-in", f"{name}.pem").strip()


def made(folder: Path, said: str, root: str = "d 0755 0:0 /bin") -> tuple[Rootfs, list[str]]:
    options = recipe.parse(f"rootfs: [{{overlay: x}}]\ncertificates: {said}\n", "r.yaml").certificates
    return with_authorities(tree(root), authorities(options, Project(folder)))


def pem(root: Rootfs, path: str) -> bytes:
    entry = root.find(path)
    assert isinstance(entry, File)
    return read(entry.content)


def test_a_tree_without_a_bundle_gets_one_with_hashes(folder: Path) -> None:
    root, notes = made(folder, "[{source: one.pem}]")
    size = len(pem(root, "/etc/ssl/certs/ca-certificates.crt"))
    assert listed(root) == text(
        f"""
        d 0755 0:0 /bin
        d 0755 0:0 /etc
        d 0755 0:0 /etc/ssl
        d 0755 0:0 /etc/ssl/certs
        l 0777 0:0 /etc/ssl/certs/{subject_hash(folder, "one")}.0 -> one.pem
        f 0644 0:0 {size} /etc/ssl/certs/ca-certificates.crt
        l 0777 0:0 /etc/ssl/certs/one.pem -> /usr/local/share/ca-certificates/one.crt
        d 0755 0:0 /usr
        d 0755 0:0 /usr/local
        d 0755 0:0 /usr/local/share
        d 0755 0:0 /usr/local/share/ca-certificates
        f 0644 0:0 {size} /usr/local/share/ca-certificates/one.crt
        """
    )
    assert notes == []
    assert pem(root, "/etc/ssl/certs/one.pem").decode() == (folder / "one.pem").read_text()


def test_every_bundle_gets_what_it_lacks_once(folder: Path) -> None:
    one, two = ((folder / f"{name}.pem").read_text() for name in ("one", "two"))
    root, notes = made(
        folder,
        "[{source: one.pem}, {source: two.pem, name: corporate}]",
        f"""
        d 0755 0:0 /etc/pki/ca-trust/source/anchors
        f 0444 0:0 /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem {one.rstrip()!r}
        l 0777 0:0 /etc/pki/tls/certs/ca-bundle.crt -> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem
        f 0644 0:0 /etc/ssl/cert.pem ''
        f 0644 0:0 /etc/ssl/certs/java/cacerts ''
        """,
    )
    bundle = pem(root, "/etc/pki/tls/certs/ca-bundle.crt")
    assert certificates(bundle) == [*certificates(one.encode()), *certificates(two.encode())]
    assert certificates(pem(root, "/etc/ssl/cert.pem")) == certificates(bundle)
    assert pem(root, "/etc/pki/ca-trust/source/anchors/corporate.crt").decode() == two
    assert [path for path in root if path.endswith(".0")] == []
    assert notes == [
        "certificates: /etc/ssl/certs/java/cacerts, which Java reads, is left as it is; keytool adds to it"
    ]


def test_openssl_trusts_what_they_have_signed(folder: Path) -> None:
    request = ["req", *KEY, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=leaf"]
    signed = ["x509", "-req", "-CAcreateserial", "-CA", "one.pem", "-CAkey", "one.key", "-in", "leaf.csr"]
    for words in (request, [*signed, "-out", "leaf.pem"]):
        openssl(folder, *words)
    root, _ = made(folder, "[{source: one.pem}]")
    (folder / "bundle.crt").write_bytes(pem(root, "/etc/ssl/certs/ca-certificates.crt"))
    subprocess.run(
        ["openssl", "verify", "-CAfile", "bundle.crt", "leaf.pem"], cwd=folder, check=True, capture_output=True
    )


def test_several_in_one_file_are_numbered_and_names_are_their_own(folder: Path) -> None:
    both = (folder / "one.pem").read_text() + (folder / "two.pem").read_text()
    (folder / "both.pem").write_text(both)
    root, _ = made(folder, "[{source: both.pem}]")
    assert [path.rpartition("/")[2] for path in root if path.endswith(".crt")][1:] == ["both-1.crt", "both-2.crt"]
    with pytest.raises(ImageError) as caught:
        made(folder, "[{source: one.pem, name: x}, {source: two.pem, name: x}]")
    assert caught.value.message == "certificates: two of them are called x"
    with pytest.raises(Conflict):
        made(folder, "[{source: one.pem}]", "f 0644 0:0 /usr/local/share/ca-certificates/one.crt 'x'")


def test_what_is_not_a_certificate_is_refused(folder: Path) -> None:
    for name, said in (("one.key", "there is a private key in it"), ("x.pem", "there is no certificate in it")):
        (folder / "x.pem").write_text("x")
        with pytest.raises(ImageError) as caught:
            made(folder, f"[{{source: {name}}}]")
        assert caught.value.message == f"certificates[0]: {said}"
    for text_of_item, said in (
        ("{}", "content: write one of source and content"),
        ("{content: x}", "name: a certificate that is written here needs one"),
        ("{content: x, name: x}", "there is no certificate in it"),
        ("{content: '-----BEGIN EC PRIVATE KEY-----', name: x}", "there is a private key in it"),
        ("{source: x, name: ../x}", "'../x' is not a name"),
    ):
        with pytest.raises(RecipeError) as fault:
            recipe.parse(f"rootfs: [{{overlay: x}}]\ncertificates: [{text_of_item}]\n", "r.yaml")
        assert said in fault.value.message
