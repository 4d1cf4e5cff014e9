"""Python: what packages require, and what sources and compiled extensions name in their strings."""

import pytest

from fromscratch.linker.beyond.contract import NeededFile
from fromscratch.linker.beyond.python import finder as python
from fromscratch.linker.beyond.python import literals
from fromscratch.linker.beyond.python.distributions import entry_points, recorded
from fromscratch.linker.beyond.python.requirements import Requirement, applies, from_metadata, from_requires
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import system
from tests.linker.beyond.python.test_finder import DIST, LIB, SYSTEM, app, files_for, warned
from tests.linker.beyond.scenes import elf as object_
from tests.linker.beyond.scenes import listing, paths_needed, scene

VENV = """
    l 0777 0:0 /srv/venv/bin/python -> /usr/bin/python3
    f 0644 0:0 /srv/venv/pyvenv.cfg 'home = /usr/bin\\n'
    f 0644 0:0 /srv/venv/lib/python3.11/site-packages/mine/__init__.py ''
"""
SITE = "/srv/venv/lib/python3.11/site-packages"


def test_what_a_package_requires_is_taken_with_it() -> None:
    requires = "Name: web\\nRequires-Dist: Deep_Part[fast]>=1\\nRequires-Dist: setuptools\\n"
    requires += "Requires-Dist: spare; extra == \\'dev\\'\\n"
    requires += "Requires-Dist: old; python_version < \\'3.9\\'\\n\\nRequires-Dist: no"
    block = app(
        "import web",
        f"f 0644 0:0 {DIST}/web/__init__.py ''",
        f"f 0644 0:0 {DIST}/web-1.dist-info/METADATA '{requires}'",
        f"f 0644 0:0 {DIST}/web-1.dist-info/RECORD 'web/__init__.py,,'",
        f"f 0644 0:0 {DIST}/deep.py 'import argparse'",
        f"f 0644 0:0 {DIST}/deep_part-2.dist-info/RECORD 'deep.py,,\\nspace/inner.py,,'",
        f"f 0644 0:0 {DIST}/deep_part-2.dist-info/METADATA 'Requires-Dist: quick; extra == \"fast\"'",
        f"f 0644 0:0 {DIST}/space/inner.py ''",
        *(f"f 0644 0:0 {DIST}/{name}/__init__.py ''" for name in ("spare", "old", "setuptools", "no")),
        *(f"f 0644 0:0 {DIST}/{name}-1.dist-info/METADATA ''" for name in ("spare", "old", "setuptools", "no")),
        f"f 0644 0:0 {DIST}/quick.py ''",
        f"f 0644 0:0 {DIST}/quick-1.egg-info ''",
    )
    assert files_for(block) == [
        f"{DIST}/deep",
        f"{DIST}/deep_part-2.dist-info/METADATA",
        f"{DIST}/deep_part-2.dist-info/RECORD",
        f"{DIST}/quick",
        f"{DIST}/quick-1.egg-info",
        f"{DIST}/space/inner",
        f"{DIST}/web-1.dist-info/METADATA",
        f"{DIST}/web-1.dist-info/RECORD",
        f"{DIST}/web/__init__",
        "argparse",
    ]


