"""Lua: what programs require, along package.path and package.cpath."""

from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.interpreters import lua
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.scenes import listing, paths_needed

PATH = "/usr/share/lua/5.4/?.lua;/usr/share/lua/5.4/?/init.lua;./?.lua"
CPATH = "/usr/lib/lua/5.4/?.so;./?.so"
LUA = {"/usr/bin/lua5.4": program(data=f"{PATH}\0{CPATH}")}
TREE = """
    f 0644 0:0 /usr/share/lua/5.4/socket.lua 'require("socket.core")'
    f 0644 0:0 /usr/lib/lua/5.4/socket/core.so '\\x7fELF'
    f 0644 0:0 /usr/lib/lua/5.4/lpeg.so '\\x7fELF'
    f 0644 0:0 /usr/share/lua/5.4/json/init.lua "local l = require 'lpeg'"
    f 0644 0:0 /srv/own.lua ''
"""


def started(code: str) -> Scene:
    return system(TREE + f"f 0755 0:0 /srv/app {'#!/usr/bin/lua5.4' + chr(10) + code!r}", LUA, "/srv/app")


def files_for(code: str) -> list[str]:
    return paths_needed(lua.find(started(code)))


def test_a_program_takes_what_it_requires_and_what_that_requires() -> None:
    assert files_for('local s = require("socket")') == [
        "/usr/share/lua/5.4/socket.lua",
        "/usr/lib/lua/5.4/socket/core.so",
    ]
    assert files_for("require 'json'") == ["/usr/share/lua/5.4/json/init.lua", "/usr/lib/lua/5.4/lpeg.so"]


def test_a_relative_template_counts_from_the_folder_of_the_program() -> None:
    assert files_for("require [[own]]") == ["/srv/own.lua"]
    assert files_for("dofile('own.lua')") == ["/srv/own.lua"]


def test_comments_require_nothing() -> None:
    assert files_for("-- require 'lpeg'\n--[[ require 'socket'\n]]") == []


def test_the_function_of_a_module_in_c_may_lie_in_the_library_of_its_root() -> None:
    assert files_for("require 'lpeg.re.core'") == ["/usr/lib/lua/5.4/lpeg.so"]


def test_what_is_nowhere_and_what_is_computed_is_said() -> None:
    searched = ";".join([PATH, CPATH])
    assert listing(lua.find(started("require(name) require 'nowhere' require 'math'"))) == (
        f"warning lua /srv/app requires nowhere, which is not in {searched}\n"
        "warning lua /srv/app requires modules by names that it computes, which are not looked for"
    )


def test_without_a_program_small_modules_are_taken_and_large_ones_offered() -> None:
    assert sorted(paths_needed(lua.find(system(TREE, LUA)))) == [
        "/usr/lib/lua/5.4/lpeg.so",
        "/usr/lib/lua/5.4/socket/core.so",
        "/usr/share/lua/5.4/json/init.lua",
        "/usr/share/lua/5.4/socket.lua",
    ]
    large = f"{TREE}\nf 0644 0:0 /usr/share/lua/5.4/large.lua {'x' * (3 << 20)!r}"
    assert listing(lua.find(system(large, LUA))) == (
        "offer lua /usr/share/lua/5.4, where /usr/bin/lua5.4 looks for modules\n"
        "offer lua /usr/lib/lua/5.4, where /usr/bin/lua5.4 looks for modules"
    )


def test_a_library_that_another_program_embeds_takes_nothing_of_itself() -> None:
    embedded = {"/usr/bin/nmap": program(), "/usr/lib/liblua5.4.so.0": program(data=f"{PATH}\0{CPATH}")}
    assert paths_needed(lua.find(system(TREE, embedded))) == []
