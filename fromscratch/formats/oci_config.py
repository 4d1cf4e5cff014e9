"""The configuration of an image: image-spec/config.md v1.1, with docker's `Healthcheck`.

`image_documents` makes of an `Image` all that its descriptor leads to, layers aside.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.formats import oci
from fromscratch.model.image import Healthcheck, Image, Layer, Platform, RunConfig

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Documents:
    """`descriptor` is that of the manifest, with the platform. The digest of `config` is the image ID."""

    config: bytes
    manifest: bytes
    config_descriptor: oci.Descriptor
    descriptor: oci.Descriptor


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What was read. `comments` has one text for each layer, "" where the history says nothing."""

    run: RunConfig
    platform: Platform
    diff_ids: tuple[Digest, ...]
    created: int
    author: str
    comments: tuple[str, ...]


def image_documents(image: Image) -> Documents:
    """Configuration and manifest; those that the image was read from, if they still say the same.

    Raises UsageError for a value that the format cannot hold.
    """
    config = _original_config(image) or config_bytes(image)
    config_descriptor = oci.describe(config, oci.CONFIG)
    wanted = oci.Manifest(
        config=config_descriptor,
        layers=tuple(oci.layer_descriptor(layer) for layer in image.layers),
        annotations=image.annotations,
    )
    manifest = _original_manifest(image, wanted) or oci.manifest_bytes(wanted)
    return Documents(config, manifest, config_descriptor, oci.describe(manifest, oci.MANIFEST, platform=image.platform))


def _original_config(image: Image) -> bytes | None:
    if image.original is None:
        return None
    read = parse_config(image.original.config, "the configuration")
    ours = (image.config, image.platform, image.created, image.author, *(_told(layer) for layer in image.layers))
    theirs = (read.run, read.platform, read.created, read.author, *zip(read.diff_ids, read.comments, strict=True))
    return image.original.config if ours == theirs else None


def _told(layer: Layer) -> tuple[Digest, str]:
    """What a configuration holds of a layer."""
    return layer.diff_id, layer.comment


def _original_manifest(image: Image, wanted: oci.Manifest) -> bytes | None:
    if image.original is None or not image.original.manifest:
        return None
    read = oci.parse_manifest(image.original.manifest, "the manifest")
    ours, theirs = (
        (one.config.digest, one.annotations, [(entry.media_type, entry.digest, entry.size) for entry in one.layers])
        for one in (wanted, read)
    )
    return image.original.manifest if ours == theirs else None


def config_bytes(image: Image) -> bytes:
    created = timestamp(image.created)
    platform = oci.platform_fields(image.platform)
    history = [
        {"created": created, "created_by": "fromscratch", **({"comment": layer.comment} if layer.comment else {})}
        for layer in image.layers
    ]
    document = {
        "created": created,
        **({"author": image.author} if image.author else {}),
        **platform,
        "config": run_fields(image.config),
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in image.layers]},
        "history": history,
    }
    return oci.canonical(document, "the image configuration")


def run_fields(config: RunConfig) -> dict[str, Any]:
    """The `config` object; a field with nothing in it is left out."""
    fields: dict[str, Any] = {
        "User": config.user,
        "ExposedPorts": {port: {} for port in sorted(config.exposed_ports)},
        "Env": [f"{_variable(name)}={value}" for name, value in config.env.items()],
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.cmd),
        "Volumes": {path: {} for path in sorted(config.volumes)},
        "WorkingDir": config.working_dir,
        "Labels": dict(sorted(config.labels.items())),
        "StopSignal": config.stop_signal,
        "Healthcheck": _health_fields(config.healthcheck) if config.healthcheck else None,
    }
    return {name: value for name, value in fields.items() if value}


def timestamp(seconds: int) -> str:
    """Seconds since 1970 in the form of RFC 3339, UTC."""
    try:
        return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat() + "Z"
    except OverflowError as error:
        raise UsageError(
            f"{seconds} seconds since 1970 is no date that a configuration can hold", "mend the epoch"
        ) from error


