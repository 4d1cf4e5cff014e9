"""The documents tell of everything that a recipe may say, and what they show is true."""

import os
import re
from pathlib import Path

import pytest

from fromscratch import recipe
from fromscratch.cli.main import namespace
from fromscratch.cli.template import KINDS, template
from fromscratch.transforms.trim import CATEGORIES

CHECKOUT = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[1]))
DOCS = {
    "BinariesOptions": "bundle.md",
    "BuildrootOptions": "buildroot.md",
    "ExternalToolchain": "buildroot.md",
    "DebianOptions": "debian.md",
    "ExtraSuite": "debian.md",
}


@pytest.mark.parametrize("part", sorted(recipe.schema()["$defs"]))
def test_every_key_of_a_recipe_is_in_the_documents(part: str) -> None:
    text = (CHECKOUT / "docs" / DOCS.get(part, "recipe.md")).read_text()
    missing = [key for key in recipe.schema()["$defs"][part]["properties"] if not re.search(rf"\b{key}\b", text)]
    assert missing == []


def test_every_category_of_trim_and_every_verb_is_in_the_documents() -> None:
    assert [name for name in CATEGORIES if f"`{name}`" not in (CHECKOUT / "docs/recipe.md").read_text()] == []
    readme = (CHECKOUT / "README.md").read_text()
    assert [name for name in namespace().task_names if not re.search(rf"\b{name}\b", readme)] == []


def test_the_recipes_of_the_readme_and_of_init_and_those_shipped_are_right() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL):
        recipe.parse(block, "README.md")
    for kind in KINDS:
        recipe.parse(template(kind, "x"), kind)
    for path in (CHECKOUT / "recipes").glob("*.yaml"):
        assert recipe.load(path).name == path.stem
