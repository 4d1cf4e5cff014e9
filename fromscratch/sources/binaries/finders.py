"""The finders that a `binaries` item asks for, each bound to its options."""

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Literal

from fromscratch import paths
from fromscratch.linker.beyond import certificates, dlopen, java, own_names, packages, plugins, recorded, shell_calls
from fromscratch.linker.beyond.constant_data.finder import DataFinder
from fromscratch.linker.beyond.contract import Finder, Finding, Scene
from fromscratch.linker.beyond.glibc import gconv, hwcaps, locales, nss, static, tzdata
from fromscratch.linker.beyond.interpreters import finder as interpreters
from fromscratch.linker.beyond.package_offers import PackageOffers
from fromscratch.linker.beyond.recorded import Recorded
from fromscratch.linker.beyond.scripts import finder as scripts
from fromscratch.sources.binaries.options import BinariesOptions


def finders(options: BinariesOptions, runs: Recorded | None = None) -> Iterator[Finder]:
    """Those that are switched on. One that takes nothing by its options may still have something to offer.

    `runs` is what the traces of the item hold.
    """
    if runs is not None:
        yield partial(recorded.find, recorded=runs)
    if options.java != "none":  # before others find its libraries one by one: they need libjvm.so to be there
        yield partial(java.find, desktop=options.java == "desktop")
    yield partial(scripts.find, commands=options.commands)
    yield partial(shell_calls.find, shell=options.shell)
    yield own_names.find
    if options.dlopen != "none":
        yield partial(dlopen.find, strings=options.dlopen == "all")
    if options.nss != "none":
        yield partial(nss.find, configuration="tree" if options.nss == "tree" else "made")
    yield static.find
    yield partial(hwcaps.find, take=options.hwcaps == "all")
    yield partial(gconv.find, charsets=options.gconv)
    yield partial(locales.find, locales=options.locales, messages=options.messages, utf8=options.utf8)
    yield partial(tzdata.find, localtime=options.localtime, zones=options.tzdata)
    if options.certificates != "none":
        yield partial(
            certificates.find, always=options.certificates == "always", hashes=options.certificates == "hashes"
        )
    if options.python != "none":
        yield partial(find_modules, language="python", mode=options.python)
    if options.perl != "none":
        yield partial(find_modules, language="perl")
    if options.ruby != "none":
        yield partial(find_modules, language="ruby")
    if options.node != "none":
        yield partial(find_modules, language="node")
    if options.languages != "none":
        yield interpreters.find
    yield partial(plugins.find, patterns=options.plugins)
    if options.data != "none":
        yield DataFinder().find
    yield partial(packages.find, take=options.package)
    yield PackageOffers(options.packages).find


def find_modules(
    scene: Scene, *, language: Literal["python", "perl", "ruby", "node"], **options: str
) -> Iterator[Finding]:
    """What the finder of a language finds. That is slow to load, and needs an interpreter or its library in the image.

    Both have the name of the language in theirs.
    """
    if any(language in paths.name(place) for place in scene.objects):
        yield from import_module(f"fromscratch.linker.beyond.{language}.finder").find(scene, **options)
