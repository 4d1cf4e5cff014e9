"""Packages read: what they say of themselves, their scripts and data, verified against what an index promises."""

from pathlib import Path

import pytest

from fromscratch.errors import FormatError, IntegrityError, TooLarge
from fromscratch.formats.alpine.package import Control, check_data, expand_data, read_control
from fromscratch.formats.tar.tree import read_tree
from fromscratch.limits import Limits
from fromscratch.model.entry import Origin
from tests.formats.alpine.packages import apk, checksum, packed, piece
from tests.trees import listed

HELLO = apk(
    "hello",
    {"usr": None, "usr/bin": None, "usr/bin/hello@755": b"#!/bin/sh\n", "usr/bin/hi": "hello"},
    "2.12-r1",
    scripts={"trigger": "true", "melange.yaml": "x", "pre-install": "#!/bin/sh\naddgroup -S hello\n"},
    depend=["busybox", "so:libc.so"],
    replaces="old",
    replaces_priority="5",
)


def saved(folder: Path, content: bytes) -> Path:
    (folder / "hello.apk").write_bytes(content)
    return folder / "hello.apk"


def read(folder: Path, content: bytes, promised: str = "") -> Control:
    return read_control(saved(folder, content), promised or checksum(content), "hello.apk")


def test_what_it_says_of_itself(tmp_path: Path) -> None:
    found = read(tmp_path, HELLO)
    assert (found.one("pkgname"), found.one("pkgver"), found.fields["depend"]) == (
        "hello",
        "2.12-r1",
        ("busybox", "so:libc.so"),
    )
    assert (found.fields["replaces"], found.replaces_priority) == (("old",), 5)
    assert found.scripts == {  # and not .melange.yaml
        "pre-install": b"#!/bin/sh\naddgroup -S hello\n",
        "trigger": b"true",
    }


def test_its_data(tmp_path: Path) -> None:
    found = read(tmp_path, HELLO)
    check_data(saved(tmp_path, HELLO), found, "hello.apk")
    expand_data(saved(tmp_path, HELLO), found, tmp_path / "data.tar", "hello.apk")
    tree = read_tree(tmp_path / "data.tar", Origin("alpine", "shipped in", "hello"))
    assert [line.split()[-1] for line in listed(tree).splitlines() if "hello" in line] != []


def test_data_without_end_of_archive(tmp_path: Path) -> None:
    data = packed(piece({"file": b"x"}))
    found = Control({}, {}, 0)
    expand_data(saved(tmp_path, data), found, tmp_path / "data.tar", "hello.apk")
    assert "/file" in read_tree(tmp_path / "data.tar", Origin("alpine", "shipped in", "hello"))


def test_another_package_than_the_index_lists(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="is not the package that the index lists"):
        read(tmp_path, HELLO, checksum(apk("hello")))


def test_changed_data(tmp_path: Path) -> None:
    found = read(tmp_path, HELLO)
    with pytest.raises(IntegrityError, match="its data has the SHA-256"):
        check_data(saved(tmp_path, HELLO + b"\0"), found, "hello.apk")


def test_no_checksum_of_its_data(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="has no checksum of its data"):
        check_data(saved(tmp_path, HELLO), Control({}, {}, 0), "hello.apk")


def test_a_bomb(tmp_path: Path) -> None:
    data = packed(b"\0" * 100_000)
    limits = Limits(expanded=10_000, explicit=True)
    with pytest.raises(TooLarge):
        expand_data(saved(tmp_path, data), Control({}, {}, 0), tmp_path / "data.tar", "hello.apk", limits)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ADBc....", "version 3 of apk's formats"),
        (packed(piece({"file": b"x"})), "is not an Alpine package: it has no .PKGINFO"),
        (HELLO[:100], "hello.apk is cut"),
        (b"", "is not a file of an Alpine repository"),
    ],
)
def test_what_is_not_a_package(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, content, "Q1x=")
    assert message in caught.value.message
