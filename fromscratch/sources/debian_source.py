"""A tree out of signed Debian packages, without root, apt or dpkg, on any Linux.

`fetch` verifies the indexes, decides which packages are needed and brings them into the store; what
it decided is kept as a plan, and is used again while the indexes stay the same. `build` follows
the plan: it unpacks each .deb once, lays their trees together, and makes what maintainer scripts
would have made.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import msgspec

from fromscratch.digest import Digest
from fromscratch.errors import DownloadError, IntegrityError, UsageError
from fromscratch.formats import deb, deb822
from fromscratch.formats.debian_index import PackageIndex, Release
from fromscratch.formats.tar import read_tree
from fromscratch.host import apt_config, signature, web
from fromscratch.host.download import Wanted, download
from fromscratch.host.store import Store
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources import debian_archives as archives
from fromscratch.sources import debian_natives as natives
from fromscratch.sources import debian_plan as plans
from fromscratch.sources.contract import Context
from fromscratch.sources.debian import DebianOptions, ExtraSuite, addresses, listed
from fromscratch.sources.debian_archives import Archive, Seen
from fromscratch.sources.debian_catalogue import Catalogue
from fromscratch.sources.debian_plan import Plan, PlannedArchive, PlannedPackage
from fromscratch.sources.debian_resolver import Request, Selected, resolve
from fromscratch.sources.debian_tree import Unpacked, laid_together
from fromscratch.sources.debian_wanted import parse_wanted

# Counted up when the same packages give another tree.
_TREE_VERSION = 1
_ARCHITECTURES = {
    "linux/386": "i386",
    "linux/amd64": "amd64",
    "linux/arm/v5": "armel",
    "linux/arm/v6": "armel",
    "linux/arm/v7": "armhf",
    "linux/arm64": "arm64",
    "linux/loong64": "loong64",
    "linux/mips64le": "mips64el",
    "linux/mipsle": "mipsel",
    "linux/ppc64le": "ppc64el",
    "linux/riscv64": "riscv64",
    "linux/s390x": "s390x",
}
_KEPT_CONTROL_FILES = ("control", "md5sums", "postinst")


def debian_architecture(platform: Platform) -> str:
    """Debian's name for the platform: Policy 11.1. Raises UsageError."""
    plain = Platform(platform.os, platform.architecture, platform.variant if platform.architecture == "arm" else "")
    if str(plain) not in _ARCHITECTURES:
        raise UsageError(f"Debian has no packages for {platform}", f"build for {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[str(plain)]


class DebianSource:
    """`machine` is the root of the filesystem whose apt sources and keyrings count, `now` the clock."""

    def __init__(
        self,
        options: DebianOptions,
        context: Context,
        *,
        machine: Path = Path("/"),
        now: Callable[[], float] = time.time,
    ) -> None:
        self.label = f"debian {options.suite}"
        self._options, self._context, self._machine, self._now = options, context, machine, now
        self._architecture = debian_architecture(context.platform)
        self._key = f"{self._architecture} {options.deciding()}"

    def fetch(self, store: Store) -> None:
        """Bring the packages into the store, and keep the plan. What is there already is not fetched again."""
        plan = plans.load(store, self._key)
        try:
            seen = archives.look(store, self._archives(), self._context.progress)
        except DownloadError as error:
            if plan is not None and not any(plan.missing(store)):
                raise DownloadError(
                    error.message,
                    f"`build` works with what was fetched before, without the network; otherwise: {error.hint}",
                ) from error
            raise
        if plan is None or not _is_of(plan, seen):
            plan = self._planned(store, seen)
        self._refuse_expired(plan.archives)
        self._download(store, plan, seen)
        plans.save(store, self._key, plan)

    def fingerprint(self, store: Store) -> str:
        plan = plans.needed(store, self._key, self.label)
        packages = " ".join(f"{package.name}={package.digest}" for package in plan.packages)
        return f"debian {_TREE_VERSION} {msgspec.json.encode(self._options).decode()} {packages}"

    def build(self, store: Store) -> Rootfs:
        """Raises NotFetched, FormatError for a damaged package, Conflict when two packages disagree."""
        from concurrent.futures import ThreadPoolExecutor

        plan = plans.needed(store, self._key, self.label)
        with (
            self._context.progress.task("unpacking packages", total=len(plan.packages), unit="packages") as task,
            ThreadPoolExecutor(max(1, self._context.jobs)) as pool,
        ):

            def unpack(package: PlannedPackage) -> tuple[Path, dict[str, bytes]]:
                made = _unpacked(store, package)
                task.advance(1)
                return made

            files = list(pool.map(unpack, plan.packages))
        origins = plan.origins(self.label, self._context.place)
        packages = []
        records: dict[str, tuple[bytes, bytes]] = {}
        for package, (archive, control) in zip(plan.packages, files, strict=True):
            stanza = deb822.stanza(deb822.decoded(control["control"]), f"{package.file}: control")
            tree = read_tree(archive, origins[package.name], title=package.file)
            packages.append(Unpacked(package.name, package.version, tree, stanza.get("replaces", "")))
            records[package.name] = control["control"].rstrip(b"\n") + b"\n", control.get("md5sums", b"")
        tree = laid_together(packages, self.label, merged_usr=self._options.merged_usr)
        scripts = {
            package.name: control["postinst"]
            for package, (_, control) in zip(plan.packages, files, strict=True)
            if "postinst" in control
        }
        return self._with_natives(tree, scripts, records)

    def _with_natives(self, tree: Rootfs, scripts: dict[str, bytes], records: dict[str, tuple[bytes, bytes]]) -> Rootfs:
        tree = natives.with_defaults(tree, self.label)
        tree = natives.with_certificates(tree, self.label)
        tree = natives.with_alternatives(tree, scripts, self.label)
        tree = natives.with_base_folders(tree, self.label)
        if self._options.applets:
            tree = natives.with_applets(tree, self.label)
        return natives.with_records(tree, records, self.label) if self._options.records else tree

    def _archives(self) -> list[Archive]:
        """Every archive that the recipe means; the first is that of the suite itself."""
        options = self._options
        extra = [one if isinstance(one, ExtraSuite) else ExtraSuite(suite=one) for one in options.also]
        elsewhere = [one for one in extra if one.mirror]
        if options.mirror:
            main = ExtraSuite(suite=options.suite)
            return [self._archive(one) for one in (main, *extra)]
        sources = apt_config.mirrors(self._machine)
        names = [one.suite for one in extra if not one.mirror]
        found = archives.of_this_machine(
            sources, options.suite, names, options.components, self._architecture, self._is_native()
        )
        if options.keyring:
            found = [replace(one, keyrings=self._keyrings("")) for one in found]
        return [*found, *(self._archive(one) for one in elsewhere)]

    def _archive(self, extra: ExtraSuite) -> Archive:
        return Archive(
            addresses=addresses(extra.mirror or self._options.mirror, self._options.snapshot),
            suite=extra.suite,
            components=tuple(extra.components or self._options.components),
            keyrings=self._keyrings(extra.keyring),
            companion=extra.suite != self._options.suite,
        )

    def _is_native(self) -> bool:
        try:
            return debian_architecture(Platform.of_this_machine()) == self._architecture
        except UsageError:
            return False

    def _keyrings(self, named: str | list[str]) -> tuple[Path, ...]:
        return tuple(self._context.folder / name for name in listed(named or self._options.keyring))

    def _planned(self, store: Store, seen: Sequence[Seen]) -> Plan:
        """Verify the indexes, and decide."""
        default = signature.find_keyrings(root=self._machine)
        used: list[tuple[Seen, PlannedArchive, list[Path]]] = []
        for one in seen:
            keyrings = archives.keyrings_of(store, one.archive, default)
            release = archives.read_release(store, one, keyrings, unsigned=self._options.unsigned)
            planned = _planned_archive(one, release)
            self._refuse_expired([planned])
            indexes = self._indexes(store, one, release)
            if indexes is not None:
                used.append((one, planned, indexes))
        selected = self._selected([indexes for _, _, indexes in used])
        return Plan(
            archives=[planned for _, planned, _ in used],
            packages=[_planned_package(one, used[one.package.archive][0]) for one in selected],
        )

    def _indexes(self, store: Store, seen: Seen, release: Release) -> list[Path] | None:
        """The package lists of an archive, ready to be asked; None for an optional one that is out of order."""
        lists = list(archives.package_lists(seen, release, self._architecture))
        wanted = [
            Wanted(
                title=f"{seen.archive.suite} {one.path}",
                urls=archives.addresses(seen, one, by_hash=release.by_hash),
                digest=one.digest,
                size=one.size,
            )
            for one in lists
        ]
        try:
            download(store, wanted, self._context.progress, self._context.jobs)
        except (DownloadError, IntegrityError) as error:
            if not seen.archive.optional:
                raise
            self._context.progress.note(
                f"{self._context.place}: nothing is taken from {seen.archive.suite}, "
                f"whose list for {self._architecture} cannot be had: {error.message}"
            )
            return None
        with self._context.progress.task(f"reading the packages of {seen.archive.suite}", unit="lists") as task:
            task.expect(len(lists))
            paths = []
            for one in lists:
                paths.append(archives.indexed(store, one.digest, seen.what))
                task.advance(1)
        return paths

    def _selected(self, indexes: Sequence[Sequence[Path]]) -> list[Selected]:
        """The packages to install, out of the lists of each archive."""
        request = Request(
            tuple(parse_wanted(text) for text in self._options.packages),
            self._options.recommends,
            frozenset(self._options.exclude),
            self._context.place,
        )
        with ExitStack() as stack:
            opened = [
                stack.enter_context(PackageIndex(path, number))
                for number, paths in enumerate(indexes)
                for path in paths
            ]
            return resolve(Catalogue(opened, self._architecture), request)

    def _refuse_expired(self, planned: Sequence[PlannedArchive]) -> None:
        if self._options.expired or self._options.snapshot:
            return
        late = plans.expired(planned, self._now())
        if late is not None:
            raise IntegrityError(
                f"the index of {late.suite} at {late.address} has expired: it may be an old one, shown to hide updates",
                "see whether this machine's clock is right; if an old archive is meant, say  expired: true",
            )

    def _download(self, store: Store, plan: Plan, seen: Sequence[Seen]) -> None:
        missing = list(plan.missing(store))
        mirrors = {web.public(one.address): one for one in seen}
        wanted = []
        for package in missing:
            home = next(address for address in mirrors if package.address.startswith(f"{address}/"))
            filename = package.address[len(home) + 1 :]
            bases = dict.fromkeys((mirrors[home].address, *mirrors[home].archive.addresses))
            wanted.append(
                Wanted(
                    title=package.shown,
                    urls=tuple(f"{base}/{filename}" for base in bases),
                    digest=Digest.parse(package.digest),
                    size=package.size,
                )
            )
        download(store, wanted, self._context.progress, self._context.jobs)


def _is_of(plan: Plan, seen: Sequence[Seen]) -> bool:
    """Whether the plan was made of exactly these indexes."""
    return [(one.address, one.suite, one.release, one.signature) for one in plan.archives] == [
        (web.public(one.address), one.archive.suite, str(one.release), str(one.signature or "")) for one in seen
    ]


def _planned_archive(seen: Seen, release: Release) -> PlannedArchive:
    return PlannedArchive(
        address=web.public(seen.address),
        suite=seen.archive.suite,
        release=str(seen.release),
        signature=str(seen.signature or ""),
        expires=release.valid_until,
    )


def _planned_package(selected: Selected, seen: Seen) -> PlannedPackage:
    package = selected.package
    return PlannedPackage(
        name=package.name,
        version=package.version,
        architecture=package.architecture,
        address=f"{web.public(seen.address)}/{package.filename}",
        digest=str(package.digest),
        size=package.size,
        by=selected.by,
        field=selected.field,
        relation=selected.relation,
    )


def _unpacked(store: Store, package: PlannedPackage) -> tuple[Path, dict[str, bytes]]:
    """The package's data as a plain tar, and its control files; made once. Raises FormatError."""
    digest = Digest.parse(package.digest)

    def expand(blob: Path, target: Path) -> None:
        deb.expand_data(blob, target, package.file)

    def keep_control(blob: Path, target: Path) -> None:
        files = deb.control_files(blob, package.file)
        kept = {name: files[name] for name in _KEPT_CONTROL_FILES if name in files}
        target.write_bytes(msgspec.msgpack.encode(kept))

    control = store.derived(digest, "deb-control-2", keep_control)
    return store.derived(digest, "deb-data", expand), msgspec.msgpack.decode(
        control.read_bytes(), type=dict[str, bytes]
    )
