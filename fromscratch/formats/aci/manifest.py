"""App Container Images: appc spec 0.8.11, "App Container Image" and "Types".

An ACI is a tar of two names, `manifest` and `rootfs`. The manifest is made of the configuration of an
image. ACI has no place for a health check and a stop signal, which it loses; the app is in `app`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.advice import Setting, advice
from fromscratch.errors import UsageError
from fromscratch.formats.aci.app import AC_VERSION, app_fields, pairs
from fromscratch.formats.oci.config import timestamp
from fromscratch.formats.oci.documents import canonical
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, HardLink, Meta
from fromscratch.model.image import Image, Platform
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath

MANIFEST_FILE = TreePath("/manifest")
ROOTFS = TreePath("/rootfs")
SUFFIX = ".aci"

# "AC Identifier Type"
_IDENTIFIER = lazy_regex(r"[a-z0-9]+(?:[-._~/][a-z0-9]+)*")
# The names of Go for a machine -> those of ACI, of which schema/types/labels.go of the spec has the list. A
# variant "" is the one that is meant where none is named; "*" is any.
_ARCHITECTURES = {
    ("386", "*"): "i386",
    ("amd64", "*"): "amd64",
    ("arm", "v6"): "armv6l",
    ("arm", ""): "armv7l",
    ("arm", "v7"): "armv7l",
    ("armbe", "v7"): "armv7b",
    ("arm64", "*"): "aarch64",
    ("arm64be", "*"): "aarch64_be",
    ("ppc64", "*"): "ppc64",
    ("ppc64le", "*"): "ppc64le",
    ("s390x", "*"): "s390x",
}
# Annotations that the specification knows -> where images keep the same: image-spec/annotations.md
_OPENCONTAINERS = "org.opencontainers.image."
_ADDRESSES = {"homepage": f"{_OPENCONTAINERS}url", "documentation": f"{_OPENCONTAINERS}documentation"}
_AUTHORS = f"{_OPENCONTAINERS}authors"
_ADDRESS = lazy_regex(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?#](?:[!-$&-~]|%[0-9A-Fa-f]{2})*)?")
_STANDARD = {"created", "authors", *_ADDRESSES}


def manifest_bytes(image: Image, name: Reference, tree: Rootfs) -> bytes:
    """The image manifest; `tree` is the image's root, in which names of programs and accounts are looked up.

    Raises UsageError for what ACI cannot say: an architecture it has no name for, a program or an account that is
    not in the tree, a port or variable that is none.
    """
    app = app_fields(image.config, tree)
    others = {key: value for key, value in sorted(image.annotations.items()) if not _IDENTIFIER.fullmatch(key)}
    if app is not None and others:
        app["userAnnotations"] = others
    document: dict[str, Any] = {
        "acKind": "ImageManifest",
        "acVersion": AC_VERSION,
        "name": identifier(name.repository),
        "labels": pairs(_labels(image.platform, name.tag)),
        **({"app": app} if app is not None else {}),
        "annotations": pairs(_annotations(image, with_labels=app is None)),
    }
    return canonical(document, "the image manifest")


def archive_tree(image: Image, name: Reference, tree: Rootfs) -> Rootfs:
    """What the archive holds: the manifest, and the tree below rootfs. Errors as `manifest_bytes` has them."""
    manifest = File(Meta(0o644), Inline(manifest_bytes(image, name, tree)))
    entries: dict[TreePath, Entry] = {MANIFEST_FILE: manifest}
    entries.update(_below_rootfs(_with_working_dir(tree, image.config.working_dir)))
    return Rootfs(entries)


def identifier(text: str) -> str:
    """`text` as an AC Identifier: in lower case, with - for what may not stand there. Raises UsageError."""
    allowed = re.sub(r"[^a-z0-9._~/-]", "-", text.lower())
    single = re.sub(r"[-._~/]{2,}", lambda run: "/" if "/" in run[0] else run[0][0], allowed)
    found = single.strip("-._~/")
    if not found:
        raise UsageError(
            f"{text!r} cannot name an ACI", advice("give it a name of letters and digits with ", Setting("tag"))
        )
    return found


def _labels(platform: Platform, tag: str) -> Iterator[tuple[str, str]]:
    """`version` is the tag. Raises UsageError: without os and arch an ACI would be for every machine."""
    found = _ARCHITECTURES.get((platform.architecture, "*")) or _ARCHITECTURES.get(
        (platform.architecture, platform.variant)
    )
    if platform.os != "linux" or found is None:
        raise UsageError(
            f"an ACI cannot be for {platform}: the App Container specification has no name for it",
            f"it knows linux on {', '.join(sorted(set(_ARCHITECTURES.values())))}; pack it in another form",
        )
    if tag:
        yield "version", tag
    yield "os", platform.os
    yield "arch", found


def _annotations(image: Image, *, with_labels: bool) -> dict[str, str]:
    """The image's annotations whose names an ACI can have. Where there is no app to keep them, its labels too."""
    labels = image.config.labels
    own: Mapping[str, str] = {**labels, **image.annotations} if with_labels else image.annotations
    found = {key: value for key, value in own.items() if _IDENTIFIER.fullmatch(key) and key not in _STANDARD}
    said = {**labels, **image.annotations}
    known = {"created": timestamp(image.created), "authors": said.get(_AUTHORS) or image.author}
    known.update({key: said.get(source, "") for key, source in _ADDRESSES.items() if _is_address(said.get(source, ""))})
    return {key: value for key, value in sorted({**found, **known}.items()) if value or key in found}


def _is_address(text: str) -> bool:
    """Whether it is one of those that the specification allows: with the scheme http or https."""
    return _ADDRESS.fullmatch(text) is not None


def _with_working_dir(tree: Rootfs, working_dir: str) -> Rootfs:
    """The tree with the directory that the app starts in: other engines make it, an ACE must refuse to start."""
    directory = paths.tree_path(working_dir) if working_dir else ROOT
    found = tree.find(directory)
    if isinstance(found, Directory):
        return tree
    place = tree.locate(directory)
    if found is not None or place in tree:
        raise UsageError(
            f"the working directory {working_dir} is not a directory of the image", "fix its configuration"
        )
    return tree.with_entries({place: Directory(Meta(0o755))})


def _below_rootfs(tree: Rootfs) -> Iterator[tuple[TreePath, Entry]]:
    for path, entry in tree.items():
        if isinstance(entry, HardLink):
            entry = replace(entry, target=_in_rootfs(entry.target))
        yield _in_rootfs(path), entry


def _in_rootfs(path: TreePath) -> TreePath:
    return ROOTFS if path == ROOT else TreePath(ROOTFS + path)
