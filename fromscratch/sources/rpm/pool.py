"""Packages of several repositories in libsolv's pool, and what is asked of it. The only module that imports `solv`.

libsolv parses untrusted text in C: an index gets here only with the digest that its repository gives it, decompressed
and bounded by us. Its own decompression is not used: it has none for zstd, and fails by ending the process.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, MissingTool
from fromscratch.formats.installed import Installed
from fromscratch.formats.packing import decompress
from fromscratch.limits import Limits
from fromscratch.regular_file import open_unbuffered
from fromscratch.sources.rpm.streams import NOTHING_HIDDEN, Hidden

_INSTALL_HINT = "install it beside fromscratch: pip install solv"


class Index(Struct, frozen=True):
    """The index of one repository: its files as they were downloaded."""

    name: str
    primary: Path
    priority: int = 99


class Chosen(Struct, frozen=True):
    """A package of a repository, by its number, that is to be installed; `location` may be a whole address."""

    name: str
    version: str
    architecture: str
    repository: int
    location: str
    digest: Digest
    size: int


def load() -> Any:
    """The module. Raises MissingTool."""
    try:
        import solv
    except ImportError as error:
        raise MissingTool(
            "packages of RPM are chosen by libsolv, and its module solv is not there", _INSTALL_HINT
        ) from error
    return solv


class Pool:
    """The packages of all indexes, ready to be asked. Raises MissingTool, FormatError."""

    def __init__(
        self,
        indexes: Sequence[Index],
        architecture: str,
        limits: Limits,
        exclude: Iterable[str] = (),
        present: Sequence[Installed] = (),
        hidden: Hidden = NOTHING_HIDDEN,
    ) -> None:
        self.solv = load()
        self._limits = limits
        pool = self.pool = self.solv.Pool()
        pool.setdisttype(self.solv.Pool.DISTTYPE_RPM)
        pool.setarch(architecture)
        self.architecture = architecture
        self._repositories = []
        for number, index in enumerate(indexes):
            repository = pool.add_repo(str(number))
            repository.priority = -index.priority
            self._add(repository, index.primary, "primary", index.name)
            self._repositories.append(repository)
        self._indexes = indexes
        self._exclude, self._present, self._hidden = frozenset(exclude), present, hidden

    def add_files(self, number: int, file_list: Path) -> None:
        """Add the names of all files of a repository's packages."""
        self._add(self._repositories[number], file_list, "filelists", self._indexes[number].name)

    def prepare(self) -> None:
        """Find out what provides what; after everything was added."""
        self._set_installed()
        self.pool.addfileprovides()
        self.pool.createwhatprovides()

    def _add(self, repository: Any, packed: Path, kind: str, name: str) -> None:
        solv = self.solv
        descriptor = os.memfd_create(kind)
        try:
            size = self._expand(packed, descriptor, f"the {kind} of {name}")
            stream = solv.xfopen_fd("", descriptor)  # which duplicates the descriptor
        finally:
            os.close(descriptor)
        if not size or stream is None:
            raise FormatError(f"the {kind} of {name} is empty", "fetch it again, or use another mirror")
        if kind == "primary":
            done = repository.add_rpmmd(stream, None, 0)
        else:
            flags = solv.Repo.REPO_LOCALPOOL | solv.Repo.REPO_EXTEND_SOLVABLES
            done = repository.add_rpmmd(stream, "FL", flags)
        stream.close()
        if not done:
            raise FormatError(
                f"the {kind} of {name} cannot be read: {self.pool.errstr}", "fetch it again, or use another mirror"
            )

    def _expand(self, packed: Path, descriptor: int, title: str) -> int:
        limit = self._limits.for_blob(packed.stat().st_size)
        with open_unbuffered(packed) as source, os.fdopen(os.dup(descriptor), "wb") as out:
            try:
                out.writelines(limit.bounded(decompress.pieces(source, decompress.kind(packed, title)), title))
            except decompress.DamagedData as error:
                raise FormatError(f"{title} is damaged: {error}", "fetch it again") from error
        size = os.fstat(descriptor).st_size
        os.lseek(descriptor, 0, os.SEEK_SET)
        return size

    def _set_installed(self) -> None:
        """Leave out what is excluded, and count it, and what is there already, as installed."""
        if not self._exclude and not self._present and self._hidden is NOTHING_HIDDEN:
            return
        hidden: list[Any] = []
        by_name: dict[str, list[Any]] = {}
        for repository in self._repositories:
            for solvable in repository.solvables:
                by_name.setdefault(str(solvable.name), []).append(solvable)
                is_hidden = self._hidden.hides(solvable.name, _whole_name(solvable))
                if is_hidden or solvable.name in self._exclude:
                    hidden.append(solvable)
        installed = self.pool.add_repo("installed")
        self.pool.installed = installed
        for solvable in hidden:
            if solvable.name in self._exclude:
                made = self._add_installed(installed, solvable.name, solvable.evr, solvable.arch)
                self._add_provides(made, solvable)
        for one in self._present:
            package = one.package
            made = self._add_installed(installed, package.name, package.version, package.architecture or "noarch")
            others = by_name.get(package.name, ())
            like = next((other for other in others if other.evr == package.version), next(iter(others), None))
            if like is not None:
                self._add_provides(made, like)
            for path in one.files:
                made.add_provides(self.pool.Dep(path))
        if hidden:
            numbers = {solvable.id for solvable in hidden}
            self.pool.set_considered_list([each.id for each in self.pool.solvables if each.id not in numbers])

    def _add_installed(self, installed: Any, name: str, version: str, architecture: str) -> Any:
        made = installed.add_solvable()
        made.name, made.evr, made.arch = name, version, architecture
        made.add_provides(self.pool.rel2id(made.nameid, made.evrid, self.solv.REL_EQ))
        return made

    def _add_provides(self, made: Any, like: Any) -> None:
        """What a package of that name provides, and its files: records of installed packages do not say it all."""
        for dependency in like.lookup_deparray(self.solv.SOLVABLE_PROVIDES):
            made.add_provides(dependency)
        for path in _files(self.pool, like, self.solv):
            made.add_provides(self.pool.Dep(path))

    @property
    def solvables(self) -> Iterator[Any]:
        """Every package that may be installed."""
        for repository in self._repositories:
            yield from repository.solvables

    def chosen(self, solvable: Any) -> Chosen:
        """Raises FormatError for a package without its place or a digest."""
        solv = self.solv
        found = solvable.lookup_location()
        location = str(found[0]) if found and found[0] else ""
        base = solvable.lookup_str(solv.SOLVABLE_MEDIABASE) or ""
        checksum = solvable.lookup_checksum(solv.SOLVABLE_CHECKSUM)
        number = int(solvable.repo.name)
        what = f"the index of {self._indexes[number].name}"
        if not location or checksum is None or location.startswith("/") or ".." in location.split("/"):
            raise FormatError(f"{what} does not say where {solvable} is, or its digest", "use another repository")
        try:
            digest = Digest.parse(f"{checksum.typestr()}:{checksum.hex()}")
        except FormatError as error:
            raise FormatError(
                f"{what} gives only the {checksum.typestr()} of {solvable}",
                "let it be made again with: createrepo_c --checksum sha256",
            ) from error
        return Chosen(
            name=str(solvable.name),
            version=str(solvable.evr),
            architecture=str(solvable.arch),
            repository=number,
            location=f"{base.rstrip('/')}/{location}" if base else location,
            digest=digest,
            size=int(solvable.lookup_num(solv.SOLVABLE_DOWNLOADSIZE)),
        )

    def providers(self, dependency: Any) -> list[Any]:
        return list(self.pool.whatprovides(dependency))


def _files(pool: Any, solvable: Any, solv: Any) -> Iterator[str]:
    flags = solv.Dataiterator.SEARCH_FILES | solv.Dataiterator.SEARCH_COMPLETE_FILELIST
    found = pool.Dataiterator_solvid(solvable.id, solv.SOLVABLE_FILELIST, None, flags)
    yield from (match.str for match in found)


def _whole_name(solvable: Any) -> str:
    """Name, epoch, version, release and architecture, as modules list them: an epoch of 0 is written."""
    evr = solvable.evr if ":" in solvable.evr else f"0:{solvable.evr}"
    return f"{solvable.name}-{evr}.{solvable.arch}"
