"""Source `overlay`: a folder of project files that goes over the tree, whiteouts included."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from fromscratch.host.machine import lookup
from fromscratch.host.machine.scan import Skip, fingerprint, scan
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import matcher
from fromscratch.sources.contract import Context, Kind, Template, TreeSource
from fromscratch.transforms.placement import check_paths, parse_modes, parse_owner, with_modes


class OverlayOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder of files kept with the project, laid over what stands above it in the recipe.

    Only what git would keep counts: a file is 0755 if it may be executed and else 0644, so neither
    the umask nor the user matters. An empty file .wh.NAME removes NAME, and .wh..wh..opq empties the
    folder it stands in.
    """

    path: Annotated[str, Meta(description="the folder; relative to the recipe", min_length=1)]
    owner: Annotated[str, Meta(description='UID:GID of everything, or "keep"')] = "0:0"
    modes: Annotated[
        dict[str, str], Meta(description='octal modes for paths of the overlay, such as /etc/shadow: "0640"')
    ] = {}
    keep_modes: Annotated[bool, Meta(description="take modes, attributes and hard links as they are on disk")] = False
    exclude: Annotated[list[str], Meta(description="globs of paths inside the folder to leave out")] = []

    def __post_init__(self) -> None:
        parse_owner(self.owner)
        parse_modes(self.modes)
        check_paths("exclude", self.exclude)


class OverlaySource(TreeSource):
    def __init__(self, options: OverlayOptions, context: Context) -> None:
        self.label = f"overlay {options.path}"
        self.keeps_host_owners = options.owner == "keep"
        self._options, self._context = options, context

    def fetch(self, store: Store) -> None:
        """Nothing to bring: the folder is here."""

    def fingerprint(self, store: Store) -> str:
        folder = self._folder()
        return f"{msgspec.json.encode(self._options).decode()} {fingerprint(folder, skip=self._skip(folder))}"

    def build(self, store: Store) -> Rootfs:
        """The files and whiteouts as they are; `lay` carries the whiteouts out.

        Raises UsageError if there is no such folder, and ImageError for what cannot be read.
        """
        options, folder = self._options, self._folder()
        self._context.own.say(self.label, folder)
        tree = scan(
            folder,
            Origin(self.label, "found in", options.path),
            owner=parse_owner(options.owner),
            canonical_modes=not options.keep_modes,
            skip=self._skip(folder),
        )
        return with_modes(tree, parse_modes(options.modes), Origin(self.label, "asked for", "its mode"))

    def lay(self, below: Rootfs, store: Store, *, replace: bool) -> Rootfs:
        from fromscratch.transforms.overlay import overlaid

        return overlaid(below, self.build(store), replace=replace)

    def _folder(self) -> Path:
        return lookup.folder(self._context.folder, self._options.path, self.label)

    def _skip(self, folder: Path) -> Skip:
        return self._context.own.skip(folder, matcher(self._options.exclude))


_TEMPLATE = """\
  # Files of your own. `.wh.NAME` in an overlay removes NAME from the root.
  - overlay: overlay
"""

KIND = Kind(
    options=OverlayOptions,
    bind=OverlaySource,
    shorthand="path",
    template=Template(items=_TEMPLATE, optional=True),
)
