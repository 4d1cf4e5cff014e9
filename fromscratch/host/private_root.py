"""Starting an image without an engine: its tree in a private folder, its process in namespaces of its own.

This is for trying an image on the machine that built it, as an ordinary user where the kernel
allows that. It is no wall against a hostile image, as there is no seccomp filter and no limit on memory.
Processes are started here, not in `host.run`, because the command has to share the caller's terminal,
process group and signals, and needs a pipe of its own.
"""

import errno
import json
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fromscratch.errors import FormatError, ImageError, MissingTool, UsageError
from fromscratch.formats.passwd import Identity, identity
from fromscratch.host import disk, foreign, swap
from fromscratch.host.materialise import materialise
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, Meta, file
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.progress import SILENT, Progress

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HOSTNAME = "fromscratch"
_CHILD = Path(__file__).with_name("private_root_child.py")
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_CAP_SYS_ADMIN = 1 << 21

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
            "terminal": _in_foreground(),
            "parent": os.getpid(),
        }
        (folder / "spec.json").write_text(json.dumps(spec))
        return _supervise(folder / "spec.json", words, platform)


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


def _supervise(spec: Path, words: list[str], platform: Platform) -> int:
    errors, write_end = os.pipe()
    with open(errors, "rb") as report, _terminal_kept():
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_CHILD), str(spec), str(write_end)], pass_fds=(write_end,)
            )
        finally:
            os.close(write_end)
        with process:
            try:
                with _forwarding(process.send_signal):
                    code = process.wait()
            except BaseException:
                process.kill()
                raise
        failure = report.read()
    if failure:
        raise _explained(json.loads(failure), words, platform)
    return code if code >= 0 else 128 - code


@contextmanager
def _forwarding(send: Callable[[int], None]) -> Iterator[None]:
    """Signals that we are sent go to the command, which decides what they mean."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda number, frame: send(number)) for number in _FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Take the terminal back from a command that had it, in the state that it was in."""
    if not _in_foreground():
        yield
        return
    state = termios.tcgetattr(0)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        with suppress(OSError, termios.error):
            os.tcsetpgrp(0, os.getpgrp())
            termios.tcsetattr(0, termios.TCSADRAIN, state)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})


@dataclass(frozen=True, slots=True)
class _Reason:
    message: str
    hint: str


def _explained(failure: dict[str, Any], words: list[str], platform: Platform) -> Exception:
    step, number, text = failure["step"], failure["errno"], failure["text"]
    match step:
        case "exec":
            reason = _exec_reason(number, words[0], platform)
            return ImageError(f"cannot run {words[0]!r} in the image: {reason.message}", reason.hint)
        case "cwd":
            return ImageError(f"cannot enter the image's working directory: {text}", "mend image.workdir of the recipe")
        case "namespaces":
            return MissingTool(
                f"the kernel does not let this user make namespaces ({text})",
                "allow it (sysctl kernel.unprivileged_userns_clone=1 on Debian,"
                " kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu), install podman, or run it as root",
            )
        case "mount" | "root":
            return MissingTool(
                f"the kernel does not let this user prepare a private root ({text})",
                "install podman or docker, or run it as root outside of a container",
            )
    return RuntimeError(f"the private root failed:\n{text}")


def _exec_reason(number: int, program: str, platform: Platform) -> _Reason:
    match number:
        case errno.ENOENT:
            return _Reason("there is no such program", "ls shows what the image holds; give another command after --")
        case errno.EACCES:
            return _Reason("it is not executable for the image's user", "see its mode with ls, and image.user")
        case errno.ELIBACC:
            return _Reason(
                "the interpreter or loader that it names is not in the image", "bring that file too: closure shows it"
            )
        case errno.ENOEXEC:
            return _Reason(f"it is no program for {platform}", "see that it was built for this platform")
    return _Reason(os.strerror(number), "see that the file is sound")


def _is_root() -> bool:
    """Whether we may make namespaces without one for users, as root outside of containers may."""
    if os.geteuid() != 0:
        return False
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & _CAP_SYS_ADMIN)
    return False
