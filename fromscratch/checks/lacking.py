"""What an image lacks: of the paths that programs asked for in vain, those that probably made them fail.

Programs look for much that need not be there. Left out are paths of which another place had the file, what a system
makes when it runs, and optional files of the C library and of languages.
"""

import posixpath
import re
from collections.abc import Collection, Iterator

from msgspec.structs import replace

from fromscratch.checks.contract import Lack, Sort
from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import MAGIC, read_elf
from fromscratch.formats.trace.events import Event, Trace
from fromscratch.linker.beyond.scripts.shebang import HEAD, shebang
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import encode

_RANK: tuple[Sort, ...] = (
    "interpreter",
    "program",
    "library",
    "accounts",
    "certificates",
    "data",
    "time zone",
    "locale",
)
_SORTS: tuple[tuple[Sort, re.Pattern[str]], ...] = (
    ("interpreter", re.compile(r"/(ld[-.][^/]*|s?bin/([bd]?ash|sh|env))$")),
    ("accounts", re.compile(r"/etc/(passwd|group|shadow)$|/libnss_[^/]*$")),
    ("library", re.compile(r"\.so(\.[^/]*)?$")),
    ("program", re.compile(r"/(s?bin|libexec)/[^/]*$")),
    ("certificates", re.compile(r"/(certs|ca-certificates|pki|ca-bundle)(/|$)|/etc/ssl/|\.(pem|crt|cer)$")),
    ("time zone", re.compile(r"/zoneinfo/")),
    ("locale", re.compile(r"/locale/")),
)
# What nobody misses: made by the system that runs, optional, or looked for on behalf of a person who is not there.
_OPTIONAL = re.compile(
    r"/(proc|sys|dev|run|tmp|var/run|var/tmp)(/|$)"
    r"|/etc/(ld\.so\.(preload|cache)|nsswitch\.conf|host\.conf|gai\.conf|resolv\.conf|localtime|default/nss|svc\.conf)$"
    r"|.*/(glibc-hwcaps|tls|haswell|avx512_1|x86_64|nscd|LC_MESSAGES|__pycache__)(/|$)"
    r"|.*/\.[^/]+"
    r"|.*/(locale-archive|locale\.alias|gconv-modules\.cache|pyvenv\.cfg|pybuilddir\.txt|openssl\.cnf|terminfo)$"
    r"|.*/(dist-packages|site-packages|site_perl|vendor_perl|vendor_ruby|perl5|perl-base|python[0-9]+\.zip)$"
    r"|.*(-thread-multi|/perl[^/]*/[0-9.]+|_perl/[0-9.]+)$"
    r"|/(etc/)?selinux(/|$)"
    r"|.*\.(pyc|pmc|_pth)$"
)


def lacking(trace: Trace, tree: Rootfs, commands: Collection[tuple[str, ...]], output: bytes) -> tuple[Lack, ...]:
    """What the runs of these commands lacked, the likeliest reason of a failure first; `output` is what they said."""
    runs = {run.number for run in trace.runs if run.command in commands}
    events = [event for event in trace.events if event.run in runs]
    found = _Found(events)
    lacks: dict[str, Lack] = {}
    for event in reversed(events):  # the last thing that was not there is the likeliest
        for lack in _of_event(event, tree, found):
            key = _key(lack)
            if key not in lacks or _is_better(lack):
                lacks[key] = lack
    checked = [replace(lack, is_named=_is_named(lack.path, output)) for lack in lacks.values()]
    return tuple(sorted(checked, key=lambda lack: (not lack.is_named, not lack.is_likely, _RANK.index(lack.sort))))


class _Found:
    """What was found by the same runs: full paths, and the names of files in whatever folder they were."""

    def __init__(self, events: list[Event]) -> None:
        present = [event for event in events if event.kind != "missing"]
        self.paths = {posixpath.normpath(event.path) for event in present}
        self.names = {posixpath.basename(path) for path in self.paths}
        self.stems = {_stem(path) for path in self.paths}
        self.sorts = {_sort(event.path) for event in present if event.kind == "open"}


def _of_event(event: Event, tree: Rootfs, found: _Found) -> Iterator[Lack]:
    path = posixpath.normpath(event.path)
    if event.kind == "exec" or (event.kind == "missing" and tree.find(path) is not None):
        interpreter = _interpreter(tree, path)
        if interpreter and tree.find(interpreter) is None:
            yield Lack(interpreter, path, "interpreter")
    elif event.kind == "missing" and path not in found.paths and not _OPTIONAL.match(path):
        sort = _sort(path)
        is_elsewhere = posixpath.basename(path) in found.names or (sort == "certificates" and sort in found.sorts)
        if not is_elsewhere and _stem(path) not in found.stems:
            yield Lack(_folder_of_locale(path) if sort == "locale" else path, event.process, sort)


def _stem(path: str) -> str:
    """The path up to the first dot of its name: languages look for a module in several forms, of which one is there.

    Of a library the rest is its version, so that it is its own stem.
    """
    folder, name = posixpath.split(path)
    return path if name.startswith(("lib", ".")) else f"{folder}/{name.partition('.')[0]}"


def _is_named(path: str, output: bytes) -> bool:
    """Whether output names the path, or the file by a name that is not an everyday word."""
    name = posixpath.basename(path)
    return encode(path) in output or ("." in name and len(name) > 5 and encode(name) in output)


def _sort(path: str) -> Sort:
    return next((sort for sort, pattern in _SORTS if pattern.search(path)), "data")


def _key(lack: Lack) -> str:
    """The same for what is looked for in several places, of which one would do."""
    match lack.sort:
        case "library" | "program" | "interpreter":
            return posixpath.basename(lack.path)
        case "certificates" | "locale":
            return lack.sort
        case _:
            return lack.path


def _is_better(lack: Lack) -> bool:
    """Whether this place, where it was looked for before another, is the one to name: most often the first."""
    return lack.sort != "program" or lack.path.startswith("/usr/bin/")


def _folder_of_locale(path: str) -> str:
    """All categories of a locale, LC_TIME and the others, come together."""
    return path.partition("/LC_")[0]


def _interpreter(tree: Rootfs, path: str) -> str:
    """What the kernel loads to execute a file of the tree: the loader of a program, or what follows #!."""
    entry = tree.find(path)
    if not isinstance(entry, File):
        return ""
    with entry.content.open() as stream:
        head = stream.read(HEAD)
        if head[:4] != MAGIC:
            line = shebang(head)
            return line.interpreter if line else ""

        def read(offset: int, size: int) -> bytes:
            stream.seek(offset)
            return stream.read(size)

        try:
            return read_elf(read).interpreter or ""
        except FormatError:
            return ""
