"""Finder of glibc's locales: compiled ones for setlocale(3), and translations for gettext(3).

Only "C" is built in; C.UTF-8 is a folder like all others, and is taken by itself for programs that ask for a locale and
whose text depends on it. Where the root has them in one archive, the locales that are asked for are taken out of it,
and lie in the image as folders.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from fromscratch import paths
from fromscratch.advice import Setting, advice
from fromscratch.errors import FormatError
from fromscratch.formats.glibc import gconv_modules, locale_archive
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond import rodata
from fromscratch.linker.beyond.contract import FinderWarning, Finding, GeneratedFile, NeededFile, Offer, Scene
from fromscratch.linker.beyond.glibc import library as glibc
from fromscratch.linker.beyond.glibc.library import Glibc
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File
from fromscratch.paths import TreePath, join

KIND = "locales"
TRANSLATIONS = "/usr/share/locale"

_NAME = lazy_regex(r"([A-Za-z][A-Za-z0-9_-]{0,31})(?:\.([A-Za-z0-9_.:-]{1,32}))?(?:@([A-Za-z0-9]{1,32}))?")
_DOMAIN = lazy_regex(rb"\0([A-Za-z0-9][A-Za-z0-9_.+-]{1,63})(?=\0)")
_TRANSLATING = (
    "textdomain",
    "bindtextdomain",
    "dcgettext",
    "dgettext",
    "dcngettext",
    "g_dgettext",
    "libintl_textdomain",
)
_SELECTING = ("setlocale", "newlocale")
_BY_CHARACTER = (
    *("mbrtowc", "mbtowc", "mbrlen", "mblen", "mbsrtowcs", "mbsnrtowcs", "mbstowcs", "wcrtomb", "wctomb", "wcsrtombs"),
    *("wcsnrtombs", "wcstombs", "wcwidth", "wcswidth", "btowc", "iswprint", "iswalpha", "iswalnum", "iswspace"),
    *("towlower", "towupper", "fgetwc", "getwc", "fputwc", "putwc", "fputws", "nl_langinfo", "nl_langinfo_l"),
    "__ctype_get_mb_cur_max",
)
_UTF8 = lazy_regex(rb"\0(C\.(?:UTF-8|utf8))(?=\0)")
UTF8 = "C.UTF-8"


def find(
    scene: Scene, *, locales: Sequence[str] = (), messages: bool = False, utf8: Literal["auto", "none"] = "none"
) -> Iterator[Finding]:
    """The locales of these names, such as "de_DE.UTF-8". `messages` takes the translations too, of the programs and
    libraries in the image that name theirs. With `utf8` and no other, C.UTF-8 is taken for programs that need it."""
    if not locales:
        if utf8 == "auto":
            yield from _utf8(scene)
        return
    libc = next(iter(glibc.found_in(scene)), None)
    if libc is None:
        yield FinderWarning("there is no glibc in the image, so no locale of glibc is of use in it", KIND)
        return
    for locale in dict.fromkeys(locales):
        match = _NAME.fullmatch(locale)
        if match is None:
            yield FinderWarning(f"{locale!r} is not a name of a locale; de_DE.UTF-8 is one", KIND)
        elif locale not in ("C", "POSIX"):
            yield from _compiled(scene, libc, locale)
            if match[2] and not gconv_modules.is_built_in(match[2]):
                text = f"the locale {locale} needs a module for its character set: "
                yield FinderWarning(advice(text, Setting("gconv", match[2])), KIND)
    if messages:
        yield from _translations(scene, libc, locales)


def _utf8(scene: Scene) -> Iterator[Finding]:
    """C.UTF-8 for the first object that asks for a locale, if one looks at characters or names that locale."""
    libc = next(iter(glibc.found_in(scene)), None)
    callers = [place for place in glibc.users(scene, *_SELECTING) if place not in scene.speculative]
    if libc is None or not callers:
        return
    naming = next((place for place in callers if rodata.texts(scene, place, _UTF8)), None)
    by = naming or next((place for place in glibc.users(scene, *_BY_CHARACTER) if place not in scene.speculative), None)
    found = list(_compiled(scene, libc, UTF8, by=callers[0] if by is None else by))
    if by is not None:
        # Without the locale such a program works with ASCII alone, or not at all if it names C.UTF-8.
        yield from (each for each in found if naming or not isinstance(each, FinderWarning))
    elif any(isinstance(each, NeededFile) for each in found):
        what = f"the locale {UTF8}, which {callers[0]} can ask for by LANG"
        yield Offer(what, Setting("locales", UTF8), KIND)


def _spellings(locale: str) -> list[str]:
    """The name with its character set as glibc spells it, and as asked: intl/l10nflist.c, _nl_normalize_codeset."""
    rest, modifier = locale.partition("@")[::2]
    language, dot, codeset = rest.partition(".")
    plain = "".join(char.lower() for char in codeset if char.isalnum())
    plain = f"iso{plain}" if plain.isdigit() else plain
    suffix = f"@{modifier}" if modifier else ""
    return list(dict.fromkeys((f"{language}{dot}{plain}{suffix}", locale)))


def _compiled(scene: Scene, libc: Glibc, locale: str, by: TreePath | None = None) -> Iterator[Finding]:
    """The compiled locale. The archive has precedence over folders: locale/findlocale.c."""
    folders = [f"{libc.locales}/{spelled}" for spelled in _spellings(locale)]
    by = libc.place if by is None else by
    archived = [] if any(map(scene.has, folders)) else list(_from_archive(scene, libc, locale))
    if archived:
        yield from archived
        return
    for folder in folders:
        if isinstance(views.look(scene.view, folder), Directory):
            yield NeededFile(folder, by, f"{by} (the locale {locale})", KIND, "declared", whole=True)
            return
    yield FinderWarning(f"the locale {locale} is not compiled here: install it, or make it with localedef", KIND)


def _from_archive(scene: Scene, libc: Glibc, locale: str) -> Iterator[Finding]:
    archive = views.place(scene.view, f"{libc.locales}/locale-archive")
    top = views.place(scene.view, libc.locales)
    if archive is None or top is None or not isinstance(views.look(scene.view, archive), File):
        return
    with rodata.reading(scene, archive) as read:
        try:
            known = locale_archive.names(read)
            spelled = next((name for name in _spellings(locale) if name in known), None)
            if spelled is None:
                return
            if scene.has(archive):
                yield NeededFile(archive, libc.place, f"{libc.place} (the locale {locale})", KIND, "declared")
                return
            for file, data in locale_archive.locale(read, known[spelled]):
                place = paths.tree_path(f"{join(top, spelled)}/{file}")
                yield GeneratedFile(place, data, f"{libc.place} (the locale {locale}, out of {archive})", KIND)
        except FormatError as error:
            yield FinderWarning(f"{archive} cannot be read: {error.message}", KIND)


def _translations(scene: Scene, libc: Glibc, locales: Sequence[str]) -> Iterator[Finding]:
    """Message catalogues of the domains that objects of the image name: in a string of their own."""
    users = glibc.users(scene, *_TRANSLATING)
    domains = {name: place for place in reversed(users) for name in rodata.texts(scene, place, _DOMAIN)}
    domains["libc"] = libc.place
    for folder in dict.fromkeys(folder for locale in locales for folder in _folders(locale)):
        top = f"{TRANSLATIONS}/{folder}/LC_MESSAGES"
        for name in views.names(scene.view, top):
            user = domains.get(name.removesuffix(".mo"))
            if user is not None and name.endswith(".mo"):
                yield NeededFile(f"{top}/{name}", user, f"{user} (its messages)", KIND, "likely", optional=True)


def _folders(locale: str) -> list[str]:
    """Where gettext looks for a language's messages, the most particular first."""
    rest, modifier = locale.partition("@")[::2]
    country = rest.partition(".")[0]
    language = country.partition("_")[0]
    plain = [*dict.fromkeys((*_spellings(rest)[::-1], country, language))]
    return [*(f"{each}@{modifier}" for each in plain if modifier), *plain]
