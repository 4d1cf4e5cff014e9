"""Packages that an image has nothing of: offered as others need or recommend them, and taken by their names."""

from fromscratch.linker.beyond.contract import Offer, Scene
from fromscratch.linker.beyond.package_offers import PackageOffers
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import system
from tests.linker.beyond.scenes import listing, paths_needed
from tests.linker.beyond.test_constant_data import packages

FILES = """
    f 0644 0:0 /usr/include/a.h 'header'
    f 0644 0:0 /usr/include/b.h 'more'
    f 0644 0:0 /usr/share/a/table 'table'
    f 0644 0:0 /usr/share/doc/far/text 'text'
    f 0644 0:0 /usr/share/base/data 'data'
"""
LISTS = packages(
    tool=(r"Version: 1\nDepends: a, base, doc\nRecommends: dev\n", "/usr/bin/tool"),
    dev=(r"Version: 1\nDepends: dev-more, a\n", "/usr/include/a.h"),
    a=(r"Version: 1\nDepends: a-data\n", "/usr/lib/liba.so"),
    doc=(r"Version: 1\n", "/usr/share/doc/far/text"),
    base=(r"Version: 1\nEssential: yes\n", "/usr/share/base/data"),
    **{"dev-more": (r"Version: 1\n", "/usr/include/b.h"), "a-data": (r"Version: 1\n", "/usr/share/a/table")},
)


def tool() -> Scene:
    objects = {
        "/usr/bin/tool": elf(interpreter="/lib64/ld.so", needed=["liba.so"]),
        "/usr/lib/liba.so": elf(soname="liba.so"),
    }
    return system(FILES + LISTS, objects)


def test_what_is_recommended_comes_with_what_it_needs_and_libraries_have_needs_too() -> None:
    offers = [each for each in PackageOffers().find(tool()) if isinstance(each, Offer)]
    assert [(each.what, str(each.setting), each.size) for each in offers] == [
        ("the package dev and 1 that it needs, which tool recommends", "packages=dev,dev-more", 10),
        ("the package a-data, which a needs", "packages=a-data", 5),
    ]


def test_packages_are_taken_by_their_names() -> None:
    found = list(PackageOffers(["dev", "none"]).find(tool()))
    assert paths_needed(found) == ["/usr/include/a.h"]
    assert "warning package there is no package none in the root that is taken from" in listing(found)
