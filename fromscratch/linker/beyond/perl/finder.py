"""Finder for Perl: the modules that programs load, with their parts in C, along the @INC that perl was built with.

@INC is read from the constant data of perl or libperl, which has its folders (perl.c, `S_init_perllib`).
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.linker.beyond.perl.source import Load, source
from fromscratch.linker.beyond.rodata import texts
from fromscratch.linker.beyond.scripts.shebang import programs_of
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File
from fromscratch.paths import TreePath

KIND = "perl"
_OBJECT = lazy_regex(r"perl(5[\d.]*)?|libperl\.so[\d.]*")
_READER = lazy_regex(r"(sui)?perl(5[\d.]*)?")
_DRIVER = lazy_regex(r"/perl5?/.*/?DBD/\w+\.pm$")
_OF_DBI = frozenset({"DBM", "ExampleP", "File", "Gofer", "Mem", "NullP", "Proxy", "Sponge"})
_FOLDERS = lazy_regex(rb"(?<=\0)(/[\x21-\x7e]{0,200}perl[\x21-\x7e]{0,100})(?=\0)")
_OURS = lazy_regex(r"\.(p[lm]|t|al)$")
# Of a library that is taken whole: its documentation, its tests, and what is for building modules.
_SPARED = lazy_regex(
    r".*\.(pod|h|a|bs|packlist|exists)|CORE|pod|t|debian-config-data.*|cross-config.*|unicore|CPAN|ExtUtils"
)

# Loaded under a name that is computed, or by the module's part in C.
_LOADED_INDIRECTLY = {
    "AnyDBM_File": ("NDBM_File", "DB_File", "GDBM_File", "SDBM_File", "ODBM_File"),
    "Carp": ("Carp::Heavy",),
    "Config": ("Config_heavy.pl", "Config_git.pl"),
    "Encode": ("Encode::Unicode", "Encode::Byte", "Encode::Symbol"),
    "English": ("Errno", "Tie::Hash::NamedCapture"),
    "Exporter": ("Exporter::Heavy",),
    "File::Spec": ("File::Spec::Unix",),
    "Git::LoadCPAN::Error": ("Error", "Git::FromCPAN::Error"),
    "Git::LoadCPAN::Mail::Address": ("Mail::Address", "Git::FromCPAN::Mail::Address"),
    "JSON": ("JSON::PP", "JSON::XS", "Cpanel::JSON::XS", "JSON::backportPP"),
    "JSON::MaybeXS": ("JSON::PP", "JSON::XS", "Cpanel::JSON::XS"),
    "LWP::UserAgent": ("LWP::Protocol::http", "LWP::Protocol::https", "LWP::Protocol::file"),
    "Math::BigInt": ("Math::BigInt::Calc", "Math::BigInt::FastCalc"),
    "ExtUtils::MM": ("ExtUtils::MM_Unix", "ExtUtils::MM_Any"),
    "Memoize::AnyDBM_File": ("NDBM_File", "DB_File", "GDBM_File", "SDBM_File", "ODBM_File"),
    "Net::Config": ("Net/libnet.cfg",),
    "PerlIO::encoding": ("Encode",),
    "Pod::Simple::Transcode": ("Pod::Simple::TranscodeSmart", "Pod::Simple::TranscodeDumb"),
    "Pod::Usage": ("Pod::Text",),
    "Test2::API::Context": ("Test2::Event::Pass", "Test2::Event::Fail", "Test2::Event::V2"),
    "_charnames": ("unicore/Name.pl", "unicore/Name.pm"),
    "bytes": ("bytes_heavy.pl",),
    "charnames": ("_charnames",),
    "warnings": ("Carp",),
}


class _Module(NamedTuple):
    file: str
    root: str
    name: str


def find(scene: Scene, *, search: Sequence[str] = ()) -> Iterator[Finding]:
    """The modules that the Perl programs of the image load; where there is a perl and no program, its base library.

    `search` is PERL5LIB.
    """
    found = next(_perls(scene), None)
    if found is None:
        return
    perl, include = found
    programs = list(programs_of(scene, _READER, _OURS))
    if not programs:
        yield from _whole(scene, perl, include)
    for program in programs:
        yield from _Loading(scene, perl, program, (*search, *include)).findings()


def _perls(scene: Scene) -> Iterator[tuple[TreePath, tuple[str, ...]]]:
    """Each perl of the image that has an @INC, with it."""
    for place in scene.objects:
        if _OBJECT.fullmatch(paths.name(place)):
            there = [
                folder
                for folder in texts(scene, place, _FOLDERS)
                if isinstance(views.look(scene.view, folder), Directory)
            ]
            if there:
                yield place, tuple(sorted(there, key=lambda folder: _rank(folder, there)))


def _rank(folder: str, all_: Sequence[str]) -> tuple[int, bool]:
    """Where a folder stands in @INC: what a site adds, then what a distribution adds, then perl's own.

    Each has first a folder for this architecture. Debian has /etc/perl before and /usr/local/lib/site_perl behind all.
    """
    apart = any("/usr/local/" not in each for each in all_ if not each.startswith("/etc/"))
    if folder.startswith("/etc/"):
        kind = 0
    elif folder == "/usr/local/lib/site_perl":
        kind = 9
    elif "site_perl" in folder or (apart and folder.startswith("/usr/local/")):
        kind = 1
    elif "vendor_perl" in folder or re.search(r"/lib/[^/]*/perl5/5[\d.]*$|/share/perl5$", folder):
        kind = 2
    else:
        kind = 3 if folder.endswith("/perl-base") else 4
    return kind, "/share/" in folder or not re.search(r"lib64|linux", folder)


def _whole(scene: Scene, perl: TreePath, include: Sequence[str]) -> Iterator[Finding]:
    """Debian's perl-base, which is meant to stand alone, or else all folders of perl's own library."""
    base = [folder for folder in include if folder.endswith("/perl-base")]
    for folder in base or [folder for folder in include if _rank(folder, include)[0] == 4]:
        for path in below(scene, folder, without=lambda name: not base and _SPARED.fullmatch(name) is not None):
            yield NeededFile(
                path, perl, f"{perl} (the library of perl)", KIND, "declared", library=path.endswith(".so")
            )


class _Loading:
    """What one program loads, along its own @INC."""

    def __init__(self, scene: Scene, perl: TreePath, program: TreePath, include: Sequence[str]) -> None:
        self._perl = perl
        self._scene, self._program, self._include = scene, program, list(include)
        self._own = [folder for folder in include if _rank(folder, include)[0] in (3, 4)]
        self._needed: dict[str, NeededFile] = {}
        self._warnings: dict[FinderWarning, None] = {}
        self._read: set[str] = set()
        # A driver that was taken since it was offered loads more.
        drivers = (place for place in scene.files if _DRIVER.search(place))
        self._pending: list[tuple[str, bool]] = [(program, True), *((place, True) for place in sorted(drivers))]
        self._families: list[_Module] = []
        self._files: dict[str, str | None] = {}
        self._driven = False  # whether any driver of DBI is named

    def findings(self) -> Iterator[Finding]:
        while self._pending or self._families:
            if not self._pending:  # last, so that what programs load counts as such
                self._family(self._families.pop(0))
                continue
            file, reached = self._pending.pop(0)
            found = source(self._scene.read(file) or b"")
            for folder in reversed(found.folders):
                self._add(folder)
            for load in found.loads:
                self._load(load, file, reached)
        yield from self._needed.values()
        yield from self._warnings
        yield from self._drivers()

    def _drivers(self) -> Iterator[Offer]:
        """The drivers that DBI could load, if no program says which it loads."""
        dbi = self._find("DBI.pm")
        if dbi is None or dbi not in self._read or self._driven:
            return
        for folder in self._include:
            for name in views.names(self._scene.view, f"{folder}/DBD"):
                path = f"{folder}/DBD/{name}"
                if name.endswith(".pm") and name.removesuffix(".pm") not in _OF_DBI and not self._scene.has(path):
                    driver = f"DBD::{name.removesuffix('.pm')}"
                    what = f"the driver {driver}, which DBI loads for {self._program} if it is asked"
                    yield Offer(
                        what, Setting("plugins", self._scene.path_in_root(TreePath(path))), KIND, confidence="likely"
                    )

    def _add(self, folder: str) -> None:
        """A folder of `use lib`: fixed, or beside the program, as the module FindBin gives it."""
        beside = paths.parent(self._program)
        fixed = re.sub(r"^\$\{?FindBin::(Real)?Bin\}?|^\$RealBin\b|^\$Bin\b", beside, folder)
        if fixed.startswith("/") and "$" not in fixed and fixed not in self._include:
            self._include.insert(0, fixed)
            self._files.clear()

    def _load(self, load: Load, by: str, reached: bool) -> None:
        self._driven = self._driven or (load.name.startswith("DBD::") and by == self._program)
        if not re.search(r"\.\w+$", load.name):
            inside = f"{load.name.replace('::', '/')}.pm"
        elif load.name.startswith("/"):
            self._need(load.name, by, load.name)
            return
        else:
            inside = load.name
        file = self._find(inside)
        if file is None:
            if load.sure and reached and by == self._program:
                where = ":".join(self._include)
                self._warnings[
                    FinderWarning(f"{by} uses {load.name}, which is nowhere in perl's @INC ({where})", KIND)
                ] = None
            return
        if not reached and not self._is_own(file):
            return  # what a spare part of a module would like to have of others is not taken
        self._module(_Module(file, file.removesuffix(f"/{inside}"), load.name), by, reached)

    def _module(self, module: _Module, by: str, reached: bool) -> None:
        if module.file in self._read:
            return
        self._read.add(module.file)
        self._need(module.file, by, module.name)
        self._pending.append((module.file, reached))
        inside = module.name.replace("::", "/")
        for root in dict.fromkeys((module.root, *self._include)):
            compiled = f"{root}/auto/{inside}"
            files = [path for path in _files(self._scene, compiled) if re.search(r"\.(so|al|ix|pl)$", path)]
            for path in files:
                self._need(path, module.file, f"the part in C of {module.name}" if path.endswith(".so") else path)
            if files:
                break
        for name in _LOADED_INDIRECTLY.get(module.name, ()):
            self._load(Load(name), module.file, reached)
        if reached and not self._is_own(module.file) and module.file.endswith(".pm"):
            self._families.append(module)

    def _family(self, module: _Module) -> None:
        """A module that is not perl's own may load any that is named below it, by a name that it computes."""
        for path in below(self._scene, module.file.removesuffix(".pm")):
            if path.endswith(".pm") and path not in self._read:
                name = path.removeprefix(f"{module.root}/").removesuffix(".pm").replace("/", "::")
                self._module(_Module(path, module.root, name), module.file, reached=False)
            elif not path.endswith((".pm", ".pod")):
                self._need(path, module.file, f"lies with {module.name}")

    def _is_own(self, file: str) -> bool:
        return any(
            file.startswith(f"{folder}/") for folder in self._include if _rank(folder, self._include)[0] in (3, 4)
        )

    def _find(self, inside: str) -> str | None:
        if inside not in self._files:
            candidates = (f"{folder}/{inside}" for folder in self._include)
            there = (path for path in candidates if isinstance(views.look(self._scene.view, path), File))
            self._files[inside] = next(there, None)
        return self._files[inside]

    def _need(self, path: str, by: str, detail: str) -> None:
        if path not in self._needed and isinstance(views.look(self._scene.view, path), File):
            place = views.place(self._scene.view, by) or self._program
            library = path.endswith(".so") and "/auto/" in path  # opened by the loader of perl's own process
            place = self._perl if library else place
            self._needed[path] = NeededFile(path, place, f"{by} ({detail})", KIND, "declared", library=library)


def _files(scene: Scene, folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in views.names(scene.view, folder)]
