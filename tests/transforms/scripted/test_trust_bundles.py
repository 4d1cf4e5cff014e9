"""Authorities of Fedora's and openSUSE's packages, bundled as update-ca-trust does."""

import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest

from fromscratch.formats.trust.p11_kit import MAIL
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import File, Origin, file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.transforms.scripted.trust_bundles import with_trust_bundles

_USAGE = b"\x30\x14\x06\x03\x55\x1d\x25\x04\x0d\x30\x0b"


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """A certificate of its own, and its public key, in PEM."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed; it makes the certificates of this test")
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", f"/CN={name}", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    shown = subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout"], check=True, capture_output=True, text=True)
    return cert.read_text(), shown.stdout


def section(text: str, **fields: str) -> str:
    lines = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return f"[p11-kit-object-v1]\n{lines}{text}\n"


def tree(**files: str) -> Rootfs:
    origin = Origin("source", "shipped in", "ca-certificates")
    return Rootfs({TreePath(path): file(Inline(text.encode()), origin) for path, text in files.items()})


def bundle(root: Rootfs, path: str) -> str:
    entry = root.find(path)
    assert isinstance(entry, File)
    return read(entry.content).decode()


def test_each_bundle_has_what_is_trusted_for_its_purpose(tmp_path: Path) -> None:
    (every, _), (bad, _), (mail, mail_key), (own, _) = (certificate(tmp_path, name) for name in ("a", "b", "m", "o"))
    usage = f'"{quote_from_bytes(_USAGE + MAIL)}"'
    source = "# comment\n" + "".join(
        (
            section(every, label='"All%20purposes"', trusted="true"),
            section(bad, label='"Bad"', trusted="true", x_distrusted="true"),
            section(mail, label='"Mail"', trusted="true"),
            section(mail_key, x_class="x-certificate-extension", object_id="2.5.29.37", value=usage),
            section("no block", label='"Nothing"', trusted="true"),
        )
    )
    root = tree(
        **{
            "/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit": source,
            "/etc/pki/ca-trust/source/anchors/own.pem": own,
            "/usr/share/pki/ca-trust-source/README": every,
        }
    )
    made = with_trust_bundles(root, "rpm")
    tls = bundle(made, "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem")
    assert tls == f"# All purposes\n{every}\n{own}\n"
    assert bundle(made, "/etc/pki/ca-trust/extracted/pem/email-ca-bundle.pem").count("BEGIN CERTIFICATE") == 3
    assert made[TreePath("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem")].origins[0].reason == "made by"
    suse = with_trust_bundles(tree(**{"/usr/share/pki/trust/mozilla.trust.p11-kit": source}), "rpm")
    assert bundle(suse, "/var/lib/ca-certificates/ca-bundle.pem") == f"# All purposes\n{every}\n"


def test_a_bundle_that_is_there_stays_and_without_sources_there_is_none() -> None:
    place = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
    source = "/etc/pki/ca-trust/source/anchors/own.pem"
    pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    assert bundle(with_trust_bundles(tree(**{place: "there", source: pem}), "rpm"), place) == "there"
    root = tree(**{"/etc/hosts": ""})
    assert with_trust_bundles(root, "rpm") is root
