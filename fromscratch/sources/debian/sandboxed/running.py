"""Installing packages with their own dpkg in a root of their own, and reading what their scripts have changed."""

import shutil
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import CommandFailed
from fromscratch.formats.tar.tree import read_tree
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.container import emulator as emulators
from fromscratch.host.container import subordinate
from fromscratch.host.container.root_maker import PLACE, RootMaker, Step
from fromscratch.host.storage import disk, records, staged_folder
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.progress import Task
from fromscratch.regular_file import open_unbuffered
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.opened import Opened
from fromscratch.sources.debian.sandboxed.difference import changes, gone
from fromscratch.sources.debian.sandboxed.stages import Stages

RECORD = "debian-sandbox-1"
WORK_FOLDER = "debian-sandbox"
_ROOT, _DEBS = f"{PLACE}/root", "root/debs"
_EPOCH = 1_700_000_000
_ENVIRONMENT = {
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SOURCE_DATE_EPOCH": str(_EPOCH),
    "SYSTEMD_OFFLINE": "1",
}
# Packages that a recipe leaves out are missing on purpose; what is written is packed or removed, so no need to sync.
_DPKG = ("dpkg", "--force-depends", "--force-confold", "--force-confdef", "--force-unsafe-io")
_EXCLUDED = ("./proc/*", "./sys/*", "./dev/*", "./debs", "./var/lib/dpkg/*")
_SHOWN_LINES = 12
_FAILED = b"dpkg: error processing "


class Ran(Struct, frozen=True):
    """What scripts have changed: a tar in the store, by its digest, and the paths that are gone."""

    digest: str
    removed: tuple[str, ...]

    def changed(self, store: Store, origin: Origin) -> Rootfs:
        return read_tree(store.path(Digest.parse(self.digest)), origin)


class Bench(Struct, frozen=True):
    """What is installed: the packages by name, their steps, and the tree of those of the first step.

    With `everything`, what the scripts of the first step make counts too.
    """

    packages: Mapping[str, Opened]
    stages: Stages
    base: Rootfs
    everything: bool


def ran(store: Store, context: Context, label: str, key: str, bench: Callable[[], Bench]) -> Ran:
    """What the scripts change, from the store if they have run there before.

    Raises CommandFailed with the last lines of a script that fails, MissingTool where no namespaces can be made.
    """
    with store.lock(f"{RECORD}-{key}", lambda: context.progress.note(f"{label}: waiting for another build")):
        known = records.load(store, RECORD, key, Ran)
        if known is not None and store.has(Digest.parse(known.digest)):
            context.progress.note(f"{label}: the scripts have run already")
            return known
        made = _run(store, context, label, bench())
        records.save(store, RECORD, key, made)
        return made


def _run(store: Store, context: Context, label: str, bench: Bench) -> Ran:
    found = emulators.emulator(context.platform)
    place = store.workspace(WORK_FOLDER, "") / "root"
    with (
        disk.explained(place),
        staged_folder.staged(place, subordinate.remove) as folder,
        context.progress.task(f"{label}: running scripts", unit="steps") as task,
    ):
        folder.chmod(0o711)
        work = folder / "work"
        work.mkdir()
        maker = RootMaker(work, context.log, [_DEBS], root="root", handler=found.handler if found else b"")
        for path in (work / "root", work / _DEBS):
            path.mkdir()
            path.chmod(0o755)  # whatever this process' umask is: the root of the image has it too
            maker.give(path)
        _lay_out(store, work / _DEBS, bench.packages)
        with open(work / "base.tar", "wb") as out:
            out.writelines(blocks(_prepared(bench.base)))
        (work / "base.tar").chmod(0o644)  # whatever this process' umask is: users of the namespace read it
        since = (work / "base.tar").stat().st_mtime_ns  # as the filesystem stamps files, whatever clock it has
        steps = _Steps(maker, task, label, bench.packages)
        steps.run("unpacking what every system has", _unpacking())
        steps.install(bench.stages.base)
        steps.run("packing the first root", _packing("before.tar"))
        for group in bench.stages.groups:
            steps.install(group)
        steps.run("packing the root", _packing("after.tar"))
        origin = Origin(label, "made by", "a script")
        before, after = (read_tree(work / name, origin, limits=context.limits) for name in ("before.tar", "after.tar"))
        before = Rootfs() if bench.everything else before
        during = (since, (work / "after.tar").stat().st_mtime_ns)
        with open(work / "changes.tar", "wb") as out:
            out.writelines(blocks(changes(before, after, during)))
        with open(work / "changes.tar", "rb") as stream:
            return Ran(str(store.add_stream(stream)), tuple(gone(before, after)))


