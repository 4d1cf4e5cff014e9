"""The version and folders of the glibc of an image, for the finders of its files."""

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.rodata import texts
from fromscratch.model import view as views
from fromscratch.paths import TreePath

SONAMES = frozenset({"libc.so.6", "libc.so.6.1"})  # the latter on Alpha and IA-64
_FAMILY = lazy_regex(
    r"lib(c|m|mvec|dl|rt|pthread|util|resolv|anl|nsl|BrokenLocale|thread_db|nss_(files|dns|compat|db|hesiod))\.so\.[0-9.]+"
    r"|ld(64|-linux[\w-]*)?\.so\.[0-9]+"
)
_FACTS = lazy_regex(rb"\0(GLIBC_2\.[0-9]{1,3}|/[^\0\s]{1,200}/(?:gconv|locale|zoneinfo))(?=\0)")


class Glibc(NamedTuple):
    """`place` is where libc.so.6 stands, `version` its second number (36 for 2.36), the rest its own folders."""

    place: TreePath
    version: int
    gconv: str
    locales: str
    zones: str


def is_part(soname: str | None) -> bool:
    """Whether an object of this soname is built from glibc's sources, its loader among them."""
    return soname is not None and _FAMILY.fullmatch(soname) is not None


def found_in(scene: Scene) -> list[Glibc]:
    """Every glibc of the scene (one, or one a word size); none in an image with musl, or all static."""
    return [_read(scene, place) for place, elf in scene.objects.items() if elf.soname in SONAMES]


def users(scene: Scene, *symbols: str) -> list[TreePath]:
    """The objects that import one of these symbols, less glibc's own."""
    return [place for place in scene.importing(*symbols) if not is_part(scene.objects[place].soname)]


def _read(scene: Scene, place: TreePath) -> Glibc:
    """Its version is the highest that it defines; its folders stand in its data, as its builder chose them."""
    facts = texts(scene, place, _FACTS)
    versions = [int(fact.removeprefix("GLIBC_2.")) for fact in facts if fact.startswith("GLIBC_2.")]
    folder = partial(_folder, facts)
    beside = f"{paths.parent(place)}/gconv"
    if views.place(scene.view, f"/usr{beside}") is not None:
        beside = f"/usr{beside}"
    return Glibc(
        place,
        max(versions, default=0),
        folder("gconv", beside),
        folder("locale", "/usr/lib/locale"),
        folder("zoneinfo", "/usr/share/zoneinfo"),
    )


def _folder(facts: Iterable[str], last: str, default: str) -> str:
    """The folder that ends so; /usr/share/locale is where translations lie, not locales."""
    found = sorted(fact for fact in facts if fact.endswith(f"/{last}") and not fact.endswith("/share/locale"))
    return found[0] if found else default
