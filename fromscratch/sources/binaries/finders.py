"""The finders that a `binaries` item asks for, each bound to its options."""

from collections.abc import Iterator
from functools import partial

from fromscratch.linker.beyond import certificates, dlopen, java, packages, plugins
from fromscratch.linker.beyond.contract import Finder
from fromscratch.linker.beyond.glibc import gconv, hwcaps, locales, nss, tzdata
from fromscratch.linker.beyond.glibc import static as statics
from fromscratch.linker.beyond.node import finder as node
from fromscratch.linker.beyond.perl import finder as perl
from fromscratch.linker.beyond.python import finder as python
from fromscratch.linker.beyond.ruby import finder as ruby
from fromscratch.linker.beyond.scripts import finder as scripts
from fromscratch.sources.binaries.options import BinariesOptions


def finders(options: BinariesOptions) -> Iterator[Finder]:
    """Those that are switched on. One that takes nothing by its options may still have something to offer."""
    if options.java != "none":  # before others find its libraries one by one: they need libjvm.so to be there
        yield partial(java.find, desktop=options.java == "desktop")
    yield partial(scripts.find, commands=options.commands)
    if options.dlopen != "none":
        yield partial(dlopen.find, strings=options.dlopen == "all")
    if options.nss != "none":
        yield partial(nss.find, configuration="tree" if options.nss == "tree" else "made")
    yield statics.find
    yield partial(hwcaps.find, take=options.hwcaps == "all")
    yield partial(gconv.find, charsets=options.gconv)
    yield partial(locales.find, locales=options.locales, messages=options.messages)
    yield partial(tzdata.find, localtime=options.localtime, zones=options.tzdata)
    if options.certificates != "none":
        yield partial(
            certificates.find, always=options.certificates == "always", hashes=options.certificates == "hashes"
        )
    if options.python != "none":
        yield partial(python.find, mode=options.python)
    if options.perl != "none":
        yield perl.find
    if options.ruby != "none":
        yield ruby.find
    if options.node != "none":
        yield node.find
    yield partial(plugins.find, patterns=options.plugins)
    yield partial(packages.find, take=options.package)
