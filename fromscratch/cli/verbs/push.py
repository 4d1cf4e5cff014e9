"""`push`: bring an image into a registry."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fromscratch.cli.call import Call
from fromscratch.cli.registry_access import access
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.host.registry.push import Pushed
    from fromscratch.model.reference import Reference


def push(
    call: Call,
    *,
    ref: str | None,
    image: str | None,
    also_tag: tuple[str, ...],
    mount_from: tuple[str, ...],
    plain_http: bool,
    ca: str | None,
    chunk_size: str | None,
    json: bool,
) -> None:
    from fromscratch.cli.chosen_image import all_images
    from fromscratch.host.registry.address import reference_of
    from fromscratch.images.registry import RegistryImages

    if not ref:
        raise UsageError("push needs the name of what it makes", "say push HOST/PATH:TAG, as in localhost:5000/hello:1")
    _check_repositories(mount_from or (), reference_of(ref))
    registry = RegistryImages(
        store=call.store,
        access=access(call, plain_http, ca, chunk_size),
        tags=tuple(also_tag or ()),
        mount_from=tuple(mount_from or ()),
        progress=call.progress,
        limits=call.limits,
    )
    pushed = registry.push(all_images(call, image), ref)
    call.result(_facts(pushed), _text(pushed), json)


def _check_repositories(paths: Sequence[str], to: "Reference") -> None:
    """Raises UsageError for what is not a repository: the registry would only find nothing there, and not complain."""
    from fromscratch.model.reference import Reference

    for path in paths:
        try:
            found = Reference.parse(f"host.invalid/{path}")
        except UsageError:
            found = None
        if found is None or found.path != path or path.startswith(f"{to.host}/"):
            raise UsageError(
                f"--mount-from {path} is not a repository of {to.host or 'docker.io'}",
                "say its path alone, without host and tag, such as team/hello",
            )


def _facts(pushed: "Pushed") -> dict[str, object]:
    return {
        "reference": f"docker://{pushed.reference}",
        "digest": str(pushed.digest),
        "tags": list(pushed.tags),
        "blobs": {how.name.lower(): pushed.arrivals[how] for how in type(next(iter(pushed.arrivals)))},
        "bytes": pushed.sent,
    }


def _text(pushed: "Pushed") -> str:
    counts = ", ".join(f"{count} {how.value}" for how, count in pushed.arrivals.items() if count)
    also = f", also as {', '.join(pushed.tags[1:])}" if pushed.tags[1:] else ""
    return f"pushed {pushed.reference} ({pushed.digest}){also}: {counts}, {pushed.sent / 1e6:.1f} MB"
