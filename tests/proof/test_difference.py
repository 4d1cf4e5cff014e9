"""Every way in which two images can differ, and the line that names it."""

import gzip
import io
import json
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import TooLarge
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import config_bytes
from fromscratch.formats.tar.header import header
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.process.run import run
from fromscratch.limits import Limits
from fromscratch.model.content import Inline
from fromscratch.model.entry import Entry, File, HardLink, Meta, with_meta
from fromscratch.model.image import Image, Layer, Original, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.proof.documents import first_field
from fromscratch.proof.images import first_difference, first_difference_of_all
from tests.engines import need
from tests.made_images import ARM64, image_of
from tests.strategies import trees
from tests.trees import tree

BASE = """
    d 0755 0:0 /bin
    f 0755 0:0 /bin/app 'one two three'
    l 0777 0:0 /bin/sh -> app
    h 0755 0:0 /bin/zapp => /bin/app
    c 0666 0:0 1,3 /null
    p 0600 0:0 /queue
"""


def packed(tree: Rootfs) -> bytes:
    return b"".join(blocks(tree))


def described(left: Image, right: Image) -> str:
    found = first_difference(left, right)
    assert found is not None
    return found.described()


def changed(line: str, other: str = "") -> Rootfs:
    """The base with one line another, or gone."""
    assert line in BASE
    return tree(BASE.replace(line, other))


def with_times(seconds: float) -> Rootfs:
    base = tree(BASE)
    path = TreePath("/bin/sh")
    return base.with_entries({path: _at(base[path], round(seconds * 10**9))})


def _at(entry: Entry, mtime: int) -> Entry:
    return with_meta(entry, replace(entry.meta, mtime=mtime))


APP = "f 0755 0:0 /bin/app 'one two three'"
OF_TREES = {
    "mode": (
        changed("l 0777 0:0 /bin/sh", "l 0700 0:0 /bin/sh"),
        "/bin/sh: mode is 0777 in the first and 0700 in the second",
    ),
    "special bits": (changed("p 0600", "p 4600"), "/queue: mode is 0600 in the first and 4600 in the second"),
    "uid": (changed("p 0600 0:0", "p 0600 54321:0"), "/queue: uid is 0 in the first and 54321 in the second"),
    "gid": (changed("p 0600 0:0", "p 0600 0:7"), "/queue: gid is 0 in the first and 7 in the second"),
    "mtime": (
        with_times(1_700_000_000.5),
        "/bin/sh: mtime is 1970-01-01T00:00:00Z in the first and 2023-11-14T22:13:20.500000000Z in the second",
    ),
    "mtime beyond the calendar": (
        with_times(10**13),
        "/bin/sh: mtime is 1970-01-01T00:00:00Z in the first and 10000000000000 s since 1970 in the second",
    ),
    "target of a symlink": (
        changed("/bin/sh -> app", r"/bin/sh -> a\x20b"),
        r"/bin/sh: target is app in the first and a\x20b in the second",
    ),
    "device": (
        changed("1,3 /null", "1,5 /null"),
        "/null: device is 1,3 in the first and 1,5 in the second",
    ),
    "content": (
        changed("'one two three'", "'one Two three'"),
        "/bin/app: content from offset 4 on is 'two three' in the first and 'Two three' in the second",
    ),
    "size and content": (
        changed("'one two three'", "'one two'"),
        "/bin/app: size is 13 in the first and 7 in the second; content from offset 7 on is ' three' in the first"
        " and at its end in the second",
    ),
    "bytes that are no text": (
        changed("'one two three'", r"b'one \xfe\xff three'"),
        "/bin/app: size is 13 in the first and 12 in the second; content from offset 4 on is"
        " 'two three' in the first and fe ff 20 74 68 72 65 65 in the second",
    ),
    "kind": (
        changed("p 0600 0:0 /queue", "d 0600 0:0 /queue"),
        "/queue: kind is FIFO in the first and directory in the second",
    ),
    "a file is a link to another": (
        changed("l 0777 0:0 /bin/sh -> app", "f 0777 0:0 /bin/sh 'x'"),
        "/bin/sh: kind is symlink in the first and file in the second",
    ),
    "an attribute is new": (
        changed("p 0600 0:0 /queue", "p 0600 0:0 /queue {user.note=0x6869}"),
        "/queue: xattr user.note is not there in the first and 'hi' in the second",
    ),
    "a capability": (
        changed(APP, "f 0755 0:0 /bin/app 'one two three' {security.capability=0x0100}"),
        "/bin/app: xattr security.capability is not there in the first and 01 00 in the second",
    ),
    "an entry less": (changed("p 0600 0:0 /queue"), "/queue, a FIFO, is in the first only"),
    "an entry less in the middle": (
        changed("l 0777 0:0 /bin/sh -> app"),
        "/bin/sh, a symlink, is in the first only",
    ),
    "an entry more": (
        changed("c 0666 0:0 1,3 /null", "c 0666 0:0 1,3 /null\np 0600 0:0 /pipe"),
        "/pipe, a FIFO, is in the second only",
    ),
    "several fields": (
        changed("p 0600 0:0", "p 0660 7:8"),
        "/queue: mode is 0600 in the first and 0660 in the second; uid is 0 in the first and 7 in the second;"
        " gid is 0 in the first and 8 in the second",
    ),
}


