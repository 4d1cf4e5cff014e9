"""What strangers write to exhaust a parser: digits, levels, implied entries, work. See also tests/fuzz_parsers.py."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fromscratch.errors import FormatError, TooLarge
from fromscratch.formats.debian import alternatives
from fromscratch.formats.debian import index as debian_index
from fromscratch.formats.debian import package as deb
from fromscratch.formats.debian import version as debian_version
from fromscratch.formats.kconfig import menus as kconfig_menus
from fromscratch.formats.kconfig.expression import parse_expression
from fromscratch.formats.oci import json_schema as oci_raw
from fromscratch.formats.tar.tree import lay, read_tree
from fromscratch.formats.trust import openpgp
from fromscratch.formats.trust import x509 as x509_name
from fromscratch.host.registry import refusal
from fromscratch.limits import Limits, json_value, number
from fromscratch.linker.beyond.node import source as node_source
from fromscratch.linker.beyond.perl import source as perl_source
from fromscratch.linker.beyond.python import imports as python_imports
from fromscratch.linker.beyond.scripts import shell
from fromscratch.model.content import Inline
from fromscratch.model.entry import Origin, file
from fromscratch.model.layers import LayerStack
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.transforms.accounts import User, with_accounts
from tests.formats.debian import packages as debs
from tests.growth import growth
from tests.steps import check_growth

MANY = "9" * 5000
DEEP = 100_000
ORIGIN = Origin("test", "found in", "an archive")


@pytest.mark.parametrize("text", [MANY, "-1", "+1", " 1", "1_0", "١", "", "1" * 20])
def test_a_number_is_a_few_plain_digits(text: str) -> None:
    assert number(text) is None
    assert number(text.encode()) is None
    assert (number("0012"), number(b"9" * 19)) == (12, 10**19 - 1)


@pytest.mark.parametrize(
    "text",
    [
        DEEP * "[",
        DEEP * "[" + DEEP * "]",
        DEEP * '{"a":',
        129 * "[" + 129 * "]",
        f"[{MANY}]",
        f"[-{MANY}]",
    ],
)
def test_json_of_many_levels_or_digits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it "):
        json_value(text)
    with pytest.raises(ValueError, match="it "):
        json_value(text.encode())
    with pytest.raises(ValueError, match="utf-8"):
        json_value(text.encode("utf-16"))


def test_json_of_many_brackets_beside_each_other_or_in_texts_is_read() -> None:
    assert len(json_value("[" + ",".join(300 * ["[{}]"]) + "]")) == 300
    assert json_value('["' + 300 * "[" + '\\"[", "["]')[1] == "["
    assert json_value(128 * "[" + 128 * "]")


@pytest.mark.parametrize("text", [r'["\ud800"]', r'{"\uDFFF": 1}', r'["\\\ud83d\u0041"]', r'["\ude00\ud83d"]'])
def test_half_a_character_in_json_is_called_that(text: str) -> None:
    with pytest.raises(ValueError, match="which is half a character"):
        json_value(text)
    with pytest.raises(FormatError, match="which is half a character"):
        oci_raw.decode(text.encode(), list[str], "the document")


def test_whole_characters_in_json_are_read() -> None:
    assert json_value(r'["\ud83d\ude00 \\ud800 \u00e9"]') == ["\U0001f600 \\ud800 \u00e9"]


def test_what_a_registry_answers_may_have_any_levels_and_digits() -> None:
    for body in (DEEP * "[", '{"errors":[{"code":' + MANY, '{"errors":' + DEEP * "["):
        assert refusal.read(400, body.encode(), str).status == 400


def test_a_debian_index_with_a_size_of_many_digits_is_refused() -> None:
    digest = 64 * "0"
    with pytest.raises(FormatError, match="damaged line"):
        debian_index.parse_release(f"SHA256:\n {digest} {MANY} a\n", "r")
    package = f"Package: a\nVersion: 1\nArchitecture: all\nFilename: a\nSHA256: {digest}\nSize: "
    for size in (MANY, "-1", "1_0"):
        with pytest.raises(FormatError, match="no usable size"):
            debian_index.parse_package(package + size)
    with pytest.raises(FormatError, match="has the date"):
        debian_index.parse_release(f"Date: Sat, 10 Jun {'9' * 30} 08:53:52 UTC\nSHA256:\n {digest} 1 a\n", "r")


def test_an_account_with_a_number_of_many_digits_is_left_as_it_is() -> None:
    tree = Rootfs({tree_path("/etc/passwd"): file(Inline(f"a:x:{MANY}:0::/:/bin/sh\n".encode()))})
    assert tree_path("/etc/passwd") in with_accounts(tree, [User(name="b", uid=7, gid=7)], [], ORIGIN)


@pytest.mark.parametrize("text", [DEEP * "(", DEEP * "!", DEEP * "(" + "A" + DEEP * ")", DEEP * "!(" + "A"])
def test_an_expression_of_many_levels_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"nests deeper|too early"):
        parse_expression(text)
    menus = kconfig_menus.read("C", {"C": f"config A\n\tdepends on {text}\n\tselect\n\tselect B\n"}.get, {})
    assert (list(menus.definitions), menus.selected_by) == (["A"], {"B": ["A"]})


def test_menus_that_nest_without_end_are_read_as_far_as_menus_go() -> None:
    chain = {str(each): f"config A{each}\nsource {each + 1}\n" for each in range(3000)}
    assert len(kconfig_menus.read("0", chain.get, {}).definitions) == 64
    nested = "if X\nconfig A\n" * 3000 + "endif\n" * 3000 + "config LAST\n"
    menus = kconfig_menus.read("C", {"C": nested}.get, {})
    assert max(len(each.depends) for each in menus.definitions["A"]) == 256
    assert menus.definitions["LAST"][0].depends == []


def _deep_names(path: Path, names: int, levels: int) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for each in range(names):
            archive.addfile(tarfile.TarInfo(f"{each}/" + "a/" * levels + "f"), io.BytesIO())
    return path


def test_names_that_imply_far_more_folders_than_there_are_names_are_refused(tmp_path: Path) -> None:
    bomb = _deep_names(tmp_path / "bomb.tar", 300, 2000)
    with pytest.raises(TooLarge, match=r"implies more than 1[01][0-9]{3} directories") as caught:
        read_tree(bomb, ORIGIN)
    assert "max_entries" in caught.value.hint
    with pytest.raises(TooLarge, match="implies more than"):
        lay(LayerStack(), bomb, ORIGIN, title="a layer")
    assert len(read_tree(_deep_names(tmp_path / "deep.tar", 4, 2000), ORIGIN)) == 1 + 4 * 2002
    assert len(read_tree(_deep_names(tmp_path / "flat.tar", 3000, 9), ORIGIN)) == 1 + 3000 * 11
    more = Limits(entries=100_000_000)
    assert len(read_tree(_deep_names(tmp_path / "more.tar", 20, 2000), ORIGIN, limits=more)) == 1 + 20 * 2002


def test_an_armor_of_many_headers_is_no_riddle() -> None:
    document = b"-----BEGIN PGP SIGNATURE-----\n" + 60 * b"Hash: SH--\n"
    with pytest.raises(FormatError, match="no whole block"):
        openpgp.dearmored(document)


def test_a_deb_member_of_an_odd_size_is_refused(tmp_path: Path) -> None:
    package = bytearray(debs.deb("a", files={"/x": b"y"}))
    package[56:58] = b"\xb2\xb3"  # digits for whoever asks Unicode
    (tmp_path / "a.deb").write_bytes(package)
    with pytest.raises(FormatError, match="damaged ar header"):
        deb.control_files(tmp_path / "a.deb")


def test_imports_in_javascript_are_found_as_before() -> None:
    source = b"""import a from 'a'
