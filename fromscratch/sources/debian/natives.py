"""What maintainer scripts would have made, made by us where it matters: no script ever runs.

Each function is pure, takes the tree of all packages and gives it back with what it adds; every
added entry says which script it stands in for.
"""

import posixpath
from collections.abc import Mapping

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.busybox import applets
from fromscratch.formats.debian.alternatives import Alternative, alternatives
from fromscratch.formats.trust.x509 import certificates, subject_hash
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, decode, encode, tree_path

# The folders without which programs stumble, as base-files ships them.
_FOLDERS = {
    "/dev": 0o755,
    "/etc": 0o755,
    "/proc": 0o755,
    "/root": 0o700,
    "/run": 0o755,
    "/sys": 0o755,
    "/tmp": 0o1777,
    "/var": 0o755,
    "/var/tmp": 0o1777,
}
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
_BASE_FOLDERS = {"/etc/opt": 0o755, "/media": 0o755, "/mnt": 0o755, "/opt": 0o755, "/srv": 0o755, "/var/opt": 0o755}
_BASE_LINKS = {"/var/lock": "/run/lock", "/var/run": "/run"}
_AUTHORITIES = (TreePath("/usr/share/ca-certificates"), TreePath("/usr/local/share/ca-certificates"))
_CERTIFICATES = TreePath("/etc/ssl/certs")
_CHOSEN = TreePath("/etc/ca-certificates.conf")
_RECORDS = TreePath("/var/lib/dpkg/status.d")
_PROGRAM_FOLDERS = tuple(map(TreePath, ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin")))


def with_base_folders(tree: Rootfs, label: str) -> Rootfs:
    """The folders that every system has, where no package ships them."""
    origin = Origin(label, "made by", "fromscratch, as base-files is not among the packages")
    return _with_missing(tree, {TreePath(path): Directory(Meta(mode), (origin,)) for path, mode in _FOLDERS.items()})


def with_defaults(tree: Rootfs, label: str) -> Rootfs:
    """What the postinst of base-passwd, libc-bin and base-files puts in place when nothing is there."""
    made: dict[TreePath, Entry] = {}
    for source, target, package in _COPIES:
        entry = tree.find(source)
        if isinstance(entry, File):
            made[TreePath(target)] = replace(entry, origins=(_script(label, package, entry),))
    if _BASE_FILES in tree:
        origin = _script(label, "base-files", tree[_BASE_FILES])
        made |= {TreePath(path): Directory(Meta(mode), (origin,)) for path, mode in _BASE_FOLDERS.items()}
        made[TreePath("/run/lock")] = Directory(Meta(0o1777), (origin,))
        for path, target in _BASE_LINKS.items():
            if not tree.children(TreePath(path)):
                tree = tree.without([TreePath(path)])
                made[TreePath(path)] = Symlink(Meta(0o777), target, (origin,))
    return _with_missing(tree, made)


def with_alternatives(tree: Rootfs, scripts: Mapping[str, bytes], label: str) -> Rootfs:
    """The links of update-alternatives(1) in automatic mode, from the postinst of each package by its name.

    Of the choices for a name that are in the tree, the one of the highest priority counts, of equals
    the first by package name. Nothing is put where something is.
    """
    best: dict[str, tuple[Alternative, str]] = {}
    for package in sorted(scripts):
        for one in alternatives(decode(scripts[package])):
            name = one.master.name
            if tree.find(one.master.path) is not None and (name not in best or one.priority > best[name][0].priority):
                best[name] = one, package
    made: dict[TreePath, Entry] = {}
    for one, package in best.values():
        origin = Origin(label, "made by", f"update-alternatives, run by the postinst of {package}")
        for choice in (one.master, *one.followers):
            link = tree_path(choice.link)
            if tree.find(choice.path) is not None and tree.locate(link) not in tree:
                held = f"/etc/alternatives/{choice.name}"
                made[link] = Symlink(Meta(0o777), held, (origin,))
                made[TreePath(held)] = Symlink(Meta(0o777), choice.path, (origin,))
    return _with_missing(tree, made)


def with_certificates(tree: Rootfs, label: str) -> Rootfs:
    """The bundle of authorities, and the links by name and by hash, as update-ca-certificates(8) makes them."""
    shipped = tree.find(_AUTHORITIES[0])
    available = {
        path[len(top) + 1 :]: path
        for top in _AUTHORITIES
        for path in tree.within(top)
        if path.endswith(".crt") and isinstance(tree.find(path), File)
    }
    if shipped is None or not available:
        return tree
    origin = _script(label, "ca-certificates", shipped, "update-ca-certificates, run by the postinst of")
    made: dict[TreePath, Entry] = {}
    chosen = _chosen(tree, available)
    if tree.find(_CHOSEN) is None:
        made[_CHOSEN] = File(Meta(0o644), Inline(encode("".join(f"{name}\n" for name in chosen))), (origin,))
    bundle: list[bytes] = []
    numbers: dict[str, int] = {}
    for name in chosen:
        path = available[name]
        pem = _bytes(tree, path)
        bundle.append(pem if pem.endswith(b"\n") else pem + b"\n")
        link = paths.join(_CERTIFICATES, _pem_name(name))
        made[link] = Symlink(Meta(0o777), path, (origin,))
        number = _hash(pem, path)
        if number:
            numbers[number] = numbers.get(number, -1) + 1
            hashed = paths.join(_CERTIFICATES, f"{number}.{numbers[number]}")
            made[hashed] = Symlink(Meta(0o777), paths.name(link), (origin,))
    made[paths.join(_CERTIFICATES, "ca-certificates.crt")] = File(Meta(0o644), Inline(b"".join(bundle)), (origin,))
    return _with_missing(tree, made)


def _chosen(tree: Rootfs, available: Mapping[str, TreePath]) -> list[str]:
    """The certificates to trust: those that ca-certificates.conf names, or all; then the local ones."""
    local = sorted(name for name, path in available.items() if paths.is_within(path, _AUTHORITIES[1]))
    shipped = sorted(set(available) - set(local))
    if isinstance(tree.find(_CHOSEN), File):
        lines = decode(_bytes(tree, _CHOSEN)).splitlines()
        shipped = [line for line in lines if line in available and line not in local]
    return [*shipped, *local]


def _pem_name(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".crt").translate(str.maketrans(" (),", "_==_")) + ".pem"


def _hash(pem: bytes, path: TreePath) -> str:
    """The hash of a file with one certificate; OpenSSL looks for no other by hash."""
    try:
        found = certificates(pem)
        return subject_hash(found[0]) if len(found) == 1 else ""
    except FormatError as error:
        raise FormatError(f"{path}: {error.message}", error.hint) from error


def with_applets(tree: Rootfs, label: str) -> Rootfs:
    """A symlink to busybox for each of its applets whose name no program folder has.

    Each stands where `busybox --install -s` would put it, next to busybox itself where the binary
    does not tell. `linuxrc`, which belongs into the root folder and serves only at boot, is left out.
    """
    place = next((tree.resolve(path) for path in ("/usr/bin/busybox", "/bin/busybox") if tree.find(path)), None)
    if place is None or not isinstance(tree.inode(place), File):
        return tree
    present = {name for folder in _PROGRAM_FOLDERS for name in tree.children(_folder(tree, folder))}
    made: dict[TreePath, Entry] = {}
    because = tree[place].origins[0] if tree[place].origins else None
    origin = Origin(label, "made by", f"busybox --install, for an applet of {place}", because)
    for applet in applets(_bytes(tree, place)):
        folder = _folder(tree, applet.folder or paths.parent(place))
        if applet.name not in present and folder != ROOT:
            target = posixpath.relpath(place, folder)
            made[paths.join(folder, applet.name)] = Symlink(Meta(0o777), target, (origin,))
    return _with_missing(tree, made)


def with_records(tree: Rootfs, records: Mapping[str, tuple[bytes, bytes]], label: str) -> Rootfs:
    """The control file and md5sums of each package, by its name, where scanners of images without dpkg look."""
    made: dict[TreePath, Entry] = {}
    for name, (control, sums) in records.items():
        origin = Origin(label, "made by", f"dpkg, as its record of {name}")
        made[paths.join(_RECORDS, name)] = File(Meta(0o644), Inline(control), (origin,))
        if sums:
            made[paths.join(_RECORDS, f"{name}.md5sums")] = File(Meta(0o644), Inline(sums), (origin,))
    return _with_missing(tree, made)


def _folder(tree: Rootfs, path: TreePath) -> TreePath:
    """Where a folder really lies, also one that is not there yet."""
    return paths.parent(tree.locate(paths.join(path, "any")))


def _with_missing(tree: Rootfs, made: Mapping[TreePath, Entry]) -> Rootfs:
    """The tree with those entries for which nothing is there yet."""
    added: dict[TreePath, Entry] = {}
    for path, entry in made.items():
        place = tree.locate(path)
        if place not in tree:
            added[place] = entry
    return tree.with_entries(added) if added else tree


def _script(label: str, package: str, entry: Entry, what: str = "the postinst of") -> Origin:
    return Origin(label, "made by", f"{what} {package}", entry.origins[0] if entry.origins else None)


def _bytes(tree: Rootfs, path: TreePath) -> bytes:
    entry = tree.find(path)
    return read(entry.content) if isinstance(entry, File) else b""
