"""Starting an image without an engine: its tree in a private folder, its process in namespaces of its own.

This is for trying an image on the machine that built it, as an ordinary user where the kernel
allows that. docs/untrusted.md says what it holds against a hostile image, and what it does not.
Processes are started here, not in `host.run`, because the command has to share the caller's terminal,
process group and signals, and needs a pipe of its own.
"""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

from fromscratch.errors import FormatError, UsageError
from fromscratch.formats import seccomp
from fromscratch.formats.passwd import Identity, identity
from fromscratch.host import carried, disk, foreign, processes, refusals, swap
from fromscratch.host.materialise import materialise
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, file
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.progress import SILENT, Progress

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HOSTNAME = "fromscratch"
_PACKAGE = Path(__file__).parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.inside.outer import main; main()"
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_CAP_SYS_ADMIN = 1 << 21
_PROCESSES = 2048  # podman's default

Map = Literal["", "own", "everyone"]
"""Users of the new namespace: the machine's own without a namespace, our one user, or each as itself."""


def run_in_private_root(
    tree: Rootfs,
    config: RunConfig,
    argv: Sequence[str] | None = None,
    *,
    workdir: Path,
    platform: Platform,
    progress: Progress = SILENT,
) -> int:
    """Run the image's command, or `argv` in place of its Cmd, and give its exit code (128 + N for signal N).

    The command has the caller's standard streams and terminal, a loopback device as its only network, the
    environment of the image, and process, mount, IPC and host-name namespaces of its own. It may write to
    its root, which is a copy below `workdir` that is gone afterwards, whatever happens.

    Root keeps owners, modes and attributes of the tree. An ordinary user needs unprivileged user
    namespaces, and everything in the tree belongs to the one user that the command runs as. No
    setuid bit has an effect; device nodes are left out but for the usual ones in /dev.

    Programs of another architecture run under qemu's user emulation; on Linux before 6.7 that holds
    for the first program only, not for those that it starts.

    Raises UsageError when the image has no command or no such user, MissingTool when the kernel or a
    program is lacking, ImageError when the command cannot be started.
    """
    words = command_of(config, argv)
    who = identity(tree, config.user)
    emulator = foreign.emulator(platform)
    root = _is_root()
    kind: Map = "everyone" if root and emulator else "" if root else "own"
    owner = os.geteuid() if kind == "own" else who.uid
    with _folder(workdir) as folder:
        with progress.task("preparing the root", unit="B"):
            (folder / "root").mkdir()
            materialise(_with_places(tree, config.working_dir), folder / "root")
        spec = {
            "root": str(folder / "root"),
            "argv": words,
            "env": _environment(config, who),
            "cwd": config.working_dir or "/",
            "uid": who.uid,
            "gid": who.gid,
            "groups": list(who.groups),
            "hostname": _HOSTNAME,
            "map": kind,
            "emulator": str(emulator.program) if emulator else "",
            "handler": emulator.handler.decode("latin-1") if emulator else "",
            "terminals": list(carried.terminals()),
            "parent": os.getpid(),
            **_wall(tree, kind),
        }
        (folder / "spec.json").write_text(json.dumps(spec))
        with processes.limited(_PROCESSES if root else 0) as joined:
            return _supervise(folder / "spec.json", words, platform, carried.carried(who.uid, owner=owner), joined)


def _wall(tree: Rootfs, kind: Map) -> dict[str, Any]:
    """What the command may do: the filter of system calls, and whether its programs may gain privileges."""
    here = Platform.of_this_machine().architecture
    return {
        "filter": base64.b64encode(seccomp.filter_program(here)).decode(),
        "keyctl": seccomp.numbers(here).get("keyctl"),
        # Of one user alone nobody else's program can be setuid.
        "no_new_privileges": kind == "own" or not any(map(_gives_privileges, tree.values())),
        "processes": _PROCESSES if kind == "own" and _counts_processes_by_namespace() else 0,
    }


def _gives_privileges(entry: Entry) -> bool:
    if not isinstance(entry, File):
        return False
    return bool(entry.meta.mode & 0o6000) or any(name == "security.capability" for name, _ in entry.meta.xattrs)


def _counts_processes_by_namespace() -> bool:
    """Whether a limit on a user's processes counts those of a user namespace alone: Linux 5.14."""
    numbers = re.findall(r"\d+", os.uname().release)
    return tuple(map(int, numbers[:2])) >= (5, 14)


