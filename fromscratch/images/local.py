"""What transports share that are a file or a folder of this machine."""

from pathlib import Path
from typing import ClassVar, Self

from fromscratch.errors import UsageError
from fromscratch.formats.archive_kind import image_form
from fromscratch.host.images.layout_blobs import is_copied_by_skopeo
from fromscratch.host.machine.lookup import broken_link
from fromscratch.host.storage.store import Store
from fromscratch.images import catalogue
from fromscratch.images.contract import Transport
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import SILENT, Progress


class LocalTransport(Transport, frozen=True):
    """A path of this machine. The store keeps what is unpacked; `limits` bound how much that may be.

    `shown_by` is the name of a file by which a folder of this kind is recognised.
    """

    path: Path
    store: Store
    limits: Limits = DEFAULT_LIMITS

    shown_by: ClassVar[str] = ""

    @classmethod
    def at(cls, place: str, store: Store, progress: Progress = SILENT, limits: Limits = DEFAULT_LIMITS) -> Self:
        return cls(Path(place), store, limits)

    @property
    def label(self) -> str:
        return f"{self.scheme}{self.path}"

    def check_readable(self) -> None:
        """Raises UsageError if there is no such file, or folder for a transport that is one."""
        path = self.path
        if path.is_symlink() and not path.exists():
            raise broken_link(path, self.label)
        if not path.exists():
            raise UsageError(f"{self.label}: there is no {path}", "see whether the path is right")
        if (self.place == "folder") != path.is_dir():
            kind, other = ("folder", "a file") if path.is_dir() else ("file", "a folder")
            raise UsageError(f"{self.label}: {path} is a {kind}, and {self.scheme} names {other}", names_of(path))
        if path.is_dir() and is_copied_by_skopeo(path):
            raise UsageError(
                f"{self.label}: {path} holds an image in a form that only skopeo and podman have",
                f"run `skopeo copy dir:{path} oci:{path}-oci:latest` and name oci:{path}-oci",
            )

    def checked_root(self, tree: Rootfs) -> Rootfs:
        """The tree that is read of this path, unless it is the container of an image that has another name.

        Raises UsageError.
        """
        form = image_form(tree)
        name = form.image_name(str(self.path), folder=self.path.is_dir()) if form else ""
        if form and name:
            raise UsageError(f"{self.label} is {form.title}, and not a root filesystem", f"name it as {name}")
        return tree


def names_of(path: Path) -> str:
    """How an image at this path of this machine may be named, for a hint; nothing if there is no such path."""
    kinds = [kind for kind in map(catalogue.load, catalogue.readable()) if issubclass(kind, LocalTransport)]
    if path.is_file():
        names = [f"{kind.scheme}{path}" for kind in kinds if kind.place == "file"]
        return f"name a file with its kind: {catalogue.alternatives(names)}"
    if not path.is_dir():
        return ""
    kinds = [kind for kind in kinds if kind.place == "folder"]
    for kind in kinds:
        for place in (path / kind.scheme.rstrip(":"), path):
            if kind.shown_by and (place / kind.shown_by).is_file():
                return f"did you mean {kind.scheme}{place}?"
    names = [f"{kind.scheme}{path}" for kind in kinds if not kind.shown_by]
    return f"name a folder with its kind: {catalogue.alternatives(names)}"


def path_and_name(text: str) -> tuple[str, str]:
    """PATH or PATH:NAME, both of which may hold colons: as much as exists is a path, and a name follows it."""
    parts = text.split(":")
    for count in range(len(parts), 0, -1):
        path = ":".join(parts[:count])
        if path and Path(path).exists():
            return path, ":".join(parts[count:])
    return parts[0], text.partition(":")[2]
