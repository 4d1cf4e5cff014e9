"""Folders of this machine as roots: nothing leads out of them, nothing blocks, and what changes is said."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fromscratch.errors import FormatError, ImageError, IntegrityError, NotInTree
from fromscratch.formats.elf.headers import Elf, Read
from fromscratch.host.container.materialise import materialise
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.host.machine.view import MachineView, with_hard_links
from fromscratch.linker.closure import Linker
from fromscratch.linker.ld_so_conf import conf_directories
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model import view as views
from fromscratch.model.entry import Device, Directory, Fifo, File, HardLink, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, ancestors, decode
from tests.engines import need, need_root
from tests.formats.elf.made import elf
from tests.linker.roots import GLIBC, SYSTEM_DIRS, lib, paths, program
from tests.strategies import PLAIN_METAS, files, trees

SECRET = "outside"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a secret beside it."""
    (tmp_path / SECRET).mkdir()
    (tmp_path / SECRET / "liba.so").write_bytes(lib())
    (tmp_path / "root/lib").mkdir(parents=True)
    return tmp_path / "root"


def put(root: Path, pieces: dict[str, bytes]) -> MachineRoot:
    for path, data in pieces.items():
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / path[1:]).write_bytes(data)
    return MachineRoot(root)


# Nothing leads out


@pytest.mark.parametrize("up", ["absolute", "relative", "through /proc/self/root"])
def test_no_symlink_leads_out_of_a_root(root: Path, up: str) -> None:
    outside = root.parent / SECRET
    target = {
        "absolute": str(outside),
        "relative": f"../../{SECRET}",
        "through /proc/self/root": f"/proc/self/root{outside}",
    }[up]
    (root / "lib/out").symlink_to(target)
    view, machine_root = MachineView(root), MachineRoot(root)
    assert os.path.exists(root / "lib/out/liba.so")  # so it would, for who follows it  # noqa: PTH110
    assert views.place(view, "/lib/out") is None
    assert view.get(TreePath("/lib/out/liba.so")) is None
    assert list(view.children(TreePath("/lib/out"))) == []
    assert "liba.so" not in machine_root.names("/lib/out")
    assert machine_root.file("/lib/out/liba.so") is None
    with pytest.raises(NotInTree), machine_root.reading("/lib/out/liba.so"):
        pass


def test_nor_does_a_path_with_many_steps_up(root: Path) -> None:
    machine_root = put(root, {"/lib/libb.so": lib()})
    assert machine_root.file(f"/../../{SECRET}/liba.so") is None
    assert machine_root.file(f"{root.parent}/{SECRET}/liba.so") is None
    assert machine_root.file("/../../lib/../lib/libb.so") is not None
    assert list(machine_root.names(f"/../{SECRET}")) == []  # type: ignore[call-overload]


def test_nor_does_a_search_path_in_a_program(root: Path) -> None:
    outside = root.parent / SECRET
    (root / "opt").mkdir()
    (root / "opt/link").symlink_to(outside)
    rpath = f"{outside}:/opt/link:$ORIGIN/../../{SECRET}:/../{SECRET}"
    made = Linker([put(root, {"/bin/prog": program("liba.so", f"{outside}/liba.so", rpath=rpath)})]).program(
        "/bin/prog"
    )
    assert [each.name for each in made.missing] == [GLIBC, "liba.so", f"{outside}/liba.so"]


def test_an_absolute_symlink_stays_in_the_root(root: Path) -> None:
    machine_root = put(root, {"/srv/liba.so": lib(), "/bin/prog": program("liba.so"), GLIBC: elf(data=SYSTEM_DIRS)})
    (root / "lib/liba.so").symlink_to("/srv/liba.so")
    assert paths(Linker([machine_root]).program("/bin/prog")) == ["/lib/liba.so"]
    assert machine_root.place("/lib/liba.so") == "/srv/liba.so"


def test_the_root_may_be_named_by_a_symlink(root: Path) -> None:
    put(root, {"/lib/liba.so": lib()})
    (root.parent / "name").symlink_to(root)
    assert MachineRoot(root.parent / "name").file("/lib/liba.so") is not None


def test_circles_end(root: Path) -> None:
    (root / "lib/liba.so").symlink_to("liba.so")
    (root / "lib/libb.so").symlink_to("/lib/libc.so")
    (root / "lib/libc.so").symlink_to("libb.so")
    (root / "loop").symlink_to("loop/x")
    machine_root = MachineRoot(root)
    for path in ("/lib/liba.so", "/lib/libb.so", "/loop/x"):
        assert machine_root.file(path) is None
        assert views.is_circular(machine_root.view, path)
    whole = MachineRoot()
    assert whole.file(f"{root}/lib/liba.so") is None
    assert whole.place(f"{root}/none") is None


