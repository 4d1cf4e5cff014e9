"""Which libraries the programs of an image get: those of the packages before those of this machine."""

from pathlib import Path

import pytest

from fromscratch.errors import ImageError
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.host.machine.scan import scan
from fromscratch.host.process import run
from fromscratch.model.entry import Origin
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.progress import SILENT
from fromscratch.sources.portage.libraries import with_libraries

pytestmark = pytest.mark.slow
MACHINE = ("this machine", MachineRoot())
HERE = Platform.of_this_machine()
ORIGIN = Origin("portage x", "shipped in", "app-misc/x 1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A program, and a library with the soname of one that most machines have."""
    run.need("gcc", "the program")
    for folder in ("usr/bin", "usr/lib64"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "one.c").write_text("int one(void) { return 1; }\n")
    (tmp_path / "main.c").write_text("int one(void);\nint main(void) { return one() - 1; }\n")
    library = tmp_path / "usr/lib64/libz.so.1"
    run.run(["gcc", "-shared", "-fPIC", "-Wl,-soname,libz.so.1", "-o", str(library), str(tmp_path / "one.c")])
    run.run(["gcc", "-o", str(tmp_path / "usr/bin/x"), str(tmp_path / "main.c"), str(library)])
    return tmp_path


def tree(root: Path, *without: str) -> Rootfs:
    whole = scan(root, ORIGIN, owner=(0, 0), skip=lambda path: path.endswith(".c"))
    return whole.without([TreePath(path) for path in without])


def test_the_library_of_a_package_is_taken_wherever_the_loader_looks_first(root: Path) -> None:
    made = with_libraries(tree(root), Rootfs(), MACHINE, "portage x", HERE, SILENT)
    names = [path.rpartition("/")[2] for path in made]
    assert names.count("libz.so.1") == 1
    assert {"libc.so.6", "ld.so.cache"} <= set(names)


def test_what_is_below_comes_before_this_machine(root: Path) -> None:
    below = with_libraries(tree(root), Rootfs(), MACHINE, "portage x", HERE, SILENT)
    above = tree(root, "/usr/lib64/libz.so.1")
    assert with_libraries(above, below, MACHINE, "portage y", HERE, SILENT) == above


def test_a_library_that_is_nowhere_is_named(root: Path) -> None:
    library = root / "usr/lib64/libabsent.so.9"
    run.run(["gcc", "-shared", "-fPIC", "-Wl,-soname,libabsent.so.9", "-o", str(library), str(root / "one.c")])
    run.run(["gcc", "-o", str(root / "usr/bin/x"), str(root / "main.c"), str(library)])
    with pytest.raises(ImageError, match=r"libabsent\.so\.9, needed by /usr/bin/x"):
        with_libraries(tree(root, "/usr/lib64/libabsent.so.9"), Rootfs(), MACHINE, "portage x", HERE, SILENT)
