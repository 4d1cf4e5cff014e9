"""The machine's own apt sources, in both forms of sources.list(5)."""

from pathlib import Path

import pytest

from fromscratch.host.machine.apt import AptSource, mirrors


def machine(root: Path, **files: str) -> Path:
    """A root whose /etc/apt has these files; `__` in a name stands for a slash, `_` for a dot."""
    for name, text in files.items():
        path = root / "etc/apt" / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def one_line(tmp_path: Path, line: str) -> list[AptSource]:
    return mirrors(machine(tmp_path, sources_list=line + "\n"))


def deb822(tmp_path: Path, text: str) -> list[AptSource]:
    return mirrors(machine(tmp_path, sources_list_d__debian_sources=text))


def test_a_machine_without_apt_has_no_sources(tmp_path: Path) -> None:
    assert mirrors(tmp_path) == []


def test_the_one_line_form(tmp_path: Path) -> None:
    assert one_line(tmp_path, "deb http://deb.example/debian bookworm main contrib # ours") == [
        AptSource("http://deb.example/debian", ("bookworm",), ("main", "contrib"))
    ]


def test_options_of_the_one_line_form(tmp_path: Path) -> None:
    line = "deb [ arch=amd64,arm64 signed-by=/usr/share/keyrings/a.gpg,/b.gpg ] https://deb.example/d/ sid main"
    assert one_line(tmp_path, line) == [
        AptSource(
            "https://deb.example/d",
            ("sid",),
            ("main",),
            (tmp_path / "usr/share/keyrings/a.gpg", tmp_path / "b.gpg"),
            ("amd64", "arm64"),
        )
    ]


def test_a_flat_archive_has_a_path_for_a_suite_and_no_components(tmp_path: Path) -> None:
    assert one_line(tmp_path, "deb file:/srv/packages ./") == [AptSource("file:/srv/packages", ("./",), ())]


@pytest.mark.parametrize(
    "line",
    [
        "# deb http://deb.example/debian bookworm main",
        "deb-src http://deb.example/debian bookworm main",
        "deb cdrom:[Debian]/ bookworm main",
        "deb http:///debian bookworm main",
        "deb http://[::1/debian bookworm main",
        "deb http://deb.example/debian bookworm",
        "deb http://deb.example/debian",
        "deb [arch=amd64 http://deb.example/debian bookworm main",
        "rpm http://deb.example/debian bookworm main",
        "deb",
        "",
    ],
)
def test_lines_that_are_passed_over(tmp_path: Path, line: str) -> None:
    assert one_line(tmp_path, line) == []


def test_the_deb822_form(tmp_path: Path) -> None:
    text = """\
# A comment
Types: deb deb-src
URIs: http://deb.example/debian/ https://other.example/debian
Suites: bookworm
 bookworm-updates
Components: main non-free
Architectures: amd64
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb-src
URIs: http://deb.example/debian
Suites: sid
Components: main

Types: deb
Enabled: No
URIs: http://disabled.example/
Suites: sid
Components: main
"""
    rest = ("bookworm", "bookworm-updates"), ("main", "non-free"), (tmp_path / "usr/share/keyrings/debian.gpg",)
    assert deb822(tmp_path, text) == [
        AptSource("http://deb.example/debian", *rest, ("amd64",)),
        AptSource("https://other.example/debian", *rest, ("amd64",)),
    ]


def test_a_key_inside_the_deb822_form(tmp_path: Path) -> None:
    text = """\
Types: deb
URIs: http://deb.example/debian
Suites: sid
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEZ0
 -----END PGP PUBLIC KEY BLOCK-----
"""
    [source] = deb822(tmp_path, text)
    assert source.signed_by == ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ0\n-----END PGP PUBLIC KEY BLOCK-----\n",)


def test_fingerprints_stay_text(tmp_path: Path) -> None:
    text = "Types: deb\nURIs: http://deb.example/d\nSuites: sid\nComponents: main\nSigned-By: 0123ABCD, 4567EF!\n"
    assert [source.signed_by for source in deb822(tmp_path, text)] == [("0123ABCD", "4567EF!")]


def test_a_malformed_file_hides_no_other(tmp_path: Path) -> None:
    machine(tmp_path, sources_list_d__a_sources="this is not a field\n", sources_list_d__b_sources="\xff\x00")
    machine(tmp_path, sources_list_d__c_list="deb http://deb.example/debian sid main\n")
    machine(tmp_path, sources_list_d__d_list_disabled="deb http://disabled.example/debian sid main\n")
    assert [source.uri for source in mirrors(tmp_path)] == ["http://deb.example/debian"]


def test_a_list_of_mirrors_stands_for_the_mirrors_in_it(tmp_path: Path) -> None:
    machine(tmp_path, mirrors__debian_list="# ours\nhttps://a.example/debian\tpriority:1\nhttp://b.example/debian\n")
    line = "deb mirror+file:/etc/apt/mirrors/debian.list bookworm main"
    assert [source.uri for source in one_line(tmp_path, line)] == [
        "https://a.example/debian",
        "http://b.example/debian",
    ]


def test_a_list_of_mirrors_names_no_other_list(tmp_path: Path) -> None:
    machine(tmp_path, mirrors__list="mirror+file:/etc/apt/mirrors/list\n")
    assert one_line(tmp_path, "deb mirror+file:/etc/apt/mirrors/list bookworm main") == []


def test_the_main_list_comes_first_and_twice_the_same_is_once(tmp_path: Path) -> None:
    line = "deb http://deb.example/debian sid main\n"
    machine(tmp_path, sources_list=line, sources_list_d__a_list="deb http://a.example/debian sid main\n" + line)
    assert [source.uri for source in mirrors(tmp_path)] == ["http://deb.example/debian", "http://a.example/debian"]


def test_this_machine_can_be_read() -> None:
    for source in mirrors():
        assert source.suites
        assert not source.uri.endswith("/")
