"""Python: the library of an interpreter, cut to what programs import; compared with what an interpreter does import."""

import json
import re
import subprocess
import sys
import warnings
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.host.machine.view import MachineView
from fromscratch.linker.beyond.contract import NeededFile
from fromscratch.linker.beyond.python import finder as python
from fromscratch.linker.beyond.python import habits as python_habits
from fromscratch.linker.beyond.python import imports as python_imports
from fromscratch.linker.beyond.python.imports import Import, source
from fromscratch.linker.beyond.python.modules import Modules
from fromscratch.linker.beyond.python.tree import tree_of, trees
from fromscratch.linker.beyond.scripts import finder as scripts
from fromscratch.paths import tree_path
from tests.engines import missing
from tests.linker.beyond.roots import Root
from tests.linker.beyond.scenes import listing, paths_needed, scene, settled
from tests.steps import check_growth
from tests.trees import text

LIB = "/usr/lib/python3.11"
SYSTEM = f"""
    f 0755 0:0 /usr/bin/python3.11 '\\x7fELF'
    l 0777 0:0 /usr/bin/python3 -> python3.11
    f 0644 0:0 {LIB}/os.py 'import stat\\ndef popen(): import subprocess'
    f 0644 0:0 {LIB}/stat.py 'from _stat import *'
    f 0644 0:0 {LIB}/site.py '"dist-packages"'
    f 0644 0:0 {LIB}/subprocess.py ''
    f 0644 0:0 {LIB}/encodings/__init__.py 'from . import aliases'
    f 0644 0:0 {LIB}/encodings/aliases.py ''
    f 0644 0:0 {LIB}/encodings/utf_8.py ''
    f 0644 0:0 {LIB}/encodings/cp500.py ''
    f 0644 0:0 {LIB}/json/__init__.py 'from .decoder import X\\nfrom json import tool as y'
    f 0644 0:0 {LIB}/json/decoder.py 'try:\\n import _json\\nexcept ImportError: pass'
    f 0644 0:0 {LIB}/json/tool.py 'import argparse'
    f 0644 0:0 {LIB}/json/spare.py ''
    f 0644 0:0 {LIB}/json/__pycache__/tool.cpython-311.pyc ''
    f 0644 0:0 {LIB}/argparse.py ''
    f 0644 0:0 {LIB}/importlib/__init__.py ''
    f 0644 0:0 {LIB}/test/x.py ''
    f 0644 0:0 {LIB}/idlelib/x.py ''
    f 0644 0:0 {LIB}/config-3.11-x86_64-linux-gnu/Makefile ''
    f 0644 0:0 {LIB}/lib-dynload/_json.cpython-311-x86_64-linux-gnu.so '\\x7fELF'
    f 0644 0:0 {LIB}/lib-dynload/_json.cpython-310-x86_64-linux-gnu.so '\\x7fELF'
    f 0644 0:0 {LIB}/lib-dynload/_testcapi.cpython-311-x86_64-linux-gnu.so '\\x7fELF'
    f 0644 0:0 {LIB}/lib-dynload/_codecs_jp.cpython-311-x86_64-linux-gnu.so '\\x7fELF...'
"""
START = ["importlib/__init__", "encodings/__init__", "encodings/aliases", "encodings/utf_8", "os", "site", "stat"]
EAST_ASIAN = "Python's codecs for Chinese, Japanese and Korean, which /usr/bin/python3.11 loads when text names one"
REAL = "/usr/bin/python3"


def app(code: str, *more: str, at: str = "/srv/app") -> str:
    return "\n".join([SYSTEM, f"f 0755 0:0 {at} {'#!/usr/bin/python3' + chr(10) + code!r}", *more])


def files_for(block: str, *asked: str, search: tuple[str, ...] = ()) -> list[str]:
    """What is wanted besides what every interpreter takes, without its common folder and suffix."""
    paths = paths_needed(python.find(scene(block, *(asked or ("/srv/app",)), "/usr/bin/python3"), search=search))
    names = [path.removeprefix(f"{LIB}/").removesuffix(".py") for path in paths]
    return sorted(name for name in names if name not in START and name != "encodings/cp500")


def warned(block: str) -> list[str]:
    findings = python.find(scene(block, "/srv/app", "/usr/bin/python3"))
    return [line for line in listing(findings).splitlines() if line.startswith("warning")]


