"""The authorities that may sign a registry's certificate, and the client certificates for it.

Docker and the tools of containers/image keep both in folders named for the registry: `certs.d/HOST[:PORT]/*.crt`,
and `*.cert` with `*.key` for the client.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.host.registry.access import Access

if TYPE_CHECKING:
    import ssl


class Trust(Struct, frozen=True):
    """PEM files: authorities besides the usual ones, and client certificates with their keys."""

    authorities: tuple[Path, ...] = ()
    client_certificates: tuple[tuple[Path, Path], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.authorities or self.client_certificates)

    def load(self, context: "ssl.SSLContext") -> None:
        """Load these into a context. Raises UsageError for a file that cannot be used."""
        for authority in self.authorities:
            try:
                context.load_verify_locations(cafile=authority)
            except OSError as error:
                raise _unusable(authority, error, "a certificate in the form PEM") from error
        for certificate, key in self.client_certificates:
            try:
                context.load_cert_chain(certificate, key, password=_no_password)
            except (OSError, ValueError) as error:
                raise _unusable(certificate, error, f"a certificate that belongs to the key {key}") from error


def trust(registry: str, access: Access) -> Trust:
    """The authorities and certificates for a registry, from the call and the folders of this machine."""
    authorities = [access.ca] if access.ca else []
    client_certificates: list[tuple[Path, Path]] = []
    for folder in _folders(registry, access):
        authorities += sorted(folder.glob("*.crt"))
        pairs = ((certificate, certificate.with_suffix(".key")) for certificate in sorted(folder.glob("*.cert")))
        client_certificates += [(certificate, key) for certificate, key in pairs if key.is_file()]
    return Trust(tuple(authorities), tuple(client_certificates))


def _folders(registry: str, access: Access) -> list[Path]:
    roots = (
        access.configuration / "containers/certs.d",
        access.configuration / "docker/certs.d",
        Path("/etc/containers/certs.d"),
        Path("/etc/docker/certs.d"),
    )
    return [root / registry for root in roots if _may_be_entered(root / registry)]


def _may_be_entered(folder: Path) -> bool:
    """Whether this user may read the folder: old versions of docker made /etc/docker private to root."""
    try:
        return folder.is_dir()
    except PermissionError:
        return False


def _no_password() -> str:
    raise ValueError("the key wants a password")


def _unusable(path: Path, error: Exception, needed: str) -> UsageError:
    import ssl

    if isinstance(error, FileNotFoundError):
        return UsageError(f"there is no {path}", f"name {needed}")
    reason = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None) or error
    return UsageError(f"{path} cannot be used: {reason}", f"name {needed}")
