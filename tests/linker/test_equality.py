"""The loader model against the loaders' own answers: on every program of this machine, and on a foreign tree."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fromscratch.flow import assembly
from fromscratch.host.container.materialise import materialise
from fromscratch.host.machine import apt as apt_config
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.host.machine.view import MachineView
from fromscratch.host.storage.store import Store
from fromscratch.linker.closure import Linker, Program
from fromscratch.model import view as views
from fromscratch.model.image import Platform
from fromscratch.recipe import schema as recipe
from tests.engines import missing, need, need_root
from tests.linker.ld_so import LoaderOutput, is_elf, run_loader

FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/lib/git-core")
FOREIGN = Platform.parse("linux/arm64")
FOREIGN_PACKAGES = (
    "bash",
    "coreutils",
    "curl",
    "git",
    "jq",
    "openssl",
    "perl",
    "python3",
    "util-linux",
    "sqlite3",
    "libc-bin",
)


def programs(root: Path, folders: tuple[str, ...] = FOLDERS) -> list[str]:
    """The ELF programs of these folders, by the places that they have in the root: execve(2) goes by those."""
    view = MachineView(root)
    places = (views.place(view, f"{folder}/{name}") for folder in folders for name in views.names(view, folder))
    return list(dict.fromkeys(each for each in places if each and is_elf(root / each[1:])))


def compared(linker: Linker, paths: list[str], oracle: dict[str, LoaderOutput]) -> list[str]:
    """Every program that the model and the loader disagree about."""
    wrong = []
    for path in paths:
        ours, theirs = linker.program(path), oracle[path]
        if not same(ours, theirs):
            mine = sorted(node.path for node in ours.nodes[1:])
            wrong.append(f"{path}: {mine} {ours.missing} against {sorted(theirs.paths)} {sorted(theirs.missing)}")
    return wrong


def same(ours: Program, theirs: LoaderOutput) -> bool:
    """Paths are compared as they were opened; the loader itself answers to the name that it was started by."""
    own = {node.path for node in ours.nodes[1:]}
    return own == theirs.paths and {each.name for each in ours.missing} == theirs.missing


@pytest.mark.slow
def test_every_program_of_this_machine_has_the_closure_that_its_loader_gives_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = programs(Path("/"))
    linker = Linker([MachineRoot()])
    oracle = {path: asked(linker, path) for path in paths}
    assert compared(linker, paths, oracle) == []
    dynamic = [path for path in paths if linker.program(path).links]
    with capsys.disabled():
        edges = sum(len(linker.program(path).nodes) - 1 for path in paths)
        print(f"\n{len(paths)} programs, {len(dynamic)} of them dynamic, {edges} objects: equal to the loader's answer")
    assert len(dynamic) > 100


def asked(linker: Linker, path: str) -> LoaderOutput:
    interpreter = linker.program(path).nodes[0].elf.interpreter
    return run_loader(path, interpreter) if interpreter else LoaderOutput(frozenset(), frozenset())


@pytest.fixture(scope="module")
def foreign_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Debian tree of another architecture, made of real packages, as its ldconfig has not seen it yet."""
    need_root("entering a foreign tree")
    qemu = need("qemu-aarch64-static")
    if not apt_config.mirrors():
        missing("this machine has no apt sources to take a mirror from")
    folder = tmp_path_factory.mktemp("foreign")
    packages = ", ".join(FOREIGN_PACKAGES)
    text = f"name: foreign\nrootfs: [{{debian: {{suite: bookworm, packages: [{packages}]}}}}]\n"
    job = assembly.Job(
        recipe=recipe.parse(text, "test"),
        folder=folder,
        store=Store(folder / "store"),
        output=folder / "build",
        platforms=(FOREIGN,),
    )
    assembly.fetch(job)
    tree, _ = assembly.root(job, FOREIGN)
    root = folder / "root"
    root.mkdir()
    materialise(tree, root)
    shutil.copy(qemu, root / "qemu")
    return root


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.parametrize("cached", [False, True], ids=["before ldconfig", "after ldconfig"])
def test_every_program_of_a_foreign_tree_has_the_closure_that_its_own_loader_gives_it(
    foreign_root: Path, cached: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if cached:
        subprocess.run([need("chroot"), str(foreign_root), "/qemu", "/sbin/ldconfig"], check=True, env={})
    paths = programs(foreign_root)
    linker = Linker([MachineRoot(foreign_root)], cache_only=True)
    runner = (need("chroot"), str(foreign_root), "/qemu")
    oracle = {}
    for path in paths:
        interpreter = linker.program(path).nodes[0].elf.interpreter
        oracle[path] = (
            run_loader(path, interpreter, runner=runner) if interpreter else LoaderOutput(frozenset(), frozenset())
        )
    assert compared(linker, paths, oracle) == []
    with capsys.disabled():
        print(f"\n{len(paths)} programs for {FOREIGN}: equal to the answer of their own loader under qemu")
    assert len(paths) > 100
