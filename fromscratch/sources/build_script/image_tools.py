"""The programs of an image: the same on every machine, whatever is installed there."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, MissingTool, NotFetched
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.tar.tree import lay
from fromscratch.host.container.build_root import GROUP, PASSWD
from fromscratch.host.container.materialise import materialise
from fromscratch.host.images.layers import root_tree
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Entry, File, Origin, file
from fromscratch.model.image import DEFAULT_PATH, Platform
from fromscratch.model.layers import LayerStack
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.build_script.options import BuildScriptOptions
from fromscratch.sources.build_script.tools import System
from fromscratch.sources.contract import Context, NamedImage, Pin

_RECORD = "build-script-image"
_MAX_ACCOUNTS = 16 << 20


class _Settled(Struct, frozen=True):
    """What the name meant when it was fetched; the plain tar of each layer is in the store, under its diff_id."""

    manifest: str
    diff_ids: list[str]
    env: dict[str, str]

    def is_complete(self, store: Store) -> bool:
        return all(store.has(Digest.parse(each)) for each in self.diff_ids)


class ImageTools:
    """The programs of the image under `image:`, for this machine, where the script runs."""

    def __init__(self, options: BuildScriptOptions, context: Context) -> None:
        self._options, self._context = options, context

    @cached_property
    def _image(self) -> NamedImage:
        return self._context.named_image(self._options.image, self._context.folder)

    def fetch(self, store: Store) -> None:
        """Ask what the name means now, and bring the layers."""
        known = self._known(store)
        reference = self._image.reference
        if known is None or self._image.path is not None or reference is None or reference.digest is None:
            known = self._asked(store, known)
        self._check(self._tree(known, store), known)

    def identity(self, store: Store) -> str:
        return " ".join([*self._settled(store).diff_ids, *map("=".join, sorted(self._settled(store).env.items()))])

    def pins(self, store: Store) -> Sequence[Pin]:
        reference = self._image.reference
        name, version = (reference.repository, reference.tag) if reference else (self._options.image, "")
        return [Pin(kind="image", name=name, version=version, digest=self._settled(store).manifest)]

    def system(self, place: Path, store: Store) -> System:
        settled = self._settled(store)
        tree = self._tree(settled, store)
        self._check(tree, settled)
        folder = place / "system"
        folder.mkdir()
        with self._context.progress.task(f"unpack {self._options.image}", total=None, unit="entries"):
            materialise(_with_accounts(tree), folder)
        return System(folder=folder, env={"PATH": DEFAULT_PATH, **settled.env})

    def _check(self, tree: Rootfs, settled: _Settled) -> None:
        """Raises MissingTool, naming all programs that the image does not have."""
        folders = settled.env.get("PATH", DEFAULT_PATH).split(":")
        missing = [name for name in self._options.needs if not any(tree.find(f"{each}/{name}") for each in folders)]
        if not self._options.script.startswith("#!") and tree.find("/bin/sh") is None:
            missing.append("/bin/sh")
        if missing:
            raise MissingTool(
                f"the script needs {', '.join(missing)}, not found in the image {self._options.image}",
                "name an image that has them, or add their packages to it",
            )

    def _settled(self, store: Store) -> _Settled:
        known = self._known(store)
        if self._image.path is not None:  # of this machine: read anew, which is cheap for what the store has
            return self._read(store, known)
        if known is None:
            raise NotFetched(
                f"{self._context.place} image {self._options.image} is not in the store", "run fetch first"
            )
        return known

    def _asked(self, store: Store, before: _Settled | None) -> _Settled:
        """What the name means now. Where nobody answers, what it meant before is good for a build all the same."""
        try:
            return self._read(store)
        except ImageError as error:
            if before is None or self._image.path is not None:
                raise
            hint = f"`build` works with what was fetched before, without the network; otherwise: {error.hint}"
            raise type(error)(error.message, hint) from error

    def _known(self, store: Store) -> _Settled | None:
        raw = store.record(_RECORD, self._key)
        try:
            known = msgspec.json.decode(raw, type=_Settled) if raw else None
        except msgspec.DecodeError:
            return None
        return known if known is not None and known.is_complete(store) else None

    def _read(self, store: Store, known: _Settled | None = None) -> _Settled:
        """What the name means now, recorded."""
        context = self._context
        image = self._image.read(Platform.of_this_machine(), store, context.progress, context.limits)
        manifest = str(image_documents(image).descriptor.digest)
        if known is not None and known.manifest == manifest:
            return known
        root_tree(image, store, context.limits)  # verifies the layers, and stores their tars
        settled = _Settled(manifest, [str(layer.diff_id) for layer in image.layers], dict(image.config.env))
        store.write_record(_RECORD, self._key, msgspec.json.encode(settled))
        return settled

    @property
    def _key(self) -> str:
        return f"{self._image.name} {Platform.of_this_machine()}"

    def _tree(self, settled: _Settled, store: Store) -> Rootfs:
        stack, used = LayerStack(), 0
        for each in settled.diff_ids:
            origin, path = Origin(self._options.image, "found in", each), store.path(Digest.parse(each))
            used += path.stat().st_size
            used += lay(stack, path, origin, title=f"the layer {each}", limits=self._context.limits, used=used)
        return stack.build()


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
