"""A project for Buildroot that lies where a recipe is to be: what `init` writes for it."""

import os
from collections.abc import Iterator
from pathlib import Path

from fromscratch.sources.buildroot.named_configs import DEFCONFIG

_ITEM = """\
  # From source, by Buildroot, as the defconfig of the project has it: the root filesystem, no kernel or bootloader.
  - buildroot:
      {tree}
      external: {external}
      config: {config}{others}
      # toolchain: host                    # this machine's own compiler instead of what the defconfig says
      # packages: [jq]                     # what the image has besides
      # mirror: /srv/sources               # where source tarballs are looked for first
"""
_RELEASE = 'version: "2026.05.1"                 # or tree: with a folder, tarball or git repository'


def items(folder: Path) -> str | None:
    """The lines for the external tree in this folder, in it or beside it; None if there is none with a defconfig."""
    for top in _near(folder):
        defconfigs = sorted(path.name for path in (top / "configs").glob(f"*{DEFCONFIG}"))
        if (top / "external.desc").is_file() and defconfigs:
            tree = next((near for near in _near(folder) if _is_buildroot(near)), None)
            others = f"  # or {', '.join(defconfigs[1:4])}" if len(defconfigs) > 1 else ""
            return _ITEM.format(
                tree=f"tree: {_shown(tree, folder)}" if tree else _RELEASE,
                external=_shown(top, folder),
                config=defconfigs[0],
                others=others,
            )
    return None


def _near(folder: Path) -> Iterator[Path]:
    """The folder, those in it, and those beside it, as far as they can be read."""
    yield folder
    for place in (folder, folder.parent):
        try:
            yield from sorted(path for path in place.iterdir() if path.is_dir() and path != folder)
        except OSError:
            continue


def _is_buildroot(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("Makefile", "Config.in", "package/pkg-generic.mk"))


def _shown(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder)
