"""Further certificate authorities that the programs of a tree trust: in its bundles, and one by one."""

import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, FormatError
from fromscratch.formats.trust.bundles import BUNDLES
from fromscratch.formats.trust.x509 import certificates, subject_hash
from fromscratch.model.content import Inline, read, same_bytes
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_FIRST_BUNDLE = TreePath(BUNDLES[0])
# Where each distribution's own program looks for further authorities, by a folder that only that one has.
_ANCHORS = (
    ("/etc/pki/ca-trust", TreePath("/etc/pki/ca-trust/source/anchors")),
    ("/etc/pki/trust", TreePath("/etc/pki/trust/anchors")),
    ("/", TreePath("/usr/local/share/ca-certificates")),
)
_JAVA = "/etc/ssl/certs/java/cacerts"
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_MAX_BUNDLE = 16 << 20


class Authority(Struct, frozen=True):
    """One certificate: its bytes in DER, and the name of its file, without an ending."""

    name: str
    der: bytes
    pem: bytes
    origin: Origin


def with_authorities(tree: Rootfs, authorities: Sequence[Authority]) -> tuple[Rootfs, list[str]]:
    """The tree in which these are trusted, and notes on programs that have a store of another kind.

    They go into every bundle that the tree has, or into a new one; as single files to where the distribution's program
    looks that makes bundles; and, where OpenSSL finds certificates by hash, under their hashes. One that a bundle has
    already is not put there twice. Raises FormatError for a bundle that cannot be read.
    """
    if not authorities:
        return tree, []
    bundles = {tree.resolve(path) for path in BUNDLES if isinstance(tree.find(path), File)}
    made: dict[TreePath, Entry] = {}
    for path in sorted(bundles):
        made.update(_extended(tree, path, authorities))
    if not bundles:
        pem = b"".join(each.pem for each in authorities)
        made[tree.locate(_FIRST_BUNDLE)] = File(Meta(0o644), Inline(pem), tuple(each.origin for each in authorities))
    folder = next(anchors for mark, anchors in _ANCHORS if isinstance(tree.find(mark), Directory))
    places = {}
    for each in authorities:
        places[each.name] = place = tree.locate(paths.join(folder, f"{each.name}.crt"))
        present = tree.find(place)
        if present is not None and not (isinstance(present, File) and same_bytes(present.content, Inline(each.pem))):
            raise Conflict(f"{place} is there already", f"give {each.origin.detail} another name")
        made[place] = File(Meta(0o644), Inline(each.pem), (each.origin,))
    if not bundles or any(_HASHED.fullmatch(name) for name in _names(tree, paths.parent(_FIRST_BUNDLE))):
        made.update(_hashed(tree, authorities, places))
    notes = []
    if tree.find(_JAVA) is not None:
        notes.append(f"certificates: {_JAVA}, which Java reads, is left as it is; keytool adds to it")
    return tree.with_entries(made), notes


def _names(tree: Rootfs, folder: TreePath) -> list[str]:
    return tree.children(tree.resolve(folder)) if isinstance(tree.find(folder), Directory) else []


def _extended(tree: Rootfs, path: TreePath, authorities: Sequence[Authority]) -> dict[TreePath, Entry]:
    """The bundle with those that it lacks."""
    bundle = tree.inode(path)
    if not isinstance(bundle, File) or bundle.content.size > _MAX_BUNDLE:
        raise FormatError(f"{path} is no bundle of certificates", "see what it is")
    pem = read(bundle.content)
    known = set(certificates(pem))
    fresh = [each for each in authorities if each.der not in known]
    if not fresh:
        return {}
    head = pem if pem.endswith(b"\n") or not pem else pem + b"\n"
    content = Inline(head + b"".join(each.pem for each in fresh))
    origins = (*bundle.origins, *(each.origin for each in fresh))
    return {path: replace(bundle, content=content, origins=origins)}


def _hashed(tree: Rootfs, authorities: Sequence[Authority], places: dict[str, TreePath]) -> dict[TreePath, Entry]:
    """The names by which OpenSSL looks for a certificate in a folder: openssl-rehash(1)."""
    folder = paths.parent(tree.locate(_FIRST_BUNDLE))
    used = set(tree.children(folder))
    made: dict[TreePath, Entry] = {}
    for each in authorities:
        link = paths.join(folder, f"{each.name}.pem")
        made[link] = Symlink(Meta(0o777), places[each.name], (each.origin,))
        number = 0
        while (name := f"{subject_hash(each.der)}.{number}") in used:
            number += 1
        used.add(name)
        made[paths.join(folder, name)] = Symlink(Meta(0o777), paths.name(link), (each.origin,))
    return made
