"""The records of Portage."""

import pytest

from fromscratch.formats.gentoo import installed
from fromscratch.formats.installed import Package

CONTENTS = b"""dir /usr
obj /usr/bin/a b 0123456789abcdef0123456789abcdef 1700000000
sym /usr/bin/c -> a b 1700000000
"""


@pytest.mark.parametrize(
    ("folder", "name", "version"),
    [
        ("bash-5.2_p37-r1", "app/bash", "5.2_p37-r1"),
        ("gtk+-3.24.41", "app/gtk+", "3.24.41"),
        ("font-adobe-100dpi-1.0.4", "app/font-adobe-100dpi", "1.0.4"),
        ("a-1-r2", "app/a", "1-r2"),
    ],
)
def test_a_folder_names_package_and_version(folder: str, name: str, version: str) -> None:
    assert installed.package("app", folder) == Package("portage", name, version)


def test_a_folder_without_a_version_is_not_a_package() -> None:
    assert installed.package("app", "-MERGING-") is None
    assert installed.package("app", "bash") is None


def test_paths_may_have_blanks() -> None:
    assert installed.contents(CONTENTS) == ("/usr", "/usr/bin/a b", "/usr/bin/c")


def test_the_lines_of_what_remains_are_left() -> None:
    assert (
        installed.cut(CONTENTS, lambda path: path != "/usr/bin/a b") == b"dir /usr\nsym /usr/bin/c -> a b 1700000000\n"
    )
