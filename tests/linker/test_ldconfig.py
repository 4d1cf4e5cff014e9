"""What ldconfig would cache of a root, against ldconfig itself, and against the loader that reads the cache."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fromscratch.formats.ldso import cache as ldcache
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.host.machine.scan import scan
from fromscratch.linker import ldconfig
from fromscratch.linker.loader import read_loader
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.entry import Origin
from tests.engines import missing, need

X86_64, X32 = 0x0303, 0x0803
PROGRAM = 'int one(void); int puts(const char *); int main(void) { return puts(one() ? "own" : "any") < 0; }'


@pytest.fixture(scope="module", autouse=True)
def _here() -> None:
    if platform.machine() != "x86_64":
        missing("the libraries of these tests are those of x86-64")
    for program in ("gcc", "ldconfig"):
        need(program)


def compiled(path: Path, soname: str = "", *options: str, source: str = "int one(void) { return 0; }") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    name = [f"-Wl,-soname,{soname}"] if soname else []
    gcc("-shared", "-fPIC", "-nostdlib", *name, *options, "-o", str(path), source=source)
    return path


def gcc(*options: str, source: str) -> None:
    argv = ["gcc", "-x", "c", "-", "-x", "none", *options]
    subprocess.run(argv, input=source, text=True, check=True, capture_output=True)


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Libraries of several sonames and machines, to be copied into roots."""
    folder = tmp_path_factory.mktemp("libraries")
    for soname in ("libone.so.1", "libtwo.so.2", "libabs.so.3", "libten.so.10", "libten.so.9"):
        compiled(folder / soname, soname)
    compiled(folder / "bare")
    compiled(folder / "v2", "libone.so.1", "-Wl,-z,x86-64-v2", source="int one(void) { return 1; }")
    compiled(folder / "v3", "libone.so.1", "-Wl,-z,x86-64-v3", source="int one(void) { return 1; }")
    compiled(folder / "x32", "libone.so.1", "-mx32")
    # ldconfig up to 2.36 goes by the libc that a library of i386 needs.
    compiled(folder / "libc.so.6", "libc.so.6", "-m32")
    compiled(folder / "i386", "libone.so.1", "-m32", "-Wl,--no-as-needed", str(folder / "libc.so.6"))
    gcc("-c", "-o", str(folder / "object"), source="")
    return folder


