"""Tcl: the packages that programs require, by the indexes of auto_path, and Tcl modules."""

from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.interpreters import tcl
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import system
from tests.linker.beyond.scenes import listing, paths_needed

TCL = {
    "/usr/lib/libtcl8.6.so": elf(
        soname="libtcl8.6.so", data=b"\0/usr/share/tcltk/tcl8.6\0/usr/local/lib/tcltk /usr/lib/tcltk \0"
    )
}
TOP = "/usr/share/tcltk/tcllib1.21"
TREE = f"""
    f 0755 0:0 /usr/bin/tclsh ''
    f 0644 0:0 /usr/share/tcltk/tcl8.6/init.tcl ''
    f 0644 0:0 /usr/share/tcltk/tcl8.6/tcl8/8.6/http-2.9.5.tm ''
    f 0644 0:0 /usr/share/tcltk/tcl8.6/tcl8/8.6/http-2.10.0.tm ''
    f 0644 0:0 {TOP}/pkgIndex.tcl 'lappend ::auto_path $dir'
    f 0644 0:0 {TOP}/json/pkgIndex.tcl 'package ifneeded json 1.3 [list source $dir/json.tcl]'
    f 0644 0:0 {TOP}/json/json.tcl 'package require dicttool'
    f 0644 0:0 {TOP}/dict/pkgIndex.tcl 'package ifneeded dicttool 1.0 [list source [file join $dir d.tcl]]'
    f 0644 0:0 {TOP}/dict/d.tcl ''
    f 0644 0:0 /usr/lib/tcltk/tls1.7/pkgIndex.tcl 'package ifneeded tls 1.7 [list load [file join $dir .. libtls.so]]'
    f 0644 0:0 /usr/lib/tcltk/libtls.so '\\x7fELF'
    f 0644 0:0 /srv/own.tcl ''
"""


def started(code: str) -> Scene:
    return system(TREE + f"f 0755 0:0 /srv/app {'#!/usr/bin/tclsh' + chr(10) + code!r}", TCL, "/srv/app")


def files_for(code: str) -> list[str]:
    return paths_needed(tcl.find(started(code)))


def test_a_package_is_taken_with_its_index_those_above_and_what_it_requires() -> None:
    assert files_for("package require json") == [
        f"{TOP}/pkgIndex.tcl",
        f"{TOP}/json/pkgIndex.tcl",
        f"{TOP}/json/json.tcl",
        f"{TOP}/dict/pkgIndex.tcl",
        f"{TOP}/dict/d.tcl",
    ]


def test_the_newest_module_is_taken() -> None:
    assert files_for("package require -exact http 2") == ["/usr/share/tcltk/tcl8.6/tcl8/8.6/http-2.10.0.tm"]


def test_a_library_that_an_index_names_is_taken() -> None:
    assert files_for("package require tls") == ["/usr/lib/tcltk/tls1.7/pkgIndex.tcl", "/usr/lib/tcltk/libtls.so"]


def test_a_file_beside_the_program_is_sourced() -> None:
    for code in ("source own.tcl", "source [file join [file dirname [info script]] own.tcl]"):
        assert files_for(code) == ["/srv/own.tcl"]


def test_a_package_that_is_nowhere_is_said_and_one_that_is_built_in_is_not() -> None:
    assert listing(tcl.find(started("package require Tcl 8.6\n# package require other\npackage require nowhere"))) == (
        "warning tcl /srv/app requires the package nowhere, which is in none of"
        " /usr/share/tcltk/tcl8.6 /usr/share/tcltk /usr/lib/tcltk"
    )
