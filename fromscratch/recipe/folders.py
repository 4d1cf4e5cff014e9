"""The folder that relative paths of an item start in: the recipe's, that of a part, or one of a repository."""

import os
from pathlib import Path

from fromscratch.errors import UsageError
from fromscratch.host.machine.package_data import shipped
from fromscratch.recipe.composition import SHIPPED, Checkout, GitPart


def folder_of(folder: str | GitPart, recipe: Path, checkout: Checkout) -> Path:
    """The folder, for a recipe that lies in `recipe`. Raises UsageError for a folder that leads out of a repository."""
    if isinstance(folder, GitPart):
        top = checkout(folder.git, folder.commit)
        place = Path(os.path.realpath(top / folder.path))
        if not place.is_relative_to(os.path.realpath(top)):
            raise UsageError(f"folder: {folder.path} leads out of the repository {folder.git}", "name one inside")
        return place
    return shipped("recipes") if folder == SHIPPED else recipe / folder
