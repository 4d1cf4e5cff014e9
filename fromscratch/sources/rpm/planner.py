"""From options to a plan: which repositories are meant, whether they can be trusted, which packages are needed."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError, UsageError
from fromscratch.formats.installed import Installed
from fromscratch.formats.packing import decompress
from fromscratch.formats.rpm.modules import Modules, parse
from fromscratch.formats.rpm.repomd import Listed, Repomd
from fromscratch.host.machine import lookup, yum
from fromscratch.host.storage import newest_index
from fromscratch.host.storage.store import Store
from fromscratch.limits import Limits
from fromscratch.paths import decode
from fromscratch.regular_file import read_bytes
from fromscratch.sources.contract import Context
from fromscratch.sources.rpm import repositories
from fromscratch.sources.rpm.options import Repository, RpmOptions, listed
from fromscratch.sources.rpm.plan import Plan, PlannedPackage, PlannedRepository
from fromscratch.sources.rpm.platforms import base_architecture, rpm_architecture
from fromscratch.sources.rpm.pool import Index, Pool
from fromscratch.sources.rpm.repositories import Seen, Source
from fromscratch.sources.rpm.solver import MissingFiles, Request, Selected, solve
from fromscratch.sources.rpm.streams import NOTHING_HIDDEN, Hidden, hidden

_NEWEST = "rpm-newest"
_MODULES = Limits(expanded=64 << 20, explicit=True)


class Read(Struct, frozen=True):
    """A repository whose index was read; `is_signed` if a good signature covers it."""

    seen: Seen
    index: Repomd
    planned: PlannedRepository
    is_signed: bool


class Planner(Struct, frozen=True):
    """`machine` is the root of the filesystem whose repositories count where the recipe names none."""

    options: RpmOptions
    context: Context
    machine: Path = Path("/")

    def sources(self) -> list[Source]:
        """Every repository that the recipe means. Raises ImageError."""
        found = [one if isinstance(one, Repository) else Repository(url=one) for one in self.options.repositories]
        if found:
            return [self._source(one, number) for number, one in enumerate(found)]
        return self._of_this_machine()

    def _of_this_machine(self) -> list[Source]:
        found = yum.repositories(self.machine)
        if not found:
            raise ImageError(
                "no repository of packages is known: the recipe names none, and this machine has none",
                "write the address of one that you trust, as in  repositories: [https://HOST/REPOSITORY]",
            )
        names = ", ".join(one.name for one in found)
        self.context.progress.note(f"{self.context.place}: packages come from this machine's repositories: {names}")
        own = self._keys(self.options.keys, unsigned=self.options.unsigned)
        return [
            Source(
                name=one.name,
                addresses=() if one.mirror_list or one.metalink else tuple(map(self._address, one.addresses)),
                mirror_list=self._address(one.mirror_list) if one.mirror_list and not one.metalink else None,
                metalink=self._address(one.metalink) if one.metalink else None,
                keys=own or tuple(Path(self._filled(str(path))) for path in one.keys),
                unsigned=self.options.unsigned,
                priority=one.priority,
            )
            for one in found
        ]

    def _source(self, one: Repository, number: int) -> Source:
        unsigned = one.unsigned or self.options.unsigned
        return Source(
            name=one.name or (f"repository {number + 1}" if len(self.options.repositories) > 1 else ""),
            addresses=tuple(self._place(text) for text in listed(one.url)),
            mirror_list=self._address(one.mirrorlist) if one.mirrorlist else None,
            metalink=self._address(one.metalink) if one.metalink else None,
            keys=self._keys(one.keys or self.options.keys, unsigned=unsigned),
            unsigned=unsigned,
            priority=one.priority,
        )

    def _keys(self, names: str | list[str], *, unsigned: bool) -> tuple[Path, ...]:
        """The files of keys; those that nothing looks at need not be there."""
        folder = self.context.folder
        return tuple(folder / name if unsigned else lookup.file(folder, name, "keys") for name in listed(names))

    def _place(self, text: str) -> Address:
        """An address, which a folder of this machine has too."""
        if "://" in text:
            return self._address(text)
        return Address(f"file://{lookup.folder(self.context.folder, self._filled(text), 'repositories')}")

    def _address(self, text: str) -> Address:
        return Address(self._filled(text).rstrip("/"))

    def _filled(self, text: str) -> str:
        filled = text
        if "$basearch" in text:
            filled = filled.replace("$basearch", base_architecture(self.context.platform))
        if "$arch" in text:
            filled = filled.replace("$arch", rpm_architecture(self.context.platform))
        if "$releasever" in text:
            release = self.options.release or yum.release(self.machine)
            if not release:
                raise ImageError(
                    f"{Address(text)} has $releasever in it, and nothing says what that is", "say  release: 42"
                )
            filled = filled.replace("$releasever", release)
        return filled

    def holds(self, plan: Plan, seen: Sequence[Seen]) -> bool:
        """Whether a plan is of exactly these indexes, with the keys of now."""
        made = [(one.address, one.index, one.signature, one.trust) for one in plan.repositories]
        return made == [(str(one.address), str(one.index), str(one.signature or ""), trust(one.source)) for one in seen]

    def read(self, store: Store, seen: Sequence[Seen], now: float) -> list[Read]:
        """The indexes, verified. Raises IntegrityError, FormatError."""
        return [self._read(store, one, now) for one in seen]

    def _read(self, store: Store, seen: Seen, now: float) -> Read:
        index, is_signed = repositories.read_index(store, seen, unsigned=self.options.unsigned)
        if not self.options.older:
            newest_index.check(store, _NEWEST, seen.source.key, seen.what, index.date)
        newest_index.remember(store, _NEWEST, seen.source.key, index.date, now)
        planned = PlannedRepository(
            name=seen.source.name,
            address=str(seen.address),
            index=str(seen.index),
            key=seen.source.key,
            signature=str(seen.signature or ""),
            trust=trust(seen.source),
            date=index.date,
        )
        return Read(seen, index, planned, is_signed)

    def plan(self, store: Store, found: Sequence[Read], present: Sequence[Installed] = ()) -> Plan:
        """The packages to install, out of these repositories, whose indexes are downloaded, beside those `present`.

        Raises DownloadError, and ImageError with the chain that leads to what is missing.
        """
        selected = self._selected(store, found, present)
        return Plan(
            repositories=[one.planned for one in found],
            packages=[_planned_package(one) for one in selected],
            present=sorted(str(one.package) for one in present),
        )

    def _selected(self, store: Store, found: Sequence[Read], present: Sequence[Installed]) -> list[Selected]:
        for text in self.options.packages:
            if text in self.options.exclude:
                message = f"{text} is asked for in {self.context.place} and excluded too"
                raise UsageError(message, "take it out of one of the two lists")
        primaries = self._bring(store, found, "primary")
        indexes = [
            Index(one.seen.source.shown, path, one.seen.source.priority)
            for one, path in zip(found, primaries, strict=True)
        ]
        there = frozenset(one.package.name for one in present)
        request = Request(self.options.packages, self.options.recommends, self.context.place, there)
        modules = self._modules(store, found)
        concealed = NOTHING_HIDDEN
        if modules or self.options.modules:
            concealed = hidden(modules, self.options.modules, self.context.place)
        try:
            return solve(self._pool(indexes, present, concealed), request)
        except MissingFiles:
            lists = self._bring(store, found, "filelists")
            return solve(self._pool(indexes, present, concealed, lists), request, has_file_lists=True)

    def _pool(
        self, indexes: Sequence[Index], present: Sequence[Installed], concealed: Hidden, lists: Sequence[Path] = ()
    ) -> Pool:
        with self.context.progress.task("reading the packages", total=len(indexes), unit="repositories"):
            architecture = rpm_architecture(self.context.platform)
            pool = Pool(indexes, architecture, self.context.limits, self.options.exclude, present, concealed)
            for number, path in enumerate(lists):
                pool.add_files(number, path)
            pool.prepare()
        return pool

    def _modules(self, store: Store, found: Sequence[Read]) -> list[Modules]:
        """The modules of those repositories that have some."""
        having = [one for one in found if one.index.file("modules") is not None]
        modules = []
        for one, path in zip(having, self._bring(store, having, "modules"), strict=True):
            with store.temporary() as plain:
                decompress.expand(path, plain, title=f"the modules of {one.seen.source.shown}", limits=_MODULES)
                modules.append(parse(decode(plain.read_bytes()), f"the modules of {one.seen.source.shown}"))
        return modules

    def _bring(self, store: Store, found: Sequence[Read], kind: str) -> list[Path]:
        files: list[tuple[Seen, Listed]] = []
        for one in found:
            file = one.index.file(kind)
            if file is None:
                raise FormatError(
                    f"{one.seen.what} lists no {kind}", "let it be made again with createrepo_c, or use another"
                )
            files.append((one.seen, file))
        digests = repositories.bring(store, files, self.context.progress, self.context.jobs)
        return [store.path(digest) for digest in digests]


def trust(source: Source) -> str:
    """A text that changes with the keys that a repository is trusted by; empty if nobody looks at signatures."""
    if source.unsigned:
        return ""
    contents = [_bytes(path) for path in source.keys]
    return str(Digest.of(b"".join(Digest.of(content).hex.encode() for content in contents)))


def _bytes(path: Path) -> bytes:
    """The bytes of a file of keys; empty if it cannot be read, which verifying reports."""
    try:
        return read_bytes(path)
    except OSError:
        return b""


def _planned_package(selected: Selected) -> PlannedPackage:
    chosen, requirement = selected.chosen, selected.requirement
    return PlannedPackage(
        name=chosen.name,
        version=chosen.version,
        architecture=chosen.architecture,
        repository=chosen.repository,
        location=chosen.location,
        digest=str(chosen.digest),
        size=chosen.size,
        by=requirement.by if requirement else "",
        field=requirement.field if requirement else "",
        relation=requirement.relation if requirement else "",
    )
