"""Paths in the constant data of programs and libraries: what is taken, what is offered, and by whose packages."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from fromscratch.linker.beyond.constant_data import names
from fromscratch.linker.beyond.constant_data.finder import DataFinder
from fromscratch.linker.beyond.contract import NeededFile, Offer, Scene
from fromscratch.linker.beyond.package_database.database import Packages
from fromscratch.linker.beyond.rodata import texts
from fromscratch.paths import TreePath
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.scenes import paths_needed

DATA = r"""
    l 0777 0:0 /lib -> usr/lib
    f 0644 0:0 /etc/tool/tool.conf 'config'
    f 0600 0:0 /etc/tool/secret 'secret'
    f 0644 0:0 /etc/tool/mine.conf 'of a person'
    f 0644 0:0 /usr/share/tool/table 'table'
    f 0644 0:0 /usr/share/tool/doc/manual 'text'
    f 0644 0:0 /usr/share/tool/index 'made by a script'
    f 0644 0:0 /usr/share/tool/extra 'of another package'
    f 0755 0:0 /usr/lib/tool/small '\x7fELF'
    f 4755 0:0 /usr/lib/tool/setuid '\x7fELF'
    f 0644 0:0 /usr/share/locale/de/tool 'de'
    f 0755 0:0 /usr/bin/tool-agent '#!/bin/sh'
