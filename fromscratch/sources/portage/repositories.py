"""Repositories of ebuilds in the store: fetched by git or rsync or taken from a folder, and named by their content."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.errors import CommandFailed, DownloadError, ImageError, IntegrityError, NotFetched, NotInTree
from fromscratch.host.machine import lookup
from fromscratch.host.machine.git_objects import GitObjects
from fromscratch.host.process import run
from fromscratch.host.storage import records
from fromscratch.host.storage.store import Store
from fromscratch.lazy_regex import lazy_regex
from fromscratch.progress import Progress
from fromscratch.sources.portage.options import EbuildRepository

_RECORD = "portage-sync"
_WORK = "portage-repository"
_NAME = lazy_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_SETTING = lazy_regex(r"\s*(masters|repo-name)\s*=\s*(.*?)\s*")
# What Portage's own sync leaves out as well, and what git keeps beside a tree.
_NOT_PART = ("distfiles", "packages", "local", ".git")


class SyncedRepository(Struct, frozen=True, kw_only=True):
    """A repository as it was fetched: `tree` names its content, `commit` where that is from, if it is from git."""

    name: str
    address: str
    tree: str
    commit: str = ""
    priority: int | None = None
    masters: tuple[str, ...] = ()


class _Sync(Struct, frozen=True, kw_only=True):
    """When an address was asked, in seconds since 1970, and what it had."""

    time: float
    tree: str
    commit: str = ""
    date: int = 0


class Repositories:
    """The repositories of a recipe in `folder`; `now` is the clock."""

    def __init__(
        self, wished: Sequence[EbuildRepository], folder: Path, store: Store, now: Callable[[], float] = time.time
    ) -> None:
        self._wished, self._folder, self._store, self._now = wished, folder, store, now

    def sync(self, hours: int, progress: Progress, *, older: bool = False) -> list[SyncedRepository]:
        """Fetch them, but for those that were asked within so many hours; `older` allows a commit to be so.

        Raises DownloadError, IntegrityError, ImageError.
        """
        found = [self._synced(each, hours, progress, older) for each in self._wished]
        names = [each.name for each in found]
        for each in found:
            if names.count(each.name) > 1:
                raise ImageError(f"portage: two repositories are named {each.name}", "leave one of them out")
            for master in each.masters:
                if master not in names:
                    raise ImageError(
                        f"portage: the repository {each.name} needs {master}, which is not among the repositories",
                        "name it under repositories: too, the main one first",
                    )
        return found

    def extract(self, synced: Sequence[SyncedRepository], folder: Path, progress: Progress) -> None:
        """Make `folder` hold each of them under its name. Uses no network. Raises NotFetched."""
        for wished, each in zip(self._wished, synced, strict=True):
            with self._objects(wished, progress) as objects:
                if not objects.has(each.tree):
                    raise NotFetched(f"portage: the store has no {each.name} as it was fetched", "run fetch first")
                with progress.task(f"unpacking {each.name}", unit="steps"):
                    objects.extract(each.tree, folder / each.name)

    @contextmanager
    def _objects(self, wished: EbuildRepository, progress: Progress) -> Iterator[GitObjects]:
        key = self._key(wished)
        with self._store.lock(f"{_WORK}-{key}", lambda: progress.note(f"waiting for another use of {_shown(wished)}")):
            yield GitObjects(self._store.workspace(_WORK, key), "portage:")

    def _key(self, wished: EbuildRepository) -> str:
        path = str((self._folder / lookup.expanded(wished.path)).resolve()) if wished.path else ""
        return "\n".join((Address(wished.git or wished.rsync).key, path, wished.branch, wished.commit))

    def _synced(self, wished: EbuildRepository, hours: int, progress: Progress, older: bool) -> SyncedRepository:
        with self._objects(wished, progress) as objects:
            known = self._known(wished, objects)
            if known is None or not self._is_fresh(wished, known, hours, progress):
                known = self._asked(wished, objects, known, progress, older)
                records.save(self._store, _RECORD, self._key(wished), known)
            name, masters = _names(objects, known.tree, wished)
        return SyncedRepository(
            name=name,
            address=_shown(wished),
            tree=known.tree,
            commit=known.commit,
            priority=wished.priority,
            masters=masters,
        )

    def _known(self, wished: EbuildRepository, objects: GitObjects) -> _Sync | None:
        known = records.load(self._store, _RECORD, self._key(wished), _Sync)
        return known if known is not None and objects.has(known.tree) else None

    def _is_fresh(self, wished: EbuildRepository, known: _Sync, hours: int, progress: Progress) -> bool:
        if wished.path:
            return False
        if wished.commit:
            return True  # what it names never changes
        age = self._now() - known.time
        fresh = 0 <= age < hours * 3600
        if fresh:
            progress.note(f"{_shown(wished)} was asked {_ago(age)} ago; sync_hours: 0 asks again")
        return fresh

    def _asked(
        self, wished: EbuildRepository, objects: GitObjects, known: _Sync | None, progress: Progress, older: bool
    ) -> _Sync:
        with progress.task(f"fetching {_shown(wished)}", unit="steps"):
            if wished.git:
                return self._by_git(wished, objects, known, older)
            if wished.rsync:
                folder = self._by_rsync(wished)
            else:
                folder = lookup.folder(self._folder, wished.path, "portage: path")
            return _Sync(time=self._now(), tree=objects.record(folder, _NOT_PART))

    def _by_git(self, wished: EbuildRepository, objects: GitObjects, known: _Sync | None, older: bool) -> _Sync:
        certificate = lookup.file(self._folder, wished.certificate, "certificate") if wished.certificate else None
        address = Address(self._local(wished.git))
        commit = objects.fetch(address, wished.commit or wished.branch or "HEAD", certificate)
        if wished.commit and commit != wished.commit:
            raise IntegrityError(f"{address} has {commit} under the name {wished.commit}", "fix commit:")
        date = objects.date(commit)
        if known is not None and date < known.date and not older:
            raise IntegrityError(
                f"{address} has a commit of {_day(date)}, but one of {_day(known.date)} was fetched from there before",
                "somebody may hold back what is new; older: true takes it",
            )
        return _Sync(time=self._now(), tree=objects.tree(commit), commit=commit, date=date)

    def _local(self, address: str) -> str:
        """A repository on this machine may be named by its path, relative to the recipe."""
        local = self._folder / lookup.expanded(address)
        return local.absolute().as_uri() if "://" not in address and local.is_dir() else address

    def _by_rsync(self, wished: EbuildRepository) -> Path:
        run.need("rsync", "portage: a repository at an rsync address")
        folder = self._store.workspace(_WORK, self._key(wished)) / "rsync"
        folder.mkdir(exist_ok=True)
        excluded = [f"--exclude=/{name}" for name in _NOT_PART]
        options = ["--recursive", "--links", "--safe-links", "--perms", "--times", "--delete", "--timeout=180"]
        try:
            run.run(["rsync", *options, *excluded, "--", f"{wished.rsync.rstrip('/')}/", str(folder)])
        except CommandFailed as error:
            lines = [line for line in error.message.splitlines()[1:] if line.strip()]
            said = lines[0].strip() if lines else error.message
            raise DownloadError(
                f"rsync cannot fetch {Address(wished.rsync)}: {said}",
                "see whether the address is right, or run it again",
            ) from error
        return folder


def _names(objects: GitObjects, tree: str, wished: EbuildRepository) -> tuple[str, tuple[str, ...]]:
    """The name of a repository, and those of its masters: Package Manager Specification 4.4.3, and portage(5)."""
    settings = {}
    try:
        for line in objects.read(tree, "metadata/layout.conf").decode("utf-8", "replace").splitlines():
            if found := _SETTING.fullmatch(line):
                settings[found[1]] = found[2]
    except NotInTree:
        pass  # it may be left out
    try:
        text = objects.read(tree, "profiles/repo_name").decode("utf-8", "replace")
    except NotInTree:
        text = settings.get("repo-name", "")
    name = text.strip()
    if not _NAME.fullmatch(name):
        raise ImageError(
            f"portage: {_shown(wished)} is not a repository of ebuilds: it has no name in profiles/repo_name",
            "see whether the address or path is right; its folders profiles and metadata lie at the top",
        )
    if wished.name and name != wished.name:
        raise ImageError(f"portage: {_shown(wished)} is named {name}, not {wished.name}", "fix name:, or leave it out")
    return name, tuple(settings.get("masters", "").split())


def _shown(wished: EbuildRepository) -> str:
    return str(Address(wished.address)) if not wished.path else wished.path


def _ago(seconds: float) -> str:
    return f"{seconds / 3600:.0f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


def versions_in(folders: Sequence[Path]) -> dict[str, set[str]]:
    """The versions of each package in repositories, by CATEGORY/PACKAGE, from the names of the ebuilds."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for package in _packages(folder):
            name = package.name
            for file in os.listdir(package):
                if file.endswith(".ebuild") and file.startswith(f"{name}-"):
                    known = found.setdefault(f"{package.parent.name}/{name}", set())
                    known.add(file[len(name) + 1 : -len(".ebuild")])
    return found


def _packages(folder: Path) -> Iterator[Path]:
    for category in sorted(folder.iterdir()):
        if category.is_dir() and ("-" in category.name or category.name == "virtual"):
            yield from (each for each in sorted(category.iterdir()) if each.is_dir())
