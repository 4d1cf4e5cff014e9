"""Paths as Buildroot's configurations write them, with variables of make, before make is run."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.regular_file import read_text

_VARIABLE = lazy_regex(r"\$[({]([A-Za-z_][A-Za-z0-9_]*)[)}]")
_NAME = lazy_regex(r"^name:\s*([A-Za-z0-9_]+)\s*$")


class Folders(Struct, frozen=True):
    """Where things lie: Buildroot, whether its folder is the user's own, external trees, and the workspace."""

    tree: Path
    is_users: bool
    externals: Sequence[Path]
    place: Path
    downloads: Path

    def expanded(self, text: str) -> Path | None:
        """The path that make would use, which starts at Buildroot's folder; None where more than these folders'
        variables is needed for it."""
        return _expanded(text, _variables(self.tree, self.externals), self.tree)


def _variables(tree: Path, externals: Sequence[Path]) -> dict[str, str]:
    """What make's variables for folders stand for: Buildroot's own and that of each external tree."""
    of_externals = {f"BR2_EXTERNAL_{name}_PATH": str(top) for top in externals if (name := external_name(top))}
    return {"TOPDIR": str(tree), "HOME": os.environ.get("HOME", "/root"), **of_externals}


def external_name(top: Path) -> str:
    """The name that an external tree gives itself. Raises UsageError for a description that cannot be read."""
    try:
        lines = read_text(top / "external.desc").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"external: cannot read {top / 'external.desc'}: {error}", "make it a text file") from error
    return next((found[1] for line in lines if (found := _NAME.match(line))), "")


def _expanded(text: str, known: Mapping[str, str], tree: Path) -> Path | None:
    whole = _VARIABLE.sub(lambda found: known.get(found[1], found[0]), text)
    return None if "$" in whole or not whole else Path(os.path.normpath(tree / whole))
