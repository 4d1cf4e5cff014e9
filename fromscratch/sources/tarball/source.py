"""The tree in a tar archive: downloaded or of this machine, verified, and cut to what the recipe takes of it."""

from pathlib import Path

import msgspec

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.host.machine import lookup
from fromscratch.host.storage import file_digests
from fromscratch.host.storage.records import offline_hint
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.sources.contract import Context, Pin, TreeSource
from fromscratch.sources.tarball import settled
from fromscratch.sources.tarball.options import TarballOptions
from fromscratch.sources.tarball.settled import Settled
from fromscratch.transforms.inclusion import selected
from fromscratch.transforms.placement import parse_modes, parse_owner, placed, with_modes, with_owner


class TarballSource(TreeSource):
    def __init__(self, options: TarballOptions, context: Context) -> None:
        self._address = Address(options.url or options.latest)
        self.label = f"tarball {options.path or self._address}"
        self._options, self._context = options, context

    def fetch(self, store: Store) -> None:
        """Download an address; take a file of this machine into the store. What the recipe trusts it by is verified."""
        if self._options.path:
            digest, name = self._stored(store), self._file().name
            if self._is_settled_by_fetch:
                self._verify(store, digest, name)
                self._keep(store, Settled(url="", name=name, digest=str(digest)))
            return
        before = settled.load(store, self._key)
        with offline_hint(lambda: before is not None and store.has(Digest.parse(before.digest))):
            self._keep(store, settled.settle(store, self._options, self._context, before))

    def fingerprint(self, store: Store) -> str:
        what = file_digests.fingerprint(self._file()) if self._options.path else str(self._digest(store))
        options = msgspec.structs.replace(
            self._options, **{key: str(Address(getattr(self._options, key))) for key in ("url", "latest")}
        )
        return f"{msgspec.json.encode(options).decode()} {what}"

    def build(self, store: Store) -> Rootfs:
        """Raises NotFetched for what is not in the store, FormatError for a bad archive, TooLarge for a bomb."""
        # A recipe of other sources needs the options, and not the readers of archives.
        from fromscratch.formats.archive_kind import check_is_root
        from fromscratch.formats.tar.tree import read_tree
        from fromscratch.host.images.archives import plain_archive

        options = self._options
        digest = self._digest(store)
        if not store.has(digest):
            raise NotFetched(f"{self.label} is not in the store", "run fetch first")
        plain = plain_archive(digest, store, self.label, self._context.limits)
        origin = Origin(self.label, "shipped in", self._shipped_in(store))
        tree = read_tree(plain, origin, strip=options.strip, title=self.label, limits=self._context.limits)
        if not options.strip and options.into == "/":
            check_is_root(tree, self.label, options.path)
        tree = selected(tree, options.include, options.exclude, "the archive")
        tree = with_modes(with_owner(tree, parse_owner(options.owner)), parse_modes(options.modes))
        return placed(tree, tree_path(options.into))

    def pins(self, store: Store) -> list[Pin]:
        """The archive."""
        digest = self._digest(store)
        found = settled.load(store, self._key) if self._options.latest else None
        name = self._options.path or (found.name if found else self._address.title)
        return [Pin(kind="archive", name=name, url=found.url if found else str(self._address), digest=str(digest))]

    @property
    def _is_settled_by_fetch(self) -> bool:
        """Whether only a fetch can know which archive it is, or whether it is trusted."""
        options = self._options
        return bool(options.latest or options.signature or options.digests)

    @property
    def _key(self) -> str:
        """What decides which archive is meant, and by whom it is trusted."""
        fields = ("path", "url", "latest", "sha256", "sha512", "signature", "digests", "keyring", "unsigned")
        return msgspec.json.encode([getattr(self._options, field) for field in fields]).decode()

    def _digest(self, store: Store) -> Digest:
        """The digest of the archive. Raises NotFetched if only a fetch can tell it."""
        options = self._options
        present = self._stored(store) if options.path else None
        if not self._is_settled_by_fetch:
            return present or options.expected()[-1]
        found = settled.load(store, self._key)
        if found is None:
            raise NotFetched(f"{self.label} has not been fetched", "run fetch first")
        if present is not None and str(present) != found.digest:
            raise NotFetched(f"{self.label} has changed since it was verified", "run fetch again")
        return Digest.parse(found.digest)

    def _shipped_in(self, store: Store) -> str:
        found = settled.load(store, self._key) if self._options.latest else None
        return self._options.path or (found.url if found else str(self._address))

    def _verify(self, store: Store, digest: Digest, name: str) -> None:
        from fromscratch.sources.tarball import documents

        if self._options.digests:
            listed = documents.listed_digest(store, self._options, self._context, name)
            settled.check_file(store, digest, listed, self.label)
        settled.verify_signature(store, self._options, self._context, digest, name)

    def _keep(self, store: Store, found: Settled) -> None:
        if self._is_settled_by_fetch:
            settled.save(store, self._key, found)

    def _stored(self, store: Store) -> Digest:
        """The digest of the local file, whose bytes are in the store."""
        digest = file_digests.store_file(store, self._file())
        for expected in self._options.expected():
            settled.check_file(store, digest, expected, self.label)
        return digest

    def _file(self) -> Path:
        return lookup.file(self._context.folder, self._options.path, self.label)
