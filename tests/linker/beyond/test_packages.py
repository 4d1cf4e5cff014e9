"""The other files of a package: offered, and taken when asked for."""

import subprocess
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.host.machine.view import MachineView
from fromscratch.linker.beyond import packages
from fromscratch.linker.beyond.contract import Offer
from fromscratch.linker.beyond.packages import owners
from fromscratch.paths import tree_path
from tests.engines import need
from tests.linker.beyond.objects import of, program, system
from tests.linker.beyond.roots import Root
from tests.linker.beyond.scenes import listing, paths_needed
from tests.trees import text

FILES = r"""
    l 0777 0:0 /bin -> usr/bin
    f 0644 0:0 /etc/tool.conf 'config'
    f 0644 0:0 /etc/bash_completion.d/tool 'complete'
    f 0644 0:0 /usr/share/tool/data 'data!'
    l 0777 0:0 /usr/share/tool/link -> data
    l 0777 0:0 /usr/share/tool/lost -> nowhere
    f 0644 0:0 /usr/share/doc/tool/copyright 'mine'
    f 0644 0:0 /usr/share/man/man1/tool.1.gz 'man'
    f 0644 0:0 /usr/share/locale/de/LC_MESSAGES/tool.mo 'de'
"""
DPKG = (
    FILES
    + r"""
    f 0644 0:0 /var/lib/dpkg/info/aaa.list '/.\n/usr\n/usr/bin/toolbox\n'
    f 0644 0:0 /var/lib/dpkg/info/tool:amd64.list '/.\n/bin\n/bin/tool\n/etc\n/etc/tool.conf\n/etc/bash_completion.d/tool\n/usr/share/tool\n/usr/share/tool/data\n/usr/share/tool/link\n/usr/share/tool/lost\n/usr/share/doc/tool/copyright\n/usr/share/man/man1/tool.1.gz\n/usr/share/locale/de/LC_MESSAGES/tool.mo\n/usr/share/tool/gone\n'
    f 0644 0:0 /var/lib/dpkg/info/tool:amd64.md5sums ''
"""  # noqa: E501
)
APK = (
    FILES
    + r"""
    f 0644 0:0 /lib/apk/db/installed 'C:Q1\nP:musl\nF:lib\nR:libc.musl-x86_64.so.1\n\nP:tool\nV:1\nF:usr/bin\nR:tool\na:0:0:755\nF:usr/share/tool\nR:data\nF:\nR:.hidden\n\n'
"""  # noqa: E501
)
OBJECTS = {"/usr/bin/tool": program("puts")}


@pytest.mark.parametrize(("block", "count", "size"), [(DPKG, 3, 16), (APK, 1, 5)])
def test_files_of_the_owning_package_are_offered(block: str, count: int, size: int) -> None:
    (offer,) = packages.find(system(block, OBJECTS))
    assert isinstance(offer, Offer)
    assert (str(offer.setting), offer.size) == ("package=true", size)
    assert offer.what.startswith(f"{count} other file")
    assert offer.what.endswith(" of the package tool, which has /usr/bin/tool")


def test_files_are_taken_when_asked_for() -> None:
    assert listing(packages.find(system(DPKG, OBJECTS), take=True)) == text("""
        package possible optional /bin/tool opened by /usr/bin/tool (of the same package, tool)
        package possible optional /etc/tool.conf opened by /usr/bin/tool (of the same package, tool)
        package possible optional /usr/share/tool/data opened by /usr/bin/tool (of the same package, tool)
        package possible optional /usr/share/tool/link opened by /usr/bin/tool (of the same package, tool)
    """)
    assert paths_needed(packages.find(system(APK, OBJECTS), take=True)) == ["/usr/bin/tool", "/usr/share/tool/data"]


def test_what_is_taken_is_not_offered() -> None:
    held = system(APK, OBJECTS, "/usr/share/tool/data")
    assert not list(packages.find(held))


@pytest.mark.parametrize("place", ["/usr/bin/other", "/home/me/tool", "/usr/local/bin/tool", "/tool"])
def test_what_no_package_owns_is_passed_over(place: str) -> None:
    assert not list(packages.find(system(DPKG, {place: program("puts")}), take=True))


def test_packages_of_rpm_are_not_read_and_that_is_told() -> None:
    block = "f 0644 0:0 /var/lib/rpm/rpmdb.sqlite 'SQLite'"
    assert not list(packages.find(system(block, OBJECTS)))
    assert listing(packages.find(system(block, OBJECTS), take=True)).startswith(
        "warning package the packages of this root"
    )


@given(st.binary())
def test_any_list_of_dpkg_is_read(raw: bytes) -> None:
    block = FILES + f"f 0644 0:0 /var/lib/dpkg/info/tool.list {raw!r}"
    list(packages.find(system(block, OBJECTS), take=True))


@pytest.mark.slow
def test_owners_are_those_that_dpkg_names() -> None:
    """Every tenth program of this machine that dpkg knows."""
    dpkg = need("dpkg")
    view = MachineView()
    programs = sorted(file for file in Path("/usr/bin").iterdir() if file.is_file() and not file.is_symlink())[::10]
    asked = [tree_path(str(file)) for file in programs]
    found = {place: package.name for package in owners(of(view), asked) for place in package.owned}
    argv = [dpkg, "-S", *asked, *(place.removeprefix("/usr") for place in asked)]
    lines = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
    theirs = {}
    for line in lines:
        names, _, path = line.partition(": ")
        if not names.startswith("diversion by"):
            theirs[path if path.startswith("/usr") else f"/usr{path}"] = names.split(", ")[0].partition(":")[0]
    assert theirs
    assert found == theirs


@pytest.mark.slow
def test_a_program_finds_its_data_in_an_image(tmp_path: Path) -> None:
    """strict.pm is a file of the package that has perl."""
    need("dpkg")
    root = Root(tmp_path, Path(need("perl")), {"/dev/null": ""})
    args = ("-e", "use strict; print 'strict'")
    assert "Can't locate strict.pm" in root.run(args=args).stderr
    assert root.run(partial(packages.find, take=True), args=args).stdout == "strict"