def test_an_interpreter_alone_takes_its_library_whole_without_what_tests_builds_and_demonstrates() -> None:
    found = paths_needed(python.find(scene(SYSTEM, "/usr/bin/python3")))
    left = ["json/__init__", "json/decoder", "json/spare", "json/tool", "subprocess", "argparse", "encodings/cp500"]
    assert sorted(found) == sorted(
        [f"{LIB}/{name}.py" for name in (*START, *left)]
        + [f"{LIB}/lib-dynload/{name}.cpython-311-x86_64-linux-gnu.so" for name in ("_json", "_codecs_jp")]
        + [f"{LIB}/lib-dynload/_json.cpython-310-x86_64-linux-gnu.so"]
    )


def test_a_program_takes_what_it_imports_and_what_an_interpreter_needs_to_start() -> None:
    _, findings = settled(scene(app("import stat"), "/srv/app"), scripts.find, python.find)
    assert listing(findings) == text(f"""
        interpreter certain /usr/bin/python3 interpreter of /srv/app (#!/usr/bin/python3)
        python declared {LIB}/encodings/__init__.py opened by /usr/bin/python3.11 (import encodings)
        python declared {LIB}/encodings/aliases.py opened by /usr/bin/python3.11 (import encodings.aliases)
        python declared {LIB}/encodings/utf_8.py opened by /usr/bin/python3.11 (import encodings.utf_8)
        python declared {LIB}/site.py opened by /usr/bin/python3.11 (import site)
        python declared {LIB}/os.py opened by /usr/bin/python3.11 (import os)
        python declared {LIB}/stat.py opened by /usr/bin/python3.11 (import stat)
        python declared {LIB}/importlib/__init__.py opened by /usr/bin/python3.11 (import importlib.machinery)
        python declared {LIB}/encodings/cp500.py opened by /usr/bin/python3.11 (codecs are imported by name)
        offer python {EAST_ASIAN}
    """)


JSON = "argparse json/__init__ json/decoder json/tool lib-dynload/_json.cpython-311-x86_64-linux-gnu.so"


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import json", JSON),
        ("from json import decoder, X", JSON),
        ("from importlib import import_module\nimport_module('argparse')", "argparse"),
        ("from json import x\nx.import_module('argparse')", JSON),
        ("__import__('argparse')", "argparse"),
        ("def f(): import argparse", "argparse"),
        ("if __name__ == '__main__': import argparse", "argparse"),
        ("import sys\nif sys.platform == 'win32': import argparse", ""),
        ("if TYPE_CHECKING: import argparse", ""),
        ("import os; os.popen('ls')", "subprocess"),
        ("import os.path", ""),
        ("import math, _struct, sys", ""),
    ],
)
def test_imports_are_read_without_running(code: str, names: str) -> None:
    assert files_for(app(code)) == names.split()
    assert not warned(app(code))


def test_an_import_that_finds_nothing_is_told_unless_the_program_can_do_without() -> None:
    assert warned(app("import nowhere.to.be")) == [
        "warning python /srv/app imports nowhere.to.be, which Python 3.11 finds nowhere on its path"
    ]
    for code in ("try: import nowhere\nexcept ImportError: pass", "def f(): import nowhere", "from . import x"):
        assert not warned(app(code))


def test_a_program_has_its_own_folder_and_pythonpath_before_the_library() -> None:
    block = app(
        "import stat, other, space.inner",
        "f 0644 0:0 /srv/stat.py 'import json.spare'",
        "f 0644 0:0 /opt/more/other.py ''",
        "f 0644 0:0 /opt/more/space/inner.abi3.so '\\x7fELF'",
    )
    assert files_for(block, search=("/opt/more",)) == [
        "/opt/more/other",
        "/opt/more/space/inner.abi3.so",
        "/srv/stat",
        "argparse",
        "json/__init__",
        "json/decoder",
        "json/spare",
        "json/tool",
        "lib-dynload/_json.cpython-311-x86_64-linux-gnu.so",
    ]