"""


def packages(**facts: tuple[str, str]) -> str:
    """The database of dpkg in a root: for each package its fields besides the name, and its files."""
    status, lists = "", ""
    for name, (fields, files) in facts.items():
        status += rf"Package: {name}\nStatus: install ok installed\n{fields}\n"
        paths = r"\n".join(files.split())
        lists += f"    f 0644 0:0 /var/lib/dpkg/info/{name}.list '{paths}\\n'\n"
    return f"    f 0644 0:0 /var/lib/dpkg/status '{status}'\n{lists}"


TOOL = packages(
    tool=(
        r"Version: 1\nDepends: tool-data (>= 1), other | libnone\n",
        "/usr/bin/tool /etc/tool/tool.conf /etc/tool/secret",
    ),
    **{
        "tool-data": (
            r"Version: 1\n",
            "/usr/share/tool /usr/share/tool/table /usr/lib/tool/small /usr/lib/tool/setuid",
        ),
        "other": (r"Version: 1\n", "/usr/lib/libother.so.1"),
        "stranger": (r"Version: 1\n", "/usr/share/tool/extra"),
        "agent": (r"Source: tool\nVersion: 1\n", "/usr/bin/tool-agent"),
    },
)


def naming(*texts: str, block: str = DATA + TOOL) -> Scene:
    return system(block, {"/usr/bin/tool": program("puts", data="\0".join(texts))})


def selected(scene: Scene) -> list[str]:
    return paths_needed(DataFinder().find(scene))


def offered(scene: Scene) -> list[tuple[str, str]]:
    return [(str(each.setting), each.confidence) for each in DataFinder().find(scene) if isinstance(each, Offer)]


def test_a_folder_of_a_needed_package_is_taken_with_what_scripts_made_in_it() -> None:
    """And what its packages have in the folder of that name below other prefixes."""
    scene = naming("/usr/share/tool")
    assert selected(scene) == ["/usr/share/tool/table", "/usr/share/tool/index", "/usr/lib/tool/small"]
    assert offered(scene) == [("plugins=/usr/share/tool", "possible"), ("plugins=/usr/lib/tool", "likely")]
    (found, *_) = [each for each in DataFinder().find(scene) if isinstance(each, NeededFile)]
    assert (found.confidence, found.detail) == ("likely", "/usr/bin/tool (names /usr/share/tool in its data)")


def test_configuration_is_taken_that_anyone_may_read_and_that_a_package_has() -> None:
    scene = naming("/etc/tool/tool.conf")
    assert selected(scene) == ["/etc/tool/tool.conf"]
    assert offered(scene) == [("plugins=/etc/tool", "likely"), ("plugins=/etc/tool", "possible")]


def test_configuration_that_is_included_is_taken_too() -> None:
    """Made by a script of the package, and so of no package: as common-auth of PAM is."""
    files = """
    f 0644 0:0 /etc/pam.d/tool '@include common-auth'
    f 0644 0:0 /etc/pam.d/common-auth 'auth required pam_unix.so'
    f 0644 0:0 /etc/pam.d/login 'auth'
    """
    lists = packages(tool=(r"Version: 1\n", "/usr/bin/tool /etc/pam.d/tool"))
    scene = naming("/etc/pam.d/%s", block=files + lists)
    assert selected(scene) == ["/etc/pam.d/tool", "/etc/pam.d/common-auth"]
    assert offered(scene) == [("plugins=/etc/pam.d", "possible")]


def test_a_helper_that_gives_rights_is_offered() -> None:
    scene = naming("/usr/lib/tool")
    assert selected(scene)[0] == "/usr/lib/tool/small"
    assert ("plugins=/usr/lib/tool", "likely") in offered(scene)


@pytest.mark.parametrize(
    "text",
    [
        "/usr/share/tool/%s.txt",
        "prefix:/usr/share//tool/",
        "/usr/lib/../share/tool:/usr/none",
        "--data=/usr/share/tool",
    ],
)
def test_a_path_may_be_a_part_of_a_text(text: str) -> None:
    assert "/usr/share/tool/table" in selected(naming(text))


@pytest.mark.parametrize(
    "text",
    [
        "/usr/share",
        "/usr/share/locale",
        "/usr/bin",
        "/etc",
        "/var/lib/dpkg",
        "-I/usr/share/tool",
        "http://usr/share/tool",
    ],
)
def test_what_shows_nothing_of_one_program_is_passed_over(text: str) -> None:
    assert not list(DataFinder().find(naming(text)))


def test_parts_are_put_together() -> None:
    """The end of one text is another: "/agent/tool-agent" is "/tool-agent" too. An ending has a path before it."""
    assert selected(naming("/usr/bin", "/agent/tool-agent")) == ["/usr/bin/tool-agent"]
    assert selected(naming("/usr/bin", "share/tool/table")) == ["/usr/share/tool/table"]
    block = (
        DATA
        + packages(tool=(r"Version: 1\n", "/usr/bin/tool /usr/share/misc/tool.db"))
        + "f 0644 0:0 /usr/share/misc/tool.db ''"
    )
    assert selected(naming("/usr/bin", "/usr/share/misc/tool", ".db", block=block)) == ["/usr/share/misc/tool.db"]


def test_a_library_deep_below_a_program_brings_only_little() -> None:
    def found(depth: int) -> tuple[list[str], list[tuple[str, str]]]:
        chain = ["/usr/bin/app", *(f"/usr/lib/lib{each}.so" for each in range(1, depth)), "/usr/lib/libdeep.so"]
        objects = {
            path: elf(
                interpreter=None if path.endswith(".so") else "/lib64/ld.so",
                soname=path.rpartition("/")[2] if path.endswith(".so") else None,
                needed=[*(each.rpartition("/")[2] for each in chain[at + 1 : at + 2])],
                imports=["puts"],
                data=b"\0/usr/share/deep\0/usr/lib/deep\0" if path.endswith("deep.so") else b"",
            )
            for at, path in enumerate(chain)
        }
        lists = packages(deep=(r"Version: 1\n", "/usr/lib/libdeep.so /usr/share/deep/table /usr/lib/deep/mod.so"))
        files = "    f 0644 0:0 /usr/share/deep/table 'small'\n    f 0644 0:0 /usr/lib/deep/mod.so 'module'\n"
        scene = system(files + lists, objects)
        scene = replace(scene, requested=scene.requested[:1])
        return selected(scene), offered(scene)

    assert found(1) == (["/usr/lib/deep/mod.so", "/usr/share/deep/table"], [])
    assert found(2) == (["/usr/share/deep/table"], [("plugins=/usr/lib/deep", "possible")])


def test_modules_of_a_package_beside_it_are_taken_if_they_are_small_with_their_libraries() -> None:
    objects = {
        "/usr/bin/app": elf(interpreter="/lib64/ld.so", needed=["liba.so"], imports=["puts"]),
        "/usr/lib/liba.so": elf(soname="liba.so", imports=["puts"], data=b"\0/usr/lib/a/modules\0"),
    }
    modules = {
        "fits.so": elf(soname="fits.so", needed=["liba.so"]),
        "lacks.so": elf(soname="lacks.so", needed=["libno.so"]),
    }
    files = "".join(f"    f 0644 0:0 /usr/lib/a/modules/{name} {raw!r}\n" for name, raw in modules.items())
    lists = packages(
        a=(r"Version: 1\nRecommends: amods\n", "/usr/lib/liba.so"),
        amods=(r"Version: 1\n", "/usr/lib/a/modules/fits.so /usr/lib/a/modules/lacks.so"),
    )
    scene = system(files + lists, objects)
    assert selected(scene) == ["/usr/lib/a/modules/fits.so"]
    assert offered(scene) == [("plugins=/usr/lib/a/modules", "likely")]


def test_a_script_is_taken_if_its_interpreter_is_there_anyway() -> None:
    block = DATA.replace(r"/usr/lib/tool/small '\x7fELF'", "/usr/lib/tool/small '#!/usr/bin/tool'") + TOOL
    assert "/usr/lib/tool/small" in selected(naming("/usr/lib/tool", block=block))
    block = DATA.replace(r"/usr/lib/tool/small '\x7fELF'", "/usr/lib/tool/small '#!/usr/bin/perl'") + TOOL
    assert "/usr/lib/tool/small" not in selected(naming("/usr/lib/tool", block=block))


def test_large_helpers_are_taken_if_the_program_has_command_lines_of_them() -> None:
    big = (1 << 20) + 1
    files = "".join(
        f"    f 0755 0:0 /usr/lib/cc/{name} '\\x7fELF{name}{'x' * big}'\n" for name in ("cc1", "other", "collect2")
    )
    files += "    f 0755 0:0 /usr/bin/as '\\x7fELF'\n    f 0755 0:0 /usr/bin/size '\\x7fELF'\n"
    lists = packages(
        cc=(r"Version: 1\nDepends: binu\n", "/usr/bin/cc /usr/lib/cc/cc1 /usr/lib/cc/other /usr/lib/cc/collect2"),
        binu=(r"Version: 1\n", "/usr/bin/as /usr/bin/size"),
    )
    text = "/usr/lib/cc\0%{E: cc1 -quiet %i}\0collect2\0 as %(asm) \0the size of it"
    scene = system(files + lists, {"/usr/bin/cc": program("execvp", data=text)})
    assert sorted(selected(scene)) == ["/usr/bin/as", "/usr/lib/cc/cc1", "/usr/lib/cc/collect2"]
    assert offered(scene) == [("plugins=/usr/lib/cc", "likely")]


@given(
    st.lists(
        st.sampled_from([b"cc", b"a+", b"/", b"-", b"%", b" ", b" -", b" %x", b"\0", b"w" * 70, b"("]), max_size=12
    )
)
@example([b"cc", b" -", b"w" * 70, b" -", b"cc"])
@example([b"cc", b" %x", b"cc", b" -", b"a+"])
def test_searching_options_first_finds_the_same_command_lines(parts: list[bytes]) -> None:
    data = b"\0" + b"".join(parts) + b"\0"
    scene = system("", {"/usr/bin/tool": elf(interpreter="/lib64/ld.so", data=data)})
    whole = texts(scene, TreePath("/usr/bin/tool"), names._COMMAND)
    assert texts(scene, TreePath("/usr/bin/tool"), names._COMMAND, names._OPTION) == whole


def test_packages_are_read_once_for_all_finders_and_rounds_of_one_gathering() -> None:
    scene = naming("/usr/share/tool")
    packages = Packages.of(scene)
    assert Packages.of(replace(scene, objects={})) is packages
    assert Packages.of(replace(scene, remembered={})) is not packages


def test_what_no_package_has_is_looked_for_in_all_of_them() -> None:
    packages = Packages.of(naming())
    places = [TreePath(path) for path in ("/usr/share/tool/index", "/usr/share/tool/extra", "/usr/lib/libother.so.1")]
    assert packages.owners(places) == {places[1]: "stranger", places[2]: "other"}
    many = [*places, *(TreePath(f"/usr/share/tool/{number}") for number in range(20))]
    assert Packages.of(naming()).owners(many) == packages.owners(places)


def test_of_two_packages_that_have_a_file_the_first_counts() -> None:
    files = "/usr/share/both /usr/share/tail\\n/usr/share/both"
    lists = packages(**dict.fromkeys(("b", "a", "c"), (r"Version: 1\n", files)))
    few = [TreePath("/usr/share/both"), TreePath("/usr/share/tail\n/usr/share/both")]
    many = [*few, *(TreePath(f"/usr/share/{number}") for number in range(20))]
    for places in (few, many):
        assert Packages.of(naming(block=lists)).owners(places) == {few[0]: "a"}


def test_packages_of_alpine_are_read_too() -> None:
    block = r"""
    f 0644 0:0 /usr/share/tool/table 'table'
    f 0644 0:0 /lib/apk/db/installed 'P:tool\nV:1\nD:so:libx.so.1 tool-data=1\nF:usr/bin\nR:tool\n\nP:tool-data\nV:1\nF:usr/share/tool\nR:table\n\n'
    """  # noqa: E501
    assert selected(naming("/usr/share/tool", block=block)) == ["/usr/share/tool/table"]


def test_without_packages_names_decide() -> None:
    block = "f 0644 0:0 /usr/share/tool-2/table 'table'\nf 0644 0:0 /usr/share/else/table 'table'"
    scene = naming("/usr/share/tool-2", "/usr/share/else", block=block)
    assert selected(scene) == ["/usr/share/tool-2/table"]
    assert offered(scene) == [("plugins=/usr/share/else", "possible")]


def test_an_application_apart_from_all_others_owns_its_folder() -> None:
    block = "f 0644 0:0 /opt/suite/share/table 'table'"
    scene = system(block, {"/opt/suite/bin/run": program("puts", data="/opt/suite/share")})
    assert selected(scene) == ["/opt/suite/share/table"]