@pytest.mark.parametrize("name", OF_TREES)
def test_the_first_entry_that_differs_is_named_with_all_its_fields(name: str) -> None:
    right, message = OF_TREES[name]
    assert described(image_of(packed(tree(BASE))), image_of(packed(right))) == f"layer 1 of linux/amd64: {message}"


def raw(*entries: tuple[bytes, bytes]) -> bytes:
    """A tar of files in this order, as no tree of ours is written."""
    parts = [header(name, b"0", Meta(0o644), size=len(data)) + data + bytes(-len(data) % 512) for name, data in entries]
    return b"".join([*parts, bytes(1024)])


def test_an_order_is_told_apart_from_an_entry_that_is_missing() -> None:
    a, b, c = (b"a", b""), (b"b", b""), (b"c", b"")
    assert described(image_of(raw(a, b, c)), image_of(raw(a, c, b))) == (
        "layer 1 of linux/amd64: its entries stand in another order: entry 2 is /b in the first and /c in the second"
    )
    assert described(image_of(raw(a, b, c)), image_of(raw(b, c))) == (
        "layer 1 of linux/amd64: /a, a file, is in the first only"
    )
    assert described(image_of(raw(a, c)), image_of(raw(a, b, c))) == (
        "layer 1 of linux/amd64: /b, a file, is in the second only"
    )
    assert described(image_of(raw(a)), image_of(raw(a, a))) == (
        "layer 1 of linux/amd64: /a, a file, is in the second only"
    )


def test_names_that_lead_nowhere_are_shown_as_they_are() -> None:
    assert described(image_of(raw((b"../x", b"1"))), image_of(raw((b"../x", b"2")))) == (
        "layer 1 of linux/amd64: ../x: content from offset 0 on is '1' in the first and '2' in the second"
    )


def test_content_is_compared_across_the_pieces_that_it_is_read_in() -> None:
    data = bytes(3_000_000)
    other = data[:2_500_000] + b"\x01" + data[2_500_001:]
    assert described(image_of(raw((b"a", data))), image_of(raw((b"a", other)))) == (
        "layer 1 of linux/amd64: /a: content from offset 2500000 on is "
        f"{' '.join(['00'] * 12)}… in the first and 01 {' '.join(['00'] * 11)}… in the second"
    )


def test_the_same_entries_in_another_form_are_told_by_the_header(tmp_path: object) -> None:
    def by_tarfile(owner: str) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name in ("a", "b"):
                info = tarfile.TarInfo(name)
                info.uname = owner if name == "b" else ""
                tar.addfile(info)
        return out.getvalue()

    # Where an owner's name is another, the sum of the header is another too, and stands before it.
    assert described(image_of(by_tarfile("root")), image_of(by_tarfile("wheel"))) == (
        "layer 1 of linux/amd64: its entries say the same, but are written differently: the header of /b, from offset"
        " 663 of the tar on, is 30 30 33 00 20 30 00 00 00 00 00 00… in the first"
        " and 31 32 34 00 20 30 00 00 00 00 00 00… in the second"
    )
    assert described(image_of(raw((b"a", b""))), image_of(raw((b"a", b"")) + bytes(512))) == (
        "layer 1 of linux/amd64: its entries say the same, but are written differently: what follows the last entry,"
        f" from offset 1536 of the tar on, is at its end in the first and {' '.join(['00'] * 12)}… in the second"
    )


def sparse(tmp_path: Path, regions: dict[int, bytes], *, whole: bool = False) -> bytes:
    """GNU tar's archive of a file of 300,000 bytes that holds these."""
    with open(tmp_path / "file", "wb") as file:
        file.truncate(300_000)
        for offset, data in regions.items():
            file.seek(offset)
            file.write(data)
    form = [] if whole else ["--sparse", "--hole-detection=raw"]
    options = ["--format=pax", "--mtime=@0", "--owner=0", "--group=0", "--mode=644", "--pax-option=delete=?time"]
    return run([need("tar"), "-c", *form, *options, "-C", str(tmp_path), "file"]).stdout


