"""The system calls that take paths: which of their arguments are paths, and which kind of use each stands for."""

from typing import NamedTuple

from fromscratch.formats.trace.events import Kind


class PathCall(NamedTuple):
    """`arguments` has a letter each: p: a path, d: the folder that the next path is relative to, -: something else."""

    kind: Kind
    arguments: str


_OPEN = {"open": "p", "creat": "p", "openat": "dp", "openat2": "dp", "open_tree": "dp"}
_EXEC = {"execve": "p", "execveat": "dp", "uselib": "p"}
_READLINK = {"readlink": "p", "readlinkat": "dp"}
_ONE_PATH = """
    stat stat64 lstat lstat64 oldstat oldlstat access statfs statfs64 chdir chroot chmod chown chown32 lchown lchown32
    truncate truncate64 utime utimes mkdir rmdir unlink mknod acct swapon swapoff umount umount2 oldumount
    getxattr lgetxattr setxattr lsetxattr listxattr llistxattr removexattr lremovexattr
"""
_BELOW_A_FOLDER = """
    newfstatat fstatat64 statx faccessat faccessat2 fchmodat fchmodat2 fchownat utimensat utimensat_time64 futimesat
    mkdirat unlinkat mknodat name_to_handle_at fspick mount_setattr getxattrat setxattrat listxattrat removexattrat
    file_getattr file_setattr
"""
_OTHER = {
    "rename": "pp",
    "link": "pp",
    "pivot_root": "pp",
    "renameat": "dpdp",
    "renameat2": "dpdp",
    "linkat": "dpdp",
    "move_mount": "dpdp",
    "symlink": "-p",
    "symlinkat": "-dp",
    "mount": "pp",
    "inotify_add_watch": "-p",
    "quotactl": "-p",
    "fanotify_mark": "---dp",
}

PATH_CALLS: dict[str, PathCall] = {
    **{name: PathCall("open", arguments) for name, arguments in _OPEN.items()},
    **{name: PathCall("exec", arguments) for name, arguments in _EXEC.items()},
    **{name: PathCall("readlink", arguments) for name, arguments in _READLINK.items()},
    **{name: PathCall("stat", "p") for name in _ONE_PATH.split()},
    **{name: PathCall("stat", "dp") for name in _BELOW_A_FOLDER.split()},
    **{name: PathCall("stat", arguments) for name, arguments in _OTHER.items()},
}

ABSENT = ("ENOENT", "ENOTDIR")
_NOTHING_LOOKED_UP = ("ENOSYS", "EFAULT", "EBADF", "ENAMETOOLONG")


def kind_of_use(kind: Kind, error: str) -> Kind | None:
    """What a call that ended with `error`, or without if it is empty, was for its path; None if the path was not used.

    A file that exists and could not be opened was asked for only. One without a known form (ENOEXEC) has been read,
    and a shell goes on to read it as a script.
    """
    if not error:
        return kind
    if error in ABSENT:
        return "missing"
    if error in _NOTHING_LOOKED_UP:
        return None
    return "open" if error == "ENOEXEC" else "stat"
