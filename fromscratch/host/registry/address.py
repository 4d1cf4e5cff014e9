"""The registry and repository that an image name means, and the scheme (https or http) of its API."""

import ipaddress
import socket
from urllib.parse import urlsplit

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.host.http import session as web
from fromscratch.model.reference import Reference

HUB = "docker.io"
_HUB_NAMES = frozenset({"", HUB, "index.docker.io", "registry-1.docker.io"})
_HUB_API = "registry-1.docker.io"
_PROBE = 5.0
# The reasons of OpenSSL for an answer that is not TLS.
NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG")


class Place(Struct, frozen=True):
    """One repository. `registry` is the host as names of images write it, with its port if they do."""

    registry: str
    repository: str

    @classmethod
    def of(cls, reference: Reference) -> "Place":
        """A name without a host is one of docker.io, and there a name without a slash is one of library/."""
        registry = canonical(reference.host)
        path = reference.path
        return cls(registry, f"library/{path}" if registry == HUB and "/" not in path else path)

    @property
    def host(self) -> str:
        """HOST[:PORT] of the API."""
        return _HUB_API if self.registry == HUB else self.registry

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}"


def canonical(registry: str) -> str:
    """The registry under one name: docker.io has had several."""
    return HUB if registry in _HUB_NAMES else registry


def reference_of(text: str) -> Reference:
    """`HOST/PATH[:TAG][@DIGEST]`, or with docker:// before it any name that docker takes. Raises UsageError."""
    bare = text.removeprefix("docker://")
    reference = Reference.parse(bare)
    if not reference.host and bare == text:
        raise UsageError(
            f"{text} names no registry",
            f"write its host too, such as {Place.of(reference)} or localhost:5000/{reference.path}",
        )
    return reference


def is_loopback(host: str) -> bool:
    """Whether HOST[:PORT] is this machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def base_url(place: Place, *, plain_http: bool, trusting: bool) -> str:
    """The base URL of the API: https, unless `plain_http`, or the host is this machine and does not speak TLS.

    With certificates to trust (`trusting`) it is https.
    """
    if plain_http:
        return f"http://{place.host}"
    if not trusting and is_loopback(place.host) and not _speaks_tls(place.host):
        return f"http://{place.host}"
    return f"https://{place.host}"


def _speaks_tls(host: str) -> bool:
    """Whether a server at this address takes part in a TLS handshake. It gets no data, and is not trusted."""
    import ssl

    parts = urlsplit(f"//{host}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 443), _PROBE) as connection:
            context.wrap_socket(connection, server_hostname=parts.hostname).close()
    except ssl.SSLError as error:
        hung_up = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)  # the second in Python before 3.11.4
        return (error.reason or "") not in NO_TLS and not hung_up
    except (TimeoutError, ConnectionResetError):
        return False
    except ValueError:  # a port beyond the last one, or a part of the name beyond 63 letters
        raise web.Failed(web.Kind.NO_ADDRESS, f"{host} is not a valid address") from None
    except OSError as error:
        if parts.port is None:
            return False  # nothing at 443: port 80 may be meant, and the first request will tell
        raise web.Failed(web.Kind.UNREACHABLE, f"cannot connect to {host}: {error.strerror}", again=True) from error
    return True
