"""Every kind of source by the word that a recipe uses for it. A new source is one line here.

The line names the module that describes the kind, as `KIND`. A recipe needs the options of every kind, but the
source itself only of those that it names: a kind of more than one module imports that when it is bound.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import cast

from msgspec import Struct

from fromscratch.sources.contract import Context, Kind, Source

# In the order in which `init` offers them.
KINDS = {
    "debian": "fromscratch.sources.debian.kind",
    "alpine": "fromscratch.sources.alpine.kind",
    "rpm": "fromscratch.sources.rpm.kind",
    "portage": "fromscratch.sources.portage.kind",
    "buildroot": "fromscratch.sources.buildroot.kind",
    "binaries": "fromscratch.sources.binaries.kind",
    "image": "fromscratch.sources.image.kind",
    "directory": "fromscratch.sources.directory",
    "tarball": "fromscratch.sources.tarball.kind",
    "build_script": "fromscratch.sources.build_script.kind",
    "bootstrap": "fromscratch.sources.bootstrap.kind",
    "overlay": "fromscratch.sources.overlay",
}


@cache
def kinds() -> Mapping[str, Kind]:
    """The kinds by their words."""
    return {word: cast(Kind, import_module(module).KIND) for word, module in KINDS.items()}


def word_of(options: type[Struct]) -> str:
    """The word of the kind that has these options."""
    return next(word for word, kind in kinds().items() if kind.options is options)


def bind(options: Struct, context: Context) -> Source:
    """The source that these options describe. Touches nothing yet."""
    return kinds()[word_of(type(options))].bind(options, context)