@pytest.fixture
def root(tmp_path: Path, libraries: Path) -> Path:
    root = tmp_path / "root"
    first, second, legacy = root / "opt/first", root / "opt/second", root / "opt/legacy"
    for directory in (root / "etc/ld.so.conf.d", first, second, legacy, root / "lib", root / "usr/lib"):
        directory.mkdir(parents=True)
    (root / "etc/ld.so.conf").write_text("include /etc/ld.so.conf.d/*.conf\n/opt/linked/\n/opt/legacy\n")
    (root / "etc/ld.so.conf.d/a.conf").write_text("/opt/first\n/opt/none\n/opt/linked\n")
    (root / "opt/linked").symlink_to("/opt/second")

    def put(source: str, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(libraries / source, to)

    put("libone.so.1", first / "libone.so.1.2")
    (first / "libone.so.1").symlink_to("libone.so.1.2")
    (first / "libone.so").symlink_to("libone.so.1")
    put("v2", first / "glibc-hwcaps/x86-64-v2/libone.so.1.2")
    (first / "glibc-hwcaps/x86-64-v2/libone.so.1").symlink_to("libone.so.1.2")
    # Links of any name count here, and this is the last of those with the soname.
    (first / "glibc-hwcaps/x86-64-v2/other").symlink_to("libone.so.1.2")
    put("v3", first / "glibc-hwcaps/x86-64-v3/libone.so.1")
    for name in ("a:b", ".hidden"):
        put("libone.so.1", first / "glibc-hwcaps" / name / "libone.so.1")
    put("libtwo.so.2", second / "libtwo.so.2")
    put("libone.so.1", second / "libone.so.1")
    (second / "libalias.so").symlink_to("libtwo.so.2")  # no name that its soname begins with
    (second / "libabs.so.3").symlink_to("/opt/legacy/apart/libabs")
    put("libabs.so.3", legacy / "apart/libabs")
    for name in ("libten.so.9", "libten.so.10"):
        put(name, second / name)
    put("bare", second / "libbare-1.0.so")
    put("bare", second / "ld-odd.so.1")
    put("bare", second / "bare.so")
    put("x32", legacy / "libone.so.1")
    put("i386", root / "lib/libone.so.1")
    return root


def theirs(root: Path, *options: str) -> bytes:
    """The bytes of ldconfig's cache for the root."""
    argv = [need("ldconfig"), "-r", str(root), "-i", "-C", "/cache", *options]
    subprocess.run(argv, check=True, capture_output=True)
    made = (root / "cache").read_bytes()
    (root / "cache").unlink()
    return made


def interpreter() -> tuple[str, tuple[str, ...]]:
    """This machine's loader, and its directories."""
    loader_root = MachineRoot()
    python = loader_root.file(sys.executable)
    assert python is not None
    assert python.elf is not None
    assert python.elf.interpreter is not None
    return python.elf.interpreter, read_loader(loader_root, python.elf.interpreter, python.elf).directories


def check(root: Path, *options: str) -> tuple[ldcache.Entry, ...]:
    """That ldconfig writes the same bytes but for its own name. Gives the entries."""
    real = theirs(root, *options)
    known = ldcache.read(real)
    loader_root = MachineRoot(root)
    ours = ldcache.read(ldconfig.cache_bytes(loader_root, interpreter()[1]))
    assert ours.entries == known.entries
    assert ldcache.write(ours.entries, generator=known.generator) == real
    return ours.entries


def test_a_root_has_the_same_cache_as_by_ldconfig(root: Path) -> None:
    entries = check(root, "-X")
    assert [tuple(entry[:5]) for entry in entries if entry.soname == "libone.so.1"] == [
        ("libone.so.1", "/opt/legacy/libone.so.1", X32, None, 0),
        ("libone.so.1", "/opt/first/glibc-hwcaps/x86-64-v2/other", X86_64, "x86-64-v2", 1),
        ("libone.so.1", "/opt/first/glibc-hwcaps/x86-64-v3/libone.so.1", X86_64, "x86-64-v3", 2),
        ("libone.so.1", "/opt/first/libone.so.1", X86_64, None, 0),
        ("libone.so.1", "/opt/linked/libone.so.1", X86_64, None, 0),
        ("libone.so.1", "/lib/libone.so.1", 0x0003, None, 0),
    ]
    assert {entry.soname for entry in entries} > {"libone.so", "libbare-1.0.so", "ld-odd.so.1", "libabs.so.3"}


def test_a_tree_and_a_folder_have_the_same_cache(root: Path) -> None:
    tree = scan(root, Origin("test", "asked for", "root"))
    assert ldconfig.cache_bytes(TreeRoot(tree), ("/lib",)) == ldconfig.cache_bytes(MachineRoot(root), ("/lib",))


def test_this_machine_has_the_same_cache_as_by_ldconfig(tmp_path: Path) -> None:
    real = tmp_path / "cache"
    subprocess.run([need("ldconfig"), "-X", "-i", "-C", str(real)], check=True, capture_output=True)
    known = ldcache.read(real.read_bytes())
    ours = ldconfig.cache_bytes(MachineRoot(), interpreter()[1])
    assert ldcache.read(ours).entries == known.entries
    assert len(known.entries) > 20


def test_files_that_are_no_libraries(root: Path, libraries: Path) -> None:
    before = check(root, "-X")
    second = root / "opt/second"
    (second / "libscript.so").write_text("/* GNU ld script */ GROUP ( libtwo.so.2 )")
    (second / "libtext.so").write_text("# not by far\n" * 9)
    (second / "libempty.so").touch()
    (second / "libcut.so").write_bytes((libraries / "bare").read_bytes()[:60])
    (second / "libgone.so.1").symlink_to("nowhere")
    (second / "libself.so.1").symlink_to("libself.so.1")
    (second / "libdir.so").mkdir()
    (second / "libupper.so").symlink_to("..")
    os.mkfifo(second / "libpipe.so")
    for name in ("libnew.so.1;5f2b", "libnew.so.dpkg-new", "libnew.so.dpkg-tmp", "libnew.so.#prelink#.Ab12Cd"):
        shutil.copy(libraries / "libone.so.1", second / name)
    for name in ("libnew.so.#prelink#", "one.so", "lib.sx", "libobject.so"):
        shutil.copy(libraries / ("object" if name == "libobject.so" else "libone.so.1"), second / name)
    assert check(root, "-X") == before


def test_of_two_versions_of_a_soname_the_later_one_has_it(root: Path, libraries: Path) -> None:
    """ldconfig makes the link that is missing; our entry leads to where that link would."""
    second = root / "opt/second"
    for name in ("libnew-1.9.so", "libnew-1.10.so"):
        compiled(second / name, "libnew.so.1")
    (ours,) = [entry for entry in ldconfig.entries(MachineRoot(root), ["/opt/second"]) if entry.soname == "libnew.so.1"]
    assert ours.path == "/opt/second/libnew-1.10.so"
    known = ldcache.read(theirs(root))
    assert (second / "libnew.so.1").readlink() == Path("libnew-1.10.so")
    assert ldcache.lookup(known, "libnew.so.1", X86_64).baseline == "/opt/linked/libnew.so.1"
    check(root, "-X")


def test_a_directory_under_several_names_is_scanned_once(root: Path) -> None:
    (root / "opt/first/glibc-hwcaps/more").symlink_to("x86-64-v2")
    (root / "usr/lib/glibc-hwcaps").symlink_to("/opt/first/glibc-hwcaps")
    found = ldconfig.entries(MachineRoot(root), ["/opt/first", "/opt/../opt/first/", "/usr/lib"])
    assert len(found) == len(set(found)) == 4
    assert {entry.hwcaps for entry in found} in ({None, "x86-64-v3", "more"}, {None, "x86-64-v3", "x86-64-v2"})


def test_a_soname_that_is_a_path_is_in_no_cache(root: Path) -> None:
    compiled(root / "opt/first/libbad.so", "../../etc/libbad.so")
    compiled(root / "opt/first/libplain.so", "libplain.so")
    found = ldconfig.entries(MachineRoot(root), ["/opt/first"])
    assert "libplain.so" in {entry.soname for entry in found}
    assert not any("/" in entry.soname for entry in found)


def test_libraries_of_the_other_byte_order_are_in_a_cache_of_their_own(root: Path) -> None:
    assert ldconfig.entries(MachineRoot(root), ["/opt/first"], big_endian=True) == ()


# ---- the loader


@pytest.fixture
def system(root: Path) -> Path:
    """The root with a loader, a C library, and a program whose library only the cache knows."""
    name, directories = interpreter()
    libc = next(Path(each) / "libc.so.6" for each in directories if (Path(each) / "libc.so.6").exists())
    for path in (Path(name), libc):
        there = root / str(path).lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, there)
    gcc("-o", str(root / "program"), str(root / "opt/first/libone.so.1.2"), source=PROGRAM)
    return root


