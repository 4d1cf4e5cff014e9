"""The process that becomes a container: run as a program of its own by `private_root`, never imported.

    python -I -S private_root_child.py SPEC-FILE ERROR-FD

It uses the standard library alone, so that it starts fast and from any folder. It stays outside as the one that
waits; its child is process 1 of the new namespaces, prepares the root and reaps; that one's child is the
command. What goes wrong before the command runs is written to ERROR-FD as one JSON object.
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/capability.h
_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_DETACH = 2
_SET_PDEATHSIG, _CAPBSET_DROP, _SET_NO_NEW_PRIVS = 1, 24, 38
# What docker leaves to root, less mknod: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
# net_bind_service, net_raw, sys_chroot, audit_write, setfcap.
_KEPT_CAPABILITIES = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31}
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_HIDDEN = ("kcore", "keys", "timer_list", "sched_debug", "latency_stats")
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """`step` is what was being done, for `private_root` to say in words."""

    def __init__(self, step: str, error: OSError) -> None:
        super().__init__(step, error)
        self.step, self.error = step, error


def main(spec_file: str, error_fd: int) -> None:
    os.set_inheritable(error_fd, False)
    try:
        spec = json.loads(Path(spec_file).read_bytes())
        _enter_namespaces(spec)
        signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
        child = os.fork()
        if child == 0:
            _init(spec)
        os._exit(_wait(child))
    except Failed as failure:
        report = {"step": failure.step, "errno": failure.error.errno, "text": str(failure.error)}
        os.write(error_fd, json.dumps(report).encode())
    except BaseException:
        os.write(error_fd, json.dumps({"step": "bug", "errno": 0, "text": traceback.format_exc()}).encode())
    os._exit(1)


def _enter_namespaces(spec: dict[str, Any]) -> None:
    everyone = _mapper() if spec["map"] == "everyone" else None
    flags = _NEWNS | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET
    uid, gid = os.geteuid(), os.getegid()
    _call("namespaces", "unshare", flags | (_NEWUSER if spec["map"] else 0))
    try:
        if everyone is not None:
            everyone()
        elif spec["map"]:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{spec['uid']} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{spec['gid']} {gid} 1")
    except OSError as error:
        raise Failed("namespaces", error) from error
    _end_with_parent(spec["parent"])


def _mapper() -> Any:
    """A process that stays in the old user namespace, and maps every user to itself once it is told to."""
    start, go = os.pipe()
    done, finished = os.pipe()
    if os.fork() == 0:
        os.read(start, 1)
        try:
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{os.getppid()}/{name}").write_text("0 0 4294967295")
            os.write(finished, b"y")
        finally:
            os._exit(0)
    os.close(finished)

    def map_everyone() -> None:
        os.write(go, b"g")
        answer = os.read(done, 1)
        os.wait()
        if not answer:
            raise PermissionError(errno.EPERM, "cannot map the users of a new namespace")

    return map_everyone


def _end_with_parent(parent: int) -> None:
    """Nothing may outlive whoever started us, even if that is killed."""
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent and os.getppid() != parent:
        os._exit(1)


def _wait(child: int) -> int:
    """Pass signals on until the child ends; the answer is the exit code as a shell gives it."""

    def forward(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    for number in _FORWARDED:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
    while True:
        pid, status = os.waitpid(-1, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            # Nobody could continue it from outside: its process group is its own.
            os.kill(pid, signal.SIGCONT)
        elif pid == child:
            return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _init(spec: dict[str, Any]) -> NoReturn:
    _end_with_parent(0)
    _prepare_root(spec)
    socket.sethostname(spec["hostname"])
    _raise_loopback()
    child = os.fork()
    if child == 0:
        _command(spec)
    os._exit(_wait(child))


def _prepare_root(spec: dict[str, Any]) -> None:
    root = spec["root"].encode("utf-8", "surrogateescape")
    _mount(b"", b"/", flags=_REC | _PRIVATE)
    _mount(root, root, flags=_BIND | _REC)
    with suppress(Failed):  # not allowed where the filesystem below has flags of its own
        _mount(b"", root, flags=_REMOUNT | _BIND | _NOSUID | _NODEV)
    fresh = _mount_proc(root)
    emulated = bool(spec["handler"]) and fresh and _register(root, spec["handler"].encode("latin-1"))
    with suppress(Failed):
        _mount(b"sysfs", root + b"/sys", b"sysfs", _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    _mount_dev(root)
    if spec["emulator"] and not emulated:
        spec["prefix"] = [_bind_file(spec["emulator"].encode(), root, b"/dev/emulator").decode()]
    os.chdir(root)
    _change_root()
    os.umask(0o022)
    if spec["map"] != "own":
        for name in _READ_ONLY:
            _cover(b"/proc/" + name.encode(), None)
        for name in _HIDDEN:
            _cover(b"/proc/" + name.encode(), b"/dev/null")


def _mount_proc(root: bytes) -> bool:
    try:
        _mount(b"proc", root + b"/proc", b"proc", _NOSUID | _NODEV | _NOEXEC)
    except Failed:
        # Inside a container whose own /proc is partly hidden, the kernel gives no new one.
        with suppress(Failed):
            _mount(b"/proc", root + b"/proc", flags=_BIND | _REC)
        return False
    return True


def _register(root: bytes, handler: bytes) -> bool:
    """Tell this user namespace how to run programs of the foreign architecture; Linux 6.7 and later can."""
    place = root + b"/proc/sys/fs/binfmt_misc"
    try:
        _mount(b"binfmt_misc", place, b"binfmt_misc", _NOSUID | _NODEV | _NOEXEC)
        Path(os.fsdecode(place), "register").write_bytes(handler)
    except (Failed, OSError):
        return False
    return True


def _mount_dev(root: bytes) -> None:
    dev = root + b"/dev"
    _mount(b"tmpfs", dev, b"tmpfs", _NOSUID, b"mode=0755,size=64k,nr_inodes=64")
    for name in _DEVICES:
        with suppress(Failed):
            _bind_file(b"/dev/" + name.encode(), root, b"/dev/" + name.encode())
    for name, target in _LINKS.items():
        os.symlink(target, dev + b"/" + name.encode())  # noqa: PTH211 - paths are bytes here
    for name, kind, options in (
        ("pts", b"devpts", b"newinstance,ptmxmode=0666,mode=0620"),
        ("shm", b"tmpfs", b"mode=1777,size=64m"),
    ):
        place = dev + b"/" + name.encode()
        os.mkdir(place, 0o755)  # noqa: PTH102 - paths are bytes here
        with suppress(Failed):
            _mount(kind, place, kind, _NOSUID | _NOEXEC | (_NODEV if name == "shm" else 0), options)


def _bind_file(source: bytes, root: bytes, place: bytes) -> bytes:
    os.close(os.open(root + place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    _mount(source, root + place, flags=_BIND)
    return place


def _change_root() -> None:
    """The working directory becomes the root, and nothing else stays reachable."""
    if _libc.pivot_root(b".", b".") == 0:
        _call("root", "umount2", b".", _DETACH)
    elif ctypes.get_errno() == errno.EINVAL:  # the first filesystem of an initramfs cannot be pivoted away
        os.chroot(".")
    else:
        raise Failed("root", OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())))
    os.chdir("/")


def _cover(path: bytes, source: bytes | None) -> None:
    """Make a file of /proc read-only, or hide it behind another."""
    with suppress(Failed):
        _mount(source or path, path, flags=_BIND | _REC)
        if source is None:
            _mount(b"", path, flags=_REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV | _NOEXEC)


def _raise_loopback() -> None:
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _command(spec: dict[str, Any]) -> NoReturn:
    if spec["terminal"]:
        _take_terminal()
    for number in range(64):
        _libc.prctl(_CAPBSET_DROP, number, 0, 0, 0) if number not in _KEPT_CAPABILITIES else None
    if spec["map"] != "own":
        os.setgroups(spec["groups"])
        os.setgid(spec["gid"])
        os.setuid(spec["uid"])
    _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for number in (*_FORWARDED, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTTOU):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    environment = {_bytes(name): _bytes(value) for name, value in spec["env"].items()}
    try:
        os.chdir(_bytes(spec["cwd"]))
    except OSError as error:
        raise Failed("cwd", error) from error
    _execute([_bytes(word) for word in spec["argv"]], environment, [_bytes(word) for word in spec.get("prefix", [])])


def _take_terminal() -> None:
    """A process group of its own in the foreground, so that a shell in it has job control."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)
    with suppress(OSError):
        os.tcsetpgrp(0, os.getpgrp())


