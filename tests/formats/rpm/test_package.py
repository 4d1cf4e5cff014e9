"""Packages of RPM: taken apart, their digests compared, their payload read in each of its forms."""

import os
from pathlib import Path

import pytest

from fromscratch.errors import FormatError, ImageError, IntegrityError
from fromscratch.formats.rpm import package, payload
from fromscratch.limits import Limits
from fromscratch.model.content import read
from fromscratch.model.entry import File, Origin
from fromscratch.model.rootfs import Rootfs
from tests.formats.rpm import packages as made
from tests.formats.rpm.packages import Made, directory, program, symlink
from tests.trees import listed, text

SHIPPED = Origin("rpm", "shipped in", "app 1.0-1")
FILES = {
    "/etc/app.conf": Made(data=b"a = 1\n", flags=1 | 16),
    "/usr/bin/app": program(b"\x7fELF app", capabilities="cap_net_bind_service=ep"),
    "/usr/bin/one": program(b"linked"),
    "/usr/bin/three": program(b"", same_as="/usr/bin/one"),
    "/usr/bin/two": program(b"", same_as="/usr/bin/one"),
    "/usr/lib/app": symlink("../bin/app"),
    "/var/lib/app": directory(0o2755, "root", "mail"),
    "/var/log/app.log": Made(flags=64),
    "/var/zero": Made(mode=0o020666, rdev=0x0105),
    "/var/empty": Made(),
}
TREE = text(
    """
    d 0755 0:0 /etc
    f 0644 0:0 6 /etc/app.conf
    d 0755 0:0 /usr
    d 0755 0:0 /usr/bin
    f 0755 0:0 8 /usr/bin/app {security.capability=0x0100000200040000000000000000000000000000}
    f 0755 0:0 6 /usr/bin/one
    h 0755 0:0 /usr/bin/three => /usr/bin/one
    h 0755 0:0 /usr/bin/two => /usr/bin/one
    d 0755 0:0 /usr/lib
    l 0777 0:0 /usr/lib/app -> ../bin/app
    d 0755 0:0 /var
    f 0644 0:0 0 /var/empty
    d 0755 0:0 /var/lib
    d 2755 0:12 /var/lib/app
    c 0666 0:0 1,5 /var/zero
    """
)


def opened(raw: bytes, folder: Path) -> tuple[Rootfs, list[str]]:
    """The tree of a package, and the accounts of it that are not known."""
    file, plain = folder / "app.rpm", folder / "plain"
    file.write_bytes(raw)
    found = package.parts(file)
    package.check_digests(file, found)
    package.expand_payload(file, plain)
    payload.check_contents(found.header, plain, "app.rpm")
    entries = payload.entries(found.header, plain, SHIPPED, "app.rpm")
    numbered = list(payload.numbered(entries, {"root": 0}, {"root": 0, "mail": 12}))
    return Rootfs({one.path: one.entry for one, _ in numbered}), [unknown for _, unknown in numbered if unknown]


@pytest.mark.parametrize("compressor", ["gzip", "bzip2", "xz", "lzma", "zstd", "none"])
@pytest.mark.parametrize("stripped", [False, True])
def test_every_form_of_payload_gives_the_same_tree(compressor: str, stripped: bool, tmp_path: Path) -> None:
    tree, unknown = opened(made.package("app", FILES, compressor=compressor, stripped=stripped), tmp_path)
    assert listed(tree) == TREE
    assert unknown == []
    one = tree.find("/usr/bin/two")
    assert isinstance(one, File)
    assert read(one.content) == b"linked"
    assert one.meta.mtime == 1_700_000_000_000_000_000


def test_a_package_without_files(tmp_path: Path) -> None:
    tree, _ = opened(made.package("empty"), tmp_path)
    assert listed(tree) == ""


def test_root_owns_what_an_unknown_account_should_without_setuid_or_setgid(tmp_path: Path) -> None:
    files = {
        "/a": program(b"a", user="who"),
        "/b": Made(mode=0o104755, user="who"),
        "/c": directory(0o6755, "who", "x"),
    }
    tree, unknown = opened(made.package("app", files), tmp_path)
    assert listed(tree).splitlines() == ["f 0755 0:0 1 /a", "f 0755 0:0 0 /b", "d 0755 0:0 /c"]
    assert unknown == ["who", "who", "who"]


