"""Packages that Portage builds from source on this machine, as an ordinary user in a sandbox without a network.

`fetch` brings the repositories, asks Portage for a plan and downloads the source archives; `build` follows the plan
offline. Each package that was built is kept as a binary package in the store, by all that it was made of, and so is
the tree of the image.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fromscratch.address import without_secrets
from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.process import run
from fromscratch.host.storage import records
from fromscratch.host.storage.inherited_lock import inherited_lock
from fromscratch.host.storage.store import Store
from fromscratch.host.storage.tree_archive import add_tree
from fromscratch.model.entry import Origin
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.contract import Context, Pin, Source
from fromscratch.sources.portage import binary_packages, distfiles, image_tree
from fromscratch.sources.portage import plan as plans
from fromscratch.sources.portage.emerge import emerge
from fromscratch.sources.portage.failure import name_of
from fromscratch.sources.portage.libraries import with_libraries
from fromscratch.sources.portage.machine import BuildContainer, Machine, ThisMachine
from fromscratch.sources.portage.options import PortageOptions
from fromscratch.sources.portage.ownership import OwnerChange, applied
from fromscratch.sources.portage.plan import Plan, Reason
from fromscratch.sources.portage.planner import make_plan
from fromscratch.sources.portage.repositories import Repositories
from fromscratch.sources.portage.workspace import Workspace, merged_usr
from fromscratch.transforms.scripted import system_accounts, temporary_files

_WORK = "portage"
_RESULT = "portage-result"
# Counted up when the same packages give another tree.
_TREE_VERSION = 1
_SHOWN = 3


class _Result(Struct, frozen=True, kw_only=True):
    """A built tree in the store: `owners` is the digest of the packages of its paths."""

    tar: str
    owners: str
    runtime: list[Reason]
    ownership: list[OwnerChange] = []


class PortageSource(Source):
    build_folders = (_WORK,)

    def __init__(self, options: PortageOptions, context: Context) -> None:
        self._options, self._context = options, context
        more = f" and {len(options.atoms) - _SHOWN} more" if len(options.atoms) > _SHOWN else ""
        self.label = f"portage {' '.join(options.atoms[:_SHOWN])}{more}"
        self._repositories = options.resolved_repositories
        self._machine: Machine = BuildContainer(options.container, context) if options.container else ThisMachine()
        self._notes: list[str] = []

    def fetch(self, store: Store) -> None:
        """Bring the repositories and source archives, and keep the plan."""
        self._check_platform()
        self._machine.fetch(store)
        options, context = self._options, self._context
        repositories = Repositories(self._repositories, context.folder, store)
        synced = repositories.sync(options.sync_hours, context.progress, older=options.older)
        known = plans.load(store, self._key(store))
        with self._workspace(store) as (workspace, _):
            if known is None or known.repositories != synced:
                repositories.extract(synced, workspace.box / "repositories", context.progress)
                known = make_plan(options, context, store, workspace, synced)
        for note in known.notes:
            context.progress.note(f"{self.label}: {note}")
        mirrors = distfiles.mirror_addresses(known.mirrors, context.folder)
        distfiles.fetch(store, known.missing(store), mirrors, context.progress, context.jobs)
        plans.save(store, self._key(store), known)

    def fingerprint(self, store: Store) -> str:
        return f"portage {self._fingerprint(self._plan(store), store)} {self._machine.c_library(store)}"

    def pins(self, store: Store) -> Sequence[Pin]:
        plan = self._plan(store)
        found = [
            Pin(kind="repository", name=each.name, version=each.commit or each.tree, url=each.address)
            for each in plan.repositories
        ]
        found += [
            Pin(
                kind="package",
                name=each.name,
                version=each.version,
                digest=plan.binaries.get(each.cpv, f"sha256:{each.sources}"),
            )
            for each in plan.packages
        ]
        for name, each in sorted(plan.distfiles().items()):
            address = without_secrets(each.addresses[0]) if each.addresses else ""
            found.append(Pin(kind="distfile", name=name, url=address, digest=str(each.digest or "")))
        return [*found, *self._machine.pins(store)]

    def lay(self, below: Rootfs, store: Store, *, replace: bool) -> Rootfs:
        """`below` with the packages, and with this machine's C library where nothing else brings one.

        Raises NotFetched, CommandFailed for a package that cannot be built, ImageError for a library that is nowhere.
        """
        plan = self._plan(store)
        result = self._result(store, plan)
        owners = msgspec.json.decode(store.read(Digest.parse(result.owners)), type=dict[str, str])
        origin = image_tree.origins(owners, result.runtime, plan, self.label, self._context.place)
        tree = read_tree(store.path(Digest.parse(result.tar)), origin)
        tree = with_libraries(
            tree,
            below,
            (self._machine.title, self._machine.libraries(store)),
            self.label,
            self._context.platform,
            self._context.progress,
        )
        whole, notes = self._settled(below.merged(tree, replace=replace), tree, result)
        self._notes = notes
        for note in notes:
            self._context.progress.note(f"{self.label}: {note}")
        return whole

    def notes(self, store: Store) -> Sequence[str]:
        return self._notes

    def _settled(self, whole: Rootfs, tree: Rootfs, result: _Result) -> tuple[Rootfs, list[str]]:
        """The whole with the accounts and folders that the packages in `tree` declare, and the owners they ask for."""
        accounts, folders = system_accounts.declared(tree), temporary_files.declared(tree)
        declared = Origin(self.label, "made by", "what the packages declare in sysusers.d and tmpfiles.d")
        if accounts.lines:
            whole = system_accounts.with_system_accounts(whole, accounts.lines, declared)
        if folders.lines:
            whole = temporary_files.with_temporary_files(whole, folders.lines, declared)
        whole, notes = applied(whole, result.ownership)
        return whole, [*accounts.faults, *folders.faults, *notes]

    def _result(self, store: Store, plan: Plan) -> _Result:
        """The packages' own files, as far as they are needed at run time; built if they are not."""
        fingerprint = self._fingerprint(plan, store)
        result = _load(store, fingerprint)
        if result is None:
            with self._workspace(store) as (workspace, lock):
                result = _load(store, fingerprint) or self._make(store, plan, workspace, lock, fingerprint)
        else:
            self._context.progress.note(f"{self.label} is built already")
        return result

    def _make(self, store: Store, plan: Plan, workspace: Workspace, lock: int, fingerprint: str) -> _Result:
        context = self._context
        Repositories(self._repositories, context.folder, store).extract(
            plan.repositories, workspace.box / "repositories", context.progress
        )
        workspace.configure(self._options, plan)
        workspace.empty_root(merged_usr(self._options, plan))
        workspace.put_distfiles(plan, store)
        keys = plan.keys(self._salt(plan, store))
        binary_packages.put(store, keys, workspace.box / "packages")
        binary_packages.put_digests(store, plan.binaries, workspace.box / "packages")
        try:
            emerge(workspace, plan, self.label, context.progress, context.log, lock)
        finally:
            binary_packages.keep(store, keys, workspace.box / "packages")
        runtime = _runtime(plan, workspace)
        selection = image_tree.cut(workspace.root, runtime, self._options)
        context.progress.note(f"{self.label}: {selection.left_out}")
        result = _Result(
            tar=str(add_tree(store, selection.tree)),
            owners=str(store.add(msgspec.json.encode(selection.packages))),
            runtime=runtime,
            ownership=selection.owners,
        )
        records.save(store, _RESULT, fingerprint, result)
        workspace.empty_root({})
        return result

    @contextmanager
    def _workspace(self, store: Store) -> Iterator[tuple[Workspace, int]]:
        """The folder that builds of these repositories work in, and the descriptor of its lock."""
        key = "\n".join(
            [str(self._context.platform), self._options.container, *(each.address for each in self._repositories)]
        )
        place = store.workspace(_WORK, key)
        note = "waiting for another build of the same repositories to end"
        with inherited_lock(place / "lock", lambda: self._context.progress.note(note)) as lock:
            programs = self._machine.programs(store, place / "container")
            workspace = Workspace(place=place, programs=programs, jobs=max(1, self._context.jobs))
            workspace.prepare()
            yield workspace, lock

    def _plan(self, store: Store) -> Plan:
        self._check_platform()
        return plans.needed(store, self._key(store), self.label)

    def _key(self, store: Store) -> str:
        """What decides about the plan."""
        options = replace(self._options, keep=[], records=False, threads=0, jobs=0, sync_hours=0, older=False)
        local = [str((self._context.folder / each.path).resolve()) for each in self._repositories if each.path]
        machine = self._machine.compiler(store) if options.container else ""
        return f"{self._context.platform} {local} {msgspec.json.encode(options).decode()} {machine}"

    def _fingerprint(self, plan: Plan, store: Store) -> str:
        options = self._options
        asked = [each.cpv for each in plan.packages if each.asked]
        facts = [_TREE_VERSION, options.keep, options.records, asked, plan.keys(self._salt(plan, store))]
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()

    def _salt(self, plan: Plan, store: Store) -> str:
        """What decides about every binary package, beside its own sources."""
        options = self._options
        counted = sorted({name_of(f"={each}") for each in plan.provided})  # not their versions, which each sync changes
        facts = [plan.profile, options.make_conf, options.package_env, options.merged_usr, counted]
        return msgspec.json.encode([*facts, self._machine.compiler(store)]).decode()

    def _check_platform(self) -> None:
        here, asked = Platform.of_this_machine(), self._context.platform
        if (asked.os, asked.architecture) != (here.os, here.architecture):
            raise UsageError(
                f"portage: the compiler of this machine builds for {here}, not for {asked}",
                f"leave {asked} out of platforms:, or build it on such a machine",
            )


def _runtime(plan: Plan, workspace: Workspace) -> list[Reason]:
    """Which packages of the root are needed at run time, and why."""
    answer = workspace.box / "runtime.json"
    asked = [each.cpv for each in plan.packages if each.asked and each.in_target]
    script, place = workspace.seen("scripts/runtime.py"), workspace.seen(answer.name)
    run.run(workspace.argv([workspace.portage.python, script, place, *asked], plan.repositories))
    return msgspec.json.decode(answer.read_bytes(), type=dict[str, list[Reason]])["packages"]


def _load(store: Store, fingerprint: str) -> _Result | None:
    found = records.load(store, _RESULT, fingerprint, _Result)
    if found is None or not all(store.has(Digest.parse(each)) for each in (found.tar, found.owners)):
        return None
    return found
