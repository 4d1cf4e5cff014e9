"""The programs of an image: the same on every machine, whatever is installed there."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from fromscratch.errors import MissingTool
from fromscratch.host.container.build_root import GROUP, PASSWD
from fromscratch.host.container.materialise import materialise
from fromscratch.host.images.fetched import FetchedImage
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Entry, File, file
from fromscratch.model.image import DEFAULT_PATH, Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.build_script.options import BuildScriptOptions
from fromscratch.sources.build_script.tools import System
from fromscratch.sources.contract import Context, Pin, image_pin

_MAX_ACCOUNTS = 16 << 20


class ImageTools:
    """The programs of the image under `image:`, for this machine, where the script runs."""

    def __init__(self, options: BuildScriptOptions, context: Context) -> None:
        self._options, self._context = options, context

    @cached_property
    def _image(self) -> FetchedImage:
        context, name = self._context, self._options.image
        image, label = context.named_image(name, context.folder), f"{context.place}: the image {name}"
        here = Platform.of_this_machine()
        return FetchedImage(image, here, label, progress=context.progress, limits=context.limits)

    def fetch(self, store: Store) -> None:
        """Bring the image into the store. Raises MissingTool, naming all programs that it does not have."""
        self._image.fetch(store)
        self._check(self._image.tree(store), self._env(store))

    def identity(self, store: Store) -> str:
        diff_ids = [layer.diff_id for layer in self._image.plan(store).layers]
        return " ".join([*diff_ids, *map("=".join, sorted(self._env(store).items()))])

    def pins(self, store: Store) -> Sequence[Pin]:
        return [image_pin(self._options.image, self._image.image, self._image.plan(store).digest)]

    def system(self, place: Path, store: Store) -> System:
        tree, env = self._image.tree(store), self._env(store)
        self._check(tree, env)
        folder = place / "system"
        folder.mkdir()
        with self._context.progress.task(f"unpack {self._options.image}", total=None, unit="entries"):
            materialise(_with_accounts(tree), folder)
        return System(folder=folder, env={"PATH": DEFAULT_PATH, **env})

    def _check(self, tree: Rootfs, env: Mapping[str, str]) -> None:
        """Raises MissingTool, naming all programs that the image does not have."""
        folders = env.get("PATH", DEFAULT_PATH).split(":")
        missing = [name for name in self._options.needs if not any(tree.find(f"{each}/{name}") for each in folders)]
        if not self._options.script.startswith("#!") and tree.find("/bin/sh") is None:
            missing.append("/bin/sh")
        if missing:
            raise MissingTool(
                f"the script needs {', '.join(missing)}, not found in the image {self._options.image}",
                "name an image that has them, or add their packages to it",
            )

    def _env(self, store: Store) -> Mapping[str, str]:
        return self._image.plan(store).run_config(store).env


def _with_accounts(tree: Rootfs) -> Rootfs:
    """The tree, whose accounts have the user that builds, and root for those who install as root."""
    changed: dict[TreePath, Entry] = {}
    for path, ours in (("/etc/passwd", PASSWD), ("/etc/group", GROUP)):
        entry = tree.find(path)
        if not isinstance(entry, File):
            changed[tree.locate(TreePath(path))] = file(Inline(ours.encode()))
        elif entry.content.size < _MAX_ACCOUNTS:
            lines = read(entry.content).splitlines()
            names = {line.partition(b":")[0] for line in lines}
            lines += [line for line in ours.encode().splitlines() if line.partition(b":")[0] not in names]
            changed[tree.resolve(path)] = File(entry.meta, Inline(b"\n".join(lines) + b"\n"))
    return tree.with_entries(changed)
