"""The JSON schemas of the image specification, as Debian ships them, and layouts held against them."""

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from fromscratch.digest import Digest
from tests.engines import missing

FOLDER = "FROMSCRATCH_OCI_SCHEMAS"  # a newer copy of the specification's folder `schema`
_OF_DEBIAN = "/usr/share/gocode/src/github.com/opencontainers/image-spec/schema"
_CONTENT = "content-descriptor.json"
_MEDIA_TYPE = {"$ref": "defs-descriptor.json#/definitions/mediaType"}

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYOUT = "application/vnd.oci.layout.header.v1+json"
DESCRIPTOR = "application/vnd.oci.descriptor.v1+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_FILES = {
    MANIFEST: "image-manifest-schema.json",
    INDEX: "image-index-schema.json",
    CONFIG: "config-schema.json",
    LAYOUT: "image-layout-schema.json",
    DESCRIPTOR: _CONTENT,
}
# What version 1.1 of the specification says besides; Debian's schemas are of a candidate of it.
_DESCRIPTOR = {
    "allOf": [{"$ref": _CONTENT}, {"properties": {"artifactType": _MEDIA_TYPE, "data": {"type": "string"}}}],
    "required": ["mediaType", "digest", "size"],
}
_SINCE: dict[str, dict[str, object]] = {
    MANIFEST: {
        "properties": {
            "mediaType": {"enum": [MANIFEST]},
            "artifactType": _MEDIA_TYPE,
            "subject": _DESCRIPTOR,
        },
        # image-spec/manifest.md: an artifact type must be there when the configuration is the empty one.
        "anyOf": [
            {"not": {"properties": {"config": {"properties": {"mediaType": {"enum": [_EMPTY]}}}}}},
            {"required": ["artifactType"]},
        ],
    },
    INDEX: {
        "properties": {
            "mediaType": {"enum": [INDEX]},
            "artifactType": _MEDIA_TYPE,
            "subject": _DESCRIPTOR,
            "manifests": {"items": _DESCRIPTOR},
        }
    },
    DESCRIPTOR: _DESCRIPTOR,
    CONFIG: {
        "properties": {
            "rootfs": {"properties": {"diff_ids": {"items": {"pattern": "^sha256:[a-f0-9]{64}$"}}}},
            # RFC 3339, section 5.6; without a further package jsonschema does not look at formats.
            "created": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        }
    },
    LAYOUT: {},
}


@cache
def _folder() -> Path:
    folder = Path(os.environ.get(FOLDER) or _OF_DEBIAN)
    if not folder.is_dir():
        package = "golang-github-opencontainers-image-spec-dev"
        missing(f"the schemas of {package} are not on this machine", package)
    return folder


def _retrieve(uri: str) -> Resource[Any]:
    # The files refer to each other by name; the addresses that they have besides lead nowhere.
    return DRAFT4.create_resource(json.loads((_folder() / uri.rpartition("/")[2]).read_bytes()))


@cache
def _validators(kind: str) -> tuple[Draft4Validator, ...]:
    registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]
    schema = json.loads((_folder() / _FILES[kind]).read_bytes())
    return tuple(Draft4Validator(each, registry=registry) for each in (schema, _SINCE[kind]))


def faults(document: object, kind: str) -> list[str]:
    """What is wrong with a document of this media type; nothing for a good one."""
    found: list[ValidationError] = [
        fault for validator in _validators(kind) for fault in validator.iter_errors(document)
    ]
    return [f"{fault.json_path}: {fault.message}" for fault in found]


def check_layout(folder: Path) -> dict[str, int]:
    """Hold every document of a layout against its schema, and every blob against its descriptor.

    The answer counts the documents and blobs of each media type.
    """
    layout, index = (json.loads((folder / name).read_bytes()) for name in ("oci-layout", "index.json"))
    _expect(layout, LAYOUT)
    _expect(index, INDEX)
    counted: dict[str, int] = {}
    pending, seen = list(_descriptors(index)), set()
    while pending:
        entry = pending.pop()
        _expect(entry, DESCRIPTOR)
        if entry["digest"] in seen:
            continue
        seen.add(entry["digest"])
        data = (folder / "blobs" / entry["digest"].replace(":", "/")).read_bytes()
        assert (str(Digest.of(data)), len(data)) == (entry["digest"], entry["size"])
        kind = entry["mediaType"]
        counted[kind] = counted.get(kind, 0) + 1
        if kind in (MANIFEST, INDEX, CONFIG):
            document = json.loads(data)
            _expect(document, kind)
            pending.extend(_descriptors(document))
    referenced = {f"sha256:{path.name}" for path in (folder / "blobs" / "sha256").iterdir()}
    assert referenced == seen, "a layout of ours holds nothing that it does not name"
    return counted


def _expect(document: object, kind: str) -> None:
    found = faults(document, kind)
    assert not found, f"{document} is no {kind}: {found}"


def _descriptors(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a manifest or an index names, the subject aside, which need not be there."""
    yield from document.get("manifests", ())
    yield from document.get("layers", ())
    if "digest" in document.get("config", {}):
        yield document["config"]
