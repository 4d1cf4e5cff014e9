"""Every kind of source by the word that a recipe uses for it. A new source is one line here."""

from dataclasses import dataclass

from fromscratch.sources.buildroot import BuildrootOptions
from fromscratch.sources.debian import DebianOptions
from fromscratch.sources.directory import DirectoryOptions
from fromscratch.sources.overlay import OverlayOptions
from fromscratch.sources.tarball import TarballOptions


@dataclass(frozen=True, slots=True)
class Kind:
    """`options` is the msgspec Struct behind the word; `shorthand` the field that a bare string stands for."""

    word: str
    options: type
    shorthand: str


KINDS = (
    Kind("buildroot", BuildrootOptions, "config"),
    Kind("debian", DebianOptions, "packages"),
    Kind("directory", DirectoryOptions, "path"),
    Kind("overlay", OverlayOptions, "path"),
    Kind("tarball", TarballOptions, "path"),
)
