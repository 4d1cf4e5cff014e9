"""What a script builds: folders, files and archives, from this machine or the store, as one tree of sources."""

from collections.abc import Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.digest import Digest, check
from fromscratch.errors import FormatError, NotFetched, UsageError
from fromscratch.formats.packing.decompress import kind
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.http.download import FileRequest, download
from fromscratch.host.images.archives import plain_archive
from fromscratch.host.machine import lookup
from fromscratch.host.machine.git_commit import checkout
from fromscratch.host.machine.scan import Skip, scan
from fromscratch.host.machine.scan import fingerprint as fingerprint_of_folder
from fromscratch.host.storage import file_digests
from fromscratch.host.storage.store import Store
from fromscratch.model.content import HostFile, digest_of
from fromscratch.model.entry import Directory, File, HardLink, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, matcher, tree_path
from fromscratch.sources.build_script.options import ScriptSource
from fromscratch.sources.contract import Context, Pin
from fromscratch.transforms.placement import placed

_OF_VERSION_CONTROL = (".git", ".hg", ".svn", ".bzr")
_RECORD = "build-script-folder"
_TAR_MAGIC = slice(257, 262)


class Input:
    """One item under `source:` of a script."""

    def __init__(self, options: ScriptSource, context: Context) -> None:
        self._options, self._context = options, context
        self._address = Address(options.url)
        self._digest = Digest.parse(options.sha256) if options.sha256 else None
        what = f"{Address(options.git)} at {options.commit[:12]}" if options.git else options.path or self._address
        self.label = f"{context.place} source {what}"

    def fetch(self, store: Store) -> None:
        """Download an address; take a file of this machine into the store."""
        if self._options.url:
            request = FileRequest(title=self._address.title, urls=(self._address,), digest=self._digest)
            download(store, [request], self._context.progress, self._context.jobs)
        elif self._options.git:
            checkout(store, self._options.git, self._options.commit, bring=True, progress=self._context.progress)
        elif not self._path().is_dir():
            self._stored(store)

    def fingerprint(self, store: Store) -> str:
        """A digest of what it brings: of its bytes, so that it does not depend on where they lie."""
        options = self._options
        name = Path(options.path or self._address.title).name
        return f"{(name, options.into, options.unpack, options.strip, options.exclude)} {self._content(store)}"

    def pin(self, store: Store) -> Pin:
        """What it is now."""
        options = self._options
        if options.git:
            address = Address(options.git)
            return Pin(kind="repository", name=address.title, version=options.commit, url=str(address))
        name = options.path or self._address.title
        return Pin(kind="archive", name=name, url=str(self._address), digest=str(self._content(store)))

    def tree(self, store: Store) -> Rootfs:
        """Its files, where they land below the folder of the sources. Raises NotFetched, FormatError."""
        options, into = self._options, tree_path(self._options.into or "/")
        folder = self._folder(store)
        if folder is not None:
            self._context.own.say(self.label, folder)
            return placed(scan(folder, _origin(self.label), canonical_modes=True, skip=self._skip(folder)), into)
        digest = self._stored(store)
        if not store.has(digest):
            raise NotFetched(f"{self.label} is not in the store", "run fetch first")
        if options.unpack and self._is_archive(digest, store):
            plain = plain_archive(digest, store, self.label, self._context.limits)
            tree = read_tree(plain, _origin(self.label), title=self.label, limits=self._context.limits)
            strip = _common(tree) if options.strip is None else options.strip
            if strip:
                tree = read_tree(plain, _origin(self.label), strip=strip, title=self.label, limits=self._context.limits)
            skipped = matcher(options.exclude)
            return placed(tree.without([path for path in tree if skipped(path)]), into)
        name = tree_path(options.into or Path(options.path or self._address.title).name)
        place = store.path(digest)
        mode = 0o755 if options.path and self._path().stat().st_mode & 0o111 else 0o644
        return Rootfs({name: File(Meta(mode), HostFile.of(place, place.stat()), (_origin(self.label),))})

    def _content(self, store: Store) -> Digest | str:
        """What its bytes are called: a digest, or the commit that they are of."""
        if self._digest and self._options.url:
            return self._digest
        if self._options.git:
            return self._options.commit
        folder = self._folder(store)
        return self._of_folder(store, folder) if folder else self._stored(store)

    def _folder(self, store: Store) -> Path | None:
        """The folder that it is, if it is one. Raises NotFetched for a commit that is not in the store."""
        options = self._options
        if options.git:
            return checkout(store, options.git, options.commit, bring=False)
        return self._path() if options.path and self._path().is_dir() else None

    def _of_folder(self, store: Store, folder: Path) -> Digest:
        """A digest over names, kinds and bytes of a folder, which is read again only after a change."""
        facts = f"{folder} {self._options.exclude} {fingerprint_of_folder(folder, skip=self._skip(folder))}"
        if known := store.record(_RECORD, facts):
            return Digest.parse(known.decode())
        tree = scan(folder, _origin(self.label), canonical_modes=True, skip=self._skip(folder))
        digest = _digest_of_tree(tree)
        store.write_record(_RECORD, facts, str(digest).encode(), durable=False)
        return digest

    def _stored(self, store: Store) -> Digest:
        """The digest of the file; that of a local one is computed, and its bytes are in the store then."""
        if self._options.url and self._digest:
            return self._digest
        digest = file_digests.store_file(store, self._path())
        if self._digest is not None:
            check(digest, self._digest, self.label)
        return digest

    def _path(self) -> Path:
        base, text = self._context.folder, self._options.path
        path = base.absolute() / lookup.expanded(text)
        return lookup.folder(base, text, self.label) if path.is_dir() else lookup.file(base, text, self.label)

    def _skip(self, folder: Path) -> Skip:
        return self._context.own.skip(folder, matcher([*_OF_VERSION_CONTROL, *self._options.exclude]))

    def _is_archive(self, digest: Digest, store: Store) -> bool:
        """Whether it is a tar, compressed or not; a single file that is compressed stays as it is."""
        try:
            kind(store.path(digest), self.label)
        except FormatError:
            return False  # such as a zip, which the script may unpack
        with open(plain_archive(digest, store, self.label, self._context.limits), "rb") as stream:
            return stream.read(_TAR_MAGIC.stop)[_TAR_MAGIC] == b"ustar"


def sources_of(inputs: Sequence[Input], store: Store) -> Rootfs:
    """All sources of a script as one tree. Raises Conflict for two that bring different files at one path."""
    tree = Rootfs()
    for each in inputs:
        tree = tree.merged(each.tree(store), directories="keep")
    for path, entry in tree.items():
        if not isinstance(entry, Directory | File | Symlink | HardLink):
            raise UsageError(f"{path} of the sources is a device or a FIFO", "leave it out with exclude:")
    return tree


def _common(tree: Rootfs) -> int:
    """1 where one folder holds all of an archive, as in those of releases."""
    tops = tree.children(ROOT)
    return int(len(tops) == 1 and isinstance(tree.get(tree_path(tops[0])), Directory))


def _digest_of_tree(tree: Rootfs) -> Digest:
    hasher = Digest.of(b"").hasher()
    for path, entry in tree.items():
        what = ""
        if isinstance(entry, File):
            what = str(digest_of(entry.content))
        elif isinstance(entry, Symlink | HardLink):
            what = entry.target
        row = f"{type(entry).__name__} {entry.meta.mode:o} {len(path)} {path} {what}\n"
        hasher.update(row.encode("utf-8", "surrogateescape"))
    return Digest("sha256", hasher.hexdigest())


def _origin(label: str) -> Origin:
    return Origin(label, "found in", label)