# The same as the tree

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(st.sampled_from(["a", "b", "c", "a", "b", "c", "..", ".", ""]), min_size=1, max_size=5)
PATHS = st.tuples(st.sampled_from(["", "/"]), STEPS).map(lambda parts: parts[0] + "/".join(parts[1]) or "a")
LINKS = st.builds(Symlink, PLAIN_METAS, PATHS)
ROOTS = trees(names=NAMES, metas=PLAIN_METAS, leaves=st.one_of(LINKS, LINKS, files(PLAIN_METAS)), size=12)


@settings(max_examples=60)
@given(tree=ROOTS, asked=st.lists(PATHS, max_size=8))
def test_a_folder_and_the_tree_that_was_written_there_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, tree: Rootfs, asked: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("same")
    materialise(tree, folder)
    view, machine_root, other = MachineView(folder), MachineRoot(folder), TreeRoot(tree)
    assert [(path, type(view.get(path))) for path in views.below(view, ROOT)] == [
        (path, type(tree.inode(path))) for path in tree
    ]
    for path in asked:
        assert views.place(view, path) == views.place(tree, path)
        assert views.is_circular(view, path) == views.is_circular(tree, path)
        assert list(views.glob(view, f"/{path}/*")) == list(views.glob(tree, f"/{path}/*"))
        assert machine_root.place(path) == other.place(path)
        assert (machine_root.file(path) is None) == (other.file(path) is None)
        assert {name for name in "abc" if name in machine_root.names(path)} == other.names(path)


@given(tree=ROOTS)
@settings(max_examples=30)
def test_every_place_has_a_view_to_itself(tmp_path_factory: pytest.TempPathFactory, tree: Rootfs) -> None:
    """No symlink is among the parents of what a view shows."""
    folder = tmp_path_factory.mktemp("parents")
    materialise(tree, folder)
    view = MachineView(folder)
    for path in tree:
        for name in "abc":
            below = TreePath(f"{path}/{name}".replace("//", "/"))
            if view.get(below) is not None:
                assert all(isinstance(view.get(above), Directory) for above in ancestors(below))


# What is not a file


def test_what_is_no_regular_file_is_never_read(root: Path) -> None:
    os.mkfifo(root / "lib/fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(root / "lib/socket"))
    machine_root = MachineRoot(root)
    for name in ("fifo", "socket", "none", ""):
        assert machine_root.file(f"/lib/{name}") is None
    assert isinstance(machine_root.view.get(TreePath("/lib/fifo")), Fifo)
    assert machine_root.view.get(TreePath("/lib/socket")) is None
    assert MachineRoot().file("/dev/null") is None
    assert isinstance(MachineView().get(TreePath("/dev/null")), Device)


def test_a_fifo_in_place_of_a_library_blocks_nothing(root: Path) -> None:
    os.mkfifo(root / "lib/liba.so")
    machine_root = put(root, {"/bin/prog": program("liba.so", rpath="/lib:/srv"), "/srv/liba.so": lib()})
    made = Linker([machine_root]).program("/bin/prog")
    assert [node.path for node in made.nodes] == ["/bin/prog", "/srv/liba.so"]


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "a\0b", "\udcff", "\n", ""])
def test_no_name_is_too_odd_to_ask_for(root: Path, name: str) -> None:
    put(root, {"/etc/ld.so.conf": f"/{name}\n/lib\n".encode("utf-8", "surrogateescape")})
    for machine_root in (MachineRoot(root), MachineRoot()):
        assert machine_root.file(f"/lib/none/{name}") is None
        assert "liba.so" not in machine_root.names(f"/none/{name}")
        assert machine_root.place(f"/none/{name}") is None
        assert machine_root.view.get(TreePath(f"/none{name}")) is None
    assert conf_directories(MachineView(root))[-1] == "/lib"


@pytest.fixture
def ordinary() -> Iterator[Path]:
    """A folder to be looked into as an ordinary user, whom file modes bind."""
    folder = Path(mkdtemp(prefix="ordinary"))
    folder.chmod(0o755)
    yield folder
    if os.geteuid() != os.getuid():
        os.seteuid(os.getuid())
    (folder / "closed").chmod(0o755)
    shutil.rmtree(folder)


def test_what_this_user_may_not_read_is_named(ordinary: Path) -> None:
    put(ordinary, {"/bin/prog": program("liba.so", rpath="/closed"), "/lib/liba.so": lib(), "/closed/liba.so": lib()})
    (ordinary / "lib/liba.so").chmod(0)
    (ordinary / "closed").chmod(0)
    if os.getuid() == 0:
        os.seteuid(65534)
    inside, whole = MachineRoot(ordinary), MachineRoot()
    for machine_root, before in ((inside, ""), (whole, os.fspath(ordinary))):
        opened = machine_root.file(f"{before}/lib/liba.so")
        assert opened is not None
        assert (opened.elf, opened.fault) == (None, "it cannot be read: Permission denied")
        assert "liba.so" not in machine_root.names(f"{before}/closed")
    with pytest.raises(ImageError, match=r"cannot look at .*/closed: Permission denied"):
        MachineView(ordinary).children(TreePath("/closed"))
    with (
        pytest.raises(ImageError, match=r"cannot look at .*liba\.so: Permission denied"),
        inside.reading("/lib/liba.so"),
    ):
        pass


