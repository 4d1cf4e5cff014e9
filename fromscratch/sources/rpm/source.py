"""A tree out of signed RPM packages, without root, rpm or dnf, on any Linux.

`fetch` verifies the indexes, lets libsolv decide which packages are needed, brings them into the store and verifies
them; what it decided is kept as a plan, and is used again while the indexes and the keys stay the same. `build`
follows the plan: it unpacks each package once, lays their files together, and makes what their scripts would have made.
"""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec import Struct

from fromscratch.address import Address, without_secrets
from fromscratch.digest import Digest
from fromscratch.formats.glibc.passwd import records
from fromscratch.formats.installed import Installed
from fromscratch.formats.rpm import database, package, payload
from fromscratch.formats.rpm.database import Record
from fromscratch.formats.rpm.files import Flag, described
from fromscratch.formats.rpm.package import Parts
from fromscratch.formats.rpm.payload import Packaged
from fromscratch.formats.rpm.tags import Tag
from fromscratch.formats.sysusers import Line
from fromscratch.host.http.download import FileRequest, download
from fromscratch.host.process import threads
from fromscratch.host.storage.records import offline_hint
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, encode
from fromscratch.sources.contract import Context, Pin, Source
from fromscratch.sources.rpm import plan as plans
from fromscratch.sources.rpm import repositories, scripts, verification
from fromscratch.sources.rpm.options import RpmOptions
from fromscratch.sources.rpm.plan import Plan, PlannedPackage
from fromscratch.sources.rpm.planner import Planner, Read
from fromscratch.sources.rpm.platforms import rpm_architecture
from fromscratch.sources.rpm.records import with_records
from fromscratch.sources.rpm.repositories import Seen
from fromscratch.sources.rpm.tree import Unpacked, laid_together
from fromscratch.transforms.accounts import GROUP, PASSWD, SHADOW
from fromscratch.transforms.scripted import system_accounts, temporary_files
from fromscratch.transforms.scripted.alternatives import with_alternatives
from fromscratch.transforms.scripted.trust_bundles import with_trust_bundles

# Counted up when the same packages give another tree.
_TREE_VERSION = 1
_MOST_SHOWN = 3
_ACCOUNT_FILES = frozenset({PASSWD, GROUP, SHADOW})


class _Opened(Struct, frozen=True):
    """A package taken apart, and its entries, owned by accounts that have no numbers yet."""

    planned: PlannedPackage
    parts: Parts
    entries: Sequence[Packaged]


