"""Finder of the modules that glibc's iconv_open(3) loads to convert character sets, and their index.

ASCII, UTF-8, UCS-2 and UCS-4 are built in. A cache of the index would take precedence over it, so none is selected:
it names modules that the image does not have.
"""

from collections.abc import Iterator, Sequence

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.formats.glibc import gconv_modules
from fromscratch.formats.glibc.gconv_modules import Index
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import FinderWarning, Finding, GeneratedFile, NeededFile, Offer, Scene
from fromscratch.linker.beyond.glibc import library as glibc
from fromscratch.linker.beyond.glibc.library import Glibc
from fromscratch.model import view as views
from fromscratch.paths import join

KIND = "gconv"
ALL = "all"
# Libraries that stop a program which cannot convert a character set, and that set: Guile's ports, without a locale.
_ALWAYS = ((lazy_regex(r"libguile-[\d.]+\.so[\d.]*"), "ISO-8859-1"),)


def find(scene: Scene, *, charsets: Sequence[str] = ()) -> Iterator[Finding]:
    """The modules of these character sets, "all" for every one, and an index of them; so too those that a library of
    the image cannot do without. Without any to select, they are offered to programs that call iconv_open."""
    names = [paths.name(place) for place in scene.objects]
    always = [charset for pattern, charset in _ALWAYS if any(pattern.fullmatch(name) for name in names)]
    for libc in glibc.found_in(scene):
        if charsets or always:
            yield from _selected_modules(scene, libc, [*dict.fromkeys((*charsets, *always))])
        if not charsets and (users := glibc.users(scene, "iconv_open")):
            index = read(scene, libc)
            if index.modules:
                files = {module.file for module in index.modules}
                size = sum(scene.size(f"{libc.gconv}/{file}") for file in files)
                what = (
                    f"{len(files)} modules that convert character sets other than UTF-8, UCS and ASCII, for {users[0]}"
                )
                yield Offer(what, Setting("gconv", "all"), KIND, size)


def read(scene: Scene, libc: Glibc) -> Index:
    """What the root can convert."""
    return scene.once((read, libc.gconv), lambda: _read(scene, libc))


def _read(scene: Scene, libc: Glibc) -> Index:
    files = [f"{libc.gconv}/gconv-modules", *views.glob(scene.view, f"{libc.gconv}/gconv-modules.d/*.conf")]
    return gconv_modules.read_index(scene.read(path) or b"" for path in files)


def _selected_modules(scene: Scene, libc: Glibc, charsets: Sequence[str]) -> Iterator[Finding]:
    index = read(scene, libc)
    unknown: list[str] = []
    if ALL not in charsets:
        index, unknown = gconv_modules.cut(index, charsets)
    for charset in unknown:
        yield FinderWarning(f"no module in {libc.gconv} converts {charset}: iconv will not know it in the image", KIND)
    folder = views.place(scene.view, libc.gconv)
    if folder is None or not index.modules:
        return
    converted: dict[str, str] = {}
    for module in index.modules:
        charset = module.source if module.source != gconv_modules.INTERNAL else module.target
        converted.setdefault(module.file, charset.rstrip("/"))
    for file, charset in converted.items():
        path = file if file.startswith("/") else f"{libc.gconv}/{file}"
        yield NeededFile(path, libc.place, f"{libc.place} (converts {charset})", KIND, "declared")
    own = join(folder, "gconv-modules")
    if not scene.has(own):
        detail = f"{libc.place} (the modules of {', '.join(charsets)})"
        yield GeneratedFile(own, gconv_modules.text(index), detail, KIND)
