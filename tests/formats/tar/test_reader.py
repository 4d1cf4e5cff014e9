"""Tar archives as they come from elsewhere: every dialect is read, and bad bytes give an error to act on."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import Conflict, FormatError, ImageError, UnsafePath
from fromscratch.formats.tar.header import BLOCK, header
from fromscratch.formats.tar.reader import Member, members
from fromscratch.formats.tar.tree import read_tree
from fromscratch.formats.tar.writer import blocks
from fromscratch.model.content import read as bytes_of
from fromscratch.model.entry import File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from tests.trees import listed, text, tree

SHIPPED = Origin("test", "shipped in", "an archive")
END = bytes(2 * BLOCK)


def read(data: bytes, folder: Path, strip: int = 0) -> Rootfs:
    (folder / "archive.tar").write_bytes(data)
    return read_tree(folder / "archive.tar", SHIPPED, strip=strip)


def member(name: bytes, flag: bytes = b"0", data: bytes = b"", link: bytes = b"", mode: int = 0o644) -> bytes:
    return header(name, flag, Meta(mode), size=len(data), link=link) + data + bytes(-len(data) % BLOCK)


def extended(records: dict[bytes, bytes], flag: bytes = b"x") -> bytes:
    payload = b""
    for key, value in records.items():
        bare = len(key) + len(value) + 3
        length = next(size for size in range(bare, bare + 9) if size == bare + len(str(size)))
        payload += b"%d %b=%b\n" % (length, key, value)
    return member(b"pax", flag, payload)


def patched(block: bytes, *changes: tuple[int, bytes]) -> bytes:
    """A header with some bytes changed and its checksum made right again."""
    raw = bytearray(block[:BLOCK])
    for offset, data in changes:
        raw[offset : offset + len(data)] = data
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw) + block[BLOCK:]


def v7(block: bytes) -> bytes:
    """The header as a tar of 1979 would have written it."""
    return patched(block, (257, bytes(255)))


# What is read.


def test_leading_dots_and_slashes_fall_away(tmp_path: Path) -> None:
    data = member(b"./a") + member(b"/b") + member(b"c//./d") + member(b"./", b"5", mode=0o700) + END
    assert listed(read(data, tmp_path)) == text("""
        d 0700 0:0 /
        f 0644 0:0 0 /a
        f 0644 0:0 0 /b
        d 0755 0:0 /c
        f 0644 0:0 0 /c/d
    """)


def test_names_can_be_stripped_and_hard_links_follow(tmp_path: Path) -> None:
    data = (
        member(b"top/", b"5")
        + member(b"readme", data=b"x")
        + member(b"./top/bin/a", data=b"x")
        + member(b"top/bin/b", b"1", link=b"top/bin/a")
        + member(b"top/bin/c", b"2", link=b"top/bin/a", mode=0o777)
        + END
    )
    assert listed(read(data, tmp_path, strip=1)) == text("""
        d 0755 0:0 /bin
        f 0644 0:0 1 /bin/a
        h 0644 0:0 /bin/b => /bin/a
        l 0777 0:0 /bin/c -> top/bin/a
    """)


def test_a_later_entry_wins(tmp_path: Path) -> None:
    data = member(b"a", data=b"old") + member(b"a", data=b"newer") + END
    found = read(data, tmp_path)[TreePath("/a")]
    assert isinstance(found, File)
    assert bytes_of(found.content) == b"newer"


def test_version_7_has_directories_by_their_slash_alone(tmp_path: Path) -> None:
    assert listed(
        read(v7(member(b"etc/", b"\0", mode=0o755)) + v7(member(b"etc/x", b"\0", b"hi")) + END, tmp_path)
    ) == text("""
        d 0755 0:0 /etc
        f 0644 0:0 2 /etc/x
    """)


def test_a_prefix_counts_only_where_the_format_has_one(tmp_path: Path) -> None:
    block = member(b"f")
    posix = patched(block, (345, b"usr/lib"))
    gnu = patched(block, (257, b"ustar  \0"), (345, b"12345670123"))
    star = patched(block, (345, b"usr/lib"), (476, b"00000000000 00000000000 "), (508, b"tar\0"))
    assert [TreePath("/usr/lib/f") in read(one + END, tmp_path) for one in (posix, gnu, star)] == [True, False, True]
    assert TreePath("/f") in read(gnu + END, tmp_path)


def test_numbers_may_be_in_base_256(tmp_path: Path) -> None:
    uid = b"\x80" + (3_000_000_000).to_bytes(7, "big")
    before_1970 = (-5).to_bytes(12, "big", signed=True)
    data = patched(member(b"x"), (108, uid), (136, before_1970)) + END
    meta = read(data, tmp_path)[TreePath("/x")].meta
    assert (meta.uid, meta.mtime) == (3_000_000_000, -5 * 10**9)


def test_numbers_may_have_blanks_on_either_side(tmp_path: Path) -> None:
    data = patched(member(b"x"), (100, b"   755 \0"), (108, b"     7 \0"), (116, b"        ")) + END
    assert listed(read(data, tmp_path)) == "f 0755 7:0 0 /x"


def test_checksums_may_be_of_signed_bytes(tmp_path: Path) -> None:
    raw = bytearray(member("naïve".encode())[2 * BLOCK :])  # behind its extended header
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(byte - 256 * (byte > 127) for byte in raw)
    assert TreePath("/naïve") in read(bytes(raw) + END, tmp_path)


def test_extended_headers_override_the_block_and_global_ones_say_nothing(tmp_path: Path) -> None:
    everything = {b"path": b"z", b"linkpath": b"z", b"size": b"1", b"uid": b"5", b"mtime": b"1.25"}
    data = (
        extended({b"comment": b"a commit", **everything, b"SCHILY.xattr.user.x": b"x"}, b"g")
        + member(b"a")
        + extended({b"path": b"etc/caf\xe9", b"uid": b"7", b"mtime": b"-0.5", b"hdrcharset": b"BINARY"})
        + member(b"short")
        + extended({b"path": b"", b"mtime": b"3.123456789987"})
        + member(b"c")
        + END
    )
    found = read(data, tmp_path)
    assert {path: (entry.meta.uid, entry.meta.mtime) for path, entry in found.items() if entry.origins} == {
        "/a": (0, 0),
        "/etc": (0, 0),
        "/etc/caf\udce9": (7, -500_000_000),
        "/c": (0, 3_123_456_789),
    }


def test_attributes_are_read_as_engines_spell_them_and_labels_left_out(tmp_path: Path) -> None:
    records = {
        b"LIBARCHIVE.xattr.user.alone": b"AP89Cg",
        b"LIBARCHIVE.xattr.user.both": b"eA==",
        b"SCHILY.xattr.user.both": b"x",
        b"SCHILY.xattr.user.note": b"two\nlines=\0",
        b"SCHILY.xattr.security.selinux": b"system_u:object_r:etc_t:s0",
    }
    assert read(extended(records) + member(b"x") + END, tmp_path)[TreePath("/x")].meta.xattrs == (
        ("user.both", b"x"),
        ("user.note", b"two\nlines=\0"),
    )


def test_gnu_long_names_are_read(tmp_path: Path) -> None:
    name, target = b"d" * 90 + b"/" + b"f" * 200, b"t" * 300
    data = (
        member(b"././@LongLink", b"L", name + b"\0")
        + member(b"././@LongLink", b"K", target + b"\0")
        + member(b"short", b"2", link=b"cut")
        + END
    )
    [found] = members_of(data, tmp_path)
    assert (found.name, found.link) == (name, target)


def long(name: bytes, flag: bytes = b"L") -> bytes:
    return member(b"././@LongLink", flag, name + b"\0")


def pax(path: bytes) -> bytes:
    return extended({b"path": path, b"linkpath": path})


@pytest.mark.parametrize(
    ("before", "name"),
    [
        (pax(b"one") + pax(b"two"), b"two"),
        (pax(b"one") + extended({b"uid": b"7"}), b"short"),
        (long(b"one") + long(b"two"), b"two"),
        (long(b"one") + long(b""), b"short"),
        (long(b"one") + pax(b"two"), b"one"),
        (pax(b"two") + long(b"one"), b"one"),
        (long(b"") + pax(b"two"), b"two"),
        (extended({b"path": b"one"}, b"g") + member(b"y") + extended({}), b"short"),
    ],
)
def test_of_several_names_of_one_entry_engines_take_this(before: bytes, name: bytes, tmp_path: Path) -> None:
    assert members_of(before + member(b"short") + END, tmp_path)[-1].name == name


@pytest.mark.parametrize(("flag", "kind"), [(b"0", b"0"), (b"7", b"0"), (b"\0", b"5")])
def test_only_the_oldest_form_has_directories_by_their_slash(flag: bytes, kind: bytes, tmp_path: Path) -> None:
    [found] = members_of(member(b"a/", flag) + END, tmp_path)
    assert found.flag == kind


@pytest.mark.parametrize(
    ("field", "mode"),
    [(b"\0\x00644\0\0\0", 0o644), (b" 644 \0\0\0", 0o644), (b"644\x007\0\0\0", 0o644), (b"0000644\0", 0o644)],
)
def test_numbers_are_found_between_blanks_and_zeros(field: bytes, mode: int, tmp_path: Path) -> None:
    [found] = members_of(patched(member(b"x"), (100, field)) + END, tmp_path)
    assert found.mode == mode


@pytest.mark.parametrize("version", [b"00", b"\0\0", b"  "])
def test_a_prefix_counts_whatever_the_version_of_ustar(version: bytes, tmp_path: Path) -> None:
    block = patched(member(b"x"), (257, b"ustar\0" + version), (345, b"etc"))
    assert [found.name for found in members_of(block + END, tmp_path)] == [b"etc/x"]


def test_the_oldest_form_has_no_numbers_of_devices(tmp_path: Path) -> None:
    old = patched(member(b"x", b"3"), (257, bytes(8)), (329, b"0000001\0"))
    [found] = members_of(old + END, tmp_path)
    assert (found.major, found.minor) == (0, 0)


def test_names_of_global_headers_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(extended({b"path": b"a"}, b"g") + extended({}, b"g") + member(b"x") + END)
    reported: list[bytes] = []
    assert [found.name for found in members(tmp_path / "x.tar", markers=reported)] == [b"x"]
    assert reported == [b"a", b"pax"]


def members_of(data: bytes, folder: Path) -> list[Member]:
    (folder / "members.tar").write_bytes(data)
    return list(members(folder / "members.tar"))


def test_a_hard_link_to_a_hard_link_is_one_more_name(tmp_path: Path) -> None:
    data = member(b"z", data=b"x", mode=0o4755) + member(b"y", b"1", link=b"z") + member(b"a", b"1", link=b"./y") + END
    assert listed(read(data, tmp_path)) == text("""
        f 4755 0:0 1 /a
        h 4755 0:0 /y => /a
        h 4755 0:0 /z => /a
    """)


def test_a_relative_symlink_among_the_parents_is_followed_inside_the_root(tmp_path: Path) -> None:
    data = member(b"usr/lib/", b"5") + member(b"lib", b"2", link=b"../../usr/lib") + member(b"lib/x") + END
    assert "/usr/lib/x" in listed(read(data, tmp_path))


def test_an_archive_read_by_its_path_gives_each_entry_its_reason(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(member(b"a") + END)
    found = read_tree(tmp_path / "x.tar", lambda path: Origin("x", "shipped in", path))
    assert found[TreePath("/a")].origins == (Origin("x", "shipped in", "/a"),)


def test_reading_is_lazy(tmp_path: Path) -> None:
    """A huge member costs nothing until it is packed."""
    with open(tmp_path / "huge.tar", "wb") as stream:
        stream.write(header(b"huge", b"0", Meta(0o644), size=20 << 30))
        stream.truncate(stream.tell() + (20 << 30))
        stream.seek(0, io.SEEK_END)
        stream.write(END)
    before = bytes_read()
    assert read_tree(tmp_path / "huge.tar", SHIPPED).size == 20 << 30
    assert bytes_read() - before < 1 << 20


def bytes_read() -> int:
    """By all calls of this process: proc(5), /proc/pid/io."""
    return int(Path("/proc/self/io").read_text().split()[1])


# What is refused.


REFUSED = {
    "a name with ..": (member(b"../../etc/passwd"), UnsafePath, r"'\.\./\.\./etc/passwd': .*outside the root"),
    "a hard link with ..": (member(b"x", b"1", link=b"../y"), UnsafePath, "'x': .*outside the root"),
    "a NUL in a name": (extended({b"path": b"a\0b"}) + member(b"x"), FormatError, "NUL in its record 'path'"),
    "a write through an absolute symlink": (
        member(b"etc", b"2", link=b"/etc") + member(b"etc/passwd"),
        UnsafePath,
        "'etc/passwd': .*absolute symlink /etc -> /etc",
    ),
    "a circle of symlinks": (
        member(b"a", b"2", link=b"b") + member(b"b", b"2", link=b"a") + member(b"a/x"),
        FormatError,
        "'a/x': .*circle",
    ),
    "a file below a file": (member(b"a") + member(b"a/b"), ImageError, "'a/b': .*/a"),
    "a directory that gives way": (member(b"a/b") + member(b"a"), Conflict, "'a': .*directory with content"),
    "a hard link to nothing": (member(b"a", b"1", link=b"b"), FormatError, "'a': .*hard link to /b"),
    "a hard link to a directory": (
        member(b"d/", b"5") + member(b"a", b"1", link=b"d"),
        FormatError,
        "'a': .*hard link to /d",
    ),
    "a symlink to nothing": (member(b"a", b"2"), FormatError, "'a': .*leads nowhere"),
    "the root as a file": (member(b"."), Conflict, "/ is a directory"),
    "an empty name": (member(b""), FormatError, "no name"),
    "a sparse file of star": (extended({b"SCHILY.realsize": b"5"}) + member(b"x"), FormatError, "'x': .*sparse"),
    "another sparse file of star": (member(b"a") + member(b"hole", b"S"), FormatError, "'hole': .*sparse file of star"),
    "a name that is too long": (member(b"a/" + b"b" * 256), FormatError, "258 bytes, of which 256 between"),
    "a way that is too long": (member(b"a/" * 2048 + b"b"), FormatError, "4097 bytes.*Linux allows 4095"),
    "a device of no Linux": (patched(member(b"x", b"3"), (337, b"4000000")), FormatError, "'x': .*number is 1048576"),
    "a way that symlinks make too long": (
        member(b"d" * 99 + b"/e", b"2", link=b"x" * 200 + b"/y" * 1800) + member(b"d" * 99 + b"/e/z" * 250),
        FormatError,
        "Linux allows 4095",
    ),
    "a target that is too long": (member(b"x", b"2", link=b"a/" * 2048), FormatError, "'x': .* along 4096 bytes"),
    "a large attribute": (
        extended({b"SCHILY.xattr.user.x": bytes((1 << 16) + 1)}) + member(b"x"),
        FormatError,
        "'x': .*65537 bytes, more than Linux keeps",
    ),
    "a long name of an attribute": (
        extended({b"SCHILY.xattr." + b"x" * 256: b""}) + member(b"x"),
        FormatError,
        "not a name of an attribute",
    ),
    "many extended headers": (
        extended({b"SCHILY.xattr.user.x": bytes(60_000)}) * 18 + member(b"x"),
        FormatError,
        "more than any file needs",
    ),
    "many global headers": (
        extended({b"SCHILY.xattr.user.x": bytes(60_000)}, b"g") * 18 + member(b"x"),
        FormatError,
        "more than any file needs",
    ),
    "a global header within an entry": (
        pax(b"y") + extended({b"comment": b""}, b"g") + member(b"x"),
        FormatError,
        "stands between an entry and its extended header",
    ),
    "an owner that is none in a global header": (extended({b"uid": b"x"}, b"g") + member(b"x"), FormatError, "its uid"),
    "a time of access that is none": (extended({b"atime": b"x"}) + member(b"x"), FormatError, "as a time, which is"),
    "an extended header of Solaris": (member(b"x", b"X"), FormatError, "unknown type b'X'"),
    "a prefix of old Go": (
        patched(member(b"x"), (257, b"ustar  \0"), (345, b"etc")),
        FormatError,
        "access or change time",
    ),
    "two regions of a sparse file out of turn": (
        extended({b"GNU.sparse.numbytes": b"1", b"GNU.sparse.offset": b"0"}) + member(b"x"),
        FormatError,
        "offsets and sizes in turn",
    ),
    "a sparse directory": (extended({b"GNU.sparse.name": b"y"}) + member(b"x", b"5"), FormatError, "map of a sparse"),
    "the name of a sparse file alone": (
        extended({b"GNU.sparse.name": b"y", b"GNU.sparse.size": b"0"}) + member(b"x"),
        FormatError,
        "sparse file of the version",
    ),
    "a checksum in base 256": (
        member(b"x")[:148]
        + b"\x80"
        + sum(member(b"x")[:148] + b" " * 8 + member(b"x")[156:512]).to_bytes(7, "big")
        + member(b"x")[156:],
        FormatError,
        "checksum, which is not an octal number",
    ),
    "a part of a volume": (member(b"x", b"M"), FormatError, "'x': .*another volume"),
    "an unknown type": (member(b"x", b"Z"), FormatError, "'x': .*unknown type b'Z'"),
    "an access control list": (
        extended({b"SCHILY.acl.access": b"user::rw-,user:7:r--"}) + member(b"x"),
        FormatError,
        "'x': .*access control list",
    ),
    "content of a directory": (patched(member(b"x/", b"5"), (156, b"\0"), (124, b"00000000001")), FormatError, "'x/'"),
    "a bad checksum": (member(b"a") + member(b"x").replace(b"x", b"y", 1), FormatError, "'a': .*checksum"),
    "a size that is not a number": (patched(member(b"x"), (124, b"12abc\0")), FormatError, "size.*not an octal number"),
    "a negative size": (patched(member(b"x"), (124, b"\xff" * 12)), FormatError, "'x': its size is -1"),
    "an absurd size": (
        patched(member(b"x"), (124, b"\x80" + b"\x7f" * 11)),
        FormatError,
        "'x': .*more than the archive",
    ),
    "an absurd size in a record": (extended({b"size": b"9" * 29}) + member(b"x"), FormatError, "more than the archive"),
    "an absurd extended header": (
        patched(member(b"x", b"x"), (124, b"77777777777")),
        FormatError,
        "more than any file",
    ),
    "an absurd owner": (extended({b"uid": b"4294967295"}) + member(b"x"), FormatError, "'x': its uid is 4294967295"),
    "an absurd time": (extended({b"mtime": b"9" * 25}) + member(b"x"), FormatError, "'x': its mtime"),
    "a time that is none": (
        extended({b"mtime": b"1e5"}) + member(b"x"),
        FormatError,
        "'x': .*a time, which is not one",
    ),
    "a record without an end": (member(b"p", b"x", b"99 path=x\n") + member(b"x"), FormatError, "malformed record"),
    "a record without a length": (member(b"p", b"x", b"path=x\n") + member(b"x"), FormatError, "malformed record"),
    "a record of length 0": (member(b"p", b"x", b"0 path=x\n") + member(b"x"), FormatError, "malformed record"),
    "a record without a key": (member(b"p", b"x", b"5 =x\n") + member(b"x"), FormatError, "malformed record"),
    "zeros between entries": (member(b"a") + bytes(BLOCK) + member(b"b"), FormatError, "'a': .*block of zeros"),
    "an extended header before nothing": (extended({b"path": b"x"}), FormatError, "before no entry"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_the_archive_and_the_entry_named(case: str, tmp_path: Path) -> None:
    data, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message) as caught:
        read(data + END, tmp_path)
    assert caught.value.message.startswith(f"{tmp_path}/archive.tar: ")
    assert caught.value.hint


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 1024, 1536, 2047])
def test_a_cut_archive_is_refused(length: int, tmp_path: Path) -> None:
    whole = member(b"a", data=b"x" * 600) + member(b"b") + END
    with pytest.raises(FormatError, match=r"archive\.tar: "):
        read(whole[:length], tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ImageError, match="cannot read"):
            read_tree(path, SHIPPED)


# Whatever the bytes are, the answer is a tree or an error of ours, and it comes soon.


def archives() -> list[bytes]:
    given = tree("""
        d 1777 0:0 /
        f 4755 0:0 /bin/su 'su'
        h 4755 0:0 /bin/sudo => /bin/su
        l 0777 0:0 /bin/sh -> su
        f 0644 9999999:0 /naïve/\\xff 'x' {user.note=0x00ff3d0a}
        c 0666 0:0 1,3 /dev/null
    """)
    out = [b"".join(bytes(block) for block in blocks(given))]
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
            for name in ("etc/x", "d" * 90 + "/" + "f" * 90):
                info = tarfile.TarInfo(name)
                info.size, info.mtime = 5, 1.5 if form == tarfile.PAX_FORMAT else 1
                tar.addfile(info, io.BytesIO(b"hello"))
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.LNKTYPE, "etc/x"
            tar.addfile(info)
        out.append(stream.getvalue()[: 20 * BLOCK])
    return out


ARCHIVES = archives()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def survives(data: bytes, folder: Path) -> None:
    try:
        found = read(data, folder)
    except ImageError:
        return
    for path, entry in found.items():
        assert tree_path(path) == path
        if isinstance(entry, File):
            assert len(bytes_of(entry.content)) == entry.content.size


@pytest.mark.parametrize("number", range(len(ARCHIVES)))
def test_every_cut_of_an_archive_is_noticed(number: int, folder: Path) -> None:
    data = ARCHIVES[number].rstrip(b"\0")
    for length in range(0, len(data), 97):
        with pytest.raises(ImageError):
            read(data[:length], folder)


@given(st.sampled_from(ARCHIVES), st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(1, 255)), max_size=4))
def test_flipped_bits_give_a_tree_or_an_error(folder: Path, data: bytes, flips: list[tuple[int, int]]) -> None:
    raw = bytearray(data)
    for position, mask in flips:
        raw[position % len(raw)] ^= mask
    survives(bytes(raw), folder)


@given(
    st.sampled_from(ARCHIVES),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, BLOCK - 1), st.binary(min_size=1, max_size=12)), max_size=3),
)
def test_changed_fields_with_a_right_checksum_give_a_tree_or_an_error(
    folder: Path, data: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    pieces = [data[start : start + BLOCK] for start in range(0, len(data), BLOCK)]
    for number, offset, change in changes:
        number %= len(pieces)
        pieces[number] = patched(pieces[number], (offset, change))[:BLOCK]
    survives(b"".join(pieces), folder)


@given(st.binary(max_size=2000))
def test_a_random_extended_header_gives_a_tree_or_an_error(folder: Path, payload: bytes) -> None:
    survives(member(b"pax", b"x", payload) + member(b"x") + END, folder)
