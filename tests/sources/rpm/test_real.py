"""Real packages, signed by real keys of every form, and a real repository; skipped where they are not at hand."""

import os
from pathlib import Path

import pytest

from fromscratch.errors import ImageError, IntegrityError
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.progress import SILENT
from fromscratch.sources.contract import Context
from fromscratch.sources.rpm import verification
from fromscratch.sources.rpm.options import RpmOptions
from fromscratch.sources.rpm.source import RpmSource

pytest.importorskip("pysequoia", reason="pysequoia is not installed; it verifies the newest signatures")

from tests.sources.rpm.repository import Repository

REAL = Path(os.environ.get("FROMSCRATCH_SHARED", Path(__file__).parents[4] / "shared")) / "data/rpm"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real packages are not here")
_V4, _V6 = "rpm-rs/RPMS/v4/signed/rpm-basic-with-", "rpm-rs/RPMS/v6/signed/rpm-basic-with-"
_END = "-2.3.4-5.el9.noarch.rpm"


def checked(package: str, keys: str, folder: Path) -> None:
    subject = verification.Subject(package, REAL / package, [REAL / keys])
    verification.check(Store(folder / "store"), [subject], SILENT, 1)


@pytest.mark.parametrize(
    ("package", "keys"),
    [
        (f"{_V4}rsa4096{_END}", "rpm-rs/signing_keys/v4/rpm-testkey-v4-keyring.asc"),
        (f"{_V4}ed25519{_END}", "rpm-rs/signing_keys/v4/rpm-testkey-v4-ed25519.asc"),
        (f"{_V4}ecdsa{_END}", "rpm-rs/signing_keys/v4/rpm-testkey-v4-ecdsa-nistp256.asc"),
        (f"{_V4}ima{_END}", "rpm-rs/signing_keys/v4/rpm-testkey-v4-ed25519.asc"),
        (f"{_V6}rsa4k{_END}", "rpm-rs/signing_keys/v6/rpm-testkey-v6-rsa4k.asc"),
        (f"{_V6}ed25519{_END}", "rpm-rs/signing_keys/v6/rpm-testkey-v6-keyring.asc"),
        (f"{_V6}mldsa65-ed25519{_END}", "rpm-rs/signing_keys/v6/rpm-testkey-v6-mldsa65-ed25519.asc"),
        (
            "rpm-rs/RPMS/v6/signed/rpm-basic-multiple-signatures-2.3.4-5.el9.noarch.rpm",
            "rpm-rs/signing_keys/v6/rpm-testkey-v6-ed25519.asc",
        ),
        ("rpm-tests/hello-2.0-1.x86_64-signed.rpm", "rpm-tests/rpm.org-rsa-2048-test.pub"),
        ("rpm-tests/hello-2.0-1.x86_64-v3-signed.rpm", "rpm-tests/rpm.org-rsa-2048-test.pub"),
        ("rpm-tests/hlinktest-1.0-1.noarch-v3sig.rpm", "rpm-tests/rpm.org-rsa-2048-test.pub"),
        ("rpm-tests/hello-2.0-1.x86_64-signed-with-subkey.rpm", "rpm-tests/alice.asc"),
        ("rpm-tests/hello-2.0-1.x86_64-signed-with-new-subkey.rpm", "rpm-tests/rpm.org-rsa-2048-add-subkey.asc"),
    ],
)
def test_a_good_signature(package: str, keys: str, tmp_path: Path) -> None:
    checked(package, keys, tmp_path)


@pytest.mark.parametrize(
    ("package", "keys", "message"),
    [
        ("rpm-tests/hello-2.0-1.x86_64-signed.rpm", "rpm-tests/alice.asc", "is not among them"),
        ("rpm-tests/hello-2.0-1.x86_64-signed-with-subkey.rpm", "rpm-tests/alice-revoked-subkey.asc", "was revoked"),
        ("rpm-tests/hello-2.0-1.x86_64-signed-with-subkey.rpm", "rpm-tests/alice-expired-subkey.asc", "has expired"),
        ("rpm-tests/hello-2.0-1.x86_64-corrupted.rpm", "rpm-tests/alice.asc", "payload does not have the sha256"),
        ("rpm-tests/hello-2.0-1.x86_64.rpm", "rpm-tests/alice.asc", "is not signed"),
    ],
)
def test_a_bad_one(package: str, keys: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=message):
        checked(package, keys, tmp_path)


def test_real_packages_in_a_repository(tmp_path: Path) -> None:
    pytest.importorskip("solv", reason="solv is not installed; it decides which packages are needed")
    repository = Repository(tmp_path / "repository")
    paths = [
        REAL / f"createrepo_c/packages/{name}.x86_64.rpm" for name in ("fake_bash-1.1.1-1", "super_kernel-6.0.1-2")
    ]
    repository.publish(*(path.read_bytes() for path in paths))
    options = RpmOptions(packages=["super_kernel"], repositories=[repository.address], unsigned=True, records=False)
    context = Context(folder=tmp_path, place="rootfs[0]", platform=Platform("linux", "amd64"))
    store = Store(tmp_path / "store")
    with pytest.raises(ImageError, match=r"nothing provides bzip2 >= 1\.0\.0, needed by super_kernel \(Requires"):
        RpmSource(options, context).fetch(store)
