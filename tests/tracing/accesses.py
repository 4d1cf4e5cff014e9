"""A program that uses files in every way there is: one file, named as the way, for each.

`python accesses.py DIR prepare` makes them; without `prepare` they are used, with the working directory in DIR.
`EXPECTED` is the kind of event that is due for each; only the standard library is imported here.
"""

# Each call is one of the system calls that it tries.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH110, PTH115, PTH116, PTH211

import contextlib
import ctypes
import os
import platform
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

NUMBERS = {
    "x86_64": {"openat2": 437, "faccessat2": 439, "name_to_handle_at": 303, "execveat": 322, "statx": 332},
    "aarch64": {"openat2": 437, "faccessat2": 439, "name_to_handle_at": 264, "execveat": 281, "statx": 291},
}
OLD = {"open": 2, "stat": 4, "lstat": 6, "access": 21, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85}
OLD |= {"link": 86, "unlink": 87, "symlink": 88, "readlink": 89, "chmod": 90, "chown": 92, "lchown": 94}
OLD |= {"utime": 132, "mknod": 133, "utimes": 235, "futimesat": 261, "uselib": 134}
CWD = -100


def listed(names: str) -> list[str]:
    return names.split()


OPEN = listed("""
open openat openat_dirfd openat2 opened_folder mmap python_import fdopendir through_dotdot through_symlink
absolute_link_target open_directory o_path o_nofollow read_by_shell sourced tail_thread thread_open fork_open
creat_existing truncate_open append rdwr dlopen space\\040in\\040name newline\\012in\\012name high\\377byte
chroot_inside deep/er/file old_open old_creat""")
EXEC = listed("exec execveat fexecve script spawned vforked by_path_search")
STAT = listed("""
stat lstat newfstatat statx access faccessat faccessat2 chdir statfs getxattr lgetxattr listxattr llistxattr
setxattr removexattr truncate rename_source renameat_source link_source linkat_source unlink rmdir unlinkat chmod
fchmodat chown lchown fchownat utimensat inotify_add_watch name_to_handle_at connect stat_dirfd shell_test
os_path_exists glob/one old_stat old_lstat old_access old_rename old_link old_unlink old_rmdir old_chmod old_chown
old_lchown old_utime old_utimes old_futimesat""")
READLINK = listed("readlink readlinkat old_readlink")
MISSING = listed("missing_open missing_stat missing_exec missing_access missing_readlink missing/parent/made dangling")
MADE = listed("""
made_file made_folder made_link made_symlink made_node made_socket renamed made_by_mkdirat old_made_folder
old_made_symlink old_made_node""")

EXPECTED = {
    **dict.fromkeys(OPEN, "open"),
    **dict.fromkeys(EXEC, "exec"),
    **dict.fromkeys(STAT, "stat"),
    **dict.fromkeys(READLINK, "readlink"),
    **dict.fromkeys(MISSING, "missing"),
    **dict.fromkeys(MADE, "stat"),
    "made_file": "open",
}
if platform.machine() != "x86_64":
    EXPECTED = {name: kind for name, kind in EXPECTED.items() if not name.startswith("old_")}
FOLDERS = listed("opened_folder fdopendir open_directory chdir rmdir inotify_add_watch old_rmdir through_dotdot.d")


def real(name: str) -> bytes:
    """A name in the list above as the file is called."""
    return name.encode().replace(b"\\040", b" ").replace(b"\\012", b"\n").replace(b"\\377", b"\xff")


def prepare(top: Path) -> None:
    for name in FOLDERS:
        (top / name).mkdir()
    true = Path(shutil.which("true") or "/bin/true")
    for name in EXPECTED:
        place = top / os.fsdecode(real(name))
        if name in (*MISSING, *MADE) or place.is_dir() or name in ("connect", "through_symlink"):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if name in READLINK:
            place.symlink_to("nowhere")
        elif name in EXEC:
            place.write_bytes(b"#!/bin/sh\nexit 0\n" if name == "script" else true.read_bytes())
            place.chmod(0o755)
        else:
            place.write_text("pass\n")
    (top / "python_import").unlink()
    (top / "python_import.py").write_text("")
    (top / "python_import").symlink_to("python_import.py")
    (top / "through_symlink").symlink_to("absolute_link_target")
    (top / "dangling").symlink_to("nowhere")
    (top / "jail").mkdir()
    (top / "jail/chroot_inside").write_text("x")
    (top / "chroot_inside").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(top / "connect"))