def test_a_folder_that_may_be_entered_and_not_listed_still_gives_its_files(ordinary: Path) -> None:
    put(ordinary, {"/bin/prog": program("liba.so", rpath="/closed"), "/closed/liba.so": lib()})
    (ordinary / "closed").chmod(0o711)
    if os.getuid() == 0:
        os.seteuid(65534)
    assert paths(Linker([MachineRoot(ordinary)]).program("/bin/prog")) == ["/closed/liba.so"]


# What changes


def test_a_file_that_changes_while_it_is_read_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_root = put(root, {"/lib/liba.so": lib()})

    def cut_short(read: Read) -> Elf:
        with open(root / "lib/liba.so", "ab") as file:
            file.write(b"more")
        raise FormatError("it ends within its header", "")

    monkeypatch.setattr("fromscratch.host.machine.loader_root.read_elf", cut_short)
    with pytest.raises(IntegrityError, match=r"/lib/liba\.so changed while it was read"):
        machine_root.file("/lib/liba.so")


def test_what_was_looked_at_stays_as_it_was(root: Path) -> None:
    machine_root = put(root, {"/lib/liba.so": lib()})
    view = machine_root.view
    assert machine_root.file("/lib/liba.so") is not None
    assert list(view.children(TreePath("/lib"))) == ["liba.so"]
    assert isinstance(view.get(TreePath("/lib/liba.so")), File)
    (root / "lib/liba.so").unlink()
    assert machine_root.file("/lib/liba.so") is not None
    assert list(view.children(TreePath("/lib"))) == ["liba.so"]
    assert isinstance(view.get(TreePath("/lib/liba.so")), File)


def test_a_file_that_is_gone_when_it_is_read_again_is_an_error(root: Path) -> None:
    machine_root = put(root, {"/lib/liba.so": lib()})
    assert machine_root.file("/lib/liba.so") is not None
    (root / "lib/liba.so").unlink()
    with pytest.raises(ImageError), machine_root.reading("/lib/liba.so"):
        pass


# Names and inodes


def test_names_of_any_bytes_are_found(root: Path) -> None:
    odd = b"lib\xff\n.so"
    with open(os.fsencode(root) + b"/lib/" + odd, "wb") as file:
        file.write(lib())
    name = decode(odd)
    machine_root = put(root, {"/bin/prog": program(name, rpath="/lib")})
    assert paths(Linker([machine_root]).program("/bin/prog")) == [f"/lib/{name}"]


def test_two_names_of_one_inode_are_equal(root: Path) -> None:
    machine_root = put(root, {"/lib/liba.so": lib(), "/lib/libc.so": lib()})
    (root / "lib/libb.so").hardlink_to(root / "lib/liba.so")
    one, two, other = (machine_root.file(f"/lib/lib{letter}.so") for letter in "abc")
    assert one is not None
    assert two is not None
    assert other is not None
    assert one.identity == two.identity != other.identity


def test_files_of_one_inode_become_names_of_one_inode(root: Path) -> None:
    put(root, {"/lib/liba.so": b"a", "/lib/libc.so": b"a", "/lib/empty": b""})
    (root / "lib/libb.so").hardlink_to(root / "lib/liba.so")
    view = MachineView(root)
    used = {path: view.get(path) for path in views.below(view, ROOT)}
    tree = with_hard_links(Rootfs({path: entry for path, entry in used.items() if entry}))
    assert {path: entry.target for path, entry in tree.items() if isinstance(entry, HardLink)} == {
        "/lib/libb.so": "/lib/liba.so"
    }
    assert with_hard_links(tree) == tree


def test_a_file_that_is_gone_by_then_is_an_error(root: Path) -> None:
    put(root, {"/lib/liba.so": b"a"})
    view = MachineView(root)
    tree = Rootfs({path: entry for path in views.below(view, ROOT) if (entry := view.get(path))})
    (root / "lib/liba.so").unlink()
    with pytest.raises(IntegrityError, match="changed"):
        with_hard_links(tree)


def test_a_device_of_a_root_is_one_in_the_tree(root: Path) -> None:
    need_root("making a device")
    subprocess.run([need("mknod"), os.fspath(root / "lib/null"), "c", "1", "3"], check=True)
    entry = MachineView(root).get(TreePath("/lib/null"))
    assert isinstance(entry, Device)
    assert (entry.kind, entry.major, entry.minor) == ("c", 1, 3)
    assert MachineRoot(root).file("/lib/null") is None
