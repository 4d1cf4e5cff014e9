"""Folders of this machine as trees: everything is kept, no symlink is followed, nothing is left out silently."""

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import ImageError
from fromscratch.formats.tar.tree import read_tree
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.machine.scan import fingerprint, scan
from fromscratch.host.process.run import environment, run
from fromscratch.model.content import HostFile, read
from fromscratch.model.entry import Directory, File, HardLink, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.xattrs import belongs_to_file
from fromscratch.paths import TreePath, encode, matcher
from tests.sameness import everything
from tests.strategies import NAMES, PLAIN_METAS, files, trees
from tests.trees import listed, text

HERE = Origin("test", "found in", "here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir(mode=0o755)
    return tmp_path / "tree"


def test_names_of_any_bytes_come_back(folder: Path) -> None:
    for name in (b"caf\xe9", "café".encode(), b"new\nline", b"-rf", b"back\\slash", b" ", b"n" * 255, b"\xed\xa0\x80"):
        path = os.fsencode(folder) + b"/" + name
        with open(path, "wb") as stream:
            stream.write(name)
    tree = scan(folder, HERE)
    found = {encode(path)[1:]: entry for path, entry in tree.items() if isinstance(entry, File)}
    assert len(found) == 8
    assert all(read(entry.content) == name for name, entry in found.items())


SCAN = """
import sys
from pathlib import Path
from fromscratch.host.process.run import environment, run
from fromscratch.host.machine.scan import scan
from fromscratch.model.content import read
from fromscratch.model.entry import Origin
tree = scan(Path(sys.argv[1]), Origin("test", "found in", "here"))
print(sys.getfilesystemencoding(), ascii(list(tree)[1:]), [read(entry.content) for entry in list(tree.values())[1:]])
"""


def test_the_locale_does_not_change_the_names(folder: Path) -> None:
    for name in (b"caf\xe9", "café".encode()):
        with open(os.fsencode(folder) + b"/" + name, "wb") as stream:
            stream.write(b"x")
    said = []
    for extra in ({}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}):
        done = run([sys.executable, "-c", SCAN, str(folder)], env=environment(extra))
        said.append(done.stdout.decode().split(" ", 1))
    assert said[0][0] != said[1][0]
    assert said[0][1] == said[1][1] == "['/caf\\xe9', '/caf\\udce9'] [b'x', b'x']\n"


def test_nothing_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").touch()
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "loop").symlink_to("loop")
    (folder / "odd").symlink_to(os.fsdecode(b"caf\xe9"))
    tree = scan(folder, HERE)
    assert {path: entry.target for path, entry in tree.items() if isinstance(entry, Symlink)} == {
        "/loop": "loop",
        "/odd": "caf\udce9",
        "/out": f"{tmp_path}/secret",
    }
    assert len(tree) == 4


def test_the_folder_itself_may_be_named_by_a_symlink(folder: Path, tmp_path: Path) -> None:
    (folder / "x").touch()
    (tmp_path / "link").symlink_to("tree")
    assert TreePath("/x") in scan(tmp_path / "link", HERE)


def test_modes_times_and_hard_links_are_kept(folder: Path) -> None:
    (folder / "b").write_text("x")
    (folder / "b").chmod(0o6711)
    os.utime(folder / "b", ns=(1, 1_234_567_891_123_456_789))
    os.link(folder / "b", folder / "a")
    (folder / "d").mkdir()
    (folder / "d").chmod(0o1777)
    tree = scan(folder, HERE, owner=(0, 0))
    assert listed(tree) == text("""
        f 6711 0:0 1 /a
        h 6711 0:0 /b => /a
        d 1777 0:0 /d
    """)
    assert tree[TreePath("/a")].meta.mtime == 1_234_567_891_123_456_789


def test_attributes_are_kept_but_for_those_of_the_machine(folder: Path) -> None:
    (folder / "x").touch()
    try:
        os.setxattr(folder / "x", "user.note", b"\0\xff")
        os.setxattr(folder / "x", "user.overlay.opaque", b"y")
    except OSError as error:
        pytest.skip(f"this filesystem keeps no attributes: {error}")
    assert scan(folder, HERE)[TreePath("/x")].meta.xattrs == (("user.note", b"\0\xff"),)


def test_which_attributes_belong_to_a_file() -> None:
    names = [
        "user.note",
        "security.capability",
        "system.posix_acl_access",
        "security.selinux",
        "trusted.overlay.opaque",
    ]
    assert [name for name in names if belongs_to_file(name)] == names[:3]