PACKAGES = """
    f 0644 0:0 /usr/lib/python3/dist-packages/pack/__init__.py 'from .core import go'
    f 0644 0:0 /usr/lib/python3/dist-packages/pack/core.py ''
    f 0644 0:0 /usr/lib/python3/dist-packages/pack/lazy.py 'import argparse, single'
    f 0644 0:0 /usr/lib/python3/dist-packages/pack/data/table.json ''
    f 0644 0:0 /usr/lib/python3/dist-packages/pack/__pycache__/core.cpython-311.pyc ''
    f 0644 0:0 /usr/lib/python3/dist-packages/The_Pack-1.0.dist-info/METADATA ''
    f 0644 0:0 /usr/lib/python3/dist-packages/The_Pack-1.0.dist-info/RECORD 'pack/core.py,,\\nThe_Pack-1.0.dist-info/R,'
    f 0644 0:0 /usr/lib/python3/dist-packages/single.py ''
    f 0644 0:0 /usr/lib/python3/dist-packages/single-2.egg-info ''
    f 0644 0:0 /usr/lib/python3/dist-packages/other/__init__.py ''
    f 0644 0:0 /usr/lib/python3/dist-packages/away.pth '# a comment\\nimport os\\n/opt/away\\n'
    f 0644 0:0 /opt/away/far.py ''
"""
DIST = "/usr/lib/python3/dist-packages"


def test_a_package_of_others_is_taken_whole_with_its_record_and_what_its_parts_need_of_the_library() -> None:
    assert files_for(app("import pack") + PACKAGES) == [
        f"{DIST}/The_Pack-1.0.dist-info/METADATA",
        f"{DIST}/The_Pack-1.0.dist-info/RECORD",
        f"{DIST}/pack/__init__",
        f"{DIST}/pack/core",
        f"{DIST}/pack/data/table.json",
        f"{DIST}/pack/lazy",
        "argparse",
    ]
    assert files_for(app("import single") + PACKAGES) == [f"{DIST}/single", f"{DIST}/single-2.egg-info"]
    assert files_for(app("import far") + PACKAGES) == ["/opt/away/far", f"{DIST}/away.pth"]


def test_a_virtual_environment_has_packages_of_its_own_and_its_file_comes_along() -> None:
    block = f"""
        {SYSTEM}
        {PACKAGES}
        l 0777 0:0 /venv/bin/python -> /usr/bin/python3
        f 0644 0:0 /venv/pyvenv.cfg 'home = /usr/bin\\ninclude-system-site-packages = false\\n'
        f 0644 0:0 /venv/lib/python3.11/site-packages/mine.py ''
        f 0755 0:0 /srv/app '#!/venv/bin/python\\nimport mine, single'
    """
    assert files_for(block) == ["/venv/lib/python3.11/site-packages/mine", "/venv/pyvenv.cfg"]
    assert warned(block) == ["warning python /srv/app imports single, which Python 3.11 finds nowhere on its path"]
    open_to_all = block.replace("= false", "= true")
    assert f"{DIST}/single" in files_for(open_to_all)


def test_the_whole_library_comes_beside_what_programs_import_from_elsewhere() -> None:
    block = app("import single") + PACKAGES
    whole = partial(python.find, mode="whole")
    found = paths_needed(settled(scene(block, "/srv/app"), scripts.find, whole)[1])
    assert f"{DIST}/single.py" in found
    assert f"{LIB}/lib-dynload/_codecs_jp.cpython-311-x86_64-linux-gnu.so" in found


def test_modules_that_were_asked_for_are_read_as_parts_of_their_package() -> None:
    block = f"""
        {SYSTEM}
        f 0644 0:0 /srv/pack/__init__.py ''
        f 0644 0:0 /srv/pack/__main__.py 'from .inner import one'
        f 0644 0:0 /srv/pack/inner.py 'from .. import far\\nimport argparse'
        f 0644 0:0 /srv/pack/text.txt ''
    """
    assert files_for(block, "/srv/pack/__main__.py") == [
        "/srv/pack/__init__",
        "/srv/pack/__main__",
        "/srv/pack/inner",
        "/srv/pack/text.txt",
        "argparse",
    ]


def test_what_cannot_be_compiled_takes_the_whole_library_and_is_told() -> None:
    assert "json/spare" in files_for(app("print 1"))
    assert warned(app("print 1"))[0].startswith("warning python the imports of /srv/app cannot be read: Python cannot")


def test_compiled_code_comes_along_if_asked_for() -> None:
    found = paths_needed(python.find(scene(app("import json"), "/srv/app", "/usr/bin/python3"), pycache=True))
    assert [path for path in found if path.endswith(".pyc")] == [f"{LIB}/json/__pycache__/tool.cpython-311.pyc"]