def test_a_sparse_file_is_compared_by_what_it_is_and_not_by_how_it_is_stored(tmp_path: Path) -> None:
    one, other = {4096: b"x" * 4096, 204_800: b"end"}, {4096: b"x" * 4096, 204_800: b"enD"}
    zeros = " ".join(["00"] * 11)
    message = (
        "layer 1 of linux/amd64: /file: content from offset 204802 on is"
        f" 64 {zeros}… in the first and 44 {zeros}… in the second"
    )
    assert described(image_of(sparse(tmp_path, one)), image_of(sparse(tmp_path, other))) == message
    assert described(image_of(sparse(tmp_path, one)), image_of(sparse(tmp_path, other, whole=True))) == message
    assert described(image_of(sparse(tmp_path, one)), image_of(sparse(tmp_path, one, whole=True))).startswith(
        "layer 1 of linux/amd64: its entries say the same, but are written differently: the header of /file, from"
    )
    bigger = {**one, 290_000: b"!"}
    assert described(image_of(sparse(tmp_path, one)), image_of(sparse(tmp_path, bigger))).startswith(
        "layer 1 of linux/amd64: /file: content from offset 290000 on is 00"
    )


def compressed(tar: bytes, level: int) -> Layer:
    blob = gzip.compress(tar, level, mtime=0)
    return Layer(Digest.of(tar), Digest.of(blob), len(blob), oci.LAYER_GZIP, lambda: io.BytesIO(blob))


def test_a_layer_that_is_only_compressed_otherwise_is_the_same_tar() -> None:
    tar = packed(tree(BASE))
    left, right = (replace(image_of(tar), layers=(compressed(tar, level),)) for level in (1, 9))
    sizes, digests = (
        [str(value) for value in pair]
        for pair in zip(*((i.layers[0].size, i.layers[0].digest) for i in (left, right)), strict=True)
    )
    assert described(left, right) == (
        "layer 1 of linux/amd64: it holds the same tar, compressed differently:"
        f" size is {sizes[0]} in the first and {sizes[1]} in the second;"
        f" digest is {digests[0]} in the first and {digests[1]} in the second"
    )
    plain = replace(
        left, layers=(Layer(Digest.of(tar), Digest.of(tar), len(tar), oci.LAYER_TAR, lambda: io.BytesIO(tar)),)
    )
    assert described(left, plain).startswith(
        "layer 1 of linux/amd64: it holds the same tar, compressed differently:"
        f" media type is {oci.LAYER_GZIP} in the first and {oci.LAYER_TAR} in the second; size"
    )


def test_the_layer_that_differs_is_counted() -> None:
    one, two, three = (raw((name, b"x")) for name in (b"a", b"b", b"c"))
    assert described(image_of(one, two, three), image_of(one, two, raw((b"c", b"y")))) == (
        "layer 3 of linux/amd64: /c: content from offset 0 on is 'x' in the first and 'y' in the second"
    )
    assert described(image_of(one, two), image_of(one)) == (
        "linux/amd64: the number of layers is 2 in the first and 1 in the second"
    )


BARE = image_of(raw((b"a", b"x")), config=RunConfig(env={"A": "1", "B": "2"}, labels={"org.example.x": "1"}))
OF_DOCUMENTS: dict[str, tuple[Callable[[Image], Image], str]] = {
    "a variable": (
        lambda image: replace(image, config=replace(image.config, env={"A": "1", "B": "3"})),
        'the configuration of linux/amd64: config.Env[1] is "B=2" in the first and "B=3" in the second',
    ),
    "a variable less": (
        lambda image: replace(image, config=replace(image.config, env={"A": "1"})),
        'the configuration of linux/amd64: config.Env[1] is "B=2" in the first and not there in the second',
    ),
    "a label": (
        lambda image: replace(image, config=replace(image.config, labels={"org.example.y": "1"})),
        'the configuration of linux/amd64: config.Labels["org.example.x"] is "1" in the first'
        " and not there in the second",
    ),
    "a field more": (
        lambda image: replace(image, config=replace(image.config, user="7")),
        'the configuration of linux/amd64: config.User is not there in the first and "7" in the second',
    ),
    "the time": (
        lambda image: replace(image, created=1_700_000_000),
        'the configuration of linux/amd64: created is "1970-01-01T00:00:00Z" in the first'
        ' and "2023-11-14T22:13:20Z" in the second',
    ),
    "the history": (
        lambda image: replace(image, layers=(replace(image.layers[0], comment="base"),)),
        'the configuration of linux/amd64: history[0].comment is not there in the first and "base" in the second',
    ),
    "what it is for": (
        lambda image: replace(image, platform=ARM64),
        'the configuration of linux/amd64: architecture is "amd64" in the first and "arm64" in the second',
    ),
    "an annotation": (
        lambda image: replace(image, annotations={"org.example": "x"}),
        'the manifest of linux/amd64: annotations is not there in the first and {"org.example": "x"} in the second',
    ),
    "only the way it is written": (
        lambda image: replace(image, original=Original(json.dumps(json.loads(config_bytes(image))).encode())),
        "the configuration of linux/amd64: the text, from offset 11 on, is"
        ' \'"1970-01-01T00:00:00Z","\'… in the first and \' "1970-01-01T00:00:00Z",\'… in the second',
    ),
}


