"""How `push` and `pull` reach a registry, by the options that both have."""

from pathlib import Path
from typing import TYPE_CHECKING

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.host.registry.access import Access

PLAIN = "ask the registry without TLS (which a registry of this machine may do without being told)"

CA = "FILE in the form PEM with an authority that may sign the registry's certificate, besides the usual ones"

_MEGABYTE = 1_000_000


def access(call: Call, plain_http: bool, ca: str | None, chunk_size: str | None = None) -> "Access":
    from fromscratch.host.registry.access import Access

    chunk = chunk_size or "0"
    if not (chunk.isascii() and chunk.isdigit() and len(chunk) < 7) or (chunk_size and not int(chunk)):
        raise UsageError(
            f"--chunk-size {chunk_size:.40} is not a number of megabytes", "say a whole number, such as 50"
        )
    return Access(
        plain_http=plain_http,
        ca=Path(ca) if ca else None,
        chunk_size=int(chunk) * _MEGABYTE,
        environment=dict(call.environment),
    )
