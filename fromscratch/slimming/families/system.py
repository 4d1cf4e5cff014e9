"""The C library and the distribution: locales, character sets, the loader's cache, certificates."""

from collections.abc import Iterator, Set

from fromscratch import paths
from fromscratch.formats.trust.bundles import BUNDLES
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.model import view as views
from fromscratch.paths import TreePath
from fromscratch.slimming.families.folder import member, members, selected

_LOCALE = lazy_regex(r"(?s)(.+/locale/[^/]+)/LC_[A-Z]+(?:/SYS_LC_MESSAGES)?")
_GCONV = lazy_regex(r"(?s)(.+/gconv)/[^/]+")
_LOADER = lazy_regex(r"ld(?:64|-linux[\w-]*|-[\d.]+)?\.so(?:\.\d+)?")
_MUSL = lazy_regex(r"ld-musl-([\w-]+)\.so\.\d+")
_CERTIFICATES = tuple(
    map(TreePath, ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/usr/share/ca-certificates"))
)
_HASHED = lazy_regex(r"[0-9a-f]{8}\.[0-9]+")


def locales(scene: Scene) -> Iterator[Finding]:
    """The other categories of a locale that is used: setlocale(3) opens each when it is first asked for."""
    for place in selected(scene):
        if found := _LOCALE.fullmatch(place):
            yield from members(scene, found[1], place, "of the same locale", "locales")
            yield from members(scene, f"{found[1]}/LC_MESSAGES", place, "of the same locale", "locales")


def gconv(scene: Scene) -> Iterator[Finding]:
    """The index of the modules that convert character sets, where one of them is used."""
    for place in selected(scene):
        if found := _GCONV.fullmatch(place):
            for name in ("gconv-modules", "gconv-modules.cache"):
                yield from member(scene, f"{found[1]}/{name}", place, "the index of its kind", "gconv")
            yield from members(scene, f"{found[1]}/gconv-modules.d", place, "the index of its kind", "gconv", ".conf")


def loader(scene: Scene) -> Iterator[Finding]:
    """What the dynamic loader reads before it looks for a library: ld.so(8), and musl's list of folders."""
    for place in scene.objects:
        name = paths.name(place)
        if _LOADER.fullmatch(name):
            for path in ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.preload"):
                yield from member(scene, path, place, "says where libraries are", "loader")
            yield from members(scene, "/etc/ld.so.conf.d", place, "says where libraries are", "loader", ".conf")
        elif found := _MUSL.fullmatch(name):
            yield from member(scene, f"/etc/ld-musl-{found[1]}.path", place, "says where libraries are", "loader")


def certificates(scene: Scene, *, used: Set[TreePath]) -> Iterator[Finding]:
    """The bundle and every single certificate by its hash, where a run looked for any: another server needs another."""
    by = next((place for place in sorted(used) if any(paths.is_within(place, top) for top in _CERTIFICATES)), None)
    if by is None:
        return
    for path in BUNDLES:
        yield from member(scene, path, by, "the certificates of its kind", "certificates")
    for top in _CERTIFICATES[:2]:
        for name in views.names(scene.view, top):
            if _HASHED.fullmatch(name):
                yield from member(scene, f"{top}/{name}", by, "the certificates of its kind", "certificates")
