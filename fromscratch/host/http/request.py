"""A request for a file, how often it is retried, and the error when no address gives it."""

import math
from collections.abc import Sequence

from msgspec import Struct, field

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import DownloadError
from fromscratch.host.http import session as web

_HINTS = {
    web.Kind.MISSING: "see whether the address is right; the file may have been replaced or removed there: "
    "fetch the index again, or name a mirror that keeps it",
    web.Kind.DENIED: "see whether it wants a name and password, which may stand in ~/.netrc (machine HOST login NAME "
    "password WORD) or in apt's auth.conf.d, or whether the server keeps out this network",
    web.Kind.UNREACHABLE: "offline? See to the network (or the proxy variables) and run it again; "
    "the partial file is kept",
    web.Kind.UNTRUSTED: "if a proxy of your network signs its own certificates, name its CA bundle in SSL_CERT_FILE",
    web.Kind.NO_PROXY: "write http_proxy, https_proxy or all_proxy as http://HOST:PORT (socks:// needs the package "
    "PySocks), or unset it",
    web.Kind.NO_ADDRESS: "write an address that starts with https://, http:// or file://",
    web.Kind.BROKEN: "run it again; the partial file is kept. If it stays like this, name another mirror",
}
# The hint is that of the first kind here: with one server down and one without the file, the first may have it.
_PRECEDENCE = (
    web.Kind.NO_PROXY,
    web.Kind.NO_ADDRESS,
    web.Kind.UNTRUSTED,
    web.Kind.UNREACHABLE,
    web.Kind.BROKEN,
    web.Kind.DENIED,
    web.Kind.MISSING,
)


class FileRequest(Struct, frozen=True, kw_only=True):
    """One file to fetch from any of `urls` (https, http or file), tried in this order; `size` in bytes.

    Secrets in addresses are not shown. Without a digest the bytes are stored under the digest that they have: the
    caller must verify a signature.
    """

    title: str
    urls: tuple[Address | str, ...]
    digest: Digest | None = None
    size: int | None = None

    @property
    def key(self) -> str:
        """The identity of the download: two requests with the same key share a partial file and a lock."""
        return str(self.digest) if self.digest else " ".join(one.key for one in self.addresses)

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(Address(one) if isinstance(one, str) else one for one in self.urls)


class Patience(Struct, frozen=True, kw_only=True):
    """How often an address is retried without any new bytes, and the waits between (in seconds, doubling)."""

    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 30.0
    timeouts: web.Timeouts = field(default_factory=web.Timeouts)

    def pause(self, failures: int, retry_after: float | None) -> float:
        """Seconds to wait after so many failures in a row; `retry_after` is what the server asks for."""
        import random

        if retry_after is not None:
            return min(retry_after, self.longest_wait)
        wait = min(math.ldexp(self.first_wait, failures - 1), self.longest_wait)
        return wait * random.uniform(0.5, 1.0)  # noqa: S311


PATIENCE = Patience()


class Missing(DownloadError):
    """No server has the file."""


def failure(request: FileRequest, problems: Sequence[tuple[Address, web.Failed]]) -> DownloadError:
    """The error for a file that no address gave: it names each with its reason."""
    if not problems:
        return DownloadError(f"cannot download {request.title}: no address is known for it", "name one")
    kinds = {failed.kind for _, failed in problems}
    hint = next(_HINTS[kind] for kind in _PRECEDENCE if kind in kinds)
    if len(problems) == 1:
        [(url, failed)] = problems
        text = f"cannot download {request.title} from {url}: {failed.reason}"
    else:
        lines = (f"\n  {url}: {failed.reason}" for url, failed in problems)
        text = f"cannot download {request.title} from any of {len(problems)} addresses:{''.join(lines)}"
    return (Missing if kinds == {web.Kind.MISSING} else DownloadError)(text, hint)