@pytest.mark.parametrize(
    ("program", "library"),
    [
        ("/usr/bin/python3.11", "/usr/lib/python3.11"),
        ("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", "/usr/lib/python3.11"),
        ("/opt/python/bin/python3", "/opt/python/lib64/python3.13"),
        ("/opt/python/bin/python3.13t", None),
        ("/opt/gdb/bin/gdb", None),
    ],
)
def test_an_interpreter_finds_its_library_above_itself(program: str, library: str | None) -> None:
    block = """
        f 0644 0:0 /usr/lib/python3.11/os.py ''
        f 0644 0:0 /opt/python/lib64/python3.13/os.py ''
    """
    it = scene(block + f"f 0755 0:0 {program} '\\x7fELF'", program)
    found = tree_of(it, tree_path(program))
    assert (found.library if found else None) == library
    assert [each.library for each in trees(it)] == ([library] if library else [])


def test_each_import_tells_its_level_and_whether_it_is_certain() -> None:
    code = b"""
import a.b
from .. import c, d
with suppress(ImportError): import e
class F:
    import f
    def g(self): from .g import x
else_ = lambda: __import__(".h")
"""
    assert source(code).imports == (
        Import("a.b"),
        Import("", 2, ("c", "d")),
        Import("e", sure=False),
        Import("f"),
        Import("g", 1, ("x",), sure=False, lazy=True),
        Import("h", 1, sure=False, lazy=True),
    )


PIECES = [
    "import a",
    "from . import b",
    "try:",
    " ",
    "\n",
    "(",
    "-",
    "lambda:",
    "'''",
    "\0",
    "if x:",
    "#",
    "é",
    "0x",
    "\\",
]


@given(
    st.one_of(
        st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map(lambda all_: "".join(all_).encode())
    )
)
def test_any_bytes_are_read_as_a_source_or_refused(raw: bytes) -> None:
    with suppress(FormatError):
        source(raw)


@pytest.mark.parametrize(
    "piece", [b"(", b"-", b"[", b"a.", b"1+", b"not ", b"f'{", b"x:\n ", b"def f():pass\n", b"await "]
)
def test_what_is_nested_or_repeated_beyond_measure_is_refused_or_read_with_work_that_grows_with_the_size_only(
    piece: bytes,
) -> None:
    def work(size: int) -> None:
        python_imports._SOURCES.clear()
        with suppress(FormatError):
            source(piece * size)

    check_growth(work, 300, python_imports)


def test_a_module_of_absurd_depth_is_none() -> None:
    assert not files_for(app("import " + ".".join(["a"] * 5000)))


PROBE = """
import json, sys
before = set(sys.modules)
out = {}
for name in sys.argv[1:]:
    try: __import__(name)
    except Exception: continue
print(json.dumps({name: getattr(module, "__file__", None) for name, module in sys.modules.items() if module}))
"""
# Modules whose import opens a window, starts a browser, prints, or is for another system or for tests.
_APART = re.compile(
    "antigravity|this|idlelib|turtle|turtledemo|tkinter|test|lib2to3|ensurepip|nt|_pyrepl|__hello__|__phello__"
)


@pytest.mark.slow
def test_what_an_interpreter_imports_for_each_module_of_its_library_is_among_what_we_take(tmp_path: Path) -> None:
    """The interpreter is run once for each module; what it has loaded then must be within our closure of it."""
    if not Path(REAL).exists():
        missing(f"{REAL} is not on this machine")
    place = str(Path(REAL).resolve())
    view = MachineView(Path("/"))
    it = scene(view, place)
    tree = next(trees(it))
    modules = Modules(it, tree.standard, tree.version)
    names = [name for name in modules.children(tree.library) if name.isidentifier()]
    names += [path.parent.name for path in Path(tree.library).glob("*/__init__.py")]
    tried = 0
    for name in sorted({name for name in names if not _APART.fullmatch(name)}):
        listing_ = subprocess.run([REAL, "-I", "-S", "-c", PROBE, name], capture_output=True, text=True, check=False)
        if listing_.returncode:
            continue
        loaded = {file for file in json.loads(listing_.stdout.splitlines()[-1]).values() if file}
        program = tmp_path / f"{name}_.py"
        program.write_text(f"import {name}, json")
        whole = scene(view, place, str(program))
        ours = {want.path for want in python.find(whole) if isinstance(want, NeededFile)}
        assert {str(Path(file)) for file in loaded if file.startswith(tree.library)} <= ours, name
        tried += 1
    print(f"{tried} modules")
    assert tried > 150


