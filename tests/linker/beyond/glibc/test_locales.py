"""Locales and translations, taken when asked for by name."""

import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from fromscratch.linker.beyond.contract import GeneratedFile
from fromscratch.linker.beyond.glibc import locales
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from tests.engines import missing, need
from tests.formats.glibc.test_locale_archive import archive
from tests.linker.beyond.objects import LIBC, libc, of, program, system
from tests.linker.beyond.roots import Root, compiled
from tests.linker.beyond.scenes import listing, paths_needed
from tests.trees import text

LOCALES = """
    f 0644 0:0 /usr/lib/locale/C.utf8/LC_CTYPE 'c'
    f 0644 0:0 /usr/lib/locale/de_DE.utf8/LC_CTYPE 'de'
    f 0644 0:0 /usr/lib/locale/de_DE.utf8/LC_MESSAGES/SYS_LC_MESSAGES 'ja'
    f 0644 0:0 /usr/lib/locale/de_DE.iso88591/LC_CTYPE 'de'
    f 0644 0:0 /usr/lib/locale/ca_ES@valencia/LC_CTYPE 'ca'
    f 0644 0:0 /usr/share/locale/de/LC_MESSAGES/it.mo 'uebersetzt'
    f 0644 0:0 /usr/share/locale/de/LC_MESSAGES/other.mo 'anderes'
    f 0644 0:0 /usr/share/locale/de/LC_MESSAGES/libc.mo 'Fehler'
    f 0644 0:0 /usr/share/locale/de_DE/LC_MESSAGES/it.mo 'hier uebersetzt'
    f 0644 0:0 /usr/share/locale/fr/LC_MESSAGES/it.mo 'traduit'
"""
OBJECTS = {LIBC: libc(), "/usr/bin/it": program("setlocale", "textdomain", data="usage\0it\0other.c")}


def found(*names: str, messages: bool = False) -> str:
    return listing(locales.find(system(LOCALES, OBJECTS), locales=names, messages=messages))


def test_nothing_is_taken_unless_it_is_named() -> None:
    assert found() == ""
    assert found("C", "POSIX") == ""


def by_itself(*imports: str, data: str = "usage", root: str = LOCALES) -> str:
    objects = {LIBC: libc(), "/usr/bin/it": program(*imports, data=data)}
    return listing(locales.find(system(root, objects), utf8="auto"))


UTF8 = "locales declared whole /usr/lib/locale/C.utf8 opened by /usr/bin/it (the locale C.UTF-8)"


@pytest.mark.parametrize(
    ("imports", "data", "expected"),
    [
        (("setlocale", "mbrtowc"), "", UTF8),
        (("newlocale", "nl_langinfo_l"), "", UTF8),
        (("setlocale",), "C.UTF-8", UTF8),
        (("setlocale",), "", "offer locales the locale C.UTF-8, which /usr/bin/it can ask for by LANG"),
        (("mbrtowc",), "C.UTF-8", ""),
    ],
)
def test_c_utf8_is_taken_for_a_program_whose_text_depends_on_it(
    imports: tuple[str, ...], data: str, expected: str
) -> None:
    assert by_itself(*imports, data=data) == expected


def test_where_c_utf8_is_not_here_that_is_told_for_a_program_that_names_it() -> None:
    root = "d 0755 0:0 /usr/lib/locale"
    assert by_itself("setlocale", "mbrtowc", root=root) == ""
    assert by_itself("setlocale", data="C.UTF-8", root=root) == (
        "warning locales the locale C.UTF-8 is not compiled here: install it, or make it with localedef"
    )


def test_another_locale_that_was_asked_for_comes_in_place_of_it() -> None:
    asked = listing(locales.find(system(LOCALES, OBJECTS), locales=("de_DE.UTF-8",), utf8="auto"))
    assert "de_DE.utf8" in asked
    assert "C.utf8" not in asked


@pytest.mark.parametrize(
    ("asked", "folder"),
    [
        ("C.UTF-8", "C.utf8"),
        ("de_DE.UTF-8", "de_DE.utf8"),
        ("de_DE.utf8", "de_DE.utf8"),
        ("ca_ES@valencia", "ca_ES@valencia"),
    ],
)
def test_a_locale_is_a_folder_named_as_glibc_spells_it(asked: str, folder: str) -> None:
    assert found(asked) == (
        f"locales declared whole /usr/lib/locale/{folder} opened by /usr/lib/libc.so.6 (the locale {asked})"
    )


def test_other_character_sets_need_a_module_too() -> None:
    assert found("de_DE.ISO-8859-1") == text("""
        locales declared whole /usr/lib/locale/de_DE.iso88591 opened by /usr/lib/libc.so.6 (the locale de_DE.ISO-8859-1)
        warning locales the locale de_DE.ISO-8859-1 needs a module for its character set: gconv=ISO-8859-1
    """)


