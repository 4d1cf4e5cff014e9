"""Making a root with a distribution's own tool: downloads by `fetch`, everything else offline by `build`.

`fetch` has the tool choose and download packages through a server that keeps what it gets (`host.http.recorder`);
laid out in a folder, that is the mirror from which `build` has the tool install, in namespaces without a network. The
root is packed by tar inside of them, where owners and capabilities are those of the root, and read into the model.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec.structs import replace

from fromscratch.address import without_secrets
from fromscratch.digest import Digest
from fromscratch.errors import CommandFailed, UsageError
from fromscratch.host.container import emulator as emulators
from fromscratch.host.container import subordinate
from fromscratch.host.container.root_maker import PLACE, RootMaker, Step
from fromscratch.host.http.recorder import Recorder
from fromscratch.host.machine import lookup
from fromscratch.host.process import run
from fromscratch.host.storage import disk, staged_folder
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import Task
from fromscratch.regular_file import read_bytes
from fromscratch.sources.bootstrap import plan as plans
from fromscratch.sources.bootstrap.leftovers import cleaned
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.origins import requested_packages, with_origins
from fromscratch.sources.bootstrap.plan import Plan
from fromscratch.sources.bootstrap.tools.catalogue import TOOLS
from fromscratch.sources.bootstrap.tools.contract import MIRROR, ROOT, Job, env
from fromscratch.sources.contract import Context, Pin, TreeSource

WORK_FOLDER = "bootstrap"
_PROGRAM = "program"
_TREE_VERSION = 2
"""Counted up when the same packages give another tree."""


class BootstrapSource(TreeSource):
    build_folders = (WORK_FOLDER,)

    def __init__(self, options: BootstrapOptions, context: Context) -> None:
        self._options, self._context = options, context
        self._tool = TOOLS[options.tool]
        self.label = " ".join(
            filter(None, (f"bootstrap {options.tool}", options.release or " ".join(options.packages[:3])))
        )

    @cached_property
    def _key(self) -> str:
        """What decides what is fetched."""
        options = replace(self._options, program="")
        return f"{self._context.platform} {msgspec.json.encode(options, order='deterministic').decode()}"

    def fetch(self, store: Store) -> None:
        """Have the tool bring what it will install. Raises DownloadError, CommandFailed, MissingTool, UsageError."""
        self._handler()
        before = plans.load(store, self._key)
        known = {path: Digest.parse(digest) for path, digest in before.packages().items()} if before else {}
        try:
            plan = self._fetched(store, known)
        except CommandFailed:
            if not known:
                raise
            plan = self._fetched(store, {})  # a repository may have put another package in the place of a known one
        plans.save(store, self._key, plan)

    def _fetched(self, store: Store, known: Mapping[str, Digest]) -> Plan:
        program, mirrors, keys = self._program(), self._tool.mirrors(self._options), self._keys()
        with (
            Recorder(store, mirrors, f"{self.label}: packages", self._context.progress, known=known) as recorder,
            self._workplace(store, f"{self.label}: fetching", network=True) as at,
        ):
            job = self._job({name: recorder.address(name) for name in mirrors}, keys, program)
            at.write({**self._tool.files(job), **_key_files(keys)}, self._own_program())
            try:
                self._tool.fetch(job, at)
            except CommandFailed as error:
                raise recorder.failure or error from error
            files = {path: str(digest) for path, digest in sorted(recorder.files.items())}
        return Plan(
            files=files,
            addresses={name: str(address) for name, address in mirrors.items()},
            keys={name: str(store.add(raw)) for name, raw in keys.items()},
        )

    def fingerprint(self, store: Store) -> str:
        plan = plans.needed(store, self._key, self.label)
        chosen = " ".join(f"{path}={digest}" for path, digest in plan.packages().items())
        return f"bootstrap {_TREE_VERSION} {without_secrets(self._key)} {chosen}"

    def build(self, store: Store) -> Rootfs:
        """Raises NotFetched, CommandFailed with the step that failed, MissingTool where namespaces cannot be made."""
        from fromscratch.formats.tar.tree import read_tree

        plan = plans.needed(store, self._key, self.label)
        made = plans.load_result(store, self.fingerprint(store))
        if made is None:
            made = self._make(store, plan)
        else:
            self._context.progress.note(f"{self.label} is built already")
        origin = Origin(self.label, "made by", self._options.tool)
        tree = read_tree(store.path(Digest.parse(made.digest)), origin, title=self.label, limits=self._context.limits)
        given = {self._local(name): address for name, address in plan.addresses.items()}
        tree = cleaned(tree, self._tool.leftovers, given, (made.since, made.until))
        requested = requested_packages(self.label, self._options.packages, self._context.place)
        return with_origins(tree, self.label, self._options.tool, requested)

    def pins(self, store: Store) -> list[Pin]:
        """The packages, and the indexes that they were chosen by."""
        plan = plans.needed(store, self._key, self.label)
        packages = plan.packages()
        return [
            Pin(
                kind="package" if path in packages else "index",
                name=path.rpartition("/")[2],
                url=f"{plan.addresses[path.partition('/')[0]]}/{path.partition('/')[2]}",
                digest=digest,
            )
            for path, digest in plan.files.items()
        ]

    def _make(self, store: Store, plan: Plan) -> plans.Result:
        """Build the root, and keep the archive of it."""
        plans.check_complete(store, plan, self.label)
        program = self._program()
        keys = {name: store.read(Digest.parse(digest)) for name, digest in plan.keys.items()}
        with self._workplace(store, f"{self.label}: building", network=False) as at:
            job = self._job({name: self._local(name) for name in plan.addresses}, keys, program)
            at.lay_out(store, plan)
            since = at.work.stat().st_mtime_ns  # as the filesystem stamps files, whatever clock it has
            at.write({**self._tool.files(job), **_key_files(keys)}, self._own_program())
            try:
                self._tool.build(job, at)
            except CommandFailed as error:
                raise CommandFailed(
                    error.message, f"{error.hint}; it works offline, from what fetch brought"
                ) from error
            at.run(_packing())
            until = (at.work / "root.tar").stat().st_mtime_ns
            with open(at.work / "root.tar", "rb") as stream:
                made = plans.Result(str(store.add_stream(stream)), since, until)
        plans.save_result(store, self.fingerprint(store), made)
        return made

    def _job(self, mirrors: Mapping[str, str], keys: Mapping[str, bytes], program: str) -> Job:
        return Job(options=self._options, platform=self._context.platform, mirrors=mirrors, keys=keys, program=program)

    def _local(self, name: str) -> str:
        """The address of a mirror in the working folder."""
        scheme = self._tool.scheme
        return f"{scheme}://{PLACE}/{MIRROR}/{name}" if scheme else f"{PLACE}/{MIRROR}/{name}"

    def _program(self) -> str:
        """How the tools call the program: one that the recipe names is copied to where they see it."""
        if self._options.program:
            return f"{PLACE}/{_PROGRAM}"
        return run.need(self._tool.program, self.label, f"install it, on Debian for example with: {self._tool.install}")

    def _own_program(self) -> Path | None:
        """The file that the recipe names as the program. Raises UsageError."""
        name = self._options.program
        return lookup.file(self._context.folder, name, "program") if name else None

    def _keys(self) -> dict[str, bytes]:
        """The files with keys, by their names. Raises UsageError."""
        folder = self._context.folder
        given = [lookup.file(folder, text, "keyring") for text in self._options.keyrings()]
        files = given or ([] if self._options.unsigned else list(self._tool.keyrings(self._options)))
        if not files and not self._options.unsigned:
            raise UsageError(f"{self.label}: this machine has no keyring", "name one under keyring: in the recipe")
        return {path.name: read_bytes(path) for path in files}

    def _handler(self) -> bytes:
        """How the kernel is to run the scripts of another platform's packages; empty if it can.

        Raises MissingTool where nothing runs them.
        """
        if self._options.variant == "extract":
            return b""
        found = emulators.emulator(self._context.platform)
        return found.handler if found else b""

    @contextmanager
    def _workplace(self, store: Store, title: str, *, network: bool) -> Iterator["_Workplace"]:
        place = store.workspace(WORK_FOLDER, "") / "root"
        with (
            disk.explained(place),
            staged_folder.staged(place, subordinate.remove) as folder,
            self._context.progress.task(title, unit="steps") as task,
        ):
            folder.chmod(0o711)
            (folder / "work" / MIRROR).mkdir(parents=True)
            root = "" if self._tool.mounts_itself else Path(ROOT).name
            maker = RootMaker(
                folder / "work", self._context.log, [MIRROR], root=root, handler=b"" if network else self._handler()
            )
            yield _Workplace(folder / "work", maker, task, network)


class _Workplace:
    """A working folder in which programs run; see `tools.contract.Workplace`."""

    def __init__(self, work: Path, maker: RootMaker, task: Task, network: bool) -> None:
        self.work, self._maker, self._task, self._network = work, maker, task, network

    def run(self, step: Step) -> None:
        self._task.describe(step.doing)
        self._maker.run(step, lambda line: None, network=self._network)

    def write(self, files: Mapping[str, bytes], program: Path | None) -> None:
        """Write the files of a tool, and copy its program."""
        if program is not None:
            place = self.work / _PROGRAM
            place.write_bytes(read_bytes(program))
            place.chmod(0o755)
        for name, data in files.items():
            path = self.work / name
            self._folders(path.parent)
            path.write_bytes(data)
            self._maker.give(path)

    def lay_out(self, store: Store, plan: Plan) -> None:
        """Make the mirror of what was fetched: hard links, which the tools see read-only."""
        for name, digest in plan.files.items():
            target = self.work / MIRROR / name
            target.parent.mkdir(parents=True, exist_ok=True)
            blob = store.path(Digest.parse(digest))
            try:
                target.hardlink_to(blob)
            except OSError:
                with store.open(Digest.parse(digest)) as stream, open(target, "wb") as out:
                    _copy(stream.read, out.write)

    def _folders(self, folder: Path) -> None:
        """Make a folder and those above it, for the tools to write to."""
        if folder != self.work and not folder.is_dir():
            self._folders(folder.parent)
            folder.mkdir()
            self._maker.give(folder)


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    while piece := read(1 << 20):
        write(piece)


def _packing() -> Step:
    argv = ["tar", "--create", f"--file={PLACE}/root.tar", "--format=pax", "--sort=name", "--numeric-owner"]
    argv += ["--xattrs", "--xattrs-include=*", "--one-file-system", f"--directory={ROOT}", "."]
    return Step(doing="packing the root", argv=argv, env=env())


def _key_files(keys: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"keys/{name}": raw for name, raw in keys.items()}