def test_a_changed_payload_is_found_by_its_digest_and_by_those_of_its_files(tmp_path: Path) -> None:
    raw = made.package(
        "app", {"/a": b"honest"}, compressor="none", modified=lambda old: old.replace(b"honest", b"forged")
    )
    with pytest.raises(IntegrityError, match="its payload does not have the sha256"):
        opened(raw, tmp_path)
    found = package.parts(tmp_path / "app.rpm")
    package.expand_payload(tmp_path / "app.rpm", tmp_path / "plain")
    with pytest.raises(IntegrityError, match="/a does not have the sha256 that the header says"):
        payload.check_contents(found.header, tmp_path / "plain", "app.rpm")


def test_a_changed_header_is_found(tmp_path: Path) -> None:
    raw = made.package("app", {"/usr/bin/program": b"x"})
    with pytest.raises(IntegrityError, match="its header does not have the sha256"):
        opened(raw.replace(b"program", b"grogram"), tmp_path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not an RPM package"),
        (b"<html>", "is not an RPM package"),
        (b"\xed\xab\xee\xdb" + bytes(92), "the signature header of app.rpm is damaged: it does not begin as one"),
        (b"\xed\xab\xee\xdb" + bytes(92) + made.MAGIC + b"\xff" * 8, "it would have 4294967295 entries"),
        (made.package("app")[:200], "is damaged: it is cut"),
    ],
)
def test_what_is_not_a_package(raw: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=message):
        opened(raw, tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"/../up": b"x"}, "leads outside the root"),
        ({"/" + "n" * 300: b"x"}, "Linux allows"),
        ({"/sock": Made(mode=0o140755)}, "/sock is a socket, which no image can hold"),
        ({"/link": symlink("")}, "the symlink /link leads nowhere"),
        ({"/a": program(b"x", capabilities="cap_none=ep")}, "'cap_none' in 'cap_none=ep' is not a capability"),
    ],
)
def test_what_no_image_can_hold(files: dict[str, Made | bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=message):
        opened(made.package("app", files), tmp_path)


def test_a_payload_must_be_whole_and_fit_the_header(tmp_path: Path) -> None:
    raw = made.package("app", {"/a": b"12345678"}, compressor="none")
    (tmp_path / "app.rpm").write_bytes(raw)
    found = package.parts(tmp_path / "app.rpm")
    plain = made.cpio({"/a": Made(data=b"12345678")})
    other = made.cpio({"/a": Made(data=b"12345678")}, stripped=True).replace(b"X00000000", b"X00000007")
    for broken, message in (
        (plain[:120], "its payload is cut"),
        (plain.replace(b"./a", b"./b"), "has './b', which its header has not"),
        (made.cpio({"/a": Made(data=b"1234")}), "has not the 8 bytes of /a"),
        (other, "its header has not"),
        (b"07070Xzzzzzzzz" + plain, "has a damaged number"),
        (b"garbage" + plain, "has no entry at byte 0"),
    ):
        (tmp_path / "plain").write_bytes(broken)
        with pytest.raises(FormatError, match=message):
            payload.entries(found.header, tmp_path / "plain", SHIPPED, "app.rpm")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.rpm").write_bytes(made.package("app", {"/zeros": bytes(1 << 20)}))
    with pytest.raises(ImageError, match="expands to more than"):
        package.expand_payload(tmp_path / "app.rpm", tmp_path / "plain", limits=Limits(expanded=1 << 16, explicit=True))


REAL = Path(os.environ.get("FROMSCRATCH_SHARED", Path(__file__).parents[4] / "shared")) / "data/rpm"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real packages are not here")
def test_real_packages_are_read(tmp_path: Path) -> None:
    found: dict[str, int | str] = {}
    for path in sorted(REAL.rglob("*.rpm")):
        try:
            found[path.name] = len(opened(path.read_bytes(), tmp_path)[0])
        except ImageError as error:
            found[path.name] = str(error)
    assert len(found) > 50
    assert {name: count for name, count in found.items() if isinstance(count, str)} == {
        "hello-2.0-1.x86_64-corrupted.rpm": "app.rpm: its payload does not have the sha256 that it should have"
    }