APP = """#!/usr/bin/env -S /usr/bin/python3 -I
import asyncio, datetime, decimal, hashlib, json, logging.config, socket, sqlite3, ssl, subprocess, zoneinfo
import urllib.request
import xml.etree.ElementTree as tree
from concurrent.futures import ThreadPoolExecutor
async def main():
    await asyncio.sleep(0)
    return "slept"
assert json.loads('{"a": [1]}') == {"a": [1]}
assert sqlite3.connect(":memory:").execute("select sqlite_version() > '3'").fetchall() == [(1,)]
assert ssl.create_default_context().minimum_version and hashlib.sha3_256(b"").hexdigest() and hashlib.new("md5")
assert datetime.datetime.strptime("2020-02-03", "%Y-%m-%d").month == 2 and decimal.Decimal("0.1") * 3
assert tree.fromstring("<a><b/></a>").find("b") is not None
assert "é".encode("cp1252") == b"\\xe9" and "bücher.example".encode("idna") == b"xn--bcher-kva.example"
with ThreadPoolExecutor(1) as pool:
    assert list(pool.map(abs, [-1])) == [1]
try: zoneinfo.ZoneInfo("Europe/Berlin")
except zoneinfo.ZoneInfoNotFoundError: pass
print(asyncio.run(main()))
"""


@pytest.mark.slow
def test_a_program_runs_in_a_root_with_nothing_else(tmp_path: Path) -> None:
    if not Path(REAL).exists():
        missing(f"{REAL} is not on this machine")
    program = tmp_path / "upper/srv/app"
    program.parent.mkdir(parents=True)
    program.write_text(APP)
    program.chmod(0o755)
    root = Root(tmp_path, Path("/srv/app"), upper=tmp_path / "upper")
    done = root.run(scripts.find, python.find)
    assert (done.stdout, done.stderr) == ("slept\n", "")
    assert root.last is not None
    files = [place for place in root.last.entries if place.startswith("/usr/lib/python3")]
    assert 100 < len(files) < 400


@pytest.mark.slow
def test_an_interpreter_alone_runs_with_its_whole_library(tmp_path: Path) -> None:
    if not Path(REAL).exists():
        missing(f"{REAL} is not on this machine")
    root = Root(tmp_path, Path(REAL))
    code = "import ctypes, curses, email, unittest, venv, wsgiref, pydoc, shelve, tomllib, lzma, bz2\n"
    code += "print('かな'.encode('euc_jp'))"
    done = root.run(scripts.find, python.find, args=("-I", "-W", "ignore", "-c", code))
    assert (done.stdout, done.stderr) == ("b'\\xa4\\xab\\xa4\\xca'\n", "")


@pytest.mark.slow
def test_a_program_with_packages_of_others_runs_without_the_rest(tmp_path: Path) -> None:
    if not Path("/usr/lib/python3/dist-packages/pygments").is_dir():
        missing("python3-pygments is not on this machine")
    program = tmp_path / "upper/srv/app"
    program.parent.mkdir(parents=True)
    program.write_text(
        "#!/usr/bin/python3\nimport pygments, pygments.lexers, pygments.formatters, importlib.metadata\n"
        "lexer = pygments.lexers.get_lexer_by_name('c')\n"
        "print(len(pygments.highlight('int x;', lexer, pygments.formatters.get_formatter_by_name('html'))) > 50)\n"
        "print(importlib.metadata.version('Pygments') > '2')\n"
    )
    program.chmod(0o755)
    done = Root(tmp_path, Path("/srv/app"), upper=tmp_path / "upper").run(scripts.find, python.find)
    assert (done.stdout, done.stderr) == ("True\nTrue\n", "")


def test_the_habits_name_modules_that_python_has() -> None:
    """A slip of the pen in the tables would go unseen: each name is one that some Python from 3.8 to 3.14 has."""
    gone = {"_android_support", "_apple_support", "_ios_support", "_pydatetime", "_pylong", "_pyrepl", "_colorize"}
    gone |= {"audioop", "nis", "ossaudiodev", "spwd", "msvcrt"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = set(sys.stdlib_module_names) | gone | {"sitecustomize", "usercustomize", "tzdata", "test"}
    listed = {name for names in python_habits._IMPORTED_INDIRECTLY.values() for name in names} | set(
        python_habits.START
    )
    assert {name.partition(".")[0] for name in listed | set(python_habits._IMPORTED_INDIRECTLY)} <= known