class RpmSource(Source):
    """`machine` is the root of the filesystem whose repositories count, `now` the clock."""

    chooses_packages = True

    def __init__(
        self,
        options: RpmOptions,
        context: Context,
        *,
        machine: Path = Path("/"),
        now: Callable[[], float] = time.time,
    ) -> None:
        shown = ", ".join(options.packages[:_MOST_SHOWN]) + (", …" if len(options.packages) > _MOST_SHOWN else "")
        self.label = f"rpm {shown}"
        self._options, self._context, self._now = options, context, now
        self._planner = Planner(options, context, machine)
        self._notes: list[str] = []

    @cached_property
    def _key(self) -> str:
        """What decides which packages are taken."""
        folder = f" {self._context.folder.absolute()}" if self._options.is_of_folder else ""
        return f"{rpm_architecture(self._context.platform)}{folder} {self._options.deciding()}"

    def plan(self, store: Store) -> Plan:
        """What a fetch has decided: every package with its version, place, digest and reason. Raises NotFetched."""
        return plans.needed(store, self._key, f"{self.label} for {self._context.platform}")

    def fetch(self, store: Store) -> None:
        """Bring the packages into the store, verified, and keep the plan. What is there is not fetched again."""
        plan = plans.load(store, self._key)
        with offline_hint(lambda: plan is not None and not any(plan.missing(store))):
            seen = repositories.look(store, self._planner.sources(), self._context.progress)
        found = self._planner.read(store, seen, self._now())
        present = self._present(store)
        if plan is None or not self._planner.holds(plan, seen) or plan.present != _shown(present):
            plan = self._planner.plan(store, found, present)
            self._download(store, plan, seen)
            self._verify(store, plan, found)
            plans.save(store, self._key, plan)
        else:
            self._download(store, plan, seen)

    def _present(self, store: Store) -> list[Installed]:
        """The packages of RPM that lie below: what provides them is not brought a second time."""
        found = [one for one in self._context.present(store).installed if one.package.manager == "rpm"]
        if found:
            shown = ", ".join(sorted(str(one.package) for one in found)[:_MOST_SHOWN])
            more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
            self._context.progress.note(f"{self._context.place}: already there, and not brought again: {shown}{more}")
        return found

    def fingerprint(self, store: Store) -> str:
        packages = " ".join(f"{package.name}={package.digest}" for package in self.plan(store).packages)
        options = without_secrets(msgspec.json.encode(self._options).decode())
        return f"rpm {_TREE_VERSION} {options} {packages}"

    def pins(self, store: Store) -> Sequence[Pin]:
        plan = self.plan(store)
        indexes = [
            Pin(kind="index", name=one.name or "rpm", url=str(Address(one.address)), digest=one.index)
            for one in plan.repositories
        ]
        packages = [
            Pin(
                kind="package",
                name=one.name,
                version=one.version,
                url=str(_address(plan, one)),
                digest=one.digest,
            )
            for one in sorted(plan.packages, key=lambda each: (each.name, each.version, each.architecture))
        ]
        return [*indexes, *packages]

    def notes(self, store: Store) -> Sequence[str]:
        return tuple(self._notes)

    def lay(self, below: Rootfs, store: Store, *, replace: bool) -> Rootfs:
        """Raises NotFetched, FormatError for a damaged package, Conflict when two packages disagree."""
        plan = self.plan(store)
        self._notes = []
        opened = self._opened(store, plan)
        lines = self._lines(opened) if self._options.accounts else []
        users, groups = self._accounts(below, opened, lines)
        tree = below.merged(laid_together(self._numbered(opened, users, groups)), replace=replace)
        tree = self._with_scripted(tree, lines, opened)
        for one in opened:
            self._notes += scripts.left_undone(one.parts.header, one.planned.shown)
            self._notes += scripts.triggers(one.parts.header, one.planned.shown, tree)
        for note in self._notes:
            self._context.progress.note(f"{self._context.place}: {note}")
        if not self._options.records:
            return tree
        return with_records(tree, [self._record(one) for one in opened], self._made_by("rpm, as its database"))

    def _opened(self, store: Store, plan: Plan) -> list[_Opened]:
        origins = plan.origins(self.label, self._context.place)
        limits = self._context.limits
        with self._context.progress.task("unpacking packages", total=len(plan.packages), unit="packages") as task:

            def one(planned: PlannedPackage) -> _Opened:
                digest = Digest.parse(planned.digest)
                plain = store.derived(
                    digest, "rpm-payload", lambda blob, target: verification.unpack(blob, target, planned.file, limits)
                )
                parts = package.parts(store.path(digest), planned.file)
                entries = payload.entries(parts.header, plain, origins[planned.digest], planned.file, limits)
                task.advance(1)
                return _Opened(planned, parts, [each for each in entries if self._is_kept(each)])

            return threads.each(plan.packages, one, max(1, self._context.jobs), lambda: None)

    def _is_kept(self, one: Packaged) -> bool:
        return self._options.docs or not one.flags & Flag.DOCUMENTATION or bool(one.flags & Flag.LICENCE)

    def _lines(self, opened: Sequence[_Opened]) -> list[Line]:
        """The accounts that the packages declare, in files, in what they provide, and in scripts."""
        files = {one.path: one.entry for each in opened for one in each.entries if "/sysusers.d/" in one.path}
        declared = system_accounts.declared(Rootfs(files))
        self._notes += [f"passed over, as it declares no account: {fault}" for fault in declared.faults]
        return [*declared.lines, *(line for each in opened for line in scripts.accounts(each.parts.header))]

    def _accounts(
        self, below: Rootfs, opened: Sequence[_Opened], lines: Sequence[Line]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """The numbers of all users and groups, as the whole tree will have them."""
        lists = {path: entry for path in _ACCOUNT_FILES if (entry := below.find(path)) is not None}
        lists |= {one.path: one.entry for each in opened for one in each.entries if one.path in _ACCOUNT_FILES}
        tree = system_accounts.with_system_accounts(Rootfs(lists), lines, self._made_by("systemd-sysusers"))
        users = {"root": 0} | {fields[0]: int(fields[2]) for fields in records(tree, PASSWD, 7)}
        return users, {"root": 0} | {fields[0]: int(fields[2]) for fields in records(tree, GROUP, 4)}

    def _numbered(self, opened: Sequence[_Opened], users: dict[str, int], groups: dict[str, int]) -> list[Unpacked]:
        main = rpm_architecture(self._context.platform)
        found = []
        for one in opened:
            entries, unknown = [], dict[str, TreePath]()
            for entry, account in payload.numbered(one.entries, users, groups):
                entries.append(entry)
                if account:
                    unknown.setdefault(account, entry.path)
            for account, path in unknown.items():
                self._notes.append(
                    f"root owns what {account} should in {one.planned.shown}, such as {path}: there is no such account"
                )
            found.append(Unpacked(one.planned.shown, entries, one.planned.architecture in (main, "noarch")))
        return found

    def _with_scripted(self, tree: Rootfs, lines: Sequence[Line], opened: Sequence[_Opened]) -> Rootfs:
        if lines:
            made_by = self._made_by("systemd-sysusers, or scripts of packages, for an account that they declare")
            tree = system_accounts.with_system_accounts(tree, lines, made_by)
        posts = {one.planned.name: encode(one.parts.header.text(Tag.POST_INSTALL)) for one in opened}
        tree = with_alternatives(tree, posts, self.label, "%post")
        tree = with_trust_bundles(tree, self.label)
        declared = temporary_files.declared(tree)
        made_by = self._made_by("systemd-tmpfiles, for a line in tmpfiles.d")
        return temporary_files.with_temporary_files(tree, declared.lines, made_by)

    def _record(self, one: _Opened) -> Record:
        present = {entry.path for entry in one.entries}
        left_out = frozenset(
            file.index
            for file in described(one.parts.header, one.planned.file)
            if not file.is_ghost and file.path not in present
        )
        return database.record(one.parts, without=left_out)

    def _made_by(self, what: str) -> Origin:
        return Origin(self.label, "made by", what)

    def _download(self, store: Store, plan: Plan, seen: Sequence[Seen]) -> None:
        requests = [
            FileRequest(
                title=one.shown,
                urls=tuple(repositories.locations(seen[one.repository], one.location)),
                digest=Digest.parse(one.digest),
                size=one.size or None,
            )
            for one in plan.missing(store)
        ]
        download(store, requests, self._context.progress, self._context.jobs)

    def _verify(self, store: Store, plan: Plan, found: Sequence[Read]) -> None:
        subjects = [
            verification.Subject(
                one.shown, store.path(Digest.parse(one.digest)), source.keys, found[one.repository].is_signed
            )
            for one in plan.packages
            if not (source := found[one.repository].seen.source).unsigned
        ]
        verification.check(store, subjects, self._context.progress, self._context.jobs)


def _shown(present: Sequence[Installed]) -> list[str]:
    return sorted(str(one.package) for one in present)


def _address(plan: Plan, one: PlannedPackage) -> Address:
    if "://" in one.location:
        return Address(one.location)
    return Address(plan.repositories[one.repository].address) / one.location
