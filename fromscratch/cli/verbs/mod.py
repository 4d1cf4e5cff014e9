"""`mod`: an existing image with another configuration, other annotations, and layers on top."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fromscratch.cli.call import Call
from fromscratch.cli.registry_access import access
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.flow.modification import Modified, StartCheck
    from fromscratch.host.registry.access import Access
    from fromscratch.images.contract import Receipt
    from fromscratch.model.image import Image


def mod(
    call: Call,
    *,
    image: str | None,
    to: str | None,
    tag: str | None,
    engine: str | None,
    user: str | None,
    env: Sequence[str],
    unset_env: Sequence[str],
    entrypoint: str | None,
    cmd: str | None,
    workdir: str | None,
    port: Sequence[str],
    unset_port: Sequence[str],
    volume: Sequence[str],
    unset_volume: Sequence[str],
    stop_signal: str | None,
    stop_timeout: str | None,
    healthcheck: str | None,
    health_interval: str | None,
    health_timeout: str | None,
    health_start_period: str | None,
    health_start_interval: str | None,
    health_retries: str | None,
    shell: str | None,
    onbuild: Sequence[str],
    label: Sequence[str],
    unset_label: Sequence[str],
    annotation: Sequence[str],
    unset_annotation: Sequence[str],
    index_annotation: Sequence[str],
    clear: Sequence[str],
    author: str | None,
    created: str | None,
    set_platform: str | None,
    comment: str | None,
    created_by: str | None,
    no_history: bool,
    append: Sequence[str],
    owner: str,
    start_check: "StartCheck | None",
    plain_http: bool,
    ca: str | None,
    json: bool,
) -> None:
    from fromscratch.cli.verbs import mod_changes, mod_destination
    from fromscratch.cli.verbs.mod_layers import on_top
    from fromscratch.flow.modification import Modification, modify

    said = {name: value for name, value in locals().items() if name in mod_changes.SAID and value not in (None, ())}
    target = mod_destination.target(to, tag, engine)
    changes = mod_changes.changes(said)
    reached = access(call, plain_http, ca)
    layers = on_top(call, append, owner, reached)
    if not layers and not changes.says_something:
        raise UsageError("mod was told of no change", "say what is to change, such as --user 65532 or --append DIR")
    found, name = _images(call, image, reached)
    job = Modification(
        images=tuple(found),
        changes=changes,
        on_top=layers,
        platforms=call.platforms,
        store=call.store,
        progress=call.progress,
        moment=call.epoch(None) if call.environment.get("SOURCE_DATE_EPOCH") else None,
        said=created_by or mod_changes.history_text(said),
        comment=comment or "",
        keeps_history=no_history,
        start_check=start_check or "error",
        limits=call.limits,
    )
    made = modify(job)
    receipt, written = mod_destination.deliver(call, target, made, name, reached)
    call.result(_facts(made, written, receipt), "\n".join(_lines(made, written, receipt)), json)


def _images(call: Call, name: str | None, reached: "Access") -> tuple[list["Image"], str]:
    """All images of the name, and what they are called; those of the recipe's build where none is named."""
    from fromscratch.flow import images_by_name
    from fromscratch.flow.output import need_built

    if name:
        found = images_by_name.find_all(name, call.store, progress=call.progress, limits=call.limits, access=reached)
    else:
        found = list(need_built(call.job.output, ()).images)
    for platform in call.platforms:
        if platform not in [image.platform for image in found]:
            there = ", ".join(str(image.platform) for image in found)
            raise UsageError(f"the image is not for {platform}", f"say --platform with one of: {there}")
    return found, name or call.job.recipe.name


def _facts(made: "Modified", written: Sequence["Image"], receipt: "Receipt") -> dict[str, Any]:
    from fromscratch.cli.output.digests import Digests

    digests = Digests.of(written)
    return {
        "reference": receipt.reference,
        "written": str(receipt.digest),
        **digests.whole,
        "images": [
            {
                "platform": str(image.platform),
                "changed": image in made.changed,
                **each,
                "layers": [str(layer.digest) for layer in image.layers],
            }
            for image, each in zip(written, digests.images, strict=True)
        ],
    }


def _lines(made: "Modified", written: Sequence["Image"], receipt: "Receipt") -> list[str]:
    from fromscratch.cli.output.digests import Digests
    from fromscratch.cli.output.sizes import counted

    lines = []
    for image, digests in zip(written, Digests.of(written).images, strict=True):
        what = f"changed, {counted(len(image.layers), 'layer', 'layers')}" if image in made.changed else "as it was"
        lines.append(f"{image.platform}: {what}; manifest {digests['manifest']}, configuration {digests['config']}")
    return [*lines, f"wrote {receipt.reference} ({receipt.digest})"]
