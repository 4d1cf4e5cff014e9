"""The bundle of trusted authorities in /etc/ssl/certs, as update-ca-certificates(8) of Debian and Alpine makes it."""

from collections.abc import Mapping

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.trust.x509 import certificates, subject_hash
from fromscratch.model.content import Inline
from fromscratch.model.entry import Entry, File, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, encode
from fromscratch.transforms.scripted.missing import by_script, bytes_of, with_missing

_AUTHORITIES = (TreePath("/usr/share/ca-certificates"), TreePath("/usr/local/share/ca-certificates"))
_CERTIFICATES = TreePath("/etc/ssl/certs")
_CHOSEN = TreePath("/etc/ca-certificates.conf")


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
    origin = by_script(label, "ca-certificates", shipped, "update-ca-certificates, run by the postinst of")
    made: dict[TreePath, Entry] = {}
    chosen = _chosen(tree, available)
    if tree.find(_CHOSEN) is None:
        made[_CHOSEN] = File(Meta(0o644), Inline(encode("".join(f"{name}\n" for name in chosen))), (origin,))
    bundle: list[bytes] = []
    numbers: dict[str, int] = {}
    for name in chosen:
        path = available[name]
        pem = bytes_of(tree, path)
        bundle.append(pem if pem.endswith(b"\n") else pem + b"\n")
        link = paths.join(_CERTIFICATES, _pem_name(name))
        made[link] = Symlink(Meta(0o777), path, (origin,))
        number = _hash(pem, path)
        if number:
            numbers[number] = numbers.get(number, -1) + 1
            hashed = paths.join(_CERTIFICATES, f"{number}.{numbers[number]}")
            made[hashed] = Symlink(Meta(0o777), paths.name(link), (origin,))
    made[paths.join(_CERTIFICATES, "ca-certificates.crt")] = File(Meta(0o644), Inline(b"".join(bundle)), (origin,))
    return with_missing(tree, made)


def _chosen(tree: Rootfs, available: Mapping[str, TreePath]) -> list[str]:
    """The certificates to trust: those that ca-certificates.conf names, or all; then the local ones."""
    local = sorted(name for name, path in available.items() if paths.is_within(path, _AUTHORITIES[1]))
    shipped = sorted(set(available) - set(local))
    if isinstance(tree.find(_CHOSEN), File):
        lines = decode(bytes_of(tree, _CHOSEN)).splitlines()
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