class _Steps:
    """The programs that run in the root, one after the other."""

    def __init__(self, maker: RootMaker, task: Task, label: str, packages: Mapping[str, Opened]) -> None:
        self._maker, self._task, self._label, self._packages = maker, task, label, packages

    def run(self, doing: str, argv: Sequence[str]) -> None:
        self._task.describe(doing)
        self._maker.run(Step(doing=doing, argv=argv, env=_ENVIRONMENT), lambda line: None)

    def install(self, names: Sequence[str]) -> None:
        """Have dpkg install these packages. Raises CommandFailed with what the first that failed has written."""
        if not names:
            return
        last: deque[bytes] = deque(maxlen=_SHOWN_LINES)
        failed: list[bytes] = []

        def line(raw: bytes) -> None:
            last.append(raw)
            if raw.startswith(_FAILED) and not failed:
                failed.extend(last)

        argv = ["chroot", _ROOT, *_DPKG, "--install", *(f"/debs/{name}.deb" for name in names)]
        doing = f"installing {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        self._task.describe(doing)
        try:
            self._maker.run(Step(doing=doing, argv=argv, env=_ENVIRONMENT), line)
        except CommandFailed as error:
            if not failed:
                raise
            package = failed[-1].removeprefix(_FAILED).decode("utf-8", "replace").split()[1:2]
            shown = "\n".join("  " + raw.decode("utf-8", "replace").rstrip() for raw in failed)
            raise CommandFailed(
                f"{self._label}: a script of {' '.join(package) or 'a package'} failed in the sandbox:\n{shown}",
                f"{error.hint}; scripts: interpret follows scripts without running them, and exclude: leaves a "
                "package out",
            ) from error


def _lay_out(store: Store, folder: Path, packages: Mapping[str, Opened]) -> None:
    """The packages where dpkg sees them, read-only: hard links where they can be."""
    for name, one in packages.items():
        blob, target = store.path(Digest.parse(one.planned.digest)), folder / f"{name}.deb"
        try:
            target.hardlink_to(blob)
        except OSError:
            with open_unbuffered(blob) as stream, open(target, "xb") as out:
                shutil.copyfileobj(stream, out)


def _prepared(base: Rootfs) -> Rootfs:
    """The tree of the first packages, with what dpkg and scripts need before any has run."""
    origin = Origin("sandbox", "made by", "the sandbox")

    def text(data: str, mode: int = 0o644) -> File:
        return File(Meta(mode), Inline(data.encode()), (origin,))

    made: dict[str, Entry] = {
        "/usr/sbin/policy-rc.d": text("#!/bin/sh\nexit 101\n", 0o755),
        "/var/lib/dpkg/status": text(""),
        "/var/lib/dpkg/available": text(""),
        "/etc/hostname": text("fromscratch\n"),
        "/etc/hosts": text("127.0.0.1 localhost fromscratch\n"),
    }
    for folder in ("info", "updates", "triggers", "alternatives", "parts"):
        made[f"/var/lib/dpkg/{folder}"] = Directory(Meta(0o755), (origin,))
    awk = next((name for name in ("mawk", "gawk", "original-awk") if TreePath(f"/usr/bin/{name}") in base), "")
    if awk and TreePath("/usr/bin/awk") not in base:
        made["/usr/bin/awk"] = Symlink(Meta(0o777), awk, (origin,))
    tree = base.without([TreePath(path) for path in ("/proc", "/sys", "/dev") if TreePath(path) in base])
    return tree.merged(Rootfs({tree_path(path): entry for path, entry in made.items()}), replace=True)


def _unpacking() -> list[str]:
    argv = ["tar", "--extract", f"--file={PLACE}/base.tar", "--numeric-owner", "--same-owner", "--same-permissions"]
    return [*argv, "--xattrs", "--xattrs-include=*", f"--directory={_ROOT}"]


def _packing(name: str) -> list[str]:
    argv = ["tar", "--create", f"--file={PLACE}/{name}", "--format=pax", "--sort=name", "--numeric-owner"]
    argv += [*(f"--exclude={pattern}" for pattern in _EXCLUDED), "--xattrs", "--xattrs-include=*"]
    return [*argv, "--one-file-system", f"--directory={_ROOT}", "."]
