"""Images written under the names that `images_by_name` reads them by."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fromscratch.errors import UsageError
from fromscratch.host.machine.lookup import expanded
from fromscratch.host.storage.store import Store
from fromscratch.images import catalogue
from fromscratch.images.contract import Naming, Receipt
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image
from fromscratch.progress import SILENT, Progress

if TYPE_CHECKING:
    from fromscratch.host.registry.access import Access


def deliver(
    images: Sequence[Image],
    name: str,
    store: Store,
    progress: Progress = SILENT,
    limits: Limits = DEFAULT_LIMITS,
    *,
    access: "Access | None" = None,
) -> Receipt:
    """Write images, one for each platform, to where `name` leads: `oci-archive:hello.tar:1.0`, `docker://HOST/hello:1`.

    `images.catalogue` lists the schemes. An engine keeps the image's digest, as with `load`. Raises UsageError for any
    other name, and for a place that takes one platform only. `access` says how registries are reached.
    """
    from fromscratch.images.engine import EngineImages
    from fromscratch.images.local import path_and_name

    line = catalogue.of_name(name)
    rest = name.removeprefix(line.scheme) if line else ""
    if line is None or not rest or not line.role:
        schemes = ", ".join(each.scheme for each in catalogue.TRANSPORTS if each.role)
        raise UsageError(f"{name!r} does not say where images go", f"begin with one of {schemes}")
    kind = catalogue.load(line)
    place, called = path_and_name(expanded(rest)) if kind.place else ("", rest)
    transport = kind.at(place, store, progress, limits).reached_by(access)
    if isinstance(transport, EngineImages):
        transport = replace(transport, via="load")
    return transport.write(images, _name_inside(kind.naming, called))


def _name_inside(naming: Naming, name: str) -> str:
    """The name as the transport takes it: where it may be a whole name, a tag alone stands behind a colon."""
    tag_alone = naming == "tag or name" and name and "/" not in name and ":" not in name
    return f":{name}" if tag_alone else name
