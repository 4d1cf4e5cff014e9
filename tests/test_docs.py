"""The documents tell of everything that a recipe may say, and what they show is true."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

from fromscratch.cli.verbs.catalogue import VERBS
from fromscratch.cli.verbs.init_template import choices, template
from fromscratch.recipe import schema as recipe
from fromscratch.sources.catalogue import KINDS
from fromscratch.transforms.trim import CATEGORIES
from tests.sources.table import rows

CHECKOUT = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[1]))
DOCS = {
    "BuildScriptOptions": "build_script.md",
    "ScriptSource": "build_script.md",
    "BinariesOptions": "bundle.md",
    "BuildrootOptions": "buildroot.md",
    "ExternalToolchain": "buildroot.md",
    "AlpineOptions": "alpine.md",
    "DebianOptions": "debian.md",
    "SmokeCheckOptions": "checks.md",
    "ExtraSuite": "debian.md",
    "EbuildRepository": "portage.md",
    "PortageOptions": "portage.md",
    "Repository": "rpm.md",
    "RpmOptions": "rpm.md",
    "TarballOptions": "tarball.md",
    "BootstrapOptions": "bootstrap.md",
}


@pytest.mark.parametrize("part", sorted(recipe.schema()["$defs"]))
def test_every_key_of_a_recipe_is_in_the_documents(part: str) -> None:
    text = (CHECKOUT / "docs" / DOCS.get(part, "recipe.md")).read_text()
    missing = [key for key in recipe.schema()["$defs"][part]["properties"] if not re.search(rf"\b{key}\b", text)]
    assert missing == []


def test_every_category_of_trim_and_every_verb_is_in_the_documents() -> None:
    assert [name for name in CATEGORIES if f"`{name}`" not in (CHECKOUT / "docs/recipe.md").read_text()] == []
    readme = (CHECKOUT / "README.md").read_text()
    assert [name for name in VERBS if not re.search(rf"\b{name}\b", readme)] == []


def test_contributing_shows_every_folder_in_the_words_of_its_docstring() -> None:
    package = CHECKOUT / "fromscratch"
    folders = {path.parent: path.read_text() for path in package.rglob("__init__.py") if path.parent != package}
    docstrings = {
        folder.relative_to(package).as_posix() + "/": str(ast.get_docstring(ast.parse(text))).partition("\n")[0]
        for folder, text in folders.items()
    }
    [block] = re.findall(r"```text\n(.*?)```", (CHECKOUT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    shown = dict(line.split(maxsplit=1) for line in block.splitlines())
    assert shown == docstrings
    assert list(shown) == sorted(shown)


def test_the_recipes_of_the_readme_and_of_init_and_those_shipped_are_right() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL):
        recipe.parse(block, "README.md")
    for kind in choices():
        recipe.parse(template(kind, "x", Path("/nonexistent")), kind)
    for path in (CHECKOUT / "recipes").glob("*.yaml"):
        assert recipe.load(path).name == path.stem


def test_the_first_lines_of_the_readme_end_with_the_command_on_the_path() -> None:
    first = (CHECKOUT / "README.md").read_text().partition("## A recipe")[0]
    for way in ("/bin/activate", "pipx install .", "uv tool install .", "pip install .", "fromscratch doctor"):
        assert way in first


def test_no_text_promises_a_released_package() -> None:
    """A name that is not ours on a package index is somebody else's program."""
    promised = re.compile(r"""(pip|pipx|uv tool|uvx|uv pip)( install| run)? +['"]?fromscratch(\[|==|['"]|\s|\)|$)""")
    suffixes = {".md", ".py", ".cmake", ".am", ".m4", ".sh", ".txt", ".toml", ".yaml", ".yml", ""}
    found = [
        f"{path.relative_to(CHECKOUT)}: {line.strip()}"
        for room in ("README.md", "docs", "slides", "examples", "integrations", "fromscratch", "recipes", "scripts")
        for path in sorted([CHECKOUT / room, *(CHECKOUT / room).rglob("*")])
        if path.is_file() and path.suffix in suffixes
        for line in path.read_text().splitlines()
        if promised.search(line)
    ]
    assert found == []


def test_the_quickstart_ends_with_how_the_command_is_called(tmp_path: Path) -> None:
    """Its last lines, by the functions that it uses; what they tell works in a shell."""
    script = (CHECKOUT / "scripts/quickstart").read_text()
    assert script.index("tell_command .venv") > script.index("fetch build run")
    command = tmp_path / "a folder/.venv/bin/fromscratch"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\necho started\n")
    command.chmod(0o755)
    (command.parent / "activate").write_text(f'PATH="{command.parent}:$PATH"\n')
    reported = subprocess.run(
        ["/bin/sh", "-c", f". {CHECKOUT}/scripts/environment; tell_command .venv"],
        cwd=command.parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert str(command) in reported
    line = reported.splitlines()[-1]
    assert (
        subprocess.run(["/bin/sh", "-c", f"{line}\nfromscratch"], capture_output=True, text=True).stdout == "started\n"
    )


def test_the_table_of_sources_has_a_row_for_each_kind() -> None:
    assert sorted(rows()) == sorted(KINDS)
