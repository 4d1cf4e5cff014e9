"""Source `directory`: a folder of this machine that is a root filesystem, or a part of one."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from fromscratch.host.machine import lookup
from fromscratch.host.machine.scan import Skip, fingerprint, scan
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import matcher, tree_path
from fromscratch.sources.contract import Context, Kind, Template, TreeSource
from fromscratch.transforms.placement import check_paths, parse_modes, parse_owner, placed, with_modes


class DirectoryOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder, taken as it is: modes, owners, attributes, hard links and devices are kept."""

    path: Annotated[str, Meta(description="the folder; relative to the recipe", min_length=1)]
    owner: Annotated[str, Meta(description='"keep", or UID:GID for everything, such as "0:0"')] = "keep"
    exclude: Annotated[list[str], Meta(description="globs of paths inside the folder to leave out")] = []
    into: Annotated[str, Meta(description="where in the image the folder lands")] = "/"
    modes: Annotated[
        dict[str, str], Meta(description='octal modes for paths inside the folder, such as /bin/su: "4755"')
    ] = {}

    def __post_init__(self) -> None:
        parse_owner(self.owner)
        parse_modes(self.modes)
        check_paths("exclude", self.exclude)
        if self.into != "/":
            check_paths("into", [self.into])


class DirectorySource(TreeSource):
    def __init__(self, options: DirectoryOptions, context: Context) -> None:
        self.label = f"directory {options.path}"
        self.keeps_host_owners = options.owner == "keep"
        self._options, self._context = options, context

    def fetch(self, store: Store) -> None:
        """Nothing to bring: the folder is here."""

    def fingerprint(self, store: Store) -> str:
        folder = self._folder()
        return f"{msgspec.json.encode(self._options).decode()} {fingerprint(folder, skip=self._skip(folder))}"

    def build(self, store: Store) -> Rootfs:
        """Raises UsageError if there is no such folder, and ImageError for what cannot be read."""
        from fromscratch.formats.archive_kind import check_is_root

        options, folder = self._options, self._folder()
        self._context.own.say(self.label, folder)
        tree = scan(
            folder,
            Origin(self.label, "found in", options.path),
            owner=parse_owner(options.owner),
            skip=self._skip(folder),
        )
        if options.into == "/":
            check_is_root(tree, self.label, options.path, folder=True)
        return placed(with_modes(tree, parse_modes(options.modes)), tree_path(options.into))

    def _folder(self) -> Path:
        return lookup.folder(self._context.folder, self._options.path, self.label)

    def _skip(self, folder: Path) -> Skip:
        return self._context.own.skip(folder, matcher(self._options.exclude))


_TEMPLATE = """\
  # A root that something else has made.
  - directory: {path: rootfs}
"""

KIND = Kind(
    options=DirectoryOptions,
    bind=DirectorySource,
    shorthand="path",
    template=Template(
        items=_TEMPLATE,
        missing_file="rootfs",
        advice="put the root into the folder rootfs, or write where it is under path:",
    ),
)