class Ways:
    """Uses the files; every method and statement is one way or a few of one kind."""

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.numbers = NUMBERS[platform.machine()]
        self.here = os.open(".", os.O_RDONLY)

    def call(self, number: int, *arguments: object) -> int:
        return int(self.libc.syscall(number, *arguments))

    def open_all(self) -> None:
        for name in ("openat", "absolute_link_target", "through_symlink", "deep/er/file"):
            os.close(os.open(name, os.O_RDONLY))
        for name in OPEN:
            if "\\" in name:
                os.close(os.open(real(name), os.O_RDONLY))
        self.libc.open(b"open", os.O_RDONLY)
        os.close(os.open("openat_dirfd", os.O_RDONLY, dir_fd=self.here))
        os.close(os.open("through_dotdot.d/../through_dotdot", os.O_RDONLY))
        os.close(os.open("o_path", os.O_PATH))
        os.close(os.open("o_nofollow", os.O_RDONLY | os.O_NOFOLLOW))
        os.close(os.open("open_directory", os.O_RDONLY | os.O_DIRECTORY))
        how = (ctypes.c_uint64 * 3)(os.O_RDONLY, 0, 0)
        self.call(self.numbers["openat2"], CWD, b"openat2", how, 24)
        os.listdir("opened_folder")
        os.listdir(fd := os.open("fdopendir", os.O_RDONLY))
        os.close(fd)
        for name, mode in (("truncate_open", "w"), ("append", "a"), ("rdwr", "r+"), ("mmap", "r")):
            open(name, mode).close()
        os.close(os.open("creat_existing", os.O_WRONLY | os.O_CREAT, 0o644))
        exec(compile(Path("python_import").read_text(), "x", "exec"))  # noqa: S102
        with contextlib.suppress(OSError):
            ctypes.CDLL("./dlopen")
        subprocess.run(["sh", "-c", ": < read_by_shell; . ./sourced"], check=False, capture_output=True)

    def open_elsewhere(self) -> None:
        import threading

        for name in ("thread_open", "tail_thread"):
            thread = threading.Thread(target=lambda name=name: open(name).close())
            thread.start()
            thread.join()
        if (child := os.fork()) == 0:
            open("fork_open").close()
            os._exit(0)
        os.waitpid(child, 0)
        if os.geteuid() == 0 and (child := os.fork()) == 0:
            os.chroot("jail")
            os.chdir("/")
            open("/chroot_inside").close()
            os._exit(0)
        if os.geteuid() == 0:
            os.waitpid(child, 0)

    def execute(self) -> None:
        for name in ("exec", "script", "spawned", "missing_exec"):
            with contextlib.suppress(OSError):
                subprocess.run([f"./{name}"], check=False)
        os.waitpid(os.posix_spawn("./vforked", ["x"], {}), 0)
        subprocess.run(["by_path_search"], env={"PATH": f"/nowhere:{os.getcwd()}"}, check=False)  # noqa: PTH109
        empty = (ctypes.c_char_p * 2)(b"x", None)
        for name in ("execveat", "fexecve"):
            if (child := os.fork()) == 0:
                if name == "fexecve":
                    os.execve(os.open(name, os.O_RDONLY), ["x"], {})  # noqa: S606
                self.call(self.numbers["execveat"], CWD, name.encode(), empty, empty, 0)
                os._exit(1)
            os.waitpid(child, 0)

    def ask(self) -> None:
        os.stat("stat")
        os.lstat("lstat")
        os.stat("newfstatat")
        os.stat("stat_dirfd", dir_fd=self.here)
        self.call(self.numbers["statx"], CWD, b"statx", 0, 0x7FF, ctypes.create_string_buffer(256))
        os.access("access", os.R_OK)
        os.access("faccessat", os.R_OK, dir_fd=self.here)
        self.call(self.numbers["faccessat2"], CWD, b"faccessat2", 4, 0x100)
        os.path.exists("os_path_exists")
        os.stat("glob/one")
        subprocess.run(["sh", "-c", "test -e shell_test"], check=False)
        os.statvfs("statfs")
        for call, name in ((os.getxattr, "getxattr"), (os.removexattr, "removexattr")):
            with contextlib.suppress(OSError):
                call(name, "user.x")
        with contextlib.suppress(OSError):
            os.getxattr("lgetxattr", "user.x", follow_symlinks=False)
        with contextlib.suppress(OSError):
            os.setxattr("setxattr", "user.x", b"1")
        os.listxattr("listxattr")
        os.listxattr("llistxattr", follow_symlinks=False)
        for name in READLINK[:1]:
            os.readlink(name)
        os.readlink("readlinkat", dir_fd=self.here)
        self.libc.inotify_add_watch(self.libc.inotify_init(), b"inotify_add_watch", 2)
        handle = ctypes.create_string_buffer(256)
        ctypes.c_uint32.from_buffer(handle).value = 128
        self.call(self.numbers["name_to_handle_at"], CWD, b"name_to_handle_at", handle, ctypes.byref(ctypes.c_int()), 0)
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.connect("connect")
        if (child := os.fork()) == 0:
            os.chdir("chdir")
            os._exit(0)
        os.waitpid(child, 0)

    def change(self) -> None:
        os.truncate("truncate", 0)
        os.chmod("chmod", 0o644)
        os.chmod("fchmodat", 0o644, dir_fd=self.here)
        os.chown("chown", -1, -1)
        os.lchown("lchown", -1, -1)
        os.chown("fchownat", -1, -1, dir_fd=self.here)
        os.utime("utimensat")
        os.rename("rename_source", "renamed")
        os.rename("renameat_source", "elsewhere", src_dir_fd=self.here)
        os.link("link_source", "made_link")
        os.link("linkat_source", "linked", src_dir_fd=self.here)
        os.unlink("unlink")
        os.unlink("unlinkat", dir_fd=self.here)
        os.rmdir("rmdir")
        open("made_file", "x").close()
        os.mkdir("made_folder")
        os.mkdir("made_by_mkdirat", dir_fd=self.here)
        os.symlink("nowhere", "made_symlink")
        os.mkfifo("made_node")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("made_socket")

    def miss(self) -> None:
        for name in ("missing_open", "dangling"):
            with contextlib.suppress(OSError):
                os.open(name, os.O_RDONLY)
        for call, name in ((os.stat, "missing_stat"), (os.readlink, "missing_readlink")):
            with contextlib.suppress(OSError):
                call(name)
        os.access("missing_access", os.R_OK)
        with contextlib.suppress(OSError):
            os.mkdir("missing/parent/made")

    def old(self) -> None:
        """What the C library of today calls by newer names, and older programs by these."""
        empty = ctypes.create_string_buffer(512)
        for name in ("stat", "lstat"):
            self.call(OLD[name], f"old_{name}".encode(), empty)
        for name in ("open", "access", "unlink", "rmdir"):
            self.call(OLD[name], f"old_{name}".encode(), 0)
        self.call(OLD["readlink"], b"old_readlink", empty, 512)
        self.call(OLD["rename"], b"old_rename", b"old_renamed")
        self.call(OLD["link"], b"old_link", b"old_linked")
        self.call(OLD["symlink"], b"nowhere", b"old_made_symlink")
        self.call(OLD["mkdir"], b"old_made_folder", 0o755)
        self.call(OLD["mknod"], b"old_made_node", stat.S_IFIFO | 0o644, 0)
        self.call(OLD["chmod"], b"old_chmod", 0o644)
        self.call(OLD["creat"], b"old_creat", 0o644)
        for name in ("chown", "lchown"):
            self.call(OLD[name], f"old_{name}".encode(), -1, -1)
        for name in ("utime", "utimes"):
            self.call(OLD[name], f"old_{name}".encode(), 0)
        self.call(OLD["futimesat"], CWD, b"old_futimesat", 0)


def use() -> None:
    ways = Ways()
    ways.open_all()
    ways.open_elsewhere()
    ways.execute()
    ways.ask()
    ways.change()
    ways.miss()
    if platform.machine() == "x86_64":
        ways.old()


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    prepare(Path()) if sys.argv[2:] else use()
