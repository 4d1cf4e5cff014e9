"""What maintainer scripts would have made, made by us where it matters: no script ever runs.

Each function is pure, takes the tree of all packages and gives it back with what it adds; every
added entry says which script it stands in for.
"""

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.transforms.scripted.missing import by_script, with_missing

# Files that a postinst copies to their place if nothing is there: from, to, package.
_COPIES = (
    ("/usr/share/base-passwd/passwd.master", "/etc/passwd", "base-passwd"),
    ("/usr/share/base-passwd/group.master", "/etc/group", "base-passwd"),
    ("/usr/share/libc-bin/nsswitch.conf", "/etc/nsswitch.conf", "libc-bin"),
    ("/usr/share/base-files/profile", "/etc/profile", "base-files"),
    ("/usr/share/base-files/motd", "/etc/motd", "base-files"),
    ("/usr/share/base-files/dot.profile", "/root/.profile", "base-files"),
    ("/usr/share/base-files/dot.bashrc", "/root/.bashrc", "base-files"),
)
_BASE_FILES = TreePath("/usr/share/base-files")
_LOCAL = ("bin", "etc", "games", "include", "lib", "libexec", "sbin", "share", "share/man", "src")
_MAIL = 8  # the group mail has this number in every release
_BASE_FOLDERS = {
    **dict.fromkeys(("/etc/opt", "/media", "/mnt", "/opt", "/srv", "/usr/local", "/var/opt"), Meta(0o755)),
    **{f"/usr/local/{name}": Meta(0o755) for name in _LOCAL},
    "/run/lock": Meta(0o1777),
    "/var/mail": Meta(0o2775, 0, _MAIL),
}
_BASE_LINKS = {
    "/usr/local/man": "share/man",
    "/var/lock": "/run/lock",
    "/var/run": "/run",
    "/var/spool/mail": "../mail",
}
_RECORDS = TreePath("/var/lib/dpkg/status.d")


def with_defaults(tree: Rootfs, label: str, parts: Collection[str] = (), followed: Collection[str] = ()) -> Rootfs:
    """What the postinst of base-passwd, libc-bin and base-files puts in place when nothing is there.

    Where base-files is one of `parts`, nothing is made for people who log in. Where it is one of those whose scripts
    are `followed` later, what it makes is left to them.
    """
    made: dict[TreePath, Entry] = {}
    is_part, is_followed = "base-files" in parts, "base-files" in followed
    for source, target, package in _COPIES:
        entry = tree.find(source)
        if isinstance(entry, File) and not (package == "base-files" and (is_followed or is_part)):
            made[TreePath(target)] = replace(entry, origins=(by_script(label, package, entry),))
    if _BASE_FILES in tree and not is_followed:
        origin = by_script(label, "base-files", tree[_BASE_FILES])
        made |= {TreePath(path): Directory(meta, (origin,)) for path, meta in _BASE_FOLDERS.items()}
        for path, target in _BASE_LINKS.items():
            if not tree.children(TreePath(path)):
                tree = tree.without([TreePath(path)])
                made[TreePath(path)] = Symlink(Meta(0o777), target, (origin,))
    return with_missing(tree, made)


def with_records(tree: Rootfs, records: Mapping[str, tuple[bytes, bytes]], label: str) -> Rootfs:
    """The control file and md5sums of each package, by its name, where scanners of images without dpkg look."""
    made: dict[TreePath, Entry] = {}
    for name, (control, sums) in records.items():
        origin = Origin(label, "made by", f"dpkg, as its record of {name}")
        made[paths.join(_RECORDS, name)] = File(Meta(0o644), Inline(control), (origin,))
        if sums:
            made[paths.join(_RECORDS, f"{name}.md5sums")] = File(Meta(0o644), Inline(sums), (origin,))
    return with_missing(tree, made)
