"""A tree out of signed Debian packages, without root, apt or dpkg, on any Linux.

`fetch` verifies the indexes, decides which packages are needed and brings them into the store; what
it decided is kept as a plan, and is used again while the indexes and the keys stay the same. `build` follows
the plan: it unpacks each .deb once, lays their trees together, and makes what maintainer scripts
would have made.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec.structs import replace

from fromscratch.address import without_secrets
from fromscratch.errors import UsageError
from fromscratch.formats.debian.version import Relation
from fromscratch.formats.installed import NOTHING, Records
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.http.download import download
from fromscratch.host.process import threads
from fromscratch.host.slices import Slices
from fromscratch.host.storage.records import offline_hint
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.contract import Context, PackageContents, Pin, TreeSource
from fromscratch.sources.debian.below import key_of, packages_below
from fromscratch.sources.debian.chiselled import ChiselSlices
from fromscratch.sources.debian.opened import Opened, opened
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.over import laid_over, with_status
from fromscratch.sources.debian.package_request import requested
from fromscratch.sources.debian.planning import archives, essential
from fromscratch.sources.debian.planning import plan as plans
from fromscratch.sources.debian.planning.archives import Seen
from fromscratch.sources.debian.planning.completing import completed
from fromscratch.sources.debian.planning.downloads import missing_files
from fromscratch.sources.debian.planning.plan import Plan, PlannedPackage
from fromscratch.sources.debian.planning.planner import Planner
from fromscratch.sources.debian.platforms import debian_architecture
from fromscratch.sources.debian.sandboxed.result import ScriptsRun, scripts_run
from fromscratch.sources.debian.sandboxed.running import RECORD, WORK_FOLDER
from fromscratch.sources.debian.sandboxed.tools import with_tools
from fromscratch.sources.debian.scripts import natives
from fromscratch.sources.debian.scripts.diverting import diversions, diverted
from fromscratch.sources.debian.scripts.finishing import Laid, finished
from fromscratch.sources.debian.sliced import checked_slices, cut_tree, shipped_in, versions
from fromscratch.sources.debian.tree import Unpacked, laid_together
from fromscratch.transforms.scripted.base_folders import with_base_folders
from fromscratch.transforms.scripted.certificates import with_certificates
from fromscratch.transforms.shell.left_out import LeftOut

# Counted up when the same packages give another tree.
_TREE_VERSION = 12


class DebianSource(TreeSource):
    """`machine` is the root of the filesystem whose apt sources and keyrings count, `now` the clock."""

    chooses_packages = True
    build_folders = (WORK_FOLDER,)
    result_records = (RECORD,)

    def __init__(
        self,
        options: DebianOptions,
        context: Context,
        *,
        machine: Path = Path("/"),
        now: Callable[[], float] = time.time,
    ) -> None:
        self.label = f"debian {options.suite}"
        self._options, self._context, self._now = options, context, now
        self._machine = machine
        self._left_out: Sequence[LeftOut] = ()
        self._architecture = debian_architecture(context.platform)

    @cached_property
    def _slices(self) -> Slices:
        return checked_slices(self._context.folder, self._options.slice_files, self._architecture)

    @cached_property
    def _chisel(self) -> ChiselSlices:
        return ChiselSlices.of(self._context.folder, self._options, self._architecture)

    @property
    def _is_chiselled(self) -> bool:
        """Whether chisel's slices are all there is: they say themselves what scripts would have made."""
        return bool(self._options.chisel_slices) and not self._options.packages and not self._options.slice_files

    @cached_property
    def _conditions(self) -> dict[str, tuple[Relation, ...]]:
        """The packages of slices, with the conditions on their versions."""
        found = versions(self._slices)
        if both := {*found} & {*self._chisel.packages}:
            raise UsageError(
                f"{self._context.place}: {min(both)} has slices by chisel and by a file",
                "name its slices in one of the two ways",
            )
        known = dict.fromkeys(found, ()) if self._options.any_version else found
        return {**dict.fromkeys(self._chisel.packages, ()), **known}

    def _planner_of(self, alone: Mapping[str, tuple[Relation, ...]], below: Records = NOTHING) -> Planner:
        return Planner(self._options, self._context, self._architecture, self._machine, alone, below)

    @cached_property
    def _planner(self) -> Planner:
        return self._planner_of(self._conditions)

    def _key(self, store: Store) -> str:
        """What decides which packages are taken."""
        below = self._context.present(store)
        present = key_of(packages_below(below, self._architecture), below)
        conditions = {name: list(map(str, found)) for name, found in self._conditions.items()}
        slices = f" {sorted(conditions.items())}" if conditions else ""
        return f"{self._architecture} {self._options.deciding()}{slices}" + (f" over {present}" if present else "")

    def plan(self, store: Store) -> Plan:
        """What a fetch has decided: every package with its version, address, digest and reason. Raises NotFetched."""
        return plans.needed(store, self._key(store), f"{self.label} for {self._context.platform}")

    def fetch(self, store: Store) -> None:
        """Bring the packages into the store, and keep the plan. What is there already is not fetched again."""
        plan = plans.load(store, self._key(store))
        with offline_hint(lambda: plan is not None and not any(plan.missing(store))):
            seen = self._look(store)
        if plan is None or not self._planner.holds(store, plan, seen, self._now()):
            plan = self._complete_plan(store, seen)
            if self._options.scripts == "sandbox":
                planner = self._planner_of(self._conditions, self._context.present(store))
                plan = with_tools(plan, planner, lambda one: one.plan(store, seen, self._now()))
        self._download(store, plan, seen)
        plans.save(store, self._key(store), plan)

    def _complete_plan(self, store: Store, seen: Sequence[Seen]) -> Plan:
        """A new plan. Which programs of the Essential packages are called shows in the packages themselves."""
        planner = self._planner_of(self._conditions, self._context.present(store))
        plan = planner.plan(store, seen, self._now())
        if self._options.assumes != "needed":
            return plan

        def built(of: Plan) -> Rootfs:
            self._download(store, of, seen)
            laid = self._laid(store, of)
            return self._finished(laid.tree, laid, NOTHING)

        plan = completed(plan, self._asked, planner, lambda one: one.plan(store, seen, self._now()), built)
        for line in plan.lacking:
            self._context.progress.note(f"{self._context.place}: {line}")
        return plan

    def fingerprint(self, store: Store) -> str:
        plan = self.plan(store)
        packages = " ".join(f"{package.name}={package.digest}" for package in (*plan.packages, *plan.tools))
        options = without_secrets(msgspec.json.encode(self._options).decode())
        slices = f" {self._slices.digest_text()}{self._chisel.digest_text()}" if self._options.slices else ""
        numbers = self._context.numbers
        given = f" {sorted(numbers.users.items())} {sorted(numbers.groups.items())}" if numbers else ""
        return f"debian {_TREE_VERSION} {options} {packages}{slices}{given}"

    def pins(self, store: Store) -> list[Pin]:
        """The indexes that the packages were chosen from, and the packages."""
        return self.plan(store).pins()

    def notes(self, store: Store) -> list[str]:
        """The Essential packages that are left out though a script calls them."""
        return self.plan(store).lacking

    def contents(self, store: Store, package: str) -> PackageContents:
        """Raises DownloadError, and ImageError for a package that the archives do not have."""
        seen = self._look(store)
        plan = self._planner_of({package: ()}).plan(store, seen, self._now())
        # With slices alone the plan has this one package; with packages: it may have more.
        newest = next(one for one in plan.packages if one.name == package)
        self._download(store, replace(plan, packages=[newest]), seen)
        tree = self._laid_together(self._unpacked(replace(plan, packages=[newest]), self._opened(store, [newest])))
        return PackageContents(newest.version, tree, shipped_in(tree))

    def unavailable(self, store: Store, packages: Iterable[str]) -> frozenset[str]:
        """Raises DownloadError, IntegrityError, and ImageError for archives that are not there."""
        seen = self._look(store)
        return self._planner.unavailable(store, seen, self._now(), packages)

    def left_out(self, store: Store) -> Sequence[LeftOut]:
        return self._left_out

    def build(self, store: Store) -> Rootfs:
        """Raises NotFetched, FormatError for a damaged package, Conflict when two packages disagree."""
        plan = self.plan(store)
        laid = self._laid(store, plan)
        return self._finished(laid.tree, laid, NOTHING, self._scripts_run(store, plan))

    def lay(self, below: Rootfs, store: Store, *, replace: bool) -> Rootfs:
        """As dpkg would unpack the packages there. Nothing is added where all that was asked for is there already."""
        self._left_out = ()
        plan = self.plan(store)
        packages = {package.name: package for package in plan.packages}
        if not packages:
            return below
        laid = self._laid(store, plan)
        tree = self._finished(
            laid_over(below, laid.tree, replace=replace),
            laid,
            self._context.present(store),
            self._scripts_run(store, plan),
        )
        return with_status(tree, below, packages, self.label)

    def _laid(self, store: Store, plan: Plan) -> Laid:
        """The packages laid together, with what every system has; slices are cut. No script has done anything yet."""
        opened = self._opened(store, plan.packages)
        packages = self._unpacked(plan, opened)
        whole = self._whole(plan)
        chiselled = {
            one.name: self._chisel.cut(one.name, one.tree, self._context.place)
            for one in packages
            if one.name in self._chisel.packages and one.name not in whole
        }
        packages = [replace(one, tree=chiselled[one.name].tree) if one.name in chiselled else one for one in packages]
        known = {} if self._options.scripts == "none" else diversions(opened, self.label, self._architecture)
        tree = self._laid_together([diverted(one, known) for one in packages])
        tree = self._chisel.completed(tree, chiselled, plan.packages, self.label)
        cut, parts = self._cut(plan), [one.name for one in plan.packages if one.part]
        followed = {one.name for one in opened if self._options.scripts != "none" and one.text("postinst")} - {*parts}
        if not self._is_chiselled:
            tree = natives.with_defaults(tree, self.label, parts, followed)
            tree = essential.without_templates(tree, parts)
            tree = with_certificates(tree, self.label)
            if cut:
                tree = cut_tree(tree, {one.shown: one.name for one in plan.packages}, cut, self._context.place)
            tree = with_base_folders(tree, self.label, "base-files")
        partial = frozenset({*cut, *chiselled, *parts})
        return Laid({one.name: one for one in opened}, partial, tree, self._origins(plan), known)

    def _origins(self, plan: Plan) -> dict[str, Origin]:
        """Why each package is there, by its name."""
        sliced = {*self._cut(plan), *self._chisel.packages} - self._whole(plan)
        shown = dict.fromkeys({*plan.essential} - {*self._asked}, "essential: all")
        shown |= {name: f"a slice of {name}" for name in sliced}
        return plan.origins(self.label, self._context.place, shown)

    def _unpacked(self, plan: Plan, opened: Sequence[Opened]) -> list[Unpacked]:
        origins = self._origins(plan)
        packages = []
        for package, one in zip(plan.packages, opened, strict=True):
            tree = read_tree(one.data, origins[package.name], title=package.file)
            tree = essential.part_of(tree, package.name) if package.part else tree
            packages.append(Unpacked(package.name, package.version, tree, one.stanza.get("replaces", "")))
        return packages

    def _laid_together(self, packages: Sequence[Unpacked]) -> Rootfs:
        merged_usr = self._options.merged_usr and not self._is_chiselled
        return laid_together(packages, self.label, merged_usr=merged_usr)

    def _whole(self, plan: Plan) -> set[str]:
        """The packages that something asks for as a whole."""
        every = plan.essential if self._options.assumes == "all" else []
        return {*self._asked, *every, *(each.name for each in plan.packages if each.by or each.assumed)}

    @property
    def _asked(self) -> list[str]:
        return [one.name for one in requested(self._options.packages, self._architecture)]

    def _cut(self, plan: Plan) -> dict[str, list[str]]:
        """The entries of slices for each package that nothing asks for as a whole."""
        whole = self._whole(plan)
        return {name: files for name, files in self._slices.files().items() if name not in whole}

    def _opened(self, store: Store, packages: Sequence[PlannedPackage]) -> list[Opened]:
        with self._context.progress.task("unpacking packages", total=len(packages), unit="packages") as task:

            def one(package: PlannedPackage) -> Opened:
                found = opened(store, package)
                task.advance(1)
                return found

            return threads.each(packages, one, max(1, self._context.jobs), lambda: None)

    def _scripts_run(self, store: Store, plan: Plan) -> ScriptsRun | None:
        """What scripts have made, where the recipe says to run them."""
        if self._options.scripts != "sandbox":
            return None
        whole = [one for one in plan.packages if not one.part]

        def every() -> dict[str, Opened]:
            return {one.name: one for one in self._opened(store, [*whole, *plan.tools])}

        def base(packages: Collection[Opened]) -> Rootfs:
            known = diversions([*packages], self.label, self._architecture)
            alone = replace(plan, packages=[one.planned for one in packages])
            return self._laid_together([diverted(one, known) for one in self._unpacked(alone, [*packages])])

        return scripts_run(store, self._context, self.label, plan, every, base)

    def _finished(self, tree: Rootfs, laid: Laid, below: Records, run: ScriptsRun | None = None) -> Rootfs:
        found = finished(
            tree,
            laid,
            below,
            self._options,
            self.label,
            self._architecture,
            numbers=self._context.numbers,
            chiselled=self._is_chiselled,
            run=run,
        )
        self._left_out = found.left_out
        return found.tree

    def _look(self, store: Store) -> list[Seen]:
        """The indexes as their mirrors have them now."""
        return archives.look(store, self._planner.archives(), self._context.progress, self._planner.connect)

    def _download(self, store: Store, plan: Plan, seen: Sequence[Seen]) -> None:
        requests = list(missing_files(store, plan, seen))
        download(store, requests, self._context.progress, self._context.jobs, connect=self._planner.connect)