@pytest.mark.parametrize("name", OF_DOCUMENTS)
def test_the_first_field_of_a_document_that_differs_is_named_by_its_path(name: str) -> None:
    change, message = OF_DOCUMENTS[name]
    assert described(BARE, change(BARE)) == message


def test_a_long_value_is_shown_from_shortly_before_the_difference() -> None:
    path = ":".join(f"/opt/{number}/bin" for number in range(40))
    field = first_field({"PATH": path}, {"PATH": path.replace("/opt/30/", "/opt/x/")})
    assert field is not None
    assert (field.name, field.left, field.right) == (
        "PATH",
        "…29/bin:/opt/30/bin:/opt/31/bin:/opt/32/bin:/opt/33/bin:/opt/34/bin:/opt/…",
        "…29/bin:/opt/x/bin:/opt/31/bin:/opt/32/bin:/opt/33/bin:/opt/34/bin:/opt/3…",
    )


def test_platforms_are_compared_before_all_else() -> None:
    arm = image_of(raw(), platform=ARM64)
    found = first_difference_of_all([BARE, arm], [BARE])
    assert found is not None
    assert found.described() == (
        "the list of platforms is linux/amd64, linux/arm64 in the first and linux/amd64 in the second"
    )
    assert first_difference_of_all([BARE, arm], [BARE, arm]) is None


def test_the_two_can_have_names_and_the_facts_are_json() -> None:
    found = first_difference(image_of(raw((b"a", b"x"))), image_of(raw((b"a", b"yy"))))
    assert found is not None
    assert found.described("build/oci", "the registry").startswith(
        "layer 1 of linux/amd64: /a: size is 1 in build/oci and 2 in the registry;"
    )
    assert json.loads(json.dumps(found.facts())) == {
        "kind": "entry",
        "platform": "linux/amd64",
        "layer": 1,
        "path": "/a",
        "fields": [
            {"name": "size", "first": "1", "second": "2"},
            {"name": "content from offset 0 on", "first": "'x'", "second": "'yy'"},
        ],
        "text": found.described(),
    }


@given(trees(), trees())
def test_trees_differ_where_their_tars_do(left: Rootfs, right: Rootfs) -> None:
    one, other = packed(left), packed(right)
    found = first_difference(image_of(one), image_of(other))
    assert (found is None) == (one == other)
    if found is not None:
        assert found.kind == "entry"
        assert "\n" not in found.described()


@given(trees(), st.data())
def test_one_change_of_one_entry_is_found_there(given_: Rootfs, data: st.DataObject) -> None:
    changeable = [path for path, entry in given_.items() if not isinstance(entry, HardLink)]
    path = data.draw(st.sampled_from(changeable))
    entry = given_[path]
    other = given_.with_entries({path: with_meta(entry, replace(entry.meta, mode=entry.meta.mode ^ 0o100))})
    found = first_difference(image_of(packed(given_)), image_of(packed(other)))
    assert found is not None
    names = {path, *(each for each, link in given_.items() if isinstance(link, HardLink) and link.target == path)}
    assert found.path in names
    # A tar has no entry for a root that is as every root is.
    assert found.fields[0].name == "mode" or (path == "/" and found.fields[0].name == "entry")


def test_layers_are_read_within_the_limits_that_are_said() -> None:
    left, right = (image_of(raw((b"a", byte * 3000))) for byte in (b"1", b"2"))
    assert first_difference(left, right, Limits(expanded=10_000, explicit=True)) is not None
    with pytest.raises(TooLarge, match="expands to more than"):
        first_difference(left, right, Limits(expanded=2048, explicit=True))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_bytes() -> None:
    def layer(last: bytes) -> Layer:
        size = 64 << 20
        tar = Rootfs({tree_path("/big"): File(Meta(0o644), Inline(bytes(size - 1) + last))})
        blob = gzip.compress(packed(tar), 1, mtime=0)
        return Layer(Digest.of(packed(tar)), Digest.of(blob), len(blob), oci.LAYER_GZIP, lambda: io.BytesIO(blob))

    left, right = (replace(BARE, layers=(layer(last),)) for last in (b"1", b"2"))
    tracemalloc.start()
    found = first_difference(left, right)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None
    assert found.fields[0].name == "content from offset 67108863 on"
    assert peak < 16 << 20
