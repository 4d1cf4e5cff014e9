"""The tree of a container image, or some paths of it."""

from functools import cached_property

import msgspec
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.formats.databases.catalogue import records
from fromscratch.formats.databases.places import owners
from fromscratch.host.images.fetched import FetchedImage
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Entry, Origin
from fromscratch.model.image import Platform
from fromscratch.model.reference import without_login
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.sources.contract import Base, Context, Pin, TreeSource, image_pin
from fromscratch.sources.image.options import ImageSourceOptions
from fromscratch.transforms.copying import copied
from fromscratch.transforms.inclusion import selected
from fromscratch.transforms.placement import parse_owner, placed, with_owner

# Counted up when the same image gives another tree.
_TREE_VERSION = 1


class ImageSource(TreeSource):
    def __init__(self, options: ImageSourceOptions, context: Context) -> None:
        # Without the scheme that a bare name has anyhow: a name and a digest behind it read like a login.
        self.label = f"image {without_login(options.from_).removeprefix('docker://')}"
        self._options, self._context = options, context
        self._notes: list[str] = []

    @cached_property
    def _image(self) -> FetchedImage:
        options, context = self._options, self._context
        platform = Platform.parse(options.platform) if options.platform else context.platform
        image = context.named_image(options.from_, context.folder)
        return FetchedImage(image, platform, self.label, progress=context.progress, limits=context.limits)

    def fetch(self, store: Store) -> None:
        """Bring the image of this platform into the store."""
        self._image.fetch(store)

    def fingerprint(self, store: Store) -> str:
        options = msgspec.json.encode(self._options).decode()
        return f"image {_TREE_VERSION} {options} {self._image.plan(store).digest}"

    def build(self, store: Store) -> Rootfs:
        """Raises NotFetched, IntegrityError for a damaged layer, UsageError for a path that the image does not have."""
        options = self._options
        tree, notes = _with_packages(self._image.tree(store), self.label)
        triggers = self._image.plan(store).run_config(store).on_build
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
        plan = self._image.plan(store)
        config = plan.run_config(store) if self._options.config else None
        return Base(digest=Digest.parse(plan.digest), reference=self._image.image.reference, config=config)

    def notes(self, store: Store) -> list[str]:
        """What of the image is not taken into account."""
        return self._notes

    def pins(self, store: Store) -> list[Pin]:
        """The image, by the digest of its manifest for this platform."""
        return [image_pin(self._options.from_, self._image.image, self._image.plan(store).digest)]


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
