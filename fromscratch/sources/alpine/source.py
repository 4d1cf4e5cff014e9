"""A tree out of signed Alpine packages, without root, apk or any script, on any Linux.

`fetch` verifies the indexes, decides as apk's solver does which packages are needed, and brings them into the store,
each verified against the index. What it decided is kept as a plan, and is used again while the indexes and the keys
stay the same. `build` follows the plan: it unpacks each package once, lays their trees together as apk does, and makes
what scripts would have made.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from fromscratch.address import Address, without_secrets
from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.formats.alpine import package as apk
from fromscratch.formats.alpine.dependency import parse_dependency
from fromscratch.formats.alpine.index import Package
from fromscratch.host.http.download import FileRequest, download
from fromscratch.host.process import threads
from fromscratch.host.storage.records import offline_hint
from fromscratch.host.storage.store import Store
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.alpine import natives, repositories
from fromscratch.sources.alpine import plan as plans
from fromscratch.sources.alpine.below import key_of, note, packages_below, used_below
from fromscratch.sources.alpine.natives import Owned
from fromscratch.sources.alpine.opened import Opened, opened
from fromscratch.sources.alpine.options import AlpineOptions, parse_repository
from fromscratch.sources.alpine.plan import Plan, PlannedPackage
from fromscratch.sources.alpine.platforms import alpine_architecture
from fromscratch.sources.alpine.records import with_records
from fromscratch.sources.alpine.repositories import Index, Seen
from fromscratch.sources.alpine.selection import Selected, select
from fromscratch.sources.alpine.tree import laid_together
from fromscratch.sources.alpine.universe import Listed
from fromscratch.sources.contract import Context, Pin, TreeSource
from fromscratch.transforms import merged_usr
from fromscratch.transforms.accounts import GROUP, PASSWD
from fromscratch.transforms.scripted.applets import with_applets
from fromscratch.transforms.scripted.base_folders import with_base_folders
from fromscratch.transforms.scripted.certificates import with_certificates

# Counted up when the same packages give another tree.
_TREE_VERSION = 1
_VERIFIED = "alpine-package"


class AlpineSource(TreeSource):
    """`machine` is the root of the filesystem whose apk repositories and keys count, `now` the clock."""

    chooses_packages = True

    def __init__(
        self,
        options: AlpineOptions,
        context: Context,
        *,
        machine: Path = Path("/"),
        now: Callable[[], float] = time.time,
    ) -> None:
        self.label = _label(options)
        self._options, self._context, self._now, self._machine = options, context, now, machine
        self._architecture = alpine_architecture(context.platform)
        self._world = [parse_dependency(text) for text in options.packages]

    def _key(self, store: Store) -> str:
        """What decides which packages are taken."""
        below = key_of(self._below(store))
        folder = f" {self._context.folder.absolute()}" if self._options.is_of_folder else ""
        key = f"{self._architecture}{folder} {self._options.deciding()}"
        return f"{key} over {below}" if below else key

    def _below(self, store: Store) -> list[Package]:
        return packages_below(self._context.present(store), self._architecture)

    def plan(self, store: Store) -> Plan:
        """What a fetch has decided: every package with its version, address, digest and reason. Raises NotFetched."""
        return plans.needed(store, self._key(store), f"{self.label} for {self._context.platform}")

    def fetch(self, store: Store) -> None:
        """Bring the packages into the store, and keep the plan. What is there already is not fetched again."""
        plan = plans.load(store, self._key(store))
        with offline_hint(lambda: plan is not None and not any(plan.missing(store))):
            known = repositories.keys(store, self._options, self._context, self._machine)
            where = repositories.repositories(self._options, self._context, self._architecture, self._machine)
            seen = repositories.look(store, where, self._context.progress)
        if plan is None or not self._holds(store, plan, seen, known):
            plan = self._planned(store, seen, known)
        plans.save(store, self._key(store), self._with_packages(store, plan, seen))

    def fingerprint(self, store: Store) -> str:
        plan = self.plan(store)
        packages = " ".join(f"{one.package.name}={one.digest}" for one in plan.packages)
        options = without_secrets(msgspec.json.encode(self._options).decode())
        return f"alpine {_TREE_VERSION} {options} {packages} {sorted(plan.keys.items())}"

    def pins(self, store: Store) -> list[Pin]:
        """The indexes that the packages were chosen from, and the packages."""
        return self.plan(store).pins()

    def unavailable(self, store: Store, packages: Iterable[str]) -> frozenset[str]:
        """Raises DownloadError, IntegrityError, and ImageError for repositories that are not there."""
        known = repositories.keys(store, self._options, self._context, self._machine)
        where = repositories.repositories(self._options, self._context, self._architecture, self._machine)
        indexes = self._indexes(store, repositories.look(store, where, self._context.progress), known)
        asked = {text: parse_dependency(text) for text in packages}
        names = {dependency.name for dependency in asked.values()}
        offers = [offer for index in indexes for package in index.packages for offer in package.offers(names)]
        return frozenset(
            text
            for text, dependency in asked.items()
            if not any(
                name == dependency.name and dependency.admits(version, checksum) for name, version, checksum in offers
            )
        )

    def notes(self, store: Store) -> list[str]:
        """The scripts whose effect is not made."""
        plan = self.plan(store)
        packages = self._opened(store, plan)
        return natives.not_run(laid_together([one.unpacked for one in packages]), [one.scripted for one in packages])

    def build(self, store: Store) -> Rootfs:
        """Raises NotFetched, FormatError for a damaged package, Conflict when two packages disagree."""
        return self.lay(Rootfs(), store, replace=False)

    def lay(self, below: Rootfs, store: Store, *, replace: bool) -> Rootfs:
        """As apk would unpack the packages there: accounts and records are added to those that are there.

        Nothing is added where all that was asked for is there already.
        """
        plan = self.plan(store)
        if not plan.packages and len(below) > 1:
            return below
        packages = self._opened(store, plan)
        tree, owned = self._laid_together(packages, below)
        tree = merged_usr.merged(below, tree, replace=replace, directories="keep")
        scripted = [one.scripted for one in packages]
        for line in natives.not_run(tree, scripted):
            self._context.progress.note(f"{self._context.place}: {line}")
        tree = natives.with_accounts_of(tree, scripted, self.label)
        tree = with_certificates(tree, self.label)
        tree = with_base_folders(tree, self.label, "alpine-baselayout")
        brings_busybox = any(one.planned.package.name == "busybox" for one in packages)
        if self._options.applets and (brings_busybox or len(below) <= 1):
            tree = with_applets(tree, self.label, absolute=True)
        if self._options.records:
            keys = {name: store.read(Digest.parse(digest)) for name, digest in plan.keys.items()}
            tree = with_records(tree, packages, owned, self._world, self._architecture, keys, self.label)
        return tree

    def _laid_together(self, packages: Sequence[Opened], below: Rootfs) -> tuple[Rootfs, list[Owned]]:
        """One tree, and what each package ships with the owners that its files have there."""
        unpacked = [one.unpacked for one in packages]
        tree = laid_together(unpacked)
        lists = {path: entry for path in (PASSWD, GROUP) if path not in tree and (entry := below.find(path))}
        accounts = tree.with_entries(lists) if lists else tree
        accounts = natives.with_accounts_of(accounts, [one.scripted for one in packages], self.label)
        shipped = [Owned(one.planned.shown, one.shipped) for one in packages]
        owned = natives.owned(accounts, shipped)
        if owned == shipped:
            return tree, owned
        # The owners of a folder decide which of two packages' metadata it gets, so they have to be known before.
        unpacked = [
            replace(one, tree=natives.with_owners(one.tree, before, after))
            for one, before, after in zip(unpacked, shipped, owned, strict=True)
        ]
        return laid_together(unpacked), owned

    def _opened(self, store: Store, plan: Plan) -> list[Opened]:
        origins = plan.origins(self.label, self._context.place)
        with self._context.progress.task("unpacking packages", total=len(plan.packages), unit="packages") as task:

            def one(package: PlannedPackage) -> Opened:
                found = opened(store, package, origins[package.package.name], self._context.limits)
                task.advance(1)
                return found

            return threads.each(plan.packages, one, max(1, self._context.jobs), lambda: None)

    def _holds(self, store: Store, plan: Plan, seen: Sequence[Seen], known: Mapping[str, bytes]) -> bool:
        """Whether a plan is of exactly these indexes, verified with the keys of now, and none of them is too old."""
        trust = repositories.trust(known, self._options)
        made = [(one.address, one.tag, one.digest, one.trust) for one in plan.indexes]
        if made != [(str(one.repository.address), one.repository.tag, str(one.digest), trust) for one in seen]:
            return False
        for one, planned in zip(seen, plan.indexes, strict=True):
            repositories.check_age(store, one, planned, self._options, self._now())
        return True

    def _indexes(self, store: Store, seen: Sequence[Seen], known: Mapping[str, bytes]) -> list[Index]:
        indexes = []
        with self._context.progress.task("reading the indexes", total=len(seen), unit="indexes") as task:
            for one in seen:
                index = repositories.read_index(store, one, known, self._options)
                repositories.check_age(store, one, index.planned, self._options, self._now())
                indexes.append(index)
                task.advance(1)
        return indexes

    def _planned(self, store: Store, seen: Sequence[Seen], known: Mapping[str, bytes]) -> Plan:
        progress = self._context.progress
        indexes = self._indexes(store, seen, known)
        listed = [Listed(package, number) for number, index in enumerate(indexes) for package in index.packages]
        tags = [index.planned.tag for index in indexes]
        below = self._below(store)
        exclude, place = frozenset(self._options.exclude), self._context.place
        selected = select(listed, tags, self._world, exclude, place, below)
        if used := used_below(below, [one.package for one in selected], self._world):
            progress.note(note(used, place))
        packages = [_planned_package(one, seen) for one in selected]
        keys = {name: str(store.add(pem)) for name, pem in known.items()}
        return Plan(indexes=[index.planned for index in indexes], packages=packages, keys=keys)

    def _with_packages(self, store: Store, plan: Plan, seen: Sequence[Seen]) -> Plan:
        """The plan with every package in the store and verified, and with the digests of their files."""
        digests = {one.package.checksum: one.digest or _verified_before(store, one) for one in plan.packages}
        missing = [
            one
            for one in plan.packages
            if not (digest := digests[one.package.checksum]) or not store.has(Digest.parse(digest))
        ]
        requests = [
            FileRequest(
                title=one.shown,
                urls=_urls(seen[one.index].repository.address, one),
                digest=Digest.parse(digest) if (digest := digests[one.package.checksum]) else None,
                size=one.package.size,
            )
            for one in missing
        ]
        found = download(store, requests, self._context.progress, self._context.jobs)
        for one, fetched in zip(missing, found, strict=True):
            if not digests[one.package.checksum]:
                _verify(store, one, fetched)
                digests[one.package.checksum] = str(fetched)
        return replace(plan, packages=[replace(one, digest=digests[one.package.checksum]) for one in plan.packages])


def _label(options: AlpineOptions) -> str:
    """`alpine`, with the last two parts of the first repository's address: `alpine v3.20/main`."""
    if not options.repositories:
        return "alpine"
    place = without_secrets(parse_repository(options.repositories[0])[1]).partition("?")[0].rstrip("/")
    return f"alpine {'/'.join(place.split('/')[-2:])}"


