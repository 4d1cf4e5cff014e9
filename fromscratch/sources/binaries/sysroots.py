"""The roots of cross compilers on this machine, /usr/TRIPLET in Debian and Fedora, and advice to use them."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fromscratch.advice import Advice, Setting, advice
from fromscratch.linker.closure import Missing


def sysroot_with(loader: str, usr: Path = Path("/usr")) -> Path | None:
    """The one root below `usr` that has this dynamic loader, a path such as /lib/ld-linux-aarch64.so.1.

    None if there is none, or are several of which each could be meant.
    """
    inside = PurePosixPath(loader)
    if not inside.is_absolute() or ".." in inside.parts:
        return None
    found = [folder for folder in sorted(usr.glob("*-linux-*")) if (folder / inside.relative_to("/")).is_file()]
    return found[0] if len(found) == 1 else None


def how_to_get(missing: Sequence[Missing], root: str) -> Advice:
    """What to do about what is missing. Where a loader is, the program is mostly one for another architecture, whose
    libraries lie in a sysroot; `root` is where they were looked for."""
    for each in missing if root == "/" else ():
        if each.rule == "PT_INTERP":
            sysroot = sysroot_with(each.name)
            if sysroot is not None:
                place = Setting("root", str(sysroot), in_recipe=True)
                return advice("a cross compiler of this machine has it: name its root with ", place)
            place = Setting("root", "DIR", in_recipe=True)
            return advice(
                "for a program of another architecture or C library, name the root of its libraries with ", place
            )
    return advice(
        "bring it with ",
        Setting("add", in_recipe=True),
        ", name its folder with ",
        Setting("search", in_recipe=True),
        ", or allow it with ",
        Setting("allow_missing", "NAME", in_recipe=True),
    )
