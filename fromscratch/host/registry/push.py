"""Pushing an image to a registry: first its blobs, in parallel, then the documents that refer to them, then tags."""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from msgspec import Struct, field

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.formats.oci.graph import Graph, is_manifest
from fromscratch.host.http.progress import OWN_BAR, FileProgress, TotalProgress
from fromscratch.host.process import threads
from fromscratch.host.registry import mount_sources
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

_MAX_SOURCES = 5  # the token is requested for each of them
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"


class Pushed(Struct, frozen=True):
    """What was pushed. `digest` is that of the top document; `arrivals` counts blobs, `sent` their bytes."""

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
    """Push all of `graph` to the repository of `to`, under its tag and `tags`; and `artifacts`, without tags.

    What the registry has already is not sent; `mount_from` are repositories of the same registry to take blobs
    from, besides those that the store remembers. A reference with a digest and no tag sets no tag. Raises
    UsageError, RegistryError, IntegrityError; blobs that arrived before a failure are skipped the next time.
    """
    names = _names(graph, to, tags)
    place = Place.of(to)
    everything = {blob.digest: blob for whole in (graph, *artifacts) for blob in whole.blobs}
    blobs = [blob for blob in everything.values() if not is_manifest(blob.media_type)]
    known = mount_sources.known(store, place, [blob.digest for blob in blobs]) if store else {}
    counted = Counter(name for names in known.values() for name in names)
    likely = {name for name, _ in counted.most_common(_MAX_SOURCES)}
    sources = {
        blob.digest: (*mount_from, *(name for name in known.get(blob.digest, ()) if name in likely)) for blob in blobs
    }
    mounting = dict.fromkeys(name for names in sources.values() for name in names if name != place.repository)
    with Client(place, access, progress, pushing=True, mounting=mounting) as client:
        arrivals, sent = _upload(client, blobs, sources, progress)
        _put_documents(client, graph, names)
        for artifact in artifacts:
            _put_documents(client, artifact, ())
    if store:
        mount_sources.remember(store, place, [blob.digest for blob in blobs])
    return Pushed(to, graph.top.digest, names, arrivals, sent)


def _names(graph: Graph, to: Reference, tags: Sequence[str]) -> tuple[str, ...]:
    for tag in tags:
        if not re.fullmatch(_TAG, tag):
            raise UsageError(
                f"{tag!r} is not a tag", "a tag is letters, digits, and . _ - between them: not a whole name"
            )
    if to.digest is not None and to.digest != graph.top.digest:
        raise UsageError(
            f"the image is {graph.top.digest}, and {to} names another", "leave the digest out, or push that image"
        )
    return tuple(dict.fromkeys([*([to.tag] if to.tag else []), *tags]))


def _upload(
    client: Client, blobs: Sequence[Blob], sources: dict[Digest, tuple[str, ...]], progress: Progress
) -> tuple[Counter[Arrival], int]:
    """Upload all blobs; the largest first, so that the uploads end at about the same time."""
    total = sum(blob.size for blob in blobs)
    with progress.task(f"push to {client.place}", total=total) as whole:
        total_progress = TotalProgress(whole, {str(blob.digest): blob.size for blob in blobs})

        def upload(blob: Blob) -> Arrival:
            title = f"{blob.digest.hex[:12]}"
            with ExitStack() as stack:
                large = len(blobs) > 1 and blob.size >= OWN_BAR
                own_bar = stack.enter_context(progress.task(title, total=blob.size)) if large else None
                file_progress = FileProgress(total_progress, str(blob.digest), title, own_bar)
                others = tuple(name for name in sources[blob.digest] if name != client.place.repository)
                return Upload(client, blob, file_progress, others).run()

        ordered = sorted(blobs, key=lambda blob: -blob.size)
        arrivals = threads.each(ordered, upload, max(1, client.access.jobs), client.abort) if ordered else []
    sent = sum(blob.size for blob, how in zip(ordered, arrivals, strict=True) if how is Arrival.SENT)
    return Counter(arrivals), sent


def _put_documents(client: Client, graph: Graph, names: Sequence[str]) -> None:
    """Put documents after those that they refer to, and tags last, when everything is there."""
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
    """The digest of the `subject` of a manifest or an index; None without one."""
    with suppress(ValueError, TypeError, KeyError, FormatError):
        return Digest.exact(json_value(data)["subject"]["digest"])
    return None
