"""What is wanted from the network, how long it is tried, and what is said when it does not come."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

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
    "what has come so far is kept",
    web.Kind.UNTRUSTED: "if a proxy of your network signs its own certificates, name its CA bundle in SSL_CERT_FILE",
    web.Kind.NO_PROXY: "write http_proxy, https_proxy or all_proxy as http://HOST:PORT (socks:// needs the package "
    "PySocks), or unset it",
    web.Kind.NO_ADDRESS: "write an address that starts with https://, http:// or file://",
    web.Kind.BROKEN: "run it again; what has come so far is kept. If it stays like this, name another mirror",
}
# What helps most comes first: with one server down and one without the file, the first may well have it.
_TELLING = (
    web.Kind.NO_PROXY,
    web.Kind.NO_ADDRESS,
    web.Kind.UNTRUSTED,
    web.Kind.UNREACHABLE,
    web.Kind.BROKEN,
    web.Kind.DENIED,
    web.Kind.MISSING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file, at any of `urls` (https, http or file), tried in their order; `size` in bytes.

    A text among them is an address, whose secrets nobody is shown.

    Without a digest the bytes are stored under the digest they have: the caller must verify a signature.
    """

    title: str
    urls: tuple[Address | str, ...]
    digest: Digest | None = None
    size: int | None = None

    @property
    def key(self) -> str:
        """What makes two of them the same download."""
        return str(self.digest) if self.digest else " ".join(one.key for one in self.addresses)

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(Address(one) if isinstance(one, str) else one for one in self.urls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often one address is asked when it brings nothing new, and how long we wait between (seconds, doubling)."""

    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 30.0
    timeouts: web.Timeouts = field(default_factory=web.Timeouts)

    def pause(self, failures: int, asked: float | None) -> float:
        """Before the next attempt, after so many failures in a row; `asked` is what the server asked for."""
        import random

        if asked is not None:
            return min(asked, self.longest_wait)
        wait = min(math.ldexp(self.first_wait, failures - 1), self.longest_wait)
        return wait * random.uniform(0.5, 1.0)  # noqa: S311


PATIENCE = Patience()


class Missing(DownloadError):
    """Every server that was asked says that it has no such file."""


def failure(wanted: Wanted, problems: Sequence[tuple[Address, web.Failed]]) -> DownloadError:
    """The error for a file that none of its addresses gave, each named with its reason."""
    if not problems:
        return DownloadError(f"cannot download {wanted.title}: no address is known for it", "name one")
    kinds = {failed.kind for _, failed in problems}
    hint = next(_HINTS[kind] for kind in _TELLING if kind in kinds)
    if len(problems) == 1:
        [(url, failed)] = problems
        text = f"cannot download {wanted.title} from {url}: {failed.reason}"
    else:
        lines = (f"\n  {url}: {failed.reason}" for url, failed in problems)
        text = f"cannot download {wanted.title} from any of {len(problems)} addresses:{''.join(lines)}"
    return (Missing if kinds == {web.Kind.MISSING} else DownloadError)(text, hint)
