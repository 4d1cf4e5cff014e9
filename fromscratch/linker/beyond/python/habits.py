"""Facts about CPython's standard library that its import statements do not show: 3.8 to 3.14, on Linux."""

from collections.abc import Iterable, Mapping

from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.python.imports import Import, Source
from fromscratch.linker.beyond.python.modules import Module

# What an interpreter imports before it reads a script: `python3 -X importtime -c pass`, with the codecs of the
# locales C, C.UTF-8 and Latin-1, what -m and a folder as a script need, and what its site.py imports if it is there.
START = (
    "encodings",
    "encodings.aliases",
    "encodings.utf_8",
    "encodings.ascii",
    "encodings.latin_1",
    "codecs",
    "io",
    "abc",
    "site",
    "os",
    "stat",
    "posixpath",
    "genericpath",
    "_collections_abc",
    "_sitebuiltins",
    "zipimport",
    "importlib.machinery",
    "importlib.util",
    "runpy",
    "warnings",
    "linecache",  # the lines of a traceback, from 3.13 on by the module of that name
    "sitecustomize",
    "usercustomize",
)

# Imported in C, or under a name that is computed.
_IMPORTED_INDIRECTLY: Mapping[str, tuple[str, ...]] = {
    "_asyncio": ("asyncio", "traceback", "weakref"),
    "_ctypes": ("ctypes",),
    "_datetime": ("_strptime",),
    "_decimal": ("numbers", "collections"),
    "_elementtree": ("copy", "xml.etree.ElementPath"),
    "_json": ("json.decoder",),
    "_pickle": ("_compat_pickle", "copyreg"),
    "_sqlite3": ("sqlite3.dump",),
    "_zoneinfo": ("zoneinfo._common", "zoneinfo._tzpath"),
    "ctypes": ("ctypes._endian",),
    "dbm": ("dbm.gnu", "dbm.ndbm", "dbm.dumb", "dbm.sqlite3"),
    "importlib.resources": ("importlib.readers",),
    "pydoc": ("pydoc_data.topics",),
    "socket": ("encodings.idna",),  # a name of a host that is text goes through this codec
    "traceback": ("_colorize",),
    "xml.dom.domreg": ("xml.dom.minidom",),
    "xml.sax": ("xml.sax.expatreader",),
    "zoneinfo": ("tzdata",),
}

# Used for names of functions that import in C, or that are the only use of an import within them.
_USED: Mapping[str, tuple[str, ...]] = {
    "popen": ("subprocess",),
    "strptime": ("_strptime",),
    "idna": ("encodings.idna",),
}

# Imports within functions, or that may fail, of the library itself: for its tests, for a person at a terminal, for
# other systems, and for Pythons without the module in C.
_SPARE = lazy_regex(
    r"_(aix|android|apple|ios|osx)_support|_bootsubprocess"  # other systems
    r"|_py_abc|_pydatetime|_pydecimal|_pyio|_pylong|_threading_local"  # in place of modules in C
    r"|argparse|doctest|getopt|idlelib|pdb|pydoc|rlcompleter|test|tkinter|turtledemo|_pyrepl"  # mains, tests, help
)
_EDGES = frozenset(
    {
        ("encodings", "encodings.mbcs"),  # Windows
        ("hashlib", "logging"),  # only to tell of a broken build
        ("importlib._bootstrap_external", "importlib.metadata"),  # called by importlib.metadata itself
        ("importlib._bootstrap_external", "importlib.readers"),  # called by importlib.resources
        ("multiprocessing.connection", "xmlrpc"),  # the protocol xmlrpclib, on request
        ("multiprocessing.context", "multiprocessing.popen_spawn_win32"),
        ("os", "subprocess"),  # popen: see above
        ("pkgutil", "imp"),
        ("pkgutil", "inspect"),
        ("platform", "plistlib"),  # macOS
        ("random", "statistics"),  # its own test
        ("site", "readline"),  # a terminal
        ("site", "sysconfig"),  # macOS
        ("site", "traceback"),  # a broken .pth file
        ("warnings", "tracemalloc"),  # if it runs already
        ("zipimport", "importlib.readers"),
    }
)

# Files that a package of the library reads, beside its modules.
DATA: Mapping[str, tuple[str, ...]] = {
    "ensurepip": ("_bundled",),
    "lib2to3": ("Grammar.txt", "PatternGrammar.txt"),
    "venv": ("scripts",),
}
# Taken by neither way of taking the library whole: its tests, its editor and its demonstrations, what is for
# building extensions, and what installs pip. Tk comes with the program that asks for it.
SPARED = ("ensurepip", "idlelib", "idle_test", "test", "tests", "tkinter", "turtle", "turtledemo", "__pycache__")
SPARED_EXTENSIONS = ("_test", "_xxtest", "xxlimited", "_ctypes_test", "_tkinter")

# What builds and installs packages: a package that could use it has no need of it in an image.
BUILD_TOOLS = frozenset({"_distutils_hack", "pip", "pkg_resources", "setuptools", "wheel"})

# Modules in C that an interpreter may have within itself, besides all that begin with an underscore.
BUILT_IN = lazy_regex(
    r"_.*|array|atexit|audioop|binascii|builtins|cmath|errno|faulthandler|fcntl|gc|grp|itertools|marshal|math|mmap|msvcrt"
    r"|nis|nt|ossaudiodev|posix|pwd|pyexpat|readline|resource|select|spwd|sys|syslog|termios|time|unicodedata|winreg"
    r"|winsound|xxsubtype|zlib"
)
EAST_ASIAN = ("_codecs_cn", "_codecs_hk", "_codecs_iso2022", "_codecs_jp", "_codecs_kr", "_codecs_tw")


def hidden_imports(module: Module, found: Source, *, standard: bool) -> Iterable[str]:
    """What a module imports although no import says so."""
    yield from _IMPORTED_INDIRECTLY.get(module.name, ())
    for use in sorted(found.uses):
        if not (standard and use == "popen"):
            yield from _USED[use]


def is_spare(module: Module, statement: Import, name: str) -> bool:
    """Whether an import that a module of the standard library makes is for none of the programs we bundle."""
    top, own = name.partition(".")[0], module.name.partition(".")[0]
    if statement.sure or (top == own and (module.name, name) not in _EDGES):
        return False
    return _SPARE.fullmatch(top) is not None or (module.name, name) in _EDGES
