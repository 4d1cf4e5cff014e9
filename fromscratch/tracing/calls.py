"""The system calls that name files: which argument is a path, what it is relative to, and what kind of use it is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.formats.oci_runtime import seccomp
from fromscratch.formats.trace.events import Kind

# asm-generic/fcntl.h and linux/fcntl.h; MIPS has numbers of its own for O_CREAT.
_CREATE, _CREATE_MIPS = 0o100, 0o400
_NO_FOLLOW, _NO_FOLLOW_ARM = 0o400000, 0o100000
_AT_NO_FOLLOW, _AT_FOLLOW = 0x100, 0x400
AT_EMPTY_PATH = 0x1000


class Place(Struct, frozen=True):
    """One path of a call: the numbers of the arguments that point to it, and to the folder that it is relative to.

    `folder` is -1 for the working directory. `made`: the call makes this path, so that it is not missed if it does not
    exist, but the folder above it is. `follows`: a symlink at its end is followed.
    """

    path: int
    folder: int = -1
    made: bool = False
    follows: bool = True


class PathCall(Struct, frozen=True):
    """A system call that takes paths.

    `flags` is the number of the argument with flags, or -1; with `create` among them a path is `made`, with `stay` its
    last symlink is not followed, with `follow` it is. `form` says what the path argument points to: text; a struct
    sockaddr, whose length is the next argument; or, for the flags, a struct open_how. `roots`: it may give
    the caller another root. `number` is different for each call of each architecture.
    """

    kind: Kind
    places: tuple[Place, ...]
    flags: int = -1
    create: int = 0
    stay: int = 0
    follow: int = 0
    form: Literal["text", "address", "how"] = "text"
    roots: bool = False
    number: int = 0

    @property
    def bits(self) -> int:
        """The flags that make a difference."""
        return self.create | self.stay | self.follow


def _calls(create: int, no_follow: int) -> dict[str, PathCall]:
    first, at = (Place(0),), (Place(1, 0),)
    link, link_at = (Place(0, follows=False),), (Place(1, 0, follows=False),)
    new, new_at = Place(0, made=True, follows=False), Place(1, 0, made=True, follows=False)
    moved = (*link, Place(1, made=True, follows=False))
    moved_at = (*link_at, Place(3, 2, made=True, follows=False))

    def stat(places: tuple[Place, ...], flags: int = -1, follow: int = 0) -> PathCall:
        stay = _AT_NO_FOLLOW if flags >= 0 and not follow else 0
        return PathCall("stat", places, flags, stay=stay, follow=follow)

    return {
        "open": PathCall("open", first, 1, create, no_follow),
        "openat": PathCall("open", at, 2, create, no_follow),
        "openat2": PathCall("open", at, 2, create, no_follow, form="how"),
        "open_tree": PathCall("open", at, 2, stay=_AT_NO_FOLLOW),
        "creat": PathCall("open", (Place(0, made=True),)),
        "execve": PathCall("exec", first),
        "execveat": PathCall("exec", at, 4, stay=_AT_NO_FOLLOW),
        "uselib": PathCall("exec", first),
        "readlink": PathCall("readlink", link),
        "readlinkat": PathCall("readlink", link_at),
        **dict.fromkeys(("stat", "stat64", "access", "statfs", "statfs64", "chdir"), stat(first)),
        **dict.fromkeys(("lstat", "lstat64"), stat(link)),
        **dict.fromkeys(("newfstatat", "fstatat64", "faccessat2", "utimensat", "utimensat_time64"), stat(at, 3)),
        **dict.fromkeys(("fchmodat2",), stat(at, 3)),
        **dict.fromkeys(("statx", "getxattrat", "setxattrat", "listxattrat", "removexattrat"), stat(at, 2)),
        **dict.fromkeys(("faccessat", "fchmodat", "futimesat"), stat(at)),
        "fchownat": stat(at, 4),
        "name_to_handle_at": stat(link_at, 4, follow=_AT_FOLLOW),
        **dict.fromkeys(("truncate", "truncate64", "utime", "utimes", "chmod", "chown", "chown32"), stat(first)),
        **dict.fromkeys(("lchown", "lchown32"), stat(link)),
        **dict.fromkeys(("getxattr", "setxattr", "listxattr", "removexattr"), stat(first)),
        **dict.fromkeys(("lgetxattr", "lsetxattr", "llistxattr", "lremovexattr"), stat(link)),
        "inotify_add_watch": stat((Place(1),)),
        "fanotify_mark": stat((Place(4, 3),)),
        **dict.fromkeys(("rmdir", "unlink"), stat(link)),
        "unlinkat": stat(link_at),
        "rename": stat(moved),
        **dict.fromkeys(("renameat", "renameat2"), stat(moved_at)),
        "link": stat(moved),
        "linkat": stat(moved_at, 4, follow=_AT_FOLLOW),
        "symlink": stat((Place(1, made=True, follows=False),)),
        "symlinkat": stat((Place(2, 1, made=True, follows=False),)),
        **dict.fromkeys(("mkdir", "mknod"), stat((new,))),
        **dict.fromkeys(("mkdirat", "mknodat"), stat((new_at,))),
        "bind": PathCall("stat", (Place(1, made=True),), form="address"),
        "connect": PathCall("stat", (Place(1),), form="address"),
        "mount": PathCall("stat", (Place(1),)),
        "chroot": PathCall("stat", first, roots=True),
        "pivot_root": PathCall("stat", (Place(0), Place(1)), roots=True),
        "setns": PathCall("stat", (), roots=True),
    }


# Calls that the list for containers does not have, since none may be made there: asm/unistd.h of each architecture.
_MORE: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "amd64": {"mount": 165, "pivot_root": 155, "uselib": 134, "setns": 308},
        "386": {"mount": 21, "pivot_root": 217, "uselib": 86, "setns": 346},
        "arm64": {"mount": 40, "pivot_root": 41, "setns": 268},
        "arm": {"mount": 21, "pivot_root": 218, "uselib": 86, "setns": 375},
        "riscv64": {"mount": 40, "pivot_root": 41, "setns": 268},
        "ppc64le": {"mount": 21, "pivot_root": 203, "uselib": 86, "setns": 350},
        "s390x": {"mount": 21, "pivot_root": 217, "uselib": 86, "setns": 339},
        "loong64": {"mount": 40, "pivot_root": 41, "setns": 268},
    }
)
# These numbers are the same on every architecture, counted from its base.
_IO_URING_BEFORE_OPENAT2, _OPEN_TREE_BEFORE_OPENAT2 = 437 - 425, 437 - 428


def path_calls(architecture: str) -> dict[int, PathCall]:
    """The calls that name files by their numbers. Raises MissingTool for an architecture that we have no numbers of."""
    mips, arm = architecture.startswith("mips"), architecture.startswith(("arm", "ppc"))
    calls = _calls(_CREATE_MIPS if mips else _CREATE, _NO_FOLLOW_ARM if arm else _NO_FOLLOW)
    numbers = {**seccomp.numbers(architecture), **_MORE.get(architecture, {})}
    numbers["open_tree"] = numbers["openat2"] - _OPEN_TREE_BEFORE_OPENAT2
    if architecture in ("386", "arm", "mipsle"):
        del calls["fanotify_mark"]  # its mask takes two registers there, and no program of that age watches files
    base = seccomp.audit_number(architecture) << 32
    return {
        numbers[name]: replace(call, number=base + numbers[name]) for name, call in calls.items() if name in numbers
    }


def io_uring_setup(architecture: str) -> int:
    """The number of the call by which programs get a queue through which they open files past every recorder."""
    return seccomp.numbers(architecture)["openat2"] - _IO_URING_BEFORE_OPENAT2


def may_be_empty(architecture: str) -> dict[int, int]:
    """Calls that ask about an open file with AT_EMPTY_PATH, as fstat(3) does: their number, and that of their flags."""
    numbers = seccomp.numbers(architecture)
    flags = {"newfstatat": 3, "fstatat64": 3, "statx": 2}
    return {numbers[name]: argument for name, argument in flags.items() if name in numbers}
