"""The toolchain that is made of this machine's own compiler, and the stand-ins for Buildroot's host tools."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fromscratch.errors import MissingTool, UsageError
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.sources.buildroot.toolchain import host
from fromscratch.sources.buildroot.toolchain import host_tools as tools


@pytest.fixture(scope="module")
def compiler() -> host.HostCompiler:
    try:
        return host.identify(Platform.of_this_machine())
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
    assert run(tmp_path / "hello") == "hello\n"


def test_it_is_what_buildroot_takes_for_a_c_toolchain_without_openmp(
    toolchain: host.HostToolchain, tmp_path: Path
) -> None:
    gcc = toolchain.path / "bin" / f"{toolchain.prefix}-gcc"
    assert Path(run(gcc, "-print-file-name=libc.a").strip()).is_relative_to(toolchain.path / "sysroot")
    assert run(gcc, "-print-file-name=libstdc++.a").strip() == "libstdc++.a"  # that is: there is none
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


def test_only_this_machines_architecture() -> None:
    other = "arm64" if Platform.of_this_machine().architecture != "arm64" else "amd64"
    with pytest.raises(UsageError, match=f"the image is for linux/{other}"):
        host.identify(Platform("linux", other))


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
