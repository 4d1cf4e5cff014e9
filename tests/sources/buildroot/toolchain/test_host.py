"""The toolchain that is made of this machine's own compiler, and the stand-ins for Buildroot's host tools."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fromscratch.errors import MissingTool, UsageError
from fromscratch.host.process import run as run_module
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.sources.buildroot.toolchain import debian_packages, host, sysroot
from fromscratch.sources.buildroot.toolchain import host_tools as tools
from fromscratch.sources.buildroot.toolchain.debian_packages import DebianTarget

CPLUSPLUS = """\
#include <iostream>
#include <stdexcept>
#include <thread>
int main() {
    try { throw std::runtime_error("thrown"); }
    catch (const std::exception &said) { std::thread([&] { std::cout << said.what() << " in a thread\\n"; }).join(); }
}
"""


PLATFORMS = {
    "linux/386": "i386",
    "linux/amd64": "x86_64",
    "linux/arm/v5": "arm",
    "linux/arm/v6": "arm",
    "linux/arm/v7": "arm",
    "linux/arm64": "aarch64",
    "linux/ppc64le": "ppc64le",
    "linux/riscv64": "riscv64",
    "linux/s390x": "s390x",
}  # and the name that qemu has for each
FOREIGN = [pytest.param(text, marks=pytest.mark.slow) for text in PLATFORMS]


@pytest.fixture(scope="module", params=["native", *FOREIGN])
def compiler(request: pytest.FixtureRequest) -> host.HostCompiler:
    own = request.param == "native"
    platform = Platform.of_this_machine() if own else Platform.parse(request.param)
    if not own and platform == Platform.of_this_machine():
        pytest.skip("this is the machine's own platform")
    try:
        return host.identify(platform)
    except MissingTool as error:
        pytest.skip(error.message)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def toolchain(compiler: host.HostCompiler, store: Store) -> host.HostToolchain:
    return host.make(store, compiler)


def run(*argv: object) -> str:
    done = subprocess.run([str(one) for one in argv], check=True, capture_output=True)
    return (done.stdout + done.stderr).decode()


def test_it_compiles_against_its_own_sysroot_only(
    compiler: host.HostCompiler, toolchain: host.HostToolchain, tmp_path: Path
) -> None:
    (tmp_path / "hello.c").write_text('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    gcc = toolchain.path / "bin" / f"{toolchain.prefix}-gcc"
    said = run(gcc, "-H", "-Wl,-t", tmp_path / "hello.c", "-o", tmp_path / "hello")
    files = [line.lstrip(". ") for line in said.splitlines() if "/" in line and "/tmp/cc" not in line]
    # The compiler's own headers are links, and gcc names what they lead to.
    own = (toolchain.path / "sysroot", toolchain.path / "driver", compiler.library_folder, tmp_path)
    outside = [name for name in files if not name.startswith(tuple(map(str, own)))]
    assert outside == []
    assert started(compiler, toolchain, tmp_path / "hello") == "hello\n"


def started(compiler: host.HostCompiler, toolchain: host.HostToolchain, program: Path) -> str:
    """What a program says when the loader of the sysroot starts it, under qemu where it is of another machine."""
    sysroot = toolchain.path / "sysroot"
    loader = next(path for path in sorted(sysroot.rglob("ld*.so.*")) if path.is_file())
    folders = {str(path.parent) for name in ("libc.so.6", "libstdc++.so.6") for path in sysroot.rglob(name)}
    call = [loader, "--library-path", ":".join(sorted(folders)), program]
    if not compiler.target.triple:
        return run(*call)
    known = [
        name for text, name in PLATFORMS.items() if debian_packages.target_of(Platform.parse(text)) == compiler.target
    ]
    emulator = shutil.which(f"qemu-{known[0]}-static") or shutil.which(f"qemu-{known[0]}")
    if emulator is None:
        pytest.skip(f"qemu-{known[0]} is not on this machine")
    return run(emulator, *call)


def test_programs_of_cplusplus_run_with_the_libraries_of_the_sysroot(
    compiler: host.HostCompiler, toolchain: host.HostToolchain, tmp_path: Path
) -> None:
    if not toolchain.cplusplus:
        pytest.skip("there is no g++ for it on this machine")
    (tmp_path / "hello.cc").write_text(CPLUSPLUS)
    gxx = toolchain.path / "bin" / f"{toolchain.prefix}-g++"
    said = run(gxx, "-Wl,-t", tmp_path / "hello.cc", "-o", tmp_path / "hello")
    libraries = [line for line in said.splitlines() if "libstdc++" in line]
    assert [line.startswith(str(toolchain.path / "sysroot")) for line in libraries] == [True] * len(libraries) != []
    assert started(compiler, toolchain, tmp_path / "hello") == "thrown in a thread\n"


def test_buildroot_does_not_take_it_for_the_compiler_of_a_distribution(toolchain: host.HostToolchain) -> None:
    said = run(toolchain.path / "bin" / f"{toolchain.prefix}-gcc", "-v")
    assert "gcc version" in said
    assert "--with-sysroot=/ " not in said


def test_it_is_what_buildroot_takes_for_a_toolchain_without_openmp(
    toolchain: host.HostToolchain, tmp_path: Path
) -> None:
    gcc = toolchain.path / "bin" / f"{toolchain.prefix}-gcc"
    assert Path(run(gcc, "-print-file-name=libc.a").strip()).is_relative_to(toolchain.path / "sysroot")
    cplusplus = run(gcc, "-print-file-name=libstdc++.a").strip()
    assert cplusplus == "libstdc++.a" or Path(cplusplus).is_relative_to(toolchain.path / "sysroot")
    (tmp_path / "omp.c").write_text("#include <omp.h>\n")
    with pytest.raises(subprocess.CalledProcessError):
        run(gcc, "-fopenmp", "-c", tmp_path / "omp.c", "-o", tmp_path / "omp.o")
    assert not (toolchain.path / "sysroot" / "etc").exists()
    assert toolchain.headers >= (3, 0)


def test_it_is_made_once_for_a_state_of_the_compiler(
    compiler: host.HostCompiler, toolchain: host.HostToolchain, store: Store
) -> None:
    state = toolchain.path.stat()
    assert host.make(store, compiler) == toolchain
    assert toolchain.path.stat().st_ino == state.st_ino


def test_a_platform_that_debian_compiles_nothing_for_is_refused() -> None:
    with pytest.raises(UsageError, match="no programs for linux/loong64"):
        host.identify(Platform("linux", "loong64"))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_is_missing_is_named_with_the_line_that_installs_it(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(run_module, "SYSTEM_PATH", str(tmp_path))
    with pytest.raises(MissingTool) as caught:
        host.identify(Platform.parse(platform))
    assert caught.value.hint.startswith("on Debian or Ubuntu: apt-get install gcc")
    assert "toolchain:" not in caught.value.hint  # that would lead in a circle


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/usr/powerpc64le-linux-gnu/lib/libc.so.6", "usr/lib/powerpc64le-linux-gnu/libc.so.6"),
        ("/usr/powerpc64le-linux-gnu/lib/ld64.so.2", "usr/lib/powerpc64le-linux-gnu/ld64.so.2"),
        ("/usr/powerpc64le-linux-gnu/lib64/ld64.so.2", None),
        ("/usr/powerpc64le-linux-gnu/include/linux/version.h", "usr/include/linux/version.h"),
        ("/usr/powerpc64le-linux-gnu/include/c++/12/map", None),
        ("/usr/lib/powerpc64le-linux-gnu/gconv/gconv-modules", "usr/lib/powerpc64le-linux-gnu/gconv/gconv-modules"),
        ("/usr/share/doc/libc6/copyright", None),
        ("/usr/powerpc64le-linux-gnu", None),
    ],
)
def test_where_files_of_a_cross_compiler_stand_in_the_sysroot(path: str, place: str | None) -> None:
    target = DebianTarget("powerpc64le-linux-gnu", "ppc64el")
    assert sysroot.destination(target, "powerpc64le-linux-gnu", path) == place


@pytest.mark.parametrize(
    ("rpath", "left"),
    [
        ("ROOT/usr/lib/mine", "/usr/lib/mine"),
        ("ROOT/usr/lib:/lib:/usr/lib", ""),
        ("$ORIGIN/../lib:/build/nowhere", "$ORIGIN/../lib"),
        ("/opt/app", "/opt/app"),
    ],
)
def test_the_stand_in_of_patchelf_cleans_what_would_lead_out_of_the_image(
    rpath: str, left: str, tmp_path: Path
) -> None:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not on this machine")
    try:
        found = tools.identify()
    except MissingTool as error:
        pytest.skip(error.message)
    root = tmp_path / "target"
    (root / "opt" / "app").mkdir(parents=True)
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    program = root / "main"
    run("gcc", tmp_path / "main.c", "-o", program, "-Wl,-rpath," + rpath.replace("ROOT", str(root)))
    tools.lay_out(found, tmp_path / "tools")
    stand_in = tmp_path / "tools" / "patchelf" / "stand-in"
    run(stand_in, "--make-rpath-relative", root, "--no-standard-lib-dirs", program)
    assert run(stand_in, "--print-rpath", program).strip() == left
