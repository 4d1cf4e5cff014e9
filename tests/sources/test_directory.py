"""Folders of this machine as a root filesystem."""

import os
import socket
from pathlib import Path

import msgspec
import pytest

from fromscratch.errors import FormatError, ImageError, UsageError
from fromscratch.flow.images_by_name import find
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_archive import OciArchive
from fromscratch.images.oci_layout import OciLayout
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.directory import DirectoryOptions
from tests.images.contract import IMAGE
from tests.made_images import at
from tests.sources.contract import SourceContract, Subject
from tests.trees import listed, text

OWNER = f"{os.getuid()}:{os.getgid()}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small root filesystem with a bit of everything that needs no root."""
    root = tmp_path / "root"
    for name in ("bin", "etc", "usr/share/doc"):
        (root / name).mkdir(parents=True)
    (root / "bin/busybox").write_bytes(b"\x7fELF")
    (root / "bin/busybox").chmod(0o4755)
    os.link(root / "bin/busybox", root / "bin/ash")
    (root / "bin/sh").symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:::\n")
    (root / "etc/passwd").chmod(0o600)
    (root / "usr/share/doc/README").write_text("read me\n")
    os.mkfifo(root / "queue")
    for directory in (root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())):
        directory.chmod(0o755)
    (root / "queue").chmod(0o600)
    (root / "usr/share/doc/README").chmod(0o644)
    return root


class TestDirectoryContract(SourceContract):
    @pytest.fixture
    def subject(self, folder: Path) -> Subject:
        return Subject(
            DirectoryOptions(path="root"),
            folder=folder.parent,
            change=lambda: (folder / "etc/passwd").chmod(0o644),
            other=DirectoryOptions(path="root", owner="0:0"),
        )


def build(folder: Path, **options: object) -> Rootfs:
    subject = Subject(msgspec.convert({"path": folder.name, **options}, DirectoryOptions), folder=folder.parent)
    return subject.laid(Store(folder.parent / "store"))


def test_a_folder_is_taken_as_it_is(folder: Path) -> None:
    expected = """
        d 0755 {} /bin
        f 4755 {} 4 /bin/ash
        h 4755 {} /bin/busybox => /bin/ash
        l 0777 {} /bin/sh -> busybox
        d 0755 {} /etc
        f 0600 {} 14 /etc/passwd
        p 0600 {} /queue
        d 0755 {} /usr
        d 0755 {} /usr/share
        d 0755 {} /usr/share/doc
        f 0644 {} 8 /usr/share/doc/README
    """
    assert listed(build(folder)).removeprefix(f"d 0755 {OWNER} /\n") == text(expected).replace("{}", OWNER)


def test_it_can_land_elsewhere_without_some_files_and_with_other_owners_and_modes(folder: Path) -> None:
    tree = build(
        folder,
        into="/opt/app",
        owner="0:7",
        exclude=["/usr", "queue", "*swd"],
        modes={"/bin/busybox": "0755", "/etc": "0750"},
    )
    assert listed(tree) == text("""
        d 0755 0:0 /opt
        d 0755 0:7 /opt/app
        d 0755 0:7 /opt/app/bin
        f 0755 0:7 4 /opt/app/bin/ash
        h 0755 0:7 /opt/app/bin/busybox => /opt/app/bin/ash
        l 0777 0:7 /opt/app/bin/sh -> busybox
        d 0750 0:7 /opt/app/etc
    """)


def test_a_missing_folder_is_named_with_what_was_meant(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        build(folder.parent / "rooot")
    assert str(folder.parent / "rooot") in caught.value.message
    assert caught.value.hint == f"did you mean {folder}?"


def test_a_file_is_no_folder(folder: Path) -> None:
    with pytest.raises(UsageError, match="passwd is not a folder"):
        build(folder / "etc/passwd")


def test_a_socket_is_refused_by_name_and_can_be_left_out(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
    with pytest.raises(ImageError, match=r"root/s is a socket"):
        build(folder)
    assert "/s" not in build(folder, exclude=["/s"])


def test_an_unreadable_folder_is_named(folder: Path) -> None:
    (folder / "etc").chmod(0)
    if os.access(folder / "etc", os.R_OK):
        pytest.skip("root reads everything")
    with pytest.raises(ImageError, match=r"cannot read .*root/etc"):
        build(folder)
    assert "/etc" not in build(folder, exclude=["/etc"])


def test_a_mode_for_what_is_not_there_is_refused_with_what_was_meant(folder: Path) -> None:
    with pytest.raises(UsageError, match="/bin/bussybox is not in the tree") as caught:
        build(folder, modes={"/bin/bussybox": "0755"})
    assert caught.value.hint == "did you mean /bin/busybox?"


def test_a_symlink_has_no_mode(folder: Path) -> None:
    with pytest.raises(UsageError, match="/bin/sh is a symlink"):
        build(folder, modes={"/bin/sh": "0755"})


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"owner": "root"}, "owner: 'root' is not an owner"),
        ({"owner": "0:4294967295"}, "is not an owner"),
        ({"modes": {"/bin": "rwx"}}, "'rwx' is not a mode"),
        ({"exclude": ["../x"]}, "exclude: the path '../x' leads outside the root"),
        ({"exclude": ["/"]}, "exclude: '/' would be everything"),
        ({"into": "/opt/../../x"}, "into: the path .* leads outside the root"),
        ({"pathh": "x"}, "unknown field `pathh`"),
    ],
)
def test_a_fault_in_the_options_is_told_in_the_words_of_the_recipe(options: dict[str, object], fault: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=fault):
        msgspec.convert({"path": "root", **options}, DirectoryOptions)


def test_a_layout_is_no_root(tmp_path: Path) -> None:
    folder = tmp_path / "oci"
    at(OciLayout, folder).write([IMAGE], "1.0")
    with pytest.raises(FormatError, match="directory oci is an OCI layout") as caught:
        build(folder)
    assert "image: oci:oci" in caught.value.hint
    assert "/srv/oci-layout" in build(folder, into="/srv")
    with pytest.raises(UsageError, match=f"dir:{folder} is an OCI layout") as reported:
        find(f"dir:{folder}", Store(tmp_path / "store"))
    assert reported.value.hint == f"name it as oci:{folder}"


def test_an_archive_of_an_image_is_no_root_to_look_at(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    at(DockerArchive, tmp_path / "d.tar").write([IMAGE], "a:1")
    at(OciArchive, tmp_path / "o.tar").write([IMAGE], "a:1")
    for name, scheme in (("d.tar", "docker-archive"), ("o.tar", "oci-archive")):
        with pytest.raises(UsageError, match="and not a root filesystem") as caught:
            find(f"tar:{tmp_path / name}", store)
        assert caught.value.hint == f"name it as {scheme}:{tmp_path / name}"