def seconds(text: str, what: str) -> int:
    """Whole seconds since 1970 of an RFC 3339 time. Raises FormatError."""
    found = _RFC3339.fullmatch(text)
    try:
        if found is None:
            raise ValueError("not of the form of RFC 3339")
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3].upper()}")
        return (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{what}: {text!r} is no time: {error}", "make the image again") from error


def _variable(name: str) -> str:
    if not name or "=" in name or "\0" in name:
        raise UsageError(f"{name!r} cannot be the name of an environment variable", "take the '=' out of the name")
    return name


def _health_fields(check: Healthcheck) -> dict[str, Any]:
    fields = {
        "Test": list(check.test),
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "Retries": check.retries,
    }
    return {name: value for name, value in fields.items() if value}


class _Health(msgspec.Struct, rename="pascal"):
    test: list[str] | None = None
    interval: int | None = None
    timeout: int | None = None
    start_period: int | None = None
    retries: int | None = None


class _Run(msgspec.Struct, rename="pascal"):
    user: str | None = None
    exposed_ports: dict[str, Any] | None = None
    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    volumes: dict[str, Any] | None = None
    working_dir: str | None = None
    labels: dict[str, str] | None = None
    stop_signal: str | None = None
    healthcheck: _Health | None = None


class _History(msgspec.Struct):
    comment: str | None = None
    created_by: str | None = None
    empty_layer: bool | None = None


class _Layers(msgspec.Struct):
    diff_ids: list[str] | None
    type: str = "layers"


class _Config(msgspec.Struct):
    architecture: str
    os: str
    rootfs: _Layers
    variant: str | None = None
    config: _Run | None = None
    history: list[_History] | None = None
    created: str | None = None
    author: str | None = None


def parse_config(data: bytes, what: str) -> Config:
    """Untrusted JSON. Fields that are not in `RunConfig` are ignored. Raises FormatError."""
    raw = oci.decode(data, _Config, what)
    if raw.rootfs.type != "layers":
        raise FormatError(f"{what} has a rootfs of the type {raw.rootfs.type!r}", "only layers are read")
    diff_ids = raw.rootfs.diff_ids or []
    return Config(
        run=_run_config(raw.config or _Run(), what),
        platform=oci.normal_platform(raw.os, raw.architecture, raw.variant or ""),
        diff_ids=tuple(Digest.parse(text) for text in diff_ids),
        created=seconds(raw.created, what) if raw.created else 0,
        author=raw.author or "",
        comments=_comments(raw.history or [], len(diff_ids)),
    )


def _comments(history: list[_History], count: int) -> tuple[str, ...]:
    written = [entry.comment or entry.created_by or "" for entry in history if not entry.empty_layer]
    written = ["" if text == "fromscratch" else text for text in written]
    # The history is optional and often wrong; a configuration is still good without it.
    return tuple(written) if len(written) == count else ("",) * count


def _run_config(raw: _Run, what: str) -> RunConfig:
    env: dict[str, str] = {}
    for variable in raw.env or []:
        name, equals, value = variable.partition("=")
        if not name or not equals:
            raise FormatError(f"{what}: {variable!r} under Env is not NAME=VALUE", "mend the image's configuration")
        env[name] = value
    return RunConfig(
        user=raw.user or "",
        exposed_ports=tuple(sorted(raw.exposed_ports or ())),
        env=env,
        entrypoint=tuple(raw.entrypoint or ()),
        cmd=tuple(raw.cmd or ()),
        volumes=tuple(sorted(raw.volumes or ())),
        working_dir=raw.working_dir or "",
        labels=raw.labels or {},
        stop_signal=raw.stop_signal or "",
        healthcheck=_healthcheck(raw.healthcheck) if raw.healthcheck else None,
    )


def _healthcheck(raw: _Health) -> Healthcheck:
    return Healthcheck(
        test=tuple(raw.test or ()),
        interval=raw.interval or 0,
        timeout=raw.timeout or 0,
        start_period=raw.start_period or 0,
        retries=raw.retries or 0,
    )
