"""The folder that relative paths of an item start in: the recipe's, that of a part, or one of a repository."""

import os
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.host.machine.package_data import shipped
from fromscratch.host.storage.own_folders import NONE, OwnFolders
from fromscratch.recipe.composition import SHIPPED, Checkout, GitPart
from fromscratch.recipe.reading import no_checkout


class Project(Struct, frozen=True):
    """What surrounds a recipe that lies in `folder`: `own` are folders that no files are taken from."""

    folder: Path
    checkout: Checkout = no_checkout
    own: OwnFolders = NONE

    def within(self, folder: str | GitPart | None) -> Path:
        """The folder that an item names. Raises UsageError for one that leads out of its repository."""
        if isinstance(folder, GitPart):
            top = self.checkout(folder.git, folder.commit)
            place = Path(os.path.realpath(top / folder.path))
            if not place.is_relative_to(os.path.realpath(top)):
                raise UsageError(f"folder: {folder.path} leads out of the repository {folder.git}", "name one inside")
            return place
        return shipped("recipes") if folder == SHIPPED else self.folder / (folder or "")
