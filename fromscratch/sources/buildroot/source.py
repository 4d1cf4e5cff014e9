"""Root filesystems built from source by Buildroot."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from fromscratch.address import Address
from fromscratch.errors import CommandFailed, DownloadError, NotFetched, UsageError
from fromscratch.host.storage import disk
from fromscratch.host.storage.inherited_lock import inherited_lock
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.buildroot import origins, preflight, records, staleness
from fromscratch.sources.buildroot import progress as steps
from fromscratch.sources.buildroot.accepted import check_busybox_accepted
from fromscratch.sources.buildroot.configure import (
    ConfigureResult,
    SavedDefconfig,
    configuration_text,
    configure,
    save_defconfig,
)
from fromscratch.sources.buildroot.costs import load_costs
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.plan import BUILD_FOLDERS, Plan, defconfig_platform, plan, write_busybox_fragments
from fromscratch.sources.buildroot.staleness import Inputs
from fromscratch.sources.buildroot.toolchain.cplusplus import without_unused_cplusplus
from fromscratch.sources.contract import Context, Pin, TreeSource

_CLOCK_TICK = 1_000_000_000  # nanoseconds; filesystems stamp files by a coarser clock than time_ns
_NOWHERE = {"BR2_PRIMARY_SITE": "file:///nonexistent", "BR2_PRIMARY_SITE_ONLY": "y"}


class BuildrootSource(TreeSource):
    """One build, in a workspace of the store that later builds of the same item go on in."""

    build_folders = BUILD_FOLDERS

    def __init__(self, options: BuildrootOptions, context: Context) -> None:
        self._options, self._context = options, context
        self.label = f"buildroot {options.release or Path(str(Address(options.tree))).name or options.tree}"

    def fetch(self, store: Store) -> None:
        """Bring Buildroot, its configuration, every package's source, and the toolchain if it is made here."""
        made = plan(self._options, self._context, store, fetching=True)
        if records.load_result(store, made.fingerprint) is None:
            with self._locked(made) as made:
                self._prepare(made, network=True)

    def fingerprint(self, store: Store) -> str:
        return plan(self._options, self._context, store, fetching=False).fingerprint

    def build(self, store: Store) -> Rootfs:
        from fromscratch.formats.tar.tree import read_tree

        made = plan(self._options, self._context, store, fetching=False)
        result = records.load_result(store, made.fingerprint)
        if result is None:
            with self._locked(made) as made:
                result = records.load_result(store, made.fingerprint) or self._make(store, made)
        else:
            self._context.progress.note(f"{self.label} is built already")
        files = origins.read_file_list(store.read(result.files).decode("utf-8", "surrogateescape"))
        # Not of the record: whoever asks for the same in another way has the same build, and another reason.
        asked = {one.name: one.asked_by for one in made.wish.settings if one.value == "y"}
        origin = origins.origins(self.label, result.packages, asked, files)
        tree = read_tree(store.path(result.tar), origin)
        return without_unused_cplusplus(tree) if self._options.toolchain == "host" else tree

    def pins(self, store: Store) -> list[Pin]:
        """Buildroot itself, and the packages that were built; their hashes are Buildroot's own to verify."""
        made = plan(self._options, self._context, store, fetching=False)
        result = records.load_result(store, made.fingerprint)
        packages = result.packages.values() if result else ()
        of_archive = made.tree.identity if ":" in made.tree.identity else ""  # a folder has no bytes to download again
        tree = Pin(kind="archive", name="buildroot", version=made.tree.version, digest=of_archive)
        return [tree, *(Pin(kind="package", name=one.name, version=one.version) for one in packages)]

    def own_platform(self, store: Store, *, bring: bool) -> Platform | None:
        """That of a defconfig under `config:`."""
        try:
            return defconfig_platform(self._options, self._context, store, bring=bring)
        except (UsageError, NotFetched):
            if bring:
                raise
            return None  # `build` says what is wrong

    def notes(self, store: Store) -> list[str]:
        """What of a defconfig is not built, or not as it says."""
        return list(plan(self._options, self._context, store, fetching=False).wish.notes)

    def configure(self, store: Store, *, menu: bool = False, part: str = "", name: str = "menu") -> ConfigureResult:
        """Make Buildroot's configuration; with `menu`, let the user change it, and keep the change as a fragment.

        The fragment is buildroot-configs/NAME.config beside the recipe (busybox/NAME.config for the part `busybox`).
        """
        made = plan(self._options, self._context, store, fetching=True)
        with self._locked(made) as made:
            return configure(made, self._context, menu=menu, part=part, name=name)

    def save_configuration(self, store: Store, file: Path) -> SavedDefconfig:
        """Write all that the item comes to as one defconfig."""
        made = plan(self._options, self._context, store, fetching=True)
        with self._locked(made) as made:
            return save_defconfig(made, self._context, file)

    @contextmanager
    def _locked(self, made: Plan) -> Iterator[Plan]:
        """The plan, while nobody else works in its workspace, nor anything that a killed run left behind."""
        note = "waiting for another build of the same to end"
        with inherited_lock(made.place / "lock", lambda: self._context.progress.note(note)) as descriptor:
            yield replace(made, make=made.make.locked(descriptor))

    def _prepare(self, made: Plan, *, network: bool) -> Inputs:
        """Configure and bring the sources, unless that was done; the answer is what the build depends on."""
        record = made.place / "prepared.json"
        if known := records.load_prepared(record, made.fingerprint, made.downloads):
            return known.inputs
        preflight.check(made.output)
        text = configuration_text(made, self._context)
        self._put_configuration(made, text)
        watcher = self._sources(made, network)
        said = json.loads(watcher.json or "{}")
        inputs = Inputs(
            config_text=text,
            packages=steps.read_packages(said),
            busybox="\n".join(made.wish.busybox),
            parts=made.parts,
        )
        present = tuple(name for name in steps.source_files(said) if (made.downloads / name).exists())
        records.save_prepared(record, records.Prepared(made.fingerprint, inputs, present))
        return inputs

    def _sources(self, made: Plan, network: bool) -> steps.Watcher:
        progress, extra = self._context.progress, {} if network else _NOWHERE
        try:
            # --keep-going, so that all that is missing is named at once.
            goals = ["--keep-going", "source", "show-info"]
            return made.make.run(goals, f"{self.label}: sources", progress, extra=extra)
        except DownloadError as error:
            if network:
                raise
            raise NotFetched(f"{self.label} has changed since it was fetched: {error}", "run fetch first") from error

    def _put_configuration(self, made: Plan, text: str) -> None:
        made.output.mkdir(parents=True, exist_ok=True)
        disk.write_atomically(made.output / ".config", text.encode())
        write_busybox_fragments(made)

    def _make(self, store: Store, made: Plan) -> records.Result:
        """Build what is not built, and keep the result."""
        progress = self._context.progress
        inputs = self._prepare(made, network=False)
        attempt = made.place / "attempt.json"
        if (before := records.load_attempt(attempt)) is not None:
            stale = staleness.compare(before, inputs)
            if stale.all:
                progress.note(f"{stale.all}: building from the start")
            staleness.clear(stale, before, made.output)
        records.save_attempt(attempt, inputs)
        self._put_configuration(made, inputs.config_text)
        start_ns = time.time_ns()
        waiting = steps.unfinished(inputs.packages.values(), made.output)
        goals = [f"-j{made.make.jobs}"] if staleness.PARALLEL in inputs.config else []
        costs = load_costs(store)
        try:
            made.make.run(goals, self.label, progress, waiting=waiting, costs=costs, extra=_NOWHERE)
        finally:
            costs.save(store)
        if self._options.toolchain == "internal":
            progress.note(f"{self.label}: pack its toolchain for other recipes with: {made.make.write_script()} sdk")
        return self._keep(store, made, inputs, start_ns)

    def _keep(self, store: Store, made: Plan, inputs: Inputs, start_ns: int) -> records.Result:
        tar = made.output / "images" / "rootfs.tar"
        if not tar.is_file() or tar.stat().st_mtime_ns < start_ns - _CLOCK_TICK:
            raise CommandFailed(f"Buildroot ended well but made no {tar}", f"see what became of it in {made.make.log}")
        if made.wish.busybox and (busybox := inputs.packages.get("busybox")):
            text = (made.output / busybox.folder / ".config").read_text()
            check_busybox_accepted(made.wish, text)
        with open(tar, "rb") as stream:
            digest = store.add_stream(stream)
        files = store.add((made.output / "build" / "packages-file-list.txt").read_bytes())
        result = records.Result(digest, files, inputs.packages)
        records.save_result(store, made.fingerprint, result)
        return result
