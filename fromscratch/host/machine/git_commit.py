"""The files of a git repository at one commit, in the store: brought once, verified each time, never executed.

A commit's id is a digest over all of its files, which git checks when it receives them. The store keeps them as a tar
that we write, under its own digest, and as a folder for those who read folders.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.address import concealed
from fromscratch.advice import Command, advice
from fromscratch.digest import Digest
from fromscratch.errors import DownloadError, FormatError, NotFetched, TooLarge
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.container.materialise import materialise
from fromscratch.host.machine.scan import scan
from fromscratch.host.process import run
from fromscratch.host.storage import disk, staged_folder
from fromscratch.host.storage.store import Store
from fromscratch.host.storage.tree_archive import add_tree
from fromscratch.model.content import Inline, same_bytes
from fromscratch.model.entry import Entry, File, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, tree_path
from fromscratch.progress import SILENT, Progress

_KIND = "git-commit"
_MOST_BYTES = 256 << 20
_MOST_FILES = 100_000
_PROTOCOLS = ("https", "http", "ssh", "git", "file")
_NOT_BY_ID = re.compile(rb"unadvertised object|not our ref|remote error|does not support")
_LINE = re.compile(rb"([0-7]{6}) (blob|commit) ([0-9a-f]{40,64}) +([0-9]+|-)\t(.*)", re.DOTALL)


def checkout(store: Store, url: str, commit: str, *, bring: bool, progress: Progress = SILENT) -> Path:
    """The folder with the files of a commit. With `bring` it may be downloaded, which nothing else may do.

    Raises NotFetched if the store does not have it, DownloadError if the repository does not, TooLarge for one with
    more than a recipe's parts need, and MissingTool without git.
    """
    with store.lock(f"{_KIND} {commit}"):
        blob = _blob(store, commit)
        if blob is None:
            if not bring:
                raise NotFetched(
                    f"the commit {commit[:12]} of {url} is not in the store",
                    advice("run `", Command(("fetch",)), "` first"),
                )
            with progress.task(f"fetch {concealed(url)} at {commit[:12]}", total=None, unit="steps"):
                blob = _downloaded(store, url, commit)
        return _unpacked(store, store.path(blob), commit)


def _blob(store: Store, commit: str) -> Digest | None:
    """The digest of the tar with the files of a commit, if the store has it."""
    record = store.record(_KIND, commit)
    digest = Digest.parse(record.decode()) if record is not None else None
    return digest if digest is not None and store.has(digest) else None


def _unpacked(store: Store, archive: Path, commit: str) -> Path:
    """The folder with what the archive holds, which is looked at and, where it is another, made again."""
    origin = Origin(_KIND, "found in", commit)
    tree = read_tree(archive, origin, title=f"the commit {commit[:12]}")
    place = store.workspace(_KIND, commit) / "files"
    if place.is_dir() and _is_same(scan(place, origin, canonical_modes=True, owner=(0, 0)), tree):
        return place
    with disk.explained(place), staged_folder.staged(place) as fresh:
        materialise(tree, fresh)
        staged_folder.swap_in(fresh, place)
    return place


def _is_same(one: Rootfs, other: Rootfs) -> bool:
    if list(one) != list(other):
        return False
    return all(_is_alike(entry, other[path]) for path, entry in one.items())


def _is_alike(entry: Entry, other: Entry) -> bool:
    match entry, other:
        case File(), File():
            return entry.meta.mode == other.meta.mode and same_bytes(entry.content, other.content)
        case Symlink(), Symlink():
            return entry.target == other.target
    return type(entry) is type(other)


def _downloaded(store: Store, url: str, commit: str) -> Digest:
    run.need("git", "a part of a recipe in a repository")
    repository = store.workspace("git-repository", url)
    git = _Git(repository, url)
    with store.lock(f"git-repository {url}"):
        if not (repository / "HEAD").is_file():
            form = "sha256" if len(commit) == 64 else "sha1"
            git.call("init", "--quiet", "--bare", "--template=", f"--object-format={form}", ".")
        if not git.has(commit):
            git.fetch(commit)
        tree = Rootfs(dict(git.entries(commit)))
    digest = add_tree(store, tree)
    store.write_record(_KIND, commit, str(digest).encode())
    return digest


class _Git(Struct, frozen=True):
    """A bare repository of ours that is fetched into. No hook, filter or program of the other side is run."""

    repository: Path
    url: str

    def call(self, *words: str, stdin: bytes | None = None, check: bool = True) -> run.Completed:
        allowed = [word for each in _PROTOCOLS for word in ("-c", f"protocol.{each}.allow=always")]
        settings = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never"]
        environment = run.environment({"GIT_TERMINAL_PROMPT": "0", "GIT_DIR": str(self.repository)})
        argv = ["git", *settings, *allowed, *words]
        return run.run(argv, env=environment, cwd=self.repository, stdin=stdin, check=check)

    def has(self, commit: str) -> bool:
        """Whether all of the commit is here: a fetch that was cut leaves a part."""
        found = self.call("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", check=False)
        return found.returncode == 0 and self.call("ls-tree", "-r", "-l", commit, check=False).returncode == 0

    def fetch(self, commit: str) -> None:
        """Bring one commit, or everything where the server gives no commit by its id. Raises DownloadError."""
        fetch = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
        done = self.call(*fetch, "--depth=1", "--", self.url, commit, check=False)
        if done.returncode and _NOT_BY_ID.search(done.stderr):
            done = self.call(*fetch, "--", self.url, "+refs/*:refs/remotes/*", check=False)
            if not done.returncode and not self.has(commit):
                raise DownloadError(
                    f"{self.url} has no commit {commit}",
                    "name one that a branch or tag of it leads to, by its whole id",
                )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git says nothing"]
            raise DownloadError(
                f"cannot fetch the commit {commit[:12]} of {self.url}: {said[-1]}",
                f"see whether `git ls-remote {self.url}` answers",
            )

    def entries(self, commit: str) -> Iterator[tuple[TreePath, Entry]]:
        """The files and symlinks of a commit; submodules are other repositories, and left out."""
        lines = self.call("ls-tree", "-r", "-l", "-z", "--full-tree", commit).stdout.split(b"\0")
        found = [parts.groups() for line in lines if (parts := _LINE.fullmatch(line))]
        blobs = [(mode, name, int(size), path) for mode, kind, name, size, path in found if kind == b"blob"]
        if len(blobs) > _MOST_FILES or sum(size for _, _, size, _ in blobs) > _MOST_BYTES:
            raise TooLarge(
                f"{self.url} at {commit[:12]} has {len(blobs)} files, more than the parts of a recipe need",
                f"put the parts into a repository of their own, of at most {_MOST_FILES} files and 256 MB",
            )
        contents = self.contents([name for _, name, _, _ in blobs])
        for (mode, _, size, path), data in zip(blobs, contents, strict=True):
            if len(data) != size:
                raise FormatError(f"git gave {len(data)} bytes for {decode(path)} instead of {size}", "fetch again")
            place = tree_path(decode(path))
            if mode == b"120000":
                yield place, Symlink(Meta(0o777), decode(data))
            else:
                yield place, File(Meta(0o755 if mode == b"100755" else 0o644), Inline(data))

    def contents(self, names: Sequence[bytes]) -> Iterator[bytes]:
        out = memoryview(self.call("cat-file", "--batch", stdin=b"".join(name + b"\n" for name in names)).stdout)
        position = 0
        for name in names:
            end = bytes(out[position : position + 200]).index(b"\n") + position
            words = bytes(out[position:end]).split()
            if len(words) != 3 or words[0] != name:
                raise FormatError(f"git has not all of {self.url}", "fetch again")
            size = int(words[2])
            yield bytes(out[end + 1 : end + 1 + size])
            position = end + 1 + size + 1
