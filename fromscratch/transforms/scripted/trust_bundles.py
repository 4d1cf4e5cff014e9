"""The bundles of trusted authorities that update-ca-trust(8) of Fedora and RHEL makes, and openSUSE's counterpart."""

from collections.abc import Iterator, Mapping, Sequence

from fromscratch import paths
from fromscratch.formats.trust.p11_kit import CODE, MAIL, SERVER, Anchor, anchors, plain_anchors
from fromscratch.model.content import Inline
from fromscratch.model.entry import Entry, File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, encode
from fromscratch.transforms.scripted.missing import bytes_of, with_missing

_FEDORA = ("/usr/share/pki/ca-trust-source", "/etc/pki/ca-trust/source")
_SUSE = ("/usr/share/pki/trust", "/etc/pki/trust")
_PEM = "/etc/pki/ca-trust/extracted/pem"
_FEDORA_BUNDLES = {
    f"{_PEM}/tls-ca-bundle.pem": SERVER,
    f"{_PEM}/email-ca-bundle.pem": MAIL,
    f"{_PEM}/objsign-ca-bundle.pem": CODE,
}
_SUSE_BUNDLES = {"/var/lib/ca-certificates/ca-bundle.pem": SERVER}


def with_trust_bundles(tree: Rootfs, label: str) -> Rootfs:
    """The tree with the bundles in PEM where it has sources of them and no bundle."""
    for folders, bundles in ((_FEDORA, _FEDORA_BUNDLES), (_SUSE, _SUSE_BUNDLES)):
        found = list(_anchors(tree, folders))
        if found:
            tree = with_missing(tree, dict(_bundles(found, bundles, label)))
    return tree


def _anchors(tree: Rootfs, folders: Sequence[str]) -> Iterator[Anchor]:
    for folder in folders:
        for path in tree.within(tree.locate(TreePath(folder))):
            if not isinstance(tree.find(path), File):
                continue
            text = decode(bytes_of(tree, path))
            if path.endswith(".p11-kit"):
                yield from anchors(text)
            elif paths.name(paths.parent(path)) == "anchors":
                yield from plain_anchors(text)


def _bundles(found: Sequence[Anchor], bundles: Mapping[str, bytes], label: str) -> Iterator[tuple[TreePath, Entry]]:
    origin = Origin(label, "made by", "update-ca-trust, run by a script of ca-certificates")
    for path, purpose in bundles.items():
        text = "".join(_shown(one) for one in found if one.serves(purpose))
        yield TreePath(path), File(Meta(0o444), Inline(encode(text)), (origin,))


def _shown(anchor: Anchor) -> str:
    return f"# {' '.join(anchor.label.split())}\n{anchor.pem}\n" if anchor.label else f"{anchor.pem}\n"