def _execute(argv: list[bytes], environment: dict[bytes, bytes], prefix: list[bytes]) -> NoReturn:
    """execvp(3): the first that can be executed; with a prefix, which is a program, that one runs it."""
    found: OSError | None = None
    for path in _candidates(argv[0], environment.get(b"PATH", b"")):
        try:
            if prefix:
                os.close(os.open(path, os.O_RDONLY))
                os.execve(prefix[0], [*prefix, path, *argv[1:]], environment)  # noqa: S606 - no shell is wanted
            os.execve(path, argv, environment)  # noqa: S606
        except OSError as error:
            if found is None or found.errno == errno.ENOENT:
                missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
                # A file that is there and still "not found" lacks the interpreter that it names.
                found = OSError(errno.ELIBACC, "") if missing and os.path.lexists(path) else error
    raise Failed("exec", found or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))


def _candidates(program: bytes, path: bytes) -> list[bytes]:
    if b"/" in program:
        return [program]
    return [os.path.join(folder or b".", program) for folder in path.split(b":")]  # noqa: PTH118


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _mount(source: bytes, target: bytes, kind: bytes = b"", flags: int = 0, data: bytes = b"") -> None:
    _call("mount", "mount", source, target, kind or None, ctypes.c_ulong(flags), data or None)


def _call(step: str, function: str, *arguments: Any) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        where = next((word.decode("utf-8", "replace") for word in arguments[1:2] if isinstance(word, bytes)), None)
        raise Failed(step, OSError(number, os.strerror(number), where))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