def _planned_package(selected: Selected, seen: Sequence[Seen]) -> PlannedPackage:
    index = min(selected.repositories)
    return PlannedPackage(
        package=selected.package,
        address=str(seen[index].repository.address / selected.package.file),
        index=index,
        tag=selected.tag,
        needed_by=selected.needed_by,
    )


def _urls(home: Address, one: PlannedPackage) -> tuple[Address, ...]:
    """Where a package can be had: beside the index, or in the folder of its own architecture, such as noarch."""
    own = Address(home.whole.rpartition("/")[0]) / one.package.architecture
    places = (home, own) if one.package.architecture else (home,)
    return tuple(dict.fromkeys(place / one.package.file for place in places))


def _verified_before(store: Store, package: PlannedPackage) -> str:
    """The digest under which the store has this package from another fetch; empty if it does not."""
    recorded = store.record(_VERIFIED, package.package.checksum)
    return recorded.decode() if recorded else ""


def _verify(store: Store, package: PlannedPackage, digest: Digest) -> None:
    """Check a download against the index. Raises IntegrityError, FormatError; the store then forgets the file."""
    shown = package.package.file
    try:
        control = apk.read_control(store.path(digest), package.package.checksum, shown)
        apk.check_data(store.path(digest), control, shown)
    except ImageError:
        store.discard(digest)
        raise
    store.write_record(_VERIFIED, package.package.checksum, str(digest).encode())
