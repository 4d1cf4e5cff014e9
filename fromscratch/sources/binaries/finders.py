"""The finders that a `binaries` item asks for, each bound to its options."""

from collections.abc import Iterator
from functools import partial

from fromscratch.linker.beyond import dlopen, scripts
from fromscratch.linker.beyond.contract import Finder
from fromscratch.sources.binaries.options import BinariesOptions


def finders(options: BinariesOptions) -> Iterator[Finder]:
    """Those that are switched on."""
    yield scripts.find
    if options.dlopen != "none":
        yield partial(dlopen.find, strings=options.dlopen == "all")
