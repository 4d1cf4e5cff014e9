"""The system whose programs build: this machine, or a container image with Portage and a compiler of its own."""

import os
import platform
from functools import cached_property
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import CommandFailed, MissingTool
from fromscratch.host.container.materialise import materialise
from fromscratch.host.container.sandbox import Sandbox
from fromscratch.host.images.fetched import FetchedImage
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.host.process import run
from fromscratch.host.storage import disk, staged_folder
from fromscratch.host.storage.store import Store
from fromscratch.linker.root import Root
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, Meta, file
from fromscratch.model.image import DEFAULT_PATH, Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.sources.contract import Context, Pin, image_pin
from fromscratch.sources.portage import program
from fromscratch.sources.portage.program import Portage

# What a sandbox is mounted over in the root of a container.
_FOLDERS = ("/dev", "/proc", "/tmp", "/run", "/home", "/root", "/var/tmp")
_FILES = ("/etc/passwd", "/etc/group")


class Programs(Struct, frozen=True, kw_only=True):
    """What builds run: `title` is what messages call where they are, `path` is its PATH.

    `system` is the folder with its root, or None for this machine.
    """

    title: str
    portage: Portage
    path: str
    system: Path | None = None

    def has(self, name: str) -> bool:
        """Whether there is a program of that name."""
        return self.find(name) is not None

    def find(self, name: str) -> str | None:
        """The path of a program as others there see it."""
        return run.find(name) if self.system is None else _found(self.system, self.path, name)


class Machine(Protocol):
    """Where packages are built. `title` is what messages call it."""

    title: str

    def fetch(self, store: Store) -> None: ...

    def pins(self, store: Store) -> list[Pin]: ...

    def compiler(self, store: Store) -> str:
        """A text that changes with what it builds with."""

    def c_library(self, store: Store) -> str:
        """A text that changes with the libraries that it links with."""

    def libraries(self, store: Store) -> Root:
        """Where what was built finds the libraries that it was linked with."""

    def programs(self, store: Store, place: Path) -> Programs:
        """Its programs, unpacked below `place`, which the caller has locked, if need be. Raises MissingTool."""


class ThisMachine(Machine):
    title = "this machine"

    def fetch(self, store: Store) -> None:
        """Everything is here."""

    def pins(self, store: Store) -> list[Pin]:
        return []

    def compiler(self, store: Store) -> str:
        return f"{_compiler()} {program.find().version}"

    def c_library(self, store: Store) -> str:
        return _c_library()

    def libraries(self, store: Store) -> Root:
        return MachineRoot()

    def programs(self, store: Store, place: Path) -> Programs:
        return Programs(title=self.title, portage=program.find(), path=program.SYSTEM_PATH)


class BuildContainer(Machine):
    """The image under `container:`, whose programs build in the place of this machine's."""

    def __init__(self, name: str, context: Context) -> None:
        self._name, self._context = name, context
        self.title = f"the container {name}"

    @cached_property
    def _image(self) -> FetchedImage:
        context, name = self._context, self._name
        image, label = context.named_image(name, context.folder), f"the container {name} of {context.place}"
        here = Platform.of_this_machine()
        return FetchedImage(image, here, label, progress=context.progress, limits=context.limits)

    def fetch(self, store: Store) -> None:
        """Bring the image into the store."""
        self._image.fetch(store)

    def pins(self, store: Store) -> list[Pin]:
        """The image, by the digest of its manifest."""
        return [image_pin(self._name, self._image.image, self._image.plan(store).digest)]

    def compiler(self, store: Store) -> str:
        return self._image.plan(store).digest

    def c_library(self, store: Store) -> str:
        return self._image.plan(store).digest

    def libraries(self, store: Store) -> Root:
        return TreeRoot(self._image.tree(store))

    def programs(self, store: Store, place: Path) -> Programs:
        plan = self._image.plan(store)
        folder = place / plan.digest.replace(":", "-")
        place.mkdir(exist_ok=True)
        if not folder.is_dir():
            for old in place.iterdir():
                disk.discard(old)
            with (
                self._context.progress.task(f"unpack {self._name}", total=None, unit="entries"),
                staged_folder.staged(folder) as fresh,
            ):
                materialise(_prepared(self._image.tree(store)), fresh)
                staged_folder.swap_in(fresh, folder)
        path = plan.run_config(store).env.get("PATH", DEFAULT_PATH)
        return Programs(title=self.title, portage=_portage(self.title, folder, place, path), path=path, system=folder)


def _portage(title: str, system: Path, place: Path, path: str) -> Portage:
    """The Portage of a container. Raises MissingTool."""
    missing = [each for each in ("python3", *program.TOOLS) if _found(system, path, each) is None]
    if missing:
        raise MissingTool(
            f"portage: {title} lacks {', '.join(missing)}",
            "name one with Portage, a compiler, and the tools that builds run",
        )
    box = place / "question"
    box.mkdir(exist_ok=True)
    sandbox = Sandbox(folder=box, system=system)
    try:
        found = program.asked(sandbox.argv(["python3", "-c", program.QUESTION], {"PATH": path}))
    except CommandFailed as error:
        raise MissingTool(
            f"portage: the python3 of {title} cannot load Portage: {error.message}",
            "name one with Portage in it, such as an image of a stage 3",
        ) from error
    return replace(found, folders=())


def _prepared(tree: Rootfs) -> Rootfs:
    """The root of a container with the folders and files that a sandbox is mounted over."""
    made: dict[TreePath, Entry] = {}
    for text in _FOLDERS:
        if tree.find(text) is None:
            made[tree.locate(tree_path(text))] = Directory(Meta(0o755))
    for text in _FILES:
        if tree.find(text) is None:
            made[tree.locate(tree_path(text))] = file(Inline(b""))
    return tree.with_entries(made)


def _found(system: Path, path: str, name: str) -> str | None:
    """A program in a root, by the folders of PATH; symlinks count wherever they lead inside."""
    for folder in path.split(":"):
        place = system / folder.strip("/") / name
        if folder and os.path.lexists(place):
            return f"{folder}/{name}"
    return None


def _compiler() -> str:
    """The compiler of this machine, by what it says of itself."""
    try:
        return run.run(["gcc", "--version"]).stdout.decode("utf-8", "replace").partition("\n")[0]
    except CommandFailed:
        return "none"


def _c_library() -> str:
    """The C library of this machine, by its version and the file that this process runs with."""
    found = " ".join(platform.libc_ver())
    for line in Path("/proc/self/maps").read_text(errors="replace").splitlines():
        path = line.partition("/")[2]
        if path.endswith("/libc.so.6"):
            state = os.stat(f"/{path}")  # noqa: PTH116
            return f"{found} {state.st_size} {state.st_mtime_ns}"
    return found
