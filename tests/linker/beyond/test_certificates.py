"""Certificates of authorities: taken where the TLS libraries of an image say that they look."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from fromscratch.linker.beyond import certificates, dlopen
from fromscratch.linker.beyond.contract import Offer, Scene
from tests.engines import missing, need
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.roots import Root
from tests.linker.beyond.scenes import listing, paths_needed
from tests.trees import text

DEBIAN = r"""
    f 0644 0:0 /etc/ssl/certs/ca-certificates.crt 'all of them'
    l 0777 0:0 /etc/ssl/certs/0a1b2c3d.0 -> One.pem
    l 0777 0:0 /etc/ssl/certs/One.pem -> /usr/share/ca-certificates/One.crt
    f 0644 0:0 /usr/share/ca-certificates/One.crt 'one'
    f 0644 0:0 /etc/ssl/openssl.cnf 'a = b\n.include more.cnf\n  .include = "/etc/ssl/conf.d"\n.include $ENV::X\n'
    f 0644 0:0 /usr/lib/ssl/more.cnf '.include openssl.cnf\n'
    f 0644 0:0 /etc/ssl/conf.d/x.cnf ''
    l 0777 0:0 /usr/lib/ssl/cert.pem -> /etc/ssl/certs/ca-certificates.crt
    l 0777 0:0 /usr/lib/ssl/certs -> /etc/ssl/certs
    l 0777 0:0 /usr/lib/ssl/openssl.cnf -> /etc/ssl/openssl.cnf
    f 0644 0:0 /usr/lib/ossl-modules/legacy.so 'provider'
