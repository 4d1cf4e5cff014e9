"""The tree of a container image, or some paths of it.

`fetch` asks what the image's name means now, and keeps that with its layers in the store; `build` follows it, whatever
the name means by then. An image in a file or folder of this machine is read anew where that has changed.
"""

from functools import cached_property

import msgspec
from msgspec.structs import replace

from fromscratch.advice import advice
from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.formats.databases.catalogue import records
from fromscratch.formats.databases.places import owners
from fromscratch.host.images import fetched
from fromscratch.host.images.fetched import ImagePlan
from fromscratch.host.images.layers import root_tree
from fromscratch.host.storage import file_digests
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Entry, Origin
from fromscratch.model.image import Platform
from fromscratch.model.reference import without_login
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.sources.contract import Base, Context, NamedImage, Pin, TreeSource
from fromscratch.sources.image.options import ImageSourceOptions
from fromscratch.transforms.copying import copied
from fromscratch.transforms.inclusion import selected
from fromscratch.transforms.placement import parse_owner, placed, with_owner

_WITHOUT_NETWORK = "`build` works with what was fetched before, without the network; otherwise: "
# Counted up when the same image gives another tree.
_TREE_VERSION = 1


class ImageSource(TreeSource):
    def __init__(self, options: ImageSourceOptions, context: Context) -> None:
        # Without the scheme that a bare name has anyhow: a name and a digest behind it read like a login.
        self.label = f"image {without_login(options.from_).removeprefix('docker://')}"
        self._options, self._context = options, context
        self._notes: list[str] = []
        self._platform = Platform.parse(options.platform) if options.platform else context.platform

    @cached_property
    def _image(self) -> NamedImage:
        return self._context.named_image(self._options.from_, self._context.folder)

    def fetch(self, store: Store) -> None:
        """Bring the image of this platform into the store. One that is named by its digest, and is there, is not asked
        for again."""
        before = fetched.load(store, self._key)
        if before is not None and before.is_complete(store) and self._is_settled:
            return
        try:
            found = self._read(store)
        except ImageError as error:
            if before is not None and before.is_complete(store) and self._image.path is None:
                error.hint = advice(_WITHOUT_NETWORK, error.hint)
            raise
        if before is not None and before.digest != found.digest:
            self._context.progress.note(f"{self.label} was {before.digest}, and is {found.digest} now")

    def fingerprint(self, store: Store) -> str:
        options = msgspec.json.encode(self._options).decode()
        return f"image {_TREE_VERSION} {options} {self.plan(store).digest}"

    def build(self, store: Store) -> Rootfs:
        """Raises NotFetched, IntegrityError for a damaged layer, UsageError for a path that the image does not have."""
        options = self._options
        tree = root_tree(self.plan(store).image(store), store, self._context.limits, self.label)
        tree, notes = _with_packages(tree, self.label)
        triggers = self.plan(store).run_config(store).on_build
        if options.is_whole:
            self._notes = [*notes, *(f"its trigger is not run: ONBUILD {each}" for each in triggers)]
        for note in self._notes:
            self._context.progress.note(f"{self._context.place}: {note}")
        tree = selected(tree, options.include, options.exclude, self.label)
        tree = copied(tree, options.copy, self.label) if options.copy else tree
        return placed(with_owner(tree, parse_owner(options.owner)), tree_path(options.into))

    def base(self, store: Store) -> Base | None:
        """The image, if its whole root is taken."""
        if not self._options.is_whole:
            return None
        plan = self.plan(store)
        config = plan.run_config(store) if self._options.config else None
        return Base(digest=Digest.parse(plan.digest), reference=self._image.reference, config=config)

    def notes(self, store: Store) -> list[str]:
        """What of the image is not taken into account."""
        return self._notes

    def pins(self, store: Store) -> list[Pin]:
        """The image, by the digest of its manifest for this platform."""
        reference = self._image.reference
        name = reference.repository if reference else self._options.from_
        version = reference.tag if reference else ""
        return [Pin(kind="image", name=name, version=version, digest=self.plan(store).digest)]

    def plan(self, store: Store) -> ImagePlan:
        """What the image was when it was fetched. Raises NotFetched."""
        if self._image.path is None:
            return fetched.needed(store, self._key, f"{self.label} for {self._platform}")
        known = fetched.load(store, self._key)
        return known if known is not None and known.is_complete(store) else self._read(store)

    def _read(self, store: Store) -> ImagePlan:
        image = self._image.read(self._platform, store, self._context.progress, self._context.limits)
        plan = fetched.plan_of(image, store)
        fetched.save(store, self._key, plan)
        return plan

    @property
    def _is_settled(self) -> bool:
        """Whether the name can mean nothing else: it has a digest, or the file is the one that was read."""
        reference = self._image.reference
        return self._image.path is not None or (reference is not None and reference.digest is not None)

    @property
    def _key(self) -> str:
        """What identifies the image: its name, and for a file or a folder its state too."""
        path = self._image.path
        state = ""
        if path is not None:
            index = path / "index.json"
            try:
                state = file_digests.fingerprint(index if path.is_dir() else path)
            except ImageError:
                return f"{self._image.name} {self._platform}"  # reading it tells what is wrong with it
        return f"{self._image.name} {self._platform} {state}"


def _with_packages(tree: Rootfs, label: str) -> tuple[Rootfs, tuple[str, ...]]:
    """The tree, whose files name the package that the image's own records list them for, and what is said of these."""
    found = records(tree)
    packages = owners(tree, found.installed)

    def with_reason(path: TreePath, entry: Entry) -> Entry:
        package = packages.get(path)
        if package is None:
            return entry
        return replace(entry, origins=(Origin(label, "shipped in", str(package), entry.origins[0]),))

    return (tree.mapped(with_reason) if packages else tree), found.notes