def test_what_is_not_here_is_told() -> None:
    assert found("fr_FR.UTF-8", "../../etc") == text("""
        warning locales the locale fr_FR.UTF-8 is not compiled here: install it, or make it with localedef
        warning locales '../../etc' is not a name of a locale; de_DE.UTF-8 is one
    """)
    musl = system(LOCALES, {"/usr/bin/it": program("setlocale")})
    assert listing(locales.find(musl, locales=("de_DE.UTF-8",))).startswith("warning locales there is no glibc")


def test_messages_are_those_that_the_programs_name() -> None:
    names = paths_needed(locales.find(system(LOCALES, OBJECTS), locales=("de_DE.UTF-8",), messages=True))
    assert names == [
        "/usr/lib/locale/de_DE.utf8",
        "/usr/share/locale/de_DE/LC_MESSAGES/it.mo",
        "/usr/share/locale/de/LC_MESSAGES/it.mo",
        "/usr/share/locale/de/LC_MESSAGES/libc.mo",
    ]


def with_archive(raw: bytes, asked: str) -> list[object]:
    entries = {tree_path(path): File(Meta(0o755), Inline(data)) for path, data in OBJECTS.items()}
    entries[tree_path("/usr/lib/locale/locale-archive")] = File(Meta(0o644), Inline(raw))
    return list(locales.find(of(Rootfs(entries), *OBJECTS), locales=(asked,)))


def test_a_locale_is_taken_out_of_the_archive() -> None:
    made = with_archive(archive(), "aa")
    assert len(made) == 11
    assert all(isinstance(each, GeneratedFile) for each in made)
    places = [each.path for each in made if isinstance(each, GeneratedFile)]
    assert places[0] == "/usr/lib/locale/aa/LC_CTYPE"
    assert "/usr/lib/locale/aa/LC_MESSAGES/SYS_LC_MESSAGES" in places


def test_an_archive_that_is_damaged_is_told() -> None:
    assert listing(with_archive(archive()[:99], "aa")) == (  # type: ignore[arg-type]
        "warning locales /usr/lib/locale/locale-archive cannot be read: it ends before byte 196"
    )


SPEAK = r"""
    #include <locale.h>
    #include <stdio.h>
    #include <wchar.h>
    int main(void) {
        printf("%s ", setlocale(LC_ALL, "") ? "set" : "none");
        wchar_t wide;
        int length = mbrtowc(&wide, "\xe4", 1, 0);
        printf("%d %s\n", length == 1 ? (int) wide : -1, localeconv()->decimal_point);
        return 0;
    }
"""


def german(folder: Path, charset: str, *, archive: bool) -> Path:
    """A root with the locale de_DE of a character set."""
    if not Path("/usr/share/i18n/locales/de_DE").exists():
        missing("the sources of locales are not on this machine")
    top = folder / "usr/lib/locale"
    top.mkdir(parents=True)
    plain = charset.lower().replace("-", "")
    target = f"de_DE.{charset}" if archive else str(top / f"de_DE.{plain}")
    where = f"--prefix={folder}" if archive else "--no-archive"
    subprocess.run([need("localedef"), where, "-i", "de_DE", "-f", charset, target], check=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("archive", [True, False])
def test_a_program_speaks_german_in_an_image(tmp_path: Path, archive: bool) -> None:
    upper = german(tmp_path / "upper", "UTF-8", archive=archive)
    root = Root(tmp_path, compiled(tmp_path, SPEAK), upper=upper)
    env = {"LC_ALL": "de_DE.UTF-8"}
    assert root.run(env=env).stdout == "none -1 .\n"
    assert root.run(partial(locales.find, locales=("de_DE.UTF-8",)), env=env).stdout == "set -1 ,\n"


@pytest.mark.slow
def test_a_locale_of_another_character_set_needs_what_is_said(tmp_path: Path) -> None:
    from fromscratch.linker.beyond.glibc import gconv

    upper = german(tmp_path / "upper", "ISO-8859-1", archive=False)
    root = Root(tmp_path, compiled(tmp_path, SPEAK), upper=upper)
    env = {"LC_ALL": "de_DE.ISO-8859-1"}
    only = partial(locales.find, locales=("de_DE.ISO-8859-1",))
    assert root.run(only, env=env).stdout != "set 228 ,\n"
    assert root.run(only, partial(gconv.find, charsets=("ISO-8859-1",)), env=env).stdout == "set 228 ,\n"


@pytest.mark.slow
@pytest.mark.parametrize(("names", "answer"), [((), "none"), (("C.UTF-8",), "set")])
def test_not_even_c_utf_8_is_built_in(tmp_path: Path, names: Sequence[str], answer: str) -> None:
    root = Root(tmp_path, compiled(tmp_path, SPEAK))
    done = root.run(partial(locales.find, locales=names), env={"LC_ALL": "C.UTF-8"})
    assert done.stdout.startswith(f"{answer} ")
