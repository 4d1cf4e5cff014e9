"""Where Buildroot itself comes from: a release, a folder, a tarball or a git repository."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.address import Address
from fromscratch.digest import Digest, check
from fromscratch.errors import DownloadError, ImageError, IntegrityError, NotFetched, UsageError
from fromscratch.formats.packing import decompress as compression
from fromscratch.host.machine import lookup
from fromscratch.host.process import run
from fromscratch.host.storage import disk, file_digests
from fromscratch.host.storage.own_folders import NONE, OwnFolders
from fromscratch.host.storage.store import Store
from fromscratch.lazy_regex import lazy_regex
from fromscratch.progress import Progress
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.parts import hash_of, of_tree
from fromscratch.sources.buildroot.releases import RELEASES

_LAYOUT = "1"
# tar starts these itself, and only says that it could not.
_UNPACKERS = {"gzip": "gzip", "xz": "xz", "bzip2": "bzip2", "zstd": "zstd", "none": None}
_INSTALL = {"xz": "install it, on Debian for example with: apt-get install xz-utils"}
_UNPACKING = ("--strip-components=1", "--no-same-owner", "--no-same-permissions")
_NOT_PART = frozenset({"output", "dl", ".config", ".config.old"})  # what a build in the tree leaves there
_VERSION = lazy_regex(r"^export BR2_VERSION :?= *(\S+)", re.MULTILINE)
_EPOCH = lazy_regex(r"^BR2_VERSION_EPOCH *:?= *(\d+)", re.MULTILINE)
_REPOSITORY = lazy_regex(r"(?P<url>(?:[a-z+]+://[^/]*/|[^/@:]+@[^/:]+:)?[^@]*)(?:@(?P<ref>[^@]+))?")
_COMMIT = lazy_regex(r"[0-9a-f]{40}")
_IN_SUMS = lazy_regex(r"(?:SHA256|sha256)[: ]\s*([0-9a-f]{64})\s+(\S+)")


class Tree(Struct, frozen=True):
    """Buildroot on disk. `identity` changes whenever what a build depends on does; `epoch` is the version's date.

    `parts` are the parts of a folder that people work in, as `parts.py` has them; none for what never changes.
    """

    path: Path
    identity: str
    version: str
    epoch: str
    parts: Mapping[str, str] = {}

    @property
    def place(self) -> str:
        """What stays the same while people work in it: builds go on from one state of a folder to the next."""
        return f"folder {self.path}" if self.parts else self.identity


def bring(options: BuildrootOptions, folder: Path, store: Store, progress: Progress, own: OwnFolders = NONE) -> Tree:
    """The tree, downloaded and unpacked if need be. `folder` is where relative paths start.

    Raises UsageError, DownloadError, IntegrityError, ImageError.
    """
    if options.release:
        return _unpacked(store, _downloaded_release(options, folder, store, progress), progress)
    kind, path = _local(options, folder)
    match kind:
        case "directory":
            return _in_place(path, store, own)
        case "tarball":
            return _unpacked(store, _stored_tarball(options, path, store), progress)
        case "git":
            return _unpacked(store, _archived(options.tree, path, store, progress), progress)
        case _:
            assert_never(kind)


def present(options: BuildrootOptions, folder: Path, store: Store, own: OwnFolders = NONE) -> Tree:
    """The tree that `bring` brought. Uses no network. Raises NotFetched."""
    if options.release:
        return _already_unpacked(store, _recorded(store, "buildroot-release", _release_key(options, folder)))
    kind, path = _local(options, folder)
    match kind:
        case "directory":
            return _in_place(path, store, own)
        case "tarball":
            return _already_unpacked(store, _stored_tarball(options, path, store))
        case "git":
            return _already_unpacked(store, _recorded(store, "buildroot-git", _git_key(options.tree, path)))
        case _:
            assert_never(kind)


def _local(options: BuildrootOptions, folder: Path) -> tuple[Literal["directory", "tarball", "git"], Path]:
    """What `tree` names. Raises UsageError also for a digest or commit that such a tree cannot be checked against."""
    kind, path = _kind(options.tree, folder)
    if options.sha256 and kind != "tarball":
        hint = "write @ and its commit behind it instead" if kind == "git" else "leave it out"
        raise UsageError(f"sha256: {options.tree} is not a tarball, so it has no digest", hint)
    return kind, path


def _kind(text: str, folder: Path) -> tuple[Literal["directory", "tarball", "git"], Path]:
    """What kind of tree this is, and where it lies; a repository elsewhere has the path `folder`."""
    path = (folder / lookup.expanded(text)).absolute()
    if (path / "Makefile").is_file() and (path / "Config.in").is_file():
        return "directory", path
    if path.is_file():
        return "tarball", path
    url, _ = _repository(text)
    local = (folder / lookup.expanded(url)).absolute()
    if (local / "objects").is_dir() or (local / ".git").exists():
        return "git", local
    if _is_remote(url):
        return "git", folder
    raise UsageError(
        f"tree: {text} is no Buildroot folder, no tarball and no git repository",
        "name a folder with Buildroot's Makefile and Config.in, a tarball of it, or a repository such as "
        "/srv/buildroot.git@2026.05.1",
    )


def _in_place(path: Path, store: Store, own: OwnFolders) -> Tree:
    parts = of_tree(path, store, {*_NOT_PART, *own.names(path)})
    return replace(_tree(path, hash_of(*(f"{name} {digest}" for name, digest in sorted(parts.items())))), parts=parts)


def _tree(path: Path, identity: str) -> Tree:
    try:
        makefile = (path / "Makefile").read_text(errors="replace")
    except OSError:
        makefile = ""
    version, epoch = _VERSION.search(makefile), _EPOCH.search(makefile)
    if version is None:
        raise ImageError(f"there is no Buildroot in {path}", "see whether the tarball or repository is the right one")
    return Tree(path, identity, version[1], epoch[1] if epoch else "0")


def _release_url(options: BuildrootOptions) -> str:
    return f"{options.site.rstrip('/')}/buildroot-{options.release}.tar.xz"


def _release_key(options: BuildrootOptions, folder: Path) -> str:
    """Names a release by all that decides whether its bytes are believed."""
    keys = [_keyring(folder, name).read_bytes() for name in options.keyrings] if not _pinned(options) else []
    return "\n".join([_release_url(options), _pinned(options), *(Digest.of(key).hex for key in keys)])


def _pinned(options: BuildrootOptions) -> str:
    """The digest that the recipe says; the known one, unless the recipe wants a signature verified; or nothing."""
    return options.sha256 or ("" if options.keyrings else RELEASES.get(options.release, ""))


def _keyring(folder: Path, name: str) -> Path:
    path = (folder / lookup.expanded(name)).absolute()
    if not path.is_file():
        raise UsageError(
            f"keyring: {name} is not a file", "name an OpenPGP keyring, such as one that gpg --export wrote"
        )
    return path


def _downloaded_release(options: BuildrootOptions, folder: Path, store: Store, progress: Progress) -> Digest:
    from fromscratch.host.http.download import FileRequest, download

    url, title = _release_url(options), f"buildroot {options.release}"
    key = _release_key(options, folder)
    known = store.record("buildroot-release", key)
    digest = Digest.parse(known.decode()) if known else None
    if digest is None or not store.has(digest):
        pinned = _pinned(options)
        expected = Digest.parse(pinned) if pinned else _signed_digest(options, folder, store, progress)
        [digest] = download(store, [FileRequest(title=title, urls=(url,), digest=expected)], progress)
        store.write_record("buildroot-release", key, str(digest).encode())
    return digest


def _signed_digest(options: BuildrootOptions, folder: Path, store: Store, progress: Progress) -> Digest:
    """What the signed list beside the release says of it."""
    from fromscratch.host.http.download import refresh
    from fromscratch.host.machine.signature import verify_clearsigned

    url = _release_url(options)
    if not options.keyrings:
        raise UsageError(
            f"buildroot {options.release} can be verified by nothing",
            "add sha256: with the digest that the announcement of the release has, "
            "or keyring: with the key of Buildroot's maintainers",
        )
    found = refresh(store, f"{url}.sign", progress)
    if found is None:
        raise DownloadError(f"there is no {url}.sign", "add sha256: instead")
    keyrings = [_keyring(folder, name) for name in options.keyrings]
    text = verify_clearsigned(store.read(found), keyrings, f"{url}.sign").decode("utf-8", "replace")
    for hexadecimal, name in _IN_SUMS.findall(text):
        if name == url.rpartition("/")[2]:
            return Digest.parse(hexadecimal)
    raise IntegrityError(f"{url}.sign is signed, but has no SHA256 of the release", "add sha256: instead")


def _stored_tarball(options: BuildrootOptions, path: Path, store: Store) -> Digest:
    """A tarball of this machine, kept in the store."""
    digest = file_digests.store_file(store, path)
    if options.sha256:
        check(digest, Digest.parse(options.sha256), str(path))
    return digest


def _is_remote(url: str) -> bool:
    return "://" in url or re.match(r"[^/@:]+@[^/:]+:", url) is not None


def _repository(text: str) -> tuple[str, str]:
    found = _REPOSITORY.fullmatch(text)
    return (found["url"], found["ref"] or "HEAD") if found else (text, "HEAD")


def _git_key(text: str, local: Path) -> str:
    url, ref = _repository(text)
    return f"{url if _is_remote(url) else local}@{ref}"


def _archived(text: str, local: Path, store: Store, progress: Progress) -> Digest:
    """The tar of one commit of a repository."""
    run.need("git", "tree: with a git repository")
    url, ref = _repository(text)
    url, key = url if _is_remote(url) else str(local), _git_key(text, local)
    known = store.record("buildroot-git", key)
    if known and _COMMIT.fullmatch(ref) and store.has(Digest.parse(known.decode())):
        return Digest.parse(known.decode())
    place = store.workspace("buildroot-git", url)
    shown = Address(url)
    with store.lock(f"buildroot-git-{url}", lambda: progress.note(f"waiting for another fetch of {shown}")):
        with progress.task(f"fetching {shown} {ref}", unit="steps"):
            _git(place, "init", "--quiet", "--bare", ".")
            # Only what is asked for: Buildroot's history is 40 times the size of one commit.
            _git(
                place, "fetch", "--quiet", "--force", "--depth=1", "--", shown.bare, f"{ref}:refs/wanted", secret=shown
            )
            fresh = place / "tree.tar"
            _git(place, "archive", "--format=tar", "--prefix=buildroot/", f"--output={fresh}", "refs/wanted")
        with open(fresh, "rb") as stream:
            digest = Digest.of_stream(stream)
        store.adopt(fresh, digest)
    store.write_record("buildroot-git", key, str(digest).encode())
    return digest


def _git(place: Path, *arguments: str, secret: Address | None = None) -> None:
    """Run git there. The login in `secret` reaches it by its environment: anybody sees what it is called with."""
    hidden = {}
    if secret is not None and secret.login and secret.bare != secret.whole:
        hidden = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{secret.whole}.insteadOf",
            "GIT_CONFIG_VALUE_0": secret.bare,
        }
    # Whoever owns the repository may not be who builds; git would refuse that for work trees only it trusts.
    run.run(
        ["git", "-c", "safe.directory=*", *arguments],
        cwd=place,
        env=run.environment({"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", **hidden}),
    )


def _recorded(store: Store, kind: str, key: str) -> Digest:
    known = store.record(kind, key)
    if known is None:
        raise NotFetched("Buildroot itself has not been fetched", "run fetch first")
    return Digest.parse(known.decode())


def _place(store: Store, digest: Digest) -> Path:
    return store.workspace("buildroot-tree", f"{_LAYOUT}\n{digest}")


def _already_unpacked(store: Store, digest: Digest) -> Tree:
    path = _place(store, digest) / "tree"
    if not path.is_dir():
        raise NotFetched("Buildroot itself has not been unpacked", "run fetch first")
    return _tree(path, str(digest))


def _need_unpackers(archive: Path) -> None:
    """Raises MissingTool."""
    with open(archive, "rb") as stream:
        packed = compression.kind_of(stream.read(compression.MAGIC))
    for program in ("tar", _UNPACKERS[packed]):
        if program is not None:
            run.need(program, "unpacking Buildroot", _INSTALL.get(program, ""))


def _unpacked(store: Store, digest: Digest, progress: Progress) -> Tree:
    place = _place(store, digest)
    path = place / "tree"
    if not path.is_dir():
        _need_unpackers(store.path(digest))
        with store.lock(f"buildroot-tree-{digest}"), disk.explained(path):
            if not path.is_dir():
                fresh = place / "new"
                disk.discard(fresh)
                fresh.mkdir()
                with progress.task("unpacking Buildroot", unit="steps"):
                    run.run(["tar", "-x", "-f", str(store.path(digest)), "-C", str(fresh), *_UNPACKING])
                _tree(fresh, "")
                os.replace(fresh, path)
    return _tree(path, str(digest))