import 'b'
import {
  c, d
} from "c"
export * from 'd'
export const e = 'no'; from 'no either'
import
import f from 'f'
"""
    assert [each.name for each in node_source.imports(source) if each.sure] == ["a", "b", "c", "d", "f"]


def test_a_try_around_some_imports_of_python_counts_for_them_alone() -> None:
    text = b"import a\ntry:\n    import b\nexcept E:\n    pass\nimport c\ntry:\n    import d\nfinally:\n    import e\n"
    found = {each.name: each.sure for each in python_imports.source(text).imports}
    assert [name for name, sure in found.items() if sure][:2] == ["a", "c"]
    assert (found["b"], found["d"]) == (False, False)


def test_here_documents_end_where_they_end() -> None:
    assert shell.commands(b"cat <<A <<-B\nno\nA\nnor\n\tB\ngrep x\n") == ["cat", "grep"]
    assert shell.commands(b"cat <<A\nno\n") == ["cat"]


LINES: dict[str, tuple[Callable[[int], object], int]] = {
    "blanks before what is no alternative": (lambda n: list(alternatives.alternatives("\n" * n)), 1500),
    "blanks in a relation": (lambda n: _refused(lambda: debian_version.parse_relation(f"a{' ' * n}x")), 1500),
    "brackets in a relation": (lambda n: _refused(lambda: debian_version.parse_relation(f"a [{' ' * n}")), 1500),
    "tokens of an expression": (lambda n: parse_expression(" && ".join(["A"] * n)), 8000),
    "certificates without an end": (lambda n: x509_name.certificates(b"-----BEGIN CERTIFICATE-----\n" * n), 1000),
    "here-documents of a shell": (lambda n: shell.commands(b"cat " + b"<<A " * n + b"\n" + b"A\n" * n), 500),
}


@pytest.mark.parametrize("name", LINES)
def test_work_grows_with_the_bytes_and_no_faster(name: str) -> None:
    work, size = LINES[name]
    assert growth(work, size) < 24  # 64 and more where it is quadratic


def test_here_documents_of_perl_are_looked_for_once() -> None:
    check_growth(lambda size: perl_source.source(b"<<A\n" * size + b" A"), 100, perl_source)


def test_many_tries_around_imports_of_python_are_looked_at_once() -> None:
    check_growth(lambda size: python_imports.source(_tries(size)), 60, python_imports)


def _tries(count: int) -> bytes:
    python_imports._SOURCES.clear()
    return b"try:\n    import a\nexcept E:\n    pass\n" * count


def _refused(parse: Callable[[], object]) -> None:
    with pytest.raises(FormatError):
        parse()


def test_lines_of_javascript_that_begin_an_import_cost_little_more_than_others() -> None:
    ratio = growth(lambda n: node_source.imports((b"import \n", b"xmport \n")[n % 2] * 20_000), 1, 2)
    assert ratio < 40  # 300 where each of them looks for its end
