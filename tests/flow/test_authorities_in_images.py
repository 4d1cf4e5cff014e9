"""An authority of the recipe is trusted inside the image, by the folder of hashes and by the bundle."""

import subprocess

import pytest

from fromscratch.host.machine import apt as apt_config
from tests.cli.command import Desk
from tests.engines import missing, need

pytestmark = pytest.mark.slow

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
RECIPE = """\
name: demo
rootfs:
  - debian: {suite: trixie, packages: [openssl, ca-certificates, dash]}
  - overlay: files
image: {cmd: [/bin/sh]}
checks:
  - {exec: "openssl verify /leaf.pem", expect: OK}
  - {exec: "openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt -no-CApath -no-CAstore /leaf.pem", expect: OK}
"""


def test_openssl_of_debian_trusts_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    if not apt_config.mirrors():
        missing("this machine has no apt sources to take a mirror from")
    desk = Desk(tmp_path_factory.mktemp("desk"), tmp_path_factory.mktemp("store"))
    (desk.folder / "files").mkdir()
    signed = ("-CAcreateserial", "-CA", "ca.pem", "-CAkey", "ca.key", "-in", "leaf.csr", "-out", "files/leaf.pem")
    for words in (
        ("req", "-x509", *KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Example"),
        ("req", *KEY, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=leaf"),
        ("x509", "-req", *signed),
    ):
        subprocess.run([need("openssl"), *words], cwd=desk.folder, check=True, capture_output=True)
    desk.write("fromscratch.yaml", RECIPE)
    assert "unable to get local issuer certificate" in desk.call("fetch", "build").err
    desk.write("fromscratch.yaml", f"{RECIPE}certificates: [{{source: ca.pem}}]\n")
    assert "2 checks passed" in desk.answer("build")
