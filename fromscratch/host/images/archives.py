"""Reading images from archives of this machine, such as those of `docker save`, `podman save` or skopeo."""

from pathlib import Path
from typing import Literal

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.formats.docker.archive import check_both, docker_archive_images, is_docker_archive
from fromscratch.formats.oci.archive import oci_archive_images
from fromscratch.formats.oci.documents import LAYOUT_FILE
from fromscratch.formats.packing.decompress import expand, kind
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image
from fromscratch.regular_file import open_buffered

Form = Literal["docker-archive", "oci-archive"]


def read_archive(
    path: Path, store: Store, name: str | None = None, form: Form = "docker-archive", limits: Limits = DEFAULT_LIMITS
) -> list[Image]:
    """The images of a docker-archive or oci-archive, compressed or not; its bytes go into the store.

    Of an archive that is both, `form` says how to read it: as docker does, or as a layout, with all platforms.
    Raises UsageError for a name that is not in it, FormatError for anything else, TooLarge for one that
    expands to more than `limits` allow.
    """
    with disk.readable(path), open_buffered(path) as stream:
        digest = store.add_stream(stream)
    plain = plain_archive(digest, store, str(path), limits)
    tree = read_tree(plain, Origin(str(path), "found in", str(path)), title=str(path), limits=limits, once=True)
    is_layout = tree.find(LAYOUT_FILE) is not None
    if is_docker_archive(tree) and (form == "docker-archive" or not is_layout):
        return docker_archive_images(tree, str(path), name)
    if not is_layout:
        raise FormatError(
            f"{path} holds no image: it has neither manifest.json nor {LAYOUT_FILE}",
            "is it a plain root? name it as tar:FILE",
        )
    if is_docker_archive(tree):
        check_both(tree, str(path))
    return oci_archive_images(tree, str(path), name)


def plain_archive(digest: Digest, store: Store, what: str, limits: Limits = DEFAULT_LIMITS) -> Path:
    """The tar in a blob of the store, compressed or not. Messages call it `what`.

    Raises FormatError for a blob that is damaged, TooLarge for one that expands to more than `limits` allow.
    """
    blob = store.path(digest)
    if kind(blob, what) == "none":
        return blob
    return store.derived(digest, "tar", lambda source, target: expand(source, target, title=what, limits=limits))
