"""Recognition of image archives (OCI, docker save, ACI) where a plain root filesystem is expected."""

import json
from typing import Literal

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.oci import documents as oci
from fromscratch.model.content import read
from fromscratch.model.entry import Directory, File
from fromscratch.model.rootfs import Rootfs

_LIST = "manifest.json"
_TITLES = {
    "oci": "an OCI layout",
    "docker-archive": "an archive of `docker save`",
    "aci": "an ACI",
    "old": "an archive of `docker save` before 1.10",
}


class ImageForm(Struct, frozen=True):
    """A form of image archives. `scheme` is its scheme in an image's name; for OCI, that of a folder."""

    scheme: Literal["oci", "docker-archive", "aci", "old"]

    @property
    def title(self) -> str:
        return _TITLES[self.scheme]

    def image_name(self, path: str, *, folder: bool) -> str:
        """The name of an image of this form at a path; empty for a form without a scheme."""
        if self.scheme == "oci":
            return f"oci:{path}" if folder else f"oci-archive:{path}"
        return f"docker-archive:{path}" if self.scheme == "docker-archive" and not folder else ""


def image_form(tree: Rootfs) -> ImageForm | None:
    """The form of the image that a tree is the container of; None for a root, or anything else."""
    if _is_old_save(tree):
        return ImageForm("old")
    listed = _document(tree, _LIST)
    if isinstance(listed, list) and listed and all(isinstance(each, dict) and "Layers" in each for each in listed):
        return ImageForm("docker-archive")
    layout = _document(tree, oci.LAYOUT_FILE)
    if isinstance(layout, dict) and "imageLayoutVersion" in layout and tree.find(oci.INDEX_FILE) is not None:
        return ImageForm("oci")
    manifest = _document(tree, "manifest")
    if isinstance(manifest, dict) and "acKind" in manifest and isinstance(tree.find("rootfs"), Directory):
        return ImageForm("aci")
    return None


def check_is_root(tree: Rootfs, label: str, path: str = "", *, folder: bool = False) -> None:
    """Raises FormatError for the container of an image where a root is wanted: it says what reads it.

    `path` is where the file or folder lies, if it does on this machine.
    """
    form = image_form(tree)
    if form is None:
        return
    name = form.image_name(path or "FILE", folder=folder)
    if name:
        hint = f"take its root with  image: {name}  in place of this item"
    elif form.scheme == "old":
        hint = "save the image again with a newer docker"
    else:
        hint = "its root is in the folder rootfs: take that, in an archive with strip: 1"
    raise FormatError(f"{label} is {form.title}: an image in its container, and not a root filesystem", hint)


def _is_old_save(tree: Rootfs) -> bool:
    """Whether there are folders with a layer's tar, and `repositories` says what they are called."""
    if tree.find(_LIST) is not None or not isinstance(_document(tree, "repositories"), dict):
        return False
    folders = [path for path in tree if path.count("/") == 1 and path != "/"]
    return any(isinstance(tree.find(f"{path}/layer.tar"), File) for path in folders)


def _document(tree: Rootfs, name: str) -> object:
    """The JSON in a file of the top; None if there is none."""
    entry = tree.find(name)
    if not isinstance(entry, File) or entry.content.size > oci.MAX_DOCUMENT:
        return None
    try:
        return json.loads(read(entry.content))
    except (ValueError, RecursionError):
        return None
