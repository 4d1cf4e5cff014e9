"""The sources of a tree in one line, for the history of an image."""

import re
from collections.abc import Iterable, Iterator

from fromscratch import paths
from fromscratch.address import concealed
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, encode

_SHOWN = 8
_BY_RECIPE = "recipe"


def made_of(tree: Rootfs) -> str:
    """The sources of a tree by name, each with the packages that were taken from it.

    Folders with content do not count: every layer with something in them has them too. The line is published with
    the image, so sources have their public names.
    """
    packages: dict[str, dict[str, bool]] = {}
    holding = {paths.parent(path) for path in tree if path != ROOT}
    # Thousands of files share their reasons: each is read once.
    shared = {id(entry.origins): entry.origins for path, entry in tree.items() if path not in holding}
    for origin in _owners(shared.values()):
        source = "the recipe itself" if origin.source == _BY_RECIPE else public_name(origin.source)
        known = packages.setdefault(source, {})
        # What a tarball brought is "shipped in" it too, but that is not a package: nothing asked for it.
        if origin.reason == "shipped in" and origin.because:
            known[origin.detail] = known.get(origin.detail, False) or origin.because.reason == "asked for"
    return "; ".join(source + _listed(known) for source, known in sorted(packages.items()))


def _owners(several: Iterable[tuple[Origin, ...]]) -> Iterator[Origin]:
    """The reasons of entries that bring something; a folder above something does not."""
    return (origin for origins in several for origin in origins if origin.reason != "parent of")


def _listed(packages: dict[str, bool]) -> str:
    """The first few, those first that were asked for by name."""
    names = sorted(packages, key=lambda name: (not packages[name], name))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f": {', '.join(map(_text, names[:_SHOWN]))}{more}" if names else ""


def public_name(source: str) -> str:
    """The name of a source for publication: without folders of this machine, and users and queries of URLs."""
    kind, blank, rest = _text(source).partition(" ")
    if "://" in rest:
        rest = re.split("[?#]", concealed(rest))[0]
    else:
        rest = re.sub(r"^((?:[a-z-]+:)?)/.*?([^/]+)/*$", r"\1\2", rest)
    return kind + blank + rest


def _text(words: str) -> str:
    """In a form that JSON can hold, on one line."""
    return re.sub(r"[\x00-\x1f\x7f]", "?", encode(words).decode("utf-8", "backslashreplace"))