def answer(root: Path) -> subprocess.CompletedProcess[str]:
    argv = [need("unshare"), "--map-root-user", "--mount", need("chroot"), str(root), "/program"]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_the_loader_answers_from_our_cache_as_from_ldconfigs(system: Path) -> None:
    without = answer(system)
    if "unshare" in without.stderr or "chroot" in without.stderr:
        missing("this user may not make namespaces")
    assert without.returncode == 127
    assert "error while loading shared libraries: libone.so.1" in without.stderr
    made = system / "etc/ld.so.cache"
    made.write_bytes(theirs(system, "-X"))
    known = answer(system)
    made.write_bytes(ldconfig.cache_bytes(MachineRoot(system), interpreter()[1]))
    ours = answer(system)
    assert (ours.returncode, ours.stdout, ours.stderr) == (known.returncode, known.stdout, known.stderr)
    # Every processor of the last decade has x86-64-v2.
    flags = Path("/proc/cpuinfo").read_text()
    assert ours.stdout == ("own\n" if "sse4_2" in flags and "popcnt" in flags else "any\n")
    shutil.rmtree(system / "opt/first/glibc-hwcaps")
    made.write_bytes(ldconfig.cache_bytes(MachineRoot(system), interpreter()[1]))
    assert answer(system).stdout == "any\n"


def test_the_loader_answers_from_our_cache_where_ldconfig_would_have_made_a_link(system: Path) -> None:
    (system / "opt/first/libone.so.1").unlink()
    (system / "opt/second/libone.so.1").unlink()
    shutil.rmtree(system / "opt/first/glibc-hwcaps")
    (system / "etc/ld.so.cache").write_bytes(ldconfig.cache_bytes(MachineRoot(system), interpreter()[1]))
    assert answer(system).stdout == "any\n"
