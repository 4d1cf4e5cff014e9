"""The check before a release: what it refuses, and that this checkout passes it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import need

CHECKOUT = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[1]))
NOBODY = {f"GIT_{role}_{what}": "nobody" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Checkout:
    """A repository of its own with one commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, **NOBODY, "GIT_CONFIG_GLOBAL": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"}

    def git(self, *words: str) -> None:
        subprocess.run([need("git"), *words], cwd=self.folder, env=self.env, check=True, capture_output=True)

    def write(self, **files: str) -> None:
        """Files by their names, with `_` for a dot, committed."""
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")

    def call(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)

    def check(self) -> "subprocess.CompletedProcess[str]":
        return self.call(sys.executable, str(CHECKOUT / "scripts/release-contents"), "checkout")


@pytest.fixture
def small(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    made.git("init", "--quiet")
    (tmp_path / "fromscratch").mkdir()
    (tmp_path / "fromscratch/__init__.py").write_text('"""A package."""\n\n__version__ = "1.2.3"\n')
    made.write(CHANGELOG_md="# Changelog\n\n## 1.2.3 (2026-01-01)\n\n* A change.\n\n## 1.2.2\n")
    return made


def test_a_checkout_that_agrees_passes_and_says_what_was_seen(small: Checkout) -> None:
    done = small.check()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "    version: 1.2.3, in fromscratch/__init__.py",
        "    changelog: its first section is 1.2.3",
        "    tree: clean",
        "    tag: none yet; v1.2.3 is free",
    ]
    small.git("tag", "v1.2.3")
    assert small.check().stdout.splitlines()[-1] == "    tag: v1.2.3 is HEAD"


def refused(small: Checkout) -> str:
    done = small.check()
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert hint.startswith(" hint: ")
    return error.removeprefix("error: ")


def test_a_changelog_that_does_not_begin_with_the_version_is_refused(small: Checkout) -> None:
    small.write(CHANGELOG_md="# Changelog\n\n## Unreleased\n\n## 1.2.3\n")
    assert refused(small) == "the first section of CHANGELOG.md is Unreleased, not 1.2.3"


def test_a_tree_with_changes_is_refused(small: Checkout) -> None:
    (small.folder / "new").touch()
    assert refused(small) == "the working tree is not clean: ?? new"


def test_a_tag_of_another_version_or_another_commit_is_refused(small: Checkout) -> None:
    small.git("tag", "v1.2.3")
    small.write(new="")
    assert refused(small) == "v1.2.3 is another commit than HEAD"
    small.git("tag", "v1.3.0")
    assert refused(small) == "HEAD has the tag v1.3.0, and its version is 1.2.3"


@pytest.mark.slow
def test_this_checkout_can_be_released(tmp_path: Path) -> None:
    """In a clone of its last commit, where the changelog is closed and the README's links lead somewhere."""
    if not (CHECKOUT / ".git").exists():
        pytest.skip("this is no checkout of git")
    subprocess.run([need("git"), "clone", "--quiet", CHECKOUT, tmp_path / "clone"], check=True)
    clone = Checkout(tmp_path / "clone")
    project = (clone.folder / "pyproject.toml").read_text()
    hook = 'path = "scripts/index_readme.py"\n'
    assert project.count(hook) == 1
    changes = (clone.folder / "CHANGELOG.md").read_text()
    clone.write(
        CHANGELOG_md=re.sub("^## .*", "## 0.1.0", changes, count=1, flags=re.MULTILINE),
        pyproject_toml=project.replace(hook, hook + 'files = "https://example.org/v{version}/"\n'),
    )
    clone.git("tag", "v0.1.0")
    done = clone.call("./scripts/release-check")
    assert done.returncode == 0, done.stderr
    assert "    tag: v0.1.0 is HEAD\n" in done.stdout
    assert "    wheel: share/man/man1/fromscratch.1\n" in done.stdout
    assert (
        (clone.folder / "build/release-venv/share/man/man1/fromscratch.1").read_text().startswith(".TH FROMSCRATCH 1")
    )
    assert "    fetch build ls: an image of a recipe of its own\n" in done.stdout
    assert "the README without its links" not in done.stdout
    [readme] = [
        (path / "METADATA").read_text()
        for path in clone.folder.glob("build/release-venv/lib/*/site-packages/fromscratch-*")
    ]
    assert "](https://example.org/v0.1.0/docs/recipe.md)" in readme
