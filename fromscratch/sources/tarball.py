"""Source `tarball`: a tar archive, here or at an address, plain or compressed."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from fromscratch.address import Address
from fromscratch.digest import Digest, check
from fromscratch.errors import FormatError, NotFetched
from fromscratch.host.machine import lookup
from fromscratch.host.storage import file_digests
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import matcher, tree_path
from fromscratch.sources.contract import Context, Kind, Pin, Template, TreeSource
from fromscratch.transforms.placement import (
    check_paths,
    parse_modes,
    parse_owner,
    placed,
    with_modes,
    with_owner,
)


class TarballOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A root filesystem as a tar archive, plain or in gzip, xz, bzip2 or zstd. Give `path`, or `url` and `sha256`."""

    path: Annotated[str, Meta(description="a file of this machine; relative to the recipe")] = ""
    url: Annotated[str, Meta(description="where to download it from; needs sha256")] = ""
    sha256: Annotated[str, Meta(description="the digest of the file, as it is downloaded")] = ""
    strip: Annotated[int, Meta(description="how many leading folders to take off every name", ge=0)] = 0
    owner: Annotated[str, Meta(description='"keep", or UID:GID for everything, such as "0:0"')] = "keep"
    exclude: Annotated[list[str], Meta(description="globs of paths inside the archive to leave out")] = []
    into: Annotated[str, Meta(description="where in the image the archive's root lands")] = "/"
    modes: Annotated[dict[str, str], Meta(description="octal modes for paths inside the archive")] = {}

    def __post_init__(self) -> None:
        if bool(self.path) == bool(self.url):
            raise ValueError("write either path: or url:, not " + ("both" if self.path else "neither"))
        if self.url and not self.url.lower().startswith(("https://", "http://", "file://")):
            raise ValueError(f"url: {str(Address(self.url))!r} is not an address; write it as https://HOST/FILE")
        if self.url and not self.sha256:
            raise ValueError(
                "a url needs a sha256, so that the same recipe gives the same image; "
                f"write what this says: curl -L {Address(self.url)} | sha256sum"
            )
        if self.sha256:
            try:
                digest = Digest.parse(self.sha256)
            except FormatError as error:
                raise ValueError(f"sha256: {error.message}; {error.hint}") from error
            if digest.algorithm != "sha256":
                raise ValueError(f"sha256: {self.sha256!r} is of another kind; write what sha256sum prints")
        parse_owner(self.owner)
        parse_modes(self.modes)
        check_paths("exclude", self.exclude)
        if self.into != "/":
            check_paths("into", [self.into])


class TarballSource(TreeSource):
    def __init__(self, options: TarballOptions, context: Context) -> None:
        self._address = Address(options.url)
        self.label = f"tarball {options.path or self._address}"
        self._options, self._context = options, context
        self._digest = Digest.parse(options.sha256) if options.sha256 else None

    def fetch(self, store: Store) -> None:
        """Download an address; take a file of this machine into the store."""
        if not self._options.url:
            self._stored(store)
            return
        from fromscratch.host.http.download import FileRequest, download

        request = FileRequest(title=self._address.title, urls=(self._address,), digest=self._digest)
        download(store, [request], self._context.progress, self._context.jobs)

    def fingerprint(self, store: Store) -> str:
        what = str(self._digest) if self._options.url else file_digests.fingerprint(self._file())
        options = msgspec.structs.replace(self._options, url=str(self._address))
        return f"{msgspec.json.encode(options).decode()} {what}"

    def build(self, store: Store) -> Rootfs:
        """Raises NotFetched for what is not in the store, FormatError for a bad archive, TooLarge for a bomb."""
        # A recipe of other sources needs the options above, and not the readers of archives.
        from fromscratch.formats.archive_kind import check_is_root
        from fromscratch.formats.tar.tree import read_tree
        from fromscratch.host.images.archives import plain_archive

        options = self._options
        digest = self._digest if options.url and self._digest else self._stored(store)
        if not store.has(digest):
            raise NotFetched(f"{self.label} is not in the store", "run fetch first")
        plain = plain_archive(digest, store, self.label, self._context.limits)
        tree = read_tree(plain, self._origin(), strip=options.strip, title=self.label, limits=self._context.limits)
        if not options.strip and options.into == "/":
            check_is_root(tree, self.label, options.path)
        skipped = matcher(options.exclude)
        tree = tree.without([path for path in tree if skipped(path)])
        tree = with_modes(with_owner(tree, parse_owner(options.owner)), parse_modes(options.modes))
        return placed(tree, tree_path(options.into))

    def pins(self, store: Store) -> list[Pin]:
        """The archive."""
        digest = self._digest if self._options.url and self._digest else self._stored(store)
        name = self._options.path or self._address.title
        return [Pin(kind="archive", name=name, url=str(self._address), digest=str(digest))]

    def _origin(self) -> Origin:
        return Origin(self.label, "shipped in", self._options.path or str(self._address))

    def _stored(self, store: Store) -> Digest:
        """The digest of the local file, whose bytes are in the store."""
        digest = file_digests.store_file(store, self._file())
        if self._digest is not None:
            check(digest, self._digest, self.label)
        return digest

    def _file(self) -> Path:
        return lookup.file(self._context.folder, self._options.path, self.label)


_TEMPLATE = """\
  # A root in an archive, here or at an address with its sha256.
  - tarball: {path: rootfs.tar.gz}
"""

KIND = Kind(
    options=TarballOptions,
    bind=TarballSource,
    shorthand="path",
    template=Template(
        items=_TEMPLATE,
        missing_file="rootfs.tar.gz",
        advice="put the archive there as rootfs.tar.gz, or write where it is under path: or url:",
    ),
)
