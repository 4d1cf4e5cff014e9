"""Plugins: what patterns match, and the folders that a few programs are known to look through."""

from functools import partial
from pathlib import Path

import pytest

from fromscratch.linker.beyond import plugins
from fromscratch.linker.beyond.contract import Offer
from tests.engines import need
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.roots import Root
from tests.linker.beyond.scenes import listing
from tests.trees import text

GIT = """
    f 0755 0:0 /usr/lib/git-core/git-remote-http 'elf'
    l 0777 0:0 /usr/lib/git-core/git-remote-https -> git-remote-http
    f 0755 0:0 /usr/lib/git-core/mergetools/vimdiff 'script'
    f 0644 0:0 /usr/share/git-core/templates/description 'text'
    l 0777 0:0 /usr/libexec -> lib
"""
OBJECTS = {"/usr/bin/git": program("puts")}


def test_patterns_take_what_they_match() -> None:
    patterns = ("/usr/lib/git-core/git-*", "/usr/lib/git-core/merge*", "/usr/lib/none/*", "git-*")
    found = [each for each in plugins.find(system(GIT, OBJECTS), patterns=patterns) if not isinstance(each, Offer)]
    assert listing(found).replace("opened by /usr/bin/git (named by the pattern ", "<- (") == text("""
        plugins declared optional /usr/lib/git-core/git-remote-http <- (/usr/lib/git-core/git-*)
        plugins declared optional /usr/lib/git-core/git-remote-https <- (/usr/lib/git-core/git-*)
        plugins declared whole optional /usr/lib/git-core/mergetools <- (/usr/lib/git-core/merge*)
        warning plugins nothing here matches /usr/lib/none/*
        warning plugins nothing here matches git-*; write it from the root, as in /usr/lib/git-core/git-*
    """)


def offers(block: str, objects: dict[str, bytes], *patterns: str) -> list[tuple[str, str, int]]:
    found = plugins.find(system(block, objects), patterns=patterns)
    return [(each.what, str(each.setting), each.size) for each in found if isinstance(each, Offer)]


def test_folders_of_known_programs_are_offered_until_they_are_named() -> None:
    core = ("/usr/lib/git-core (2 files), which /usr/bin/git looks through", "plugins=/usr/lib/git-core", 9)
    templates = (
        "/usr/share/git-core/templates (1 file), which /usr/bin/git looks through",
        "plugins=/usr/share/git-core/templates",
        4,
    )
    assert offers(GIT, OBJECTS) == [core, templates]
    assert offers(GIT, OBJECTS, "/usr/lib/git-core/git-*") == [templates]
    assert offers(GIT, {"/usr/bin/other": program("puts")}) == []


def test_libraries_have_plugins_too() -> None:
    block = "f 0644 0:0 /usr/lib/x86_64-linux-gnu/gio/modules/libgiognutls.so 'module'"
    objects = {"/usr/lib/x86_64-linux-gnu/libgio-2.0.so.0.7400.6": elf(soname="libgio-2.0.so.0")}
    (offer,) = offers(block, objects)
    assert offer[1:] == ("plugins=/usr/lib/x86_64-linux-gnu/gio/modules", 6)


@pytest.mark.slow
def test_git_runs_what_lies_in_its_folder(tmp_path: Path) -> None:
    """`git version` is git's own; `git daemon` is a program of its folder."""
    root = Root(tmp_path, Path(need("git")), {"/dev/null": ""})
    args = ("daemon", "--nonsense")
    assert "is not a git command" in root.run(args=args).stderr
    assert root.run(partial(plugins.find, patterns=("/usr/lib/git-core/git-daemon",)), args=args).returncode == 129