"""
SSL = {"/usr/lib/libssl.so.3": elf(soname="libssl.so.3")}
CRYPTO = {
    "/usr/lib/libcrypto.so.3": elf(
        soname="libcrypto.so.3",
        data=b'\0OPENSSLDIR: "/usr/lib/ssl"\0MODULESDIR: "/usr/lib/ossl-modules"\0ENGINESDIR: "/usr/lib/engines-3"\0',
    )
}


def library(soname: str, *strings: str) -> dict[str, bytes]:
    data = b"".join(b"\0" + text.encode() for text in strings) + b"\0"
    return {f"/usr/lib/{soname}": elf(soname=soname, data=data)}


def without(block: str, *words: str) -> str:
    return "\n".join(line for line in block.splitlines() if not any(word in line for word in words))


def offers(scene: Scene) -> list[tuple[str, int]]:
    return [(str(each.setting), each.size) for each in certificates.find(scene) if isinstance(each, Offer)]


def test_openssl_says_where_it_looks() -> None:
    scene = system(DEBIAN, SSL | CRYPTO)
    lib = "/usr/lib/libcrypto.so.3"
    assert listing(certificates.find(scene)) == text(f"""
        certificates likely /usr/lib/ssl/cert.pem opened by {lib} (the certificates that it trusts: OPENSSLDIR)
        certificates likely optional /usr/lib/ssl/openssl.cnf opened by {lib} (its configuration: OPENSSLDIR)
        certificates declared optional /usr/lib/ssl/more.cnf opened by {lib} (included in /usr/lib/ssl/openssl.cnf)
        certificates declared whole optional /etc/ssl/conf.d opened by {lib} (included in /usr/lib/ssl/openssl.cnf)
        offer certificates /usr/lib/ssl/certs, the same certificates one by one, for programs that look in no bundle
        offer certificates OpenSSL's providers (legacy.so)
    """)  # fmt: skip
    assert offers(scene) == [
        ("certificates=hashes", 3),
        ("plugins=/usr/lib/ossl-modules/*.so", 8),
    ]


def test_the_folder_of_single_certificates_is_taken_when_asked_for_or_alone() -> None:
    both = ["/usr/lib/ssl/cert.pem", "/usr/lib/ssl/certs/0a1b2c3d.0"]
    assert paths_needed(certificates.find(system(DEBIAN, SSL | CRYPTO), hashes=True))[:2] == both
    alone = without(DEBIAN, "/usr/lib/ssl/cert.pem")
    assert paths_needed(certificates.find(system(alone, SSL | CRYPTO)))[:1] == both[1:]


def test_libcrypto_alone_trusts_nobody() -> None:
    block = without(DEBIAN, "conf.d", "openssl.cnf", "more.cnf")
    assert paths_needed(certificates.find(system(block, CRYPTO))) == []
    assert paths_needed(certificates.find(system(block, CRYPTO), always=True)) == ["/usr/lib/ssl/cert.pem"]


@pytest.mark.parametrize(
    ("soname", "strings", "names"),
    [
        ("libgnutls.so.30", ["/etc/ssl/certs/ca-certificates.crt"], ["/etc/ssl/certs/ca-certificates.crt"]),
        ("libcurl-gnutls.so.4", ["/etc/ssl/certs/ca-certificates.crt"], ["/etc/ssl/certs/ca-certificates.crt"]),
        ("libcurl.so.4", ["/etc/pki/tls/certs/ca-bundle.crt"], ["/etc/ssl/certs/ca-certificates.crt"]),
        ("libmbedtls.so.14", [], ["/etc/ssl/certs/ca-certificates.crt"]),
        ("libnss3.so", [], ["/etc/ssl/certs/ca-certificates.crt", "libnssckbi.so"]),
        ("libz.so.1", ["/etc/ssl/certs/ca-certificates.crt"], []),
    ],
)
def test_each_library_has_its_own_bundle(soname: str, strings: list[str], names: list[str]) -> None:
    assert paths_needed(certificates.find(system(DEBIAN, library(soname, *strings)))) == names


def test_a_root_without_certificates_is_told() -> None:
    assert listing(certificates.find(system("", library("libgnutls.so.30", "/etc/ssl/cert.pem")))) == (
        "warning certificates there are no certificates of authorities here: no TLS server can be trusted in the image"
    )


def test_other_distributions_have_other_bundles() -> None:
    fedora = "f 0644 0:0 /etc/pki/tls/certs/ca-bundle.crt 'all'"
    it = {"/usr/bin/it": program("puts")}
    assert paths_needed(certificates.find(system(fedora, it), always=True)) == ["/etc/pki/tls/certs/ca-bundle.crt"]
    assert paths_needed(certificates.find(system(fedora, it))) == []


def test_a_static_program_that_names_a_bundle_is_offered_it() -> None:
    go = elf(type="exec", data=b"x/etc/ssl/certs/ca-certificates.crt/etc/pki/tls/certs/ca-bundle.crt")
    scene = system(DEBIAN, {"/usr/bin/go": go, "/usr/bin/hello": elf(type="exec")})
    assert offers(scene) == [("add=/etc/ssl/certs/ca-certificates.crt", 11)]
    assert paths_needed(certificates.find(scene, always=True)) == ["/etc/ssl/certs/ca-certificates.crt"]


def test_modules_of_p11_kit_are_offered() -> None:
    block = "f 0644 0:0 /usr/lib/pkcs11/p11-kit-trust.so 'trust'"
    assert offers(system(block, library("libp11-kit.so.0", "/usr/lib/pkcs11"))) == [("plugins=/usr/lib/pkcs11/*.so", 5)]


BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


@pytest.fixture
def authority() -> str:
    """A certificate that this machine trusts."""
    if not BUNDLE.exists():
        missing(f"{BUNDLE} is not on this machine")
    return BUNDLE.read_text().partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"


@pytest.mark.slow
def test_openssl_verifies_in_an_image(tmp_path: Path, authority: str) -> None:
    root = Root(tmp_path, Path(need("openssl")), {"/it.pem": authority})
    assert root.run(args=("verify", "/it.pem")).returncode == 2
    assert root.run(certificates.find, args=("verify", "/it.pem")).stdout == "/it.pem: OK\n"
    folder_only = ("verify", "-no-CAfile", "/it.pem")
    assert root.run(certificates.find, args=folder_only).returncode == 2
    assert root.run(partial(certificates.find, hashes=True), args=folder_only).stdout == "/it.pem: OK\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """The port of a TLS server here, with a certificate that nobody trusts."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    argv = [need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    argv += ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = listening.accept()
                    with caller, suppress(OSError), context.wrap_socket(caller, server_side=True):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
def test_curl_reads_its_bundle_in_an_image(tmp_path: Path, server: int) -> None:
    """CURLE_SSL_CACERT_BADFILE without it; with it, the server is refused for its certificate."""
    root = Root(tmp_path, Path(need("curl")))
    argv = ("-sS", f"https://127.0.0.1:{server}/")
    assert root.run(dlopen.find, args=argv).returncode == 77
    assert root.run(dlopen.find, certificates.find, args=argv).returncode == 60
