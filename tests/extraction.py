"""What `mmdebstrap --variant=extract` unpacks, beside our trees of the same packages."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fromscratch.digest import Digest
from fromscratch.formats.tar.tree import read_tree
from fromscratch.model.content import digest_of
from fromscratch.model.entry import Directory, Entry, File, HardLink, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, matcher
from fromscratch.sources.debian.options import DebianOptions

SETS: Mapping[str, Sequence[str]] = {
    name: name.split("+")
    for name in (
        *(
            "busybox",
            "jq",
            "bash+coreutils",
            "curl+ca-certificates",
            "python3-minimal",
            "python3",
            "perl",
            "nginx-light",
        ),
        *("redis-server", "postgresql-client", "git", "openssh-client", "sqlite3", "vim-tiny", "nano+less", "tini"),
        *("gnupg", "openssl", "nodejs", "ruby", "php-cli", "openjdk-17-jre-headless", "gcc", "rsync"),
        *("iproute2+iputils-ping", "bind9-dnsutils", "tzdata+locales", "apache2", "mariadb-client", "haproxy"),
    )
}

# What mmdebstrap itself makes: devices, apt and its lists, records of dpkg, and files of the machine.
_OF_THE_TOOL = matcher(
    [
        *("/dev/**", "/etc/apt/**", "/etc/dpkg/**", "/var/cache/apt/**", "/var/lib/apt/**", "/var/lib/dpkg/**"),
        *("/etc/fstab", "/etc/hostname", "/etc/resolv.conf", "/var/log/apt"),
    ]
)
_FOLDERS_OF_THE_TOOL = {
    *("/", "/dev", "/etc", "/etc/apt", "/etc/dpkg", "/var", "/var/cache", "/var/cache/apt", "/var/lib"),
    *("/var/lib/apt", "/var/lib/dpkg", "/var/log"),
}


def command(packages: Sequence[str], suite: str, target: Path, *mirrors: str) -> list[str]:
    """The command that unpacks packages into a tar."""
    return ["mmdebstrap", "--variant=extract", f"--include={','.join(packages)}", suite, str(target), *mirrors]


def options(packages: Sequence[str], suite: str, mirror: str) -> DebianOptions:
    """Ours for the same: /usr is not merged, and there are no links of busybox, Essential packages, or records."""
    return DebianOptions(
        suite=suite,
        packages=list(packages),
        mirror=mirror,
        merged_usr=False,
        applets=False,
        records=False,
        essential="none",
        scripts="none",
    )


def theirs(tar: Path) -> Rootfs:
    return read_tree(tar, Origin("mmdebstrap", "shipped in", "a package"))


def differences(ours: Rootfs, other: Rootfs) -> Iterator[str]:
    """A line for each difference between what packages have brought into ours, and the other tree.

    What ours makes where packages' scripts would, and what mmdebstrap makes by itself, is passed over.
    """
    for path in sorted({*ours, *other}):
        one, two = ours.get(path), other.get(path)
        if one is not None and two is not None:
            if _facts(one) != _facts(two) and _is_shipped(one):
                yield f"{path}: ours {_facts(one)}, mmdebstrap's {_facts(two)}"
        elif one is not None:
            if _is_shipped(one) and not _only_leads(one, path, ours):
                yield f"{path}: only ours"
        elif two is not None and not _OF_THE_TOOL(path) and path not in _FOLDERS_OF_THE_TOOL:
            yield f"{path}: only mmdebstrap's"


def _only_leads(entry: Entry, path: TreePath, tree: Rootfs) -> bool:
    """Whether it is a folder above what ours makes."""
    below = [other for other in tree if other.startswith(f"{path}/")]
    return isinstance(entry, Directory) and bool(below) and not any(_is_shipped(tree[other]) for other in below)


def _is_shipped(entry: Entry) -> bool:
    """Whether a package has brought it as it is: what stands for a script's work is "made by" something."""
    return any(origin.reason == "shipped in" for origin in entry.origins)


def _facts(entry: Entry) -> tuple[str, str, int, int, int | None, tuple[tuple[str, bytes], ...], Digest | str]:
    """What counts of an entry. Folders have no time: that of one that several packages share is the last one's."""
    meta = entry.meta
    content: Digest | str = ""
    if isinstance(entry, File):
        content = digest_of(entry.content)
    elif isinstance(entry, Symlink | HardLink):
        content = entry.target
    moment = None if isinstance(entry, Directory | Symlink) else meta.mtime
    return type(entry).__name__, f"{meta.mode:04o}", meta.uid, meta.gid, moment, meta.xattrs, content