@pytest.mark.parametrize(
    ("marker", "true"),
    [
        ("", True),
        ("python_version >= '3.8'", True),
        ("python_version < '3.9' and extra == 'x'", False),
        ("sys_platform == 'win32' or platform_system == \"Linux\"", True),
        ("(os_name == 'nt' or extra == 'Fast_er') and python_version != '3.10.*'", True),
        ("'linux' in sys_platform", True),
        ("sys_platform not in 'linux darwin'", False),
        ("python_version ~= '3.8'", True),
        ("extra == 'other'", False),
        ("nobody_knows == '1'", True),
        ("((", True),
    ],
)
def test_conditions_of_requirements(marker: str, true: bool) -> None:
    known = {"python_version": "3.11", "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    assert applies(marker, known, {"fast-er"}) is true


def test_requirements_are_read_from_both_forms_of_metadata() -> None:
    assert from_metadata(b"Requires-Dist: A_b[x,Y] (>=1); os_name == 'nt'\n\nRequires-Dist: c") == (
        Requirement("a-b", frozenset({"x", "y"}), "os_name == 'nt'"),
    )
    assert from_requires(b"six>=1\n\n[dev:os_name == 'nt']\nzope.interface") == (
        Requirement("six"),
        Requirement("zope-interface", frozenset(), "extra == \"dev\" and (os_name == 'nt')"),
    )


def test_a_record_says_which_packages_and_modules_it_brings() -> None:
    files = "a/__init__.py a/b/__init__.py ../../bin/x ns/c/__init__.py ns/_d.abi3.so s.py x-1.dist-info/RECORD"
    assert recorded("\n".join(f"{file},," for file in files.split()).encode()) == ("a", "ns.c", "ns._d", "s")


def test_a_compiled_extension_imports_what_its_constant_data_names() -> None:
    data = b"\0_backend\0json\0email\0pack.core\0other.part\0argparse.h\0other\0"
    extension = f"{DIST}/pack/_c.abi3.so"
    block = app(
        "import pack",
        f"f 0644 0:0 {DIST}/pack/__init__.py 'from . import _c'",
        f"f 0644 0:0 {DIST}/pack/core.py ''",
        f"f 0644 0:0 {DIST}/_backend.py ''",
        f"f 0644 0:0 {DIST}/other/__init__.py ''",
        f"f 0644 0:0 {DIST}/other/part.py ''",
        f"f 0644 0:0 {LIB}/email.py ''",
    ).replace("f 0755 0:0 /usr/bin/python3.11 '\\x7fELF'", "")
    files = {extension: elf(data=data, imports=("PyImport_ImportModule",)), "/usr/bin/python3.11": elf(data=b"\0")}
    found = paths_needed(python.find(system(block, files, "/srv/app", "/usr/bin/python3.11", extension)))
    assert {path for path in found if path.startswith(DIST)} == {
        f"{DIST}/{name}"
        for name in (
            "pack/__init__.py",
            "pack/_c.abi3.so",
            "pack/core.py",
            "_backend.py",
            "other/__init__.py",
            "other/part.py",
        )
    }
    assert f"{LIB}/json/__init__.py" in found
    assert f"{LIB}/email.py" not in found


def test_plugins_come_along_if_their_group_is_asked_for() -> None:
    def asked(code: str) -> list[str]:
        return files_for(
            app(
                code,
                f"f 0644 0:0 {DIST}/plug.py ''",
                f"f 0644 0:0 {DIST}/plug-1.dist-info/entry_points.txt '[my.group]\\nname = plug:run\\n'",
                f"f 0644 0:0 {DIST}/plug-1.dist-info/RECORD 'plug.py,,'",
            )
        )

    assert f"{DIST}/plug" in asked("from importlib.metadata import entry_points\nentry_points(group='my.group')")
    assert f"{DIST}/plug" not in asked("from importlib.metadata import entry_points\nentry_points(group='my.other')")
    assert entry_points(b"[a]\nx = b.c:d [e]\n[console_scripts]\ny=f\n") == {"a": ["b.c"], "console_scripts": ["f"]}


def test_a_script_of_setuptools_begins_in_the_module_of_its_command() -> None:
    code = (
        "import sys\nfrom pkg_resources import load_entry_point\nload_entry_point('tool==1', 'console_scripts', 'go')"
    )
    block = app(
        code,
        f"f 0644 0:0 {DIST}/tool.py ''",
        f"f 0644 0:0 {DIST}/pkg_resources.py ''",
        f"f 0644 0:0 {DIST}/tool-1.egg-info/entry_points.txt '[console_scripts]\\ngo = tool:main\\n'",
    )
    assert f"{DIST}/tool" in files_for(block)


def test_a_string_of_the_programs_own_source_may_name_a_module() -> None:
    def named(text: str) -> list[str]:
        block = f"""
            {SYSTEM}
            {VENV}
            f 0755 0:0 /srv/app '#!/srv/venv/bin/python\\nx = {text}'
            f 0644 0:0 /srv/mysite/__init__.py ''
            f 0644 0:0 /srv/mysite/urls.py ''
            f 0644 0:0 /srv/main.py ''
        """
        return [name for name in files_for(block) if name not in ("/srv/venv/pyvenv.cfg", "argparse")]

    assert named('"mysite.urls.patterns"') == named('"mysite"') == ["/srv/mysite/__init__", "/srv/mysite/urls"]
    assert named('"mine"') == [f"{SITE}/mine/__init__"]
    assert named('"main:app"') == ["/srv/main"]
    assert named('"main"') == named('"argparse"') == named('"json"') == named('"nowhere.at.all"') == []
    assert "json/tool" in named('"json.tool"')


def test_libraries_are_opened_by_name() -> None:
    block = app("import ctypes\nctypes.CDLL('libuuid.so.1')\nx = find_library('magic')")
    objects = {"/usr/bin/python3.11": object_(), "/usr/lib/libc.so.6": object_(soname="libc.so.6")}
    block += "\n".join(
        [
            "",
            *(f"f 0644 0:0 /usr/lib/{name} '\\x7fELF'" for name in ("libc.so.6", "libmagic.so.1", "libmagic.so.1.0.0")),
        ]
    )
    it = scene(block, "/srv/app", "/usr/bin/python3", "/usr/lib/libc.so.6", objects=objects)
    found = [each for each in python.find(it) if isinstance(each, NeededFile) and each.confidence == "likely"]
    assert [(each.path, each.library, each.optional) for each in found] == [
        ("libuuid.so.1", True, True),
        ("libmagic.so.1", True, True),
    ]
    assert literals.libraries(b"x = 'libuuid.so.1'") == literals.Libraries()


def test_a_source_that_does_not_say_what_reads_it_has_the_environment_beside_it() -> None:
    block = f"""
        {SYSTEM}
        {VENV}
        f 0644 0:0 /srv/app/web.py 'import mine'
    """
    assert files_for(block, "/srv/app/web.py") == [f"{SITE}/mine/__init__", "/srv/venv/pyvenv.cfg"]


def test_a_package_installed_as_editable_is_found_where_its_source_lies() -> None:
    mapping = 'from __future__ import annotations\\nMAPPING: dict[str, str] = {\\"work\\": \\"/home/me/work\\"}\\n'
    block = app(
        "import work.part",
        "f 0644 0:0 /home/me/work/__init__.py ''",
        "f 0644 0:0 /home/me/work/part.py ''",
        f"f 0644 0:0 {DIST}/__editable__.work-1.pth 'import __editable___work_1_finder'",
        f'f 0644 0:0 {DIST}/__editable___work_1_finder.py "{mapping}"',
    )
    assert files_for(block) == [
        "/home/me/work/__init__",
        "/home/me/work/part",
        f"{DIST}/__editable__.work-1.pth",
        f"{DIST}/__editable___work_1_finder",
    ]


def test_one_message_says_what_is_missing_and_none_what_a_program_can_do_without() -> None:
    block = app(
        "import pack, other",
        f"f 0644 0:0 {DIST}/pack/__init__.py 'from . import a, b\\ntry:\\n from . import c\\nexcept ImportError: pass'",
        f"f 0644 0:0 {DIST}/pack/a.py 'import nowhere.x\\nif sys.version_info > (3, 14): import newer'",
        f"f 0644 0:0 {DIST}/pack/b.py 'import nowhere\\nimport pack.made'",
        f"f 0644 0:0 {DIST}/pack/c.py 'import optional'",
        f"f 0644 0:0 {DIST}/other.py 'def f(): import pack.d'",
        f"f 0644 0:0 {DIST}/pack/d.py 'import lazily'",
    )
    assert warned(block) == [
        f"warning python {DIST}/pack/a.py imports nowhere.x (and so does 1 other file), which Python 3.11 finds nowhere"
        " on its path"
    ]


def test_tools_that_build_packages_stay_out_unless_something_needs_them() -> None:
    def uses(code: str, program: str = "import pack") -> bool:
        block = app(
            program,
            f"f 0644 0:0 {DIST}/pack.py '{code}'",
            f"f 0644 0:0 {DIST}/setuptools/__init__.py ''",
        )
        return f"{DIST}/setuptools/__init__" in files_for(block)

    assert not uses("import setuptools", "def f(): import pack")
    assert uses("", "def f(): import setuptools")
    assert uses("import setuptools")
    assert not uses("def f(): import setuptools")
    assert not uses("try: import setuptools\\nexcept ImportError: pass")


def test_the_modules_of_a_program_that_has_an_interpreter_within_it_lie_in_its_data_folder() -> None:
    library = "/usr/lib/libpython3.11.so.1.0"
    block = f"""
        f 0644 0:0 {LIB}/os.py ''
        f 0644 0:0 {LIB}/site.py ''
        f 0644 0:0 /usr/share/gdb/python/gdb/__init__.py ''
        f 0644 0:0 /usr/share/gdb/python/gdb/command/frame.py ''
        f 0644 0:0 /usr/share/doc/python/x ''
    """
    program = elf(interpreter="/lib/ld.so", needed=["libpython3.11.so.1.0"], data=b"\0/usr/share/gdb\0/usr/share/doc\0")
    files = {"/usr/bin/gdb": program, library: elf(soname="libpython3.11.so.1.0")}
    folder = "/usr/share/gdb/python"
    assert listing(python.find(system(block, files))).splitlines()[-2:] == [
        f"python declared /usr/share/gdb/python/gdb/{name} opened by /usr/bin/gdb (its own modules in {folder})"
        for name in ("__init__.py", "command/frame.py")
    ]


def test_time_zones_that_sources_name_come_along() -> None:
    block = app(
        "import zoneinfo\nx = 'Europe/Berlin', 'Text/Plain'",
        f"f 0644 0:0 {LIB}/zoneinfo.py ''",
        "f 0644 0:0 /usr/share/zoneinfo/Europe/Berlin ''",
        "f 0644 0:0 /usr/share/zoneinfo/Europe/Paris ''",
    )
    assert [name for name in files_for(block) if "Europe" in name] == ["/usr/share/zoneinfo/Europe/Berlin"]