def command_of(config: RunConfig, argv: Sequence[str] | None) -> list[str]:
    """Entrypoint and Cmd as engines put them together: words that are given replace the Cmd. Raises UsageError."""
    words = [*config.entrypoint, *(config.cmd if argv is None else argv)]
    if not words:
        raise UsageError("the image does not say which command to run", "give one, as in: run -- /bin/sh")
    if not words[0]:
        raise UsageError("the first word of the command is empty", "name a program, as in: run -- /bin/sh")
    if any("\0" in word for word in words):
        raise UsageError("a word of the command holds a NUL byte", "no program can be given one")
    return words


def _environment(config: RunConfig, who: Identity) -> dict[str, str]:
    """The image's variables; what engines add where it has none: PATH, HOME, and TERM on a terminal."""
    added = {"PATH": DEFAULT_PATH, "HOME": who.home}
    if os.isatty(0) and "TERM" in os.environ:
        added["TERM"] = os.environ["TERM"]
    return {**added, **config.env}


def _with_places(tree: Rootfs, working_dir: str) -> Rootfs:
    """The tree with the folders that a running system needs, and the names of its one host."""
    for place in ("/proc", "/sys", "/dev"):
        entry = tree.get(TreePath(place))
        if entry is not None and not isinstance(entry, Directory):
            raise FormatError(
                f"{place} of the image is no directory, so nothing can be mounted there", "remove it from the image"
            )
    wanted: dict[str, Entry] = {
        place: Directory(Meta(0o755)) for place in (working_dir or "/", "/proc", "/sys", "/dev")
    }
    wanted["/tmp"] = Directory(Meta(0o1777))
    wanted["/etc/hostname"] = file(Inline(f"{_HOSTNAME}\n".encode()))
    wanted["/etc/hosts"] = file(Inline(f"127.0.0.1 localhost {_HOSTNAME}\n".encode()))
    added = {
        tree.locate(tree_path(path)): entry
        for path, entry in wanted.items()
        if tree.find(path, follow_last=False) is None
    }
    return tree.with_entries(added) if added else tree


@contextmanager
def _folder(workdir: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        with disk.explained(workdir):
            folder = stack.enter_context(swap.staged(workdir.absolute() / "root"))
            folder.chmod(0o700)
        yield folder


def _supervise(
    spec: Path,
    words: list[str],
    platform: Platform,
    streams: AbstractContextManager[carried.Carried],
    joined: Callable[[int], None],
) -> int:
    errors, write_end = os.pipe()
    with open(errors, "rb") as report, streams as ours:
        inherited = (write_end, *([ours.channel] if ours.channel >= 0 else []))
        words_of_child = [str(_PACKAGE), str(spec), str(write_end), str(ours.channel)]
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, *words_of_child],
                stdout=ours.stdout,
                stderr=ours.stderr,
                pass_fds=inherited,
            )
        finally:
            os.close(write_end)
            ours.close_theirs()
        with process:
            try:
                joined(process.pid)
                with _forwarding(process.send_signal, ours.resized, ours.resumed):
                    ours.begin()
                    code = process.wait()
            except BaseException:
                process.kill()
                raise
        failure = report.read()
    if failure:
        raise refusals.explained(json.loads(failure), words, platform)
    return code if code >= 0 else 128 - code


@contextmanager
def _forwarding(
    send: Callable[[int], None], resized: Callable[[], None], resumed: Callable[[], None]
) -> Iterator[None]:
    """Signals that we are sent go to the command, which decides what they mean; those that we ignore do not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = [number for number in _FORWARDED if signal.getsignal(number) is not signal.SIG_IGN]
    handlers: dict[int, Callable[[int, Any], None]] = {number: lambda number, frame: send(number) for number in wanted}
    handlers[signal.SIGWINCH] = lambda number, frame: resized()
    handlers[signal.SIGCONT] = lambda number, frame: resumed()
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_root() -> bool:
    """Whether we may make namespaces without one for users, as root outside of containers may."""
    if os.geteuid() != 0:
        return False
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return True  # what is amiss here is told where it hurts
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    return bool(found and int(found[1], 16) & _CAP_SYS_ADMIN)
