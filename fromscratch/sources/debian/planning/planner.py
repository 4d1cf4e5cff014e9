"""From options to a plan: which archives are meant, whether they can be trusted, which packages are needed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import DownloadError, IntegrityError, UsageError
from fromscratch.formats.debian.index import PackageIndex, Release
from fromscratch.formats.debian.version import Relation
from fromscratch.formats.installed import Records
from fromscratch.host.http import logins
from fromscratch.host.http.download import Connect, FileRequest, download
from fromscratch.host.machine import apt as apt_config
from fromscratch.host.machine import lookup, signature
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.below import note, packages_below, used_below
from fromscratch.sources.debian.options import DATED, DebianOptions, ExtraSuite, addresses, is_dated, listed
from fromscratch.sources.debian.package_request import exclusions, parse_package_request, requested
from fromscratch.sources.debian.planning import archives, essential, freshness
from fromscratch.sources.debian.planning.archives import Archive, Seen
from fromscratch.sources.debian.planning.catalogue import Catalogue, Source
from fromscratch.sources.debian.planning.choices import advice_for, candidates
from fromscratch.sources.debian.planning.plan import Plan, PlannedArchive, PlannedPackage
from fromscratch.sources.debian.planning.resolver import resolve
from fromscratch.sources.debian.planning.selection import Assumption, Request, Selected
from fromscratch.sources.debian.platforms import debian_architecture


class _Read(Struct, frozen=True):
    """An archive whose index was verified, and its package lists, ready to be asked."""

    seen: Seen
    release: Release
    planned: PlannedArchive
    lists: tuple[Path, ...]


class Planner(Struct, frozen=True):
    """`machine` is the root of the filesystem whose apt sources and keyrings count; `alone` as in `Request`. `below`
    are the records of the items below, and `assumed` the Essential packages that were found to be counted on."""

    options: DebianOptions
    context: Context
    architecture: str
    machine: Path
    alone: Mapping[str, tuple[Relation, ...]] = {}
    below: Records = Records()
    assumed: tuple[Assumption, ...] = ()

    def archives(self) -> list[Archive]:
        """Every archive that the recipe means; the first is that of the suite itself. Raises ImageError."""
        options = self.options
        extra = [one if isinstance(one, ExtraSuite) else ExtraSuite(suite=one) for one in options.also]
        if options.mirror:
            found = [self._archive(ExtraSuite(suite=options.suite), companion=False)]
            found += self._companions(found[0]) if options.companions else []
        else:
            found = self._of_this_machine(ExtraSuite(suite=options.suite))
        for one in extra:
            if one.mirror or options.mirror:
                found.append(self._archive(one, companion=True))
            else:
                found.append(replace(self._of_this_machine(one)[0], companion=True))
        return list(dict.fromkeys(found))

    def _companions(self, archive: Archive) -> Iterator[Archive]:
        """Updates and security of a suite, as far as its mirror or the one beside it has them."""
        beside = [f"{text.removesuffix(DATED)}-security{DATED * text.endswith(DATED)}" for text in self._mirrors]
        for end, mirrors in (("updates", self._mirrors), ("security", [*beside, *self._mirrors])):
            yield replace(
                archive,
                suite=f"{archive.suite}-{end}",
                addresses=addresses(mirrors, self.options.moment),
                companion=True,
                optional=True,
            )

    @property
    def _mirrors(self) -> list[str]:
        return [text.rstrip("/") for text in listed(self.options.mirror)]

    @property
    def connect(self) -> Connect:
        """What makes the sessions of downloads: they show what this machine's apt knows."""
        return partial(logins.session, machine=self.machine)

    def holds(self, store: Store, plan: Plan, seen: Sequence[Seen], now: float) -> bool:
        """Whether a plan is of exactly these indexes, verified with the keys of now, and all of them of their time."""
        made = [(one.address, one.suite, one.release, one.signature, one.trust) for one in plan.archives]
        try:
            meant = [
                (str(one.address), one.archive.suite, str(one.release), str(one.signature or ""), trust)
                for one in seen
                for trust in [self._trust(self._trusted(store, one.archive))]
            ]
        except IntegrityError:
            return False  # planning will report it, unless it can do without
        archives = [one.archive for one in seen]
        return made == meant and freshness.is_right(store, archives, plan.archives, self.options, now)

    def plan(self, store: Store, seen: Sequence[Seen], now: float) -> Plan:
        """The packages to install, out of these archives, whose package lists are downloaded.

        Raises IntegrityError, DownloadError, and ImageError with the chain that leads to what is missing.
        """
        found = [self._read(store, one, now) for one in seen]
        used = [one for one in found if one is not None]
        if not self.options.mirror:
            suites = ", ".join(f"{one.seen.archive.suite} at {one.seen.address}" for one in used)
            self.context.progress.note(f"{self.context.place}: packages come from this machine's mirrors: {suites}")
        with self._catalogue(used) as catalogue:
            request = self._request(catalogue)
            selected = resolve(catalogue, request)
            parts = self._parts(catalogue, selected, request)
            self._tell_unknown_exclusions(catalogue, request)
        below = used_below(selected, request)
        if below:
            self.context.progress.note(note(below, self.below, self.context.place))
        return Plan(
            archives=[one.planned for one in used],
            packages=sorted(
                [_planned_package(one, used[one.package.archive].seen) for one in selected]
                + [replace(_planned_package(one, used[one.package.archive].seen), part=True) for one in parts],
                key=lambda each: each.name,
            ),
            below=[str(package) for package in below],
            essential=sorted(catalogue.essential),
        )

    def _parts(self, catalogue: Catalogue, selected: Sequence[Selected], request: Request) -> list[Selected]:
        """The Essential packages whose effects are taken and nothing else of them."""
        if self.options.assumes not in ("needed", "minimal"):
            return []
        present = {one.package.name for one in selected} | {package.name for package in request.below}
        names = essential.parts(present, catalogue.essential, self._excluded)
        return [Selected(catalogue.with_name(name)[0], assumed="every package, as Essential") for name in names]

    def _tell_unknown_exclusions(self, catalogue: Catalogue, request: Request) -> None:
        """A misspelt name excludes nothing: not a fault, since a recipe may be for several suites."""
        present = {package.name for package in request.below}
        for name in sorted(request.exclude - present):
            if not catalogue.with_name(name):
                hint = advice_for(catalogue, (Relation(name),))
                self.context.progress.note(f"{self.context.place}: no index has {name}, which is excluded: {hint}")

    def unavailable(self, store: Store, seen: Sequence[Seen], now: float, texts: Iterable[str]) -> frozenset[str]:
        """Those of the requests for packages that none of these archives can serve. Raises as `plan`."""
        used = [one for one in (self._read(store, each, now) for each in seen) if one is not None]
        with self._catalogue(used) as catalogue:
            return frozenset(text for text in texts if not candidates(catalogue, parse_package_request(text)))

    def _of_this_machine(self, one: ExtraSuite) -> list[Archive]:
        sources = apt_config.mirrors(self.machine)
        components = one.components or self.options.components
        found = archives.of_this_machine(sources, one.suite, components, self.architecture, native=self._is_native())
        keyrings = self._keyrings(one.keyring)
        return [replace(archive, keyrings=keyrings) for archive in found] if keyrings else found

    def _archive(self, one: ExtraSuite, *, companion: bool) -> Archive:
        mirror = one.mirror or self.options.mirror
        return Archive(
            addresses=addresses(mirror, self.options.moment),
            suite=one.suite,
            components=tuple(one.components or self.options.components),
            keyrings=self._keyrings(one.keyring),
            dated=is_dated(mirror),
            companion=companion,
        )

    def _is_native(self) -> bool:
        try:
            return debian_architecture(Platform.of_this_machine()) == self.architecture
        except UsageError:
            return False

    def _keyrings(self, names: str | list[str]) -> tuple[Path, ...]:
        folder, chosen = self.context.folder, listed(names or self.options.keyring)
        if self.options.unsigned:  # nothing looks at them
            return tuple(folder / name for name in chosen)
        return tuple(lookup.file(folder, name, "keyring") for name in chosen)

    def _trusted(self, store: Store, archive: Archive) -> list[Path]:
        """The keyrings that may sign the archive's index; none when it is taken unsigned."""
        if self.options.unsigned:
            return []
        return archives.keyrings_of(store, archive, signature.find_keyrings(root=self.machine))

    def _trust(self, keyrings: Sequence[Path]) -> str:
        return "" if self.options.unsigned else archives.trust(keyrings)

    def _read(self, store: Store, seen: Seen, now: float) -> _Read | None:
        """Verify an index and bring its package lists; None for an optional archive that is out of order."""
        try:
            keyrings = self._trusted(store, seen.archive)
            release = archives.read_release(store, seen, keyrings, unsigned=self.options.unsigned)
            planned = _planned_archive(seen, release, self._trust(keyrings))
            freshness.check(store, seen.archive, planned, self.options, now)
            freshness.remember(store, seen.archive, planned, now)
            return _Read(seen, release, planned, self._lists(store, seen, release))
        except (DownloadError, IntegrityError) as error:
            if not seen.archive.optional:
                raise
            self.context.progress.note(
                f"{self.context.place}: nothing is taken from {seen.archive.suite} for {self.architecture}, "
                f"which is out of order: {error.message}"
            )
            return None

    def _lists(self, store: Store, seen: Seen, release: Release) -> tuple[Path, ...]:
        found = list(archives.package_lists(seen, release, self.architecture))
        requests = [
            FileRequest(
                title=f"{seen.archive.suite} {one.path}",
                urls=archives.addresses(seen, one, by_hash=release.by_hash),
                digest=one.digest,
                size=one.size,
            )
            for one in found
        ]
        progress = self.context.progress
        download(store, requests, progress, self.context.jobs, connect=self.connect)
        paths = []
        with progress.task(f"reading the packages of {seen.archive.suite}", total=len(found), unit="lists") as task:
            for one in found:
                paths.append(archives.indexed(store, one.digest, seen.what))
                task.advance(1)
        return tuple(paths)

    @property
    def _excluded(self) -> frozenset[str]:
        return exclusions(self.options.packages, self.options.exclude, self.architecture)

    def _request(self, catalogue: Catalogue) -> Request:
        known, excluded = catalogue.essential, self._excluded
        providers = [(each, essential.provider(each.name, catalogue)) for each in self.assumed]
        every = sorted(known.difference(excluded)) if self.options.assumes == "all" else []
        return Request(
            tuple(requested([*self.options.packages, *every], self.architecture)),
            self.options.recommends,
            excluded,
            self.context.place,
            self.alone,
            packages_below(self.below, self.architecture),
            frozenset(self.below.slices),
            tuple(replace(each, name=name) for each, name in providers if name and name not in excluded),
            known,
            self._older(),
        )

    def _older(self) -> str:
        """How to come by a version that the archives no longer have."""
        options = self.options
        if options.snapshot:
            return f"take another date than {options.snapshot}"
        dated = f'{{suite: {options.suite}, mirror: "https://HOST/archive/debian/{{snapshot}}"}}'
        return f"add the archive as it was on a day: write  also: [{dated}]  and  snapshot: 2026-01-31"

    @contextmanager
    def _catalogue(self, used: Sequence[_Read]) -> Iterator[Catalogue]:
        """The packages of these archives, while their lists are open."""
        sources = [Source(one.seen.archive.suite, automatic=one.release.automatic) for one in used]
        with ExitStack() as stack:
            indexes = [
                stack.enter_context(PackageIndex(path, number)) for number, one in enumerate(used) for path in one.lists
            ]
            yield Catalogue(indexes, self.architecture, sources)


def _planned_archive(seen: Seen, release: Release, trust: str) -> PlannedArchive:
    return PlannedArchive(
        address=str(seen.address),
        suite=seen.archive.suite,
        release=str(seen.release),
        signature=str(seen.signature or ""),
        trust=trust,
        expires=None if seen.archive.dated else release.valid_until,
        date=release.date,
    )


def _planned_package(selected: Selected, seen: Seen) -> PlannedPackage:
    package = selected.package
    return PlannedPackage(
        name=package.name,
        version=package.version,
        architecture=package.architecture,
        address=f"{seen.address}/{package.filename}",
        digest=str(package.digest),
        size=package.size,
        by=selected.by,
        field=selected.field,
        relation=selected.relation,
        assumed=selected.assumed,
    )
