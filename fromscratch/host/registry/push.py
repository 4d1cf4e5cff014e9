"""An image into a registry: its blobs side by side, then the documents that name them, then the tags."""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.formats.oci.graph import Graph, is_manifest
from fromscratch.host.http.progress import OWN_BAR, FileProgress, TotalProgress
from fromscratch.host.process import threads
from fromscratch.host.registry import origins
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.address import Place
from fromscratch.host.registry.client import Client
from fromscratch.host.registry.manifests import put_manifest, read_document
from fromscratch.host.registry.referrers import put_referrer
from fromscratch.host.registry.upload import Arrival, Upload
from fromscratch.host.storage.store import Store
from fromscratch.limits import json_value
from fromscratch.model.image import Blob
from fromscratch.model.reference import Reference
from fromscratch.progress import SILENT, Progress

_MOST_SOURCES = 5  # a token is asked for to read each of them
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"


@dataclass(frozen=True, slots=True)
class Pushed:
    """`digest` is that of the top document. The counts are of blobs: those of the layers and of configurations."""

    reference: Reference
    digest: Digest
    tags: tuple[str, ...]
    arrivals: Counter[Arrival] = field(default_factory=Counter)
    sent: int = 0


def push(
    graph: Graph,
    to: Reference,
    access: Access,
    progress: Progress = SILENT,
    *,
    tags: Sequence[str] = (),
    mount_from: Sequence[str] = (),
    artifacts: Sequence[Graph] = (),
    store: Store | None = None,
) -> Pushed:
    """Bring all of `graph` to the repository of `to`, and name it by its tag and by `tags`; and `artifacts`, unnamed.

    What the registry has already is not sent; `mount_from` are repositories of the same registry to take blobs
    from, besides those that the store remembers. A reference with a digest and no tag names nothing anew. Raises
    UsageError, RegistryError, IntegrityError; what has arrived when it fails stays, and is skipped the next time.
    """
    names = _names(graph, to, tags)
    place = Place.of(to)
    everything = {blob.digest: blob for whole in (graph, *artifacts) for blob in whole.blobs}
    blobs = [blob for blob in everything.values() if not is_manifest(blob.media_type)]
    known = origins.known(store, place, [blob.digest for blob in blobs]) if store else {}
    counted = Counter(name for names in known.values() for name in names)
    likely = {name for name, _ in counted.most_common(_MOST_SOURCES)}
    sources = {
        blob.digest: (*mount_from, *(name for name in known.get(blob.digest, ()) if name in likely)) for blob in blobs
    }
    mounting = dict.fromkeys(name for names in sources.values() for name in names if name != place.repository)
    with Client(place, access, progress, pushing=True, mounting=mounting) as client:
        arrivals, sent = _bring(client, blobs, sources, progress)
        _documents(client, graph, names)
        for artifact in artifacts:
            _documents(client, artifact, ())
    if store:
        origins.remember(store, place, [blob.digest for blob in blobs])
    return Pushed(to, graph.top.digest, names, arrivals, sent)


def _names(graph: Graph, to: Reference, tags: Sequence[str]) -> tuple[str, ...]:
    for tag in tags:
        if not re.fullmatch(_TAG, tag):
            raise UsageError(f"{tag!r} is no tag", "a tag is letters, digits, and . _ - between them: not a whole name")
    if to.digest is not None and to.digest != graph.top.digest:
        raise UsageError(
            f"the image is {graph.top.digest}, and {to} names another", "leave the digest out, or push that image"
        )
    return tuple(dict.fromkeys([*([to.tag] if to.tag else []), *tags]))


def _bring(
    client: Client, blobs: Sequence[Blob], sources: dict[Digest, tuple[str, ...]], progress: Progress
) -> tuple[Counter[Arrival], int]:
    """All blobs; the largest first, so that none of them is waited for alone at the end."""
    total = sum(blob.size for blob in blobs)
    with progress.task(f"push to {client.place}", total=total) as whole:
        total_progress = TotalProgress(whole, {str(blob.digest): blob.size for blob in blobs})

        def bring(blob: Blob) -> Arrival:
            title = f"{blob.digest.hex[:12]}"
            with ExitStack() as stack:
                large = len(blobs) > 1 and blob.size >= OWN_BAR
                own = stack.enter_context(progress.task(title, total=blob.size)) if large else None
                share = FileProgress(total_progress, str(blob.digest), title, own)
                others = tuple(name for name in sources[blob.digest] if name != client.place.repository)
                return Upload(client, blob, share, others).bring()

        ordered = sorted(blobs, key=lambda blob: -blob.size)
        arrivals = threads.each(ordered, bring, max(1, client.access.jobs), client.abort) if ordered else []
    sent = sum(blob.size for blob, how in zip(ordered, arrivals, strict=True) if how is Arrival.SENT)
    return Counter(arrivals), sent


def _documents(client: Client, graph: Graph, names: Sequence[str]) -> None:
    """What names others comes behind them; the tags come last, when everything is there."""
    for blob in filter(lambda one: is_manifest(one.media_type), graph.blobs):
        data = read_document(blob)
        subject = _subject(data)
        if subject is not None:
            put_referrer(client, blob, data, subject)
        elif blob.digest != graph.top.digest or not names:
            put_manifest(client, blob, str(blob.digest))
    top = next(blob for blob in graph.blobs if blob.digest == graph.top.digest)
    for name in names:
        put_manifest(client, top, name)


def _subject(data: bytes) -> Digest | None:
    """What a manifest or an index refers to."""
    with suppress(ValueError, TypeError, KeyError, FormatError):
        return Digest.exact(json_value(data)["subject"]["digest"])
    return None