def test_devices_and_file_capabilities_are_kept(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make devices")
    os.mknod(folder / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod(folder / "sda", stat.S_IFBLK | 0o600, os.makedev(8, 0))
    (folder / "ping").write_bytes(b"")
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(folder / "ping", "security.capability", capability)
    os.chown(folder / "null", 70000, 3_000_000_000)
    assert listed(scan(folder, HERE)) == text(f"""
        c 0600 70000:3000000000 1,3 /null
        f 0644 0:0 0 /ping {{security.capability=0x{capability.hex()}}}
        b 0600 0:0 8,0 /sda
    """)


def test_what_git_would_keep_is_all_that_canonical_modes_keep(folder: Path) -> None:
    (folder / "run").write_text("x")
    (folder / "run").chmod(0o4510)
    os.link(folder / "run", folder / "also")
    (folder / "data").write_text("x")
    (folder / "data").chmod(0o606)
    (folder / "dir").mkdir(mode=0o700)
    (folder / "link").symlink_to("run")
    assert listed(scan(folder, HERE, canonical_modes=True, owner=(0, 5))) == text("""
        d 0755 0:5 /
        f 0755 0:5 1 /also
        f 0644 0:5 1 /data
        d 0755 0:5 /dir
        l 0777 0:5 /link -> run
        f 0755 0:5 1 /run
    """)


def test_what_is_skipped_is_not_even_looked_at(folder: Path) -> None:
    (folder / "keep").touch()
    (folder / "proc" / "deep").mkdir(parents=True)
    seen: list[str] = []

    def skip(path: TreePath) -> bool:
        seen.append(path)
        return matcher(["/proc"])(path)

    assert set(scan(folder, HERE, skip=skip)) == {"/", "/keep"}
    assert sorted(seen) == ["/keep", "/proc"]


def test_a_deep_folder_is_no_trouble(folder: Path) -> None:
    path = folder
    for _ in range(500):
        path /= "d"
        path.mkdir()
    assert len(scan(folder, HERE)) == 501


def test_a_folder_that_is_not_there_is_an_error_of_ours(folder: Path) -> None:
    for use in (lambda path: scan(path, HERE), fingerprint):
        with pytest.raises(ImageError, match=r"cannot read .*/missing"):
            use(folder / "missing")


def test_each_entry_can_have_its_own_reason(folder: Path) -> None:
    (folder / "x").touch()
    tree = scan(folder, lambda path: Origin("test", "found in", path))
    assert [entry.origins[0].detail for entry in tree.values()] == ["/", "/x"]


def test_the_fingerprint_tells_every_kind_of_change(folder: Path) -> None:
    (folder / "x").write_text("one")
    (folder / "y").symlink_to("x")
    prints = [fingerprint(folder)]

    def note() -> None:
        prints.append(fingerprint(folder))

    (folder / "x").write_text("two!")
    note()
    (folder / "x").chmod(0o600)
    note()
    os.utime(folder / "x", ns=(5, 5))
    note()
    (folder / "y").unlink()
    (folder / "y").symlink_to("z")
    note()
    (folder / "x").rename(folder / "w")
    note()
    (folder / "empty").mkdir()
    note()
    assert len(set(prints)) == len(prints)
    assert fingerprint(folder) == prints[-1]


@given(trees(names=NAMES, metas=PLAIN_METAS, leaves=st.one_of(files(PLAIN_METAS)), size=8))
def test_what_is_written_to_disk_is_scanned_and_packed_to_the_same_archive(
    tmp_path_factory: pytest.TempPathFactory, given: Rootfs
) -> None:
    base = tmp_path_factory.mktemp("disk")
    for path, entry in given.items():
        place = Path(os.fsdecode(os.fsencode(base / "root") + encode(path)))
        match entry:
            case Directory():
                place.mkdir(exist_ok=True)
            case HardLink():
                os.link(os.fsencode(base / "root") + encode(entry.target), os.fsencode(place))
            case File():
                place.write_bytes(read(entry.content))
                place.chmod(entry.meta.mode)
    scanned = scan(base / "root", HERE, owner=(0, 0))
    assert all(
        isinstance(entry.content, HostFile) or not entry.content.size
        for entry in scanned.values()
        if isinstance(entry, File)
    )
    (base / "root.tar").write_bytes(b"".join(blocks(scanned)))
    assert {path: row[0] for path, row in everything(read_tree(base / "root.tar", HERE)).items() if path != "/"} == {
        path: row[0] for path, row in everything(scanned).items() if path != "/"
    }
    for path, entry in given.items():
        if not isinstance(entry, Directory):
            inode, found = given.inode(path), scanned.inode(path)
            assert isinstance(inode, File)
            assert isinstance(found, File)
            assert (found.meta.mode, read(found.content)) == (inode.meta.mode, read(inode.content))


@pytest.mark.parametrize("name", ["user.overlay.opaque", "user.overlay.redirect", "user.overlay.whiteouts"])
def test_marks_of_overlayfs_are_refused(name: str, folder: Path) -> None:
    (folder / "d").mkdir()
    os.setxattr(folder / "d", name, b"y")
    message = f"d is part of an upper folder of overlayfs: it is marked by {name}"
    with pytest.raises(ImageError, match=message) as caught:
        scan(folder, HERE)
    assert "mounted at" in caught.value.hint


def test_a_whiteout_of_overlayfs_is_refused(folder: Path) -> None:
    try:
        os.mknod(folder / "gone", 0o600 | stat.S_IFCHR, os.makedev(0, 0))
    except PermissionError:
        pytest.skip("only root makes devices")
    with pytest.raises(ImageError, match=r"gone is part of an upper folder of overlayfs: it is the device 0,0"):
        scan(folder, HERE)
