"""A certificate authority of the tests' own: openssl makes its key, and the certificates that it signs."""

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.engines import need

_NAMES = "IP:127.0.0.1,DNS:localhost,DNS:registry.example"
# The fields that verifiers ask for, strict ones too: RFC 5280, 4.2.1.
_ROOT = """
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
"""
_LEAF = """
basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName={names}
"""


@dataclass(frozen=True)
class Pair:
    """A private key and its certificate, each a PEM file, and both in one file."""

    key: Path
    certificate: Path
    both: Path

    def x5c(self) -> str:
        """The certificate as a JSON Web Signature carries it: RFC 7515, 4.1.6."""
        der = openssl("x509", "-in", str(self.certificate), "-outform", "DER")
        return base64.b64encode(der).decode()

    def signed(self, data: bytes) -> bytes:
        """The RS256 signature of `data`: RFC 7518, 3.3."""
        return openssl("dgst", "-sha256", "-sign", str(self.key), given=data)


@dataclass(frozen=True)
class Authority:
    """`certificate` is the PEM file that a client is told to trust."""

    folder: Path
    key: Path
    certificate: Path

    @classmethod
    def make(cls, folder: Path, name: str = "tests of fromscratch") -> "Authority":
        folder.mkdir(parents=True, exist_ok=True)
        key, certificate = folder / "ca.key", folder / "ca.pem"
        _key(key)
        request = _request(key, name)
        extensions = folder / "ca.ext"
        extensions.write_text(_ROOT)
        signed = openssl(
            *("x509", "-req", "-days", "2", "-signkey", str(key), "-extfile", str(extensions)), given=request
        )
        certificate.write_bytes(signed)
        return cls(folder, key, certificate)

    def pair(self, name: str, names: str = _NAMES) -> Pair:
        """A key with a certificate for these subject alternative names, signed by the authority."""
        key, certificate, both = (self.folder / f"{name}.{end}" for end in ("key", "pem", "both.pem"))
        _key(key)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(_LEAF.format(names=names))
        ours = ("-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial")
        signed = openssl(*("x509", "-req", "-days", "1", *ours, "-extfile", str(extensions)), given=_request(key, name))
        certificate.write_bytes(signed)
        both.write_bytes(key.read_bytes() + signed)
        return Pair(key, certificate, both)


def openssl(*words: str, given: bytes = b"") -> bytes:
    made = subprocess.run([need("openssl"), *words], input=given, capture_output=True, check=False)
    assert made.returncode == 0, made.stderr.decode()
    return made.stdout


def _key(path: Path) -> None:
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(path))


def _request(key: Path, name: str) -> bytes:
    return openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}")
