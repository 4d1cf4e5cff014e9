"""Plugins: what patterns match."""

from functools import partial
from pathlib import Path

import pytest

from fromscratch.linker.beyond import plugins
from tests.engines import need
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
    found = plugins.find(system(GIT, OBJECTS), patterns=patterns)
    assert listing(found).replace("opened by /usr/bin/git (named by the pattern ", "<- (") == text("""
        plugins declared optional /usr/lib/git-core/git-remote-http <- (/usr/lib/git-core/git-*)
        plugins declared optional /usr/lib/git-core/git-remote-https <- (/usr/lib/git-core/git-*)
        plugins declared whole optional /usr/lib/git-core/mergetools <- (/usr/lib/git-core/merge*)
        warning plugins nothing here matches /usr/lib/none/*
        warning plugins nothing here matches git-*; write it from the root, as in /usr/lib/git-core/git-*
    """)


@pytest.mark.slow
def test_git_runs_what_lies_in_its_folder(tmp_path: Path) -> None:
    """`git version` is git's own; `git daemon` is a program of its folder."""
    root = Root(tmp_path, Path(need("git")), {"/dev/null": ""})
    args = ("daemon", "--nonsense")
    assert "is not a git command" in root.run(args=args).stderr
    assert root.run(partial(plugins.find, patterns=("/usr/lib/git-core/git-daemon",)), args=args).returncode == 129
