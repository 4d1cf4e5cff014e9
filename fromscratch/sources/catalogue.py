"""Every kind of source by the word that a recipe uses for it. A new source is one line here.

A recipe needs the options of every kind, but the source itself only of those that it names: so the
sources are named here, and imported when they are bound.
"""

from importlib import import_module
from typing import cast

from msgspec import Struct

from fromscratch.sources.binaries.options import BinariesOptions
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.contract import Context, Source
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.directory import DirectoryOptions
from fromscratch.sources.overlay import OverlayOptions
from fromscratch.sources.tarball import TarballOptions


class Kind(Struct, frozen=True):
    """`options` is the Struct behind the word, `source` the class that it is bound to, as MODULE:CLASS.

    `shorthand` is the field that a bare string under the word stands for.
    """

    word: str
    options: type[Struct]
    source: str
    shorthand: str


KINDS = (
    Kind("binaries", BinariesOptions, "fromscratch.sources.binaries.source:BinariesSource", "paths"),
    Kind("buildroot", BuildrootOptions, "fromscratch.sources.buildroot.source:BuildrootSource", "config"),
    Kind("debian", DebianOptions, "fromscratch.sources.debian.source:DebianSource", "packages"),
    Kind("directory", DirectoryOptions, "fromscratch.sources.directory:DirectorySource", "path"),
    Kind("overlay", OverlayOptions, "fromscratch.sources.overlay:OverlaySource", "path"),
    Kind("tarball", TarballOptions, "fromscratch.sources.tarball:TarballSource", "path"),
)
_BY_OPTIONS = {kind.options: kind for kind in KINDS}


def bind(options: Struct, context: Context) -> Source:
    """The source that these options describe. Touches nothing yet."""
    module, _, name = _BY_OPTIONS[type(options)].source.partition(":")
    return cast(Source, getattr(import_module(module), name)(options, context))
