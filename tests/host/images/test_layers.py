"""Layers laid over each other, with whiteouts, as engines do it."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import zstandard
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError, IntegrityError, TooLarge
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.packing.layer_blob import plain_stream
from fromscratch.formats.tar.header import header
from fromscratch.formats.tar.reader import stream_members
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.images import layers
from fromscratch.host.images.flattened import flattened
from fromscratch.host.images.layers import note_own, plain_layer, root_tar, root_tree
from fromscratch.host.storage.store import Store
from fromscratch.images.tar import RootTar
from fromscratch.limits import DEFAULT_LIMITS, Limits, limits
from fromscratch.model import listing
from fromscratch.model.entry import Meta
from fromscratch.model.image import Image, Layer
from fromscratch.paths import TreePath
from tests.made_images import blob_layer, image_of
from tests.trees import listed, text, tree

GZIP = partial(gzip.compress, mtime=0)  # the same bytes in every process that collects these tests
ZSTD = zstandard.ZstdCompressor().compress


def tar(lines: str) -> bytes:
    return b"".join(bytes(block) for block in blocks(tree(lines)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


BASE = """
    d 0755 0:0 /etc
    f 0644 0:0 /etc/a 'a'
    f 0644 0:0 /etc/b 'b'
    d 0755 0:0 /usr
    d 0755 0:0 /usr/lib
    f 0644 0:0 /usr/lib/x 'x'
    h 0644 0:0 /usr/lib/y => /usr/lib/x
    l 0777 0:0 /lib -> usr/lib
"""


@pytest.mark.parametrize(
    ("upper", "result"),
    [
        pytest.param(
            "f 0600 7:7 /etc/a 'longer'",
            """
            d 0755 0:0 /etc
            f 0600 7:7 6 /etc/a
            f 0644 0:0 1 /etc/b
            l 0777 0:0 /lib -> usr/lib
            d 0755 0:0 /usr
            d 0755 0:0 /usr/lib
            f 0644 0:0 1 /usr/lib/x
            h 0644 0:0 /usr/lib/y => /usr/lib/x
            """,
            id="a file is replaced",
        ),
        pytest.param(
            """
            f 0644 0:0 /etc/.wh.a ''
            f 0644 0:0 /usr/lib/.wh.x ''
            f 0644 0:0 /usr/lib/.wh..wh.plnk ''
            """,
            """
            d 0755 0:0 /etc
            f 0644 0:0 1 /etc/b
            l 0777 0:0 /lib -> usr/lib
            d 0755 0:0 /usr
            d 0755 0:0 /usr/lib
            f 0644 0:0 1 /usr/lib/y
            """,
            id="a whiteout takes away one name",
        ),
        pytest.param(
            """
            d 0700 0:0 /etc
            f 0644 0:0 /etc/.wh..wh..opq ''
            f 0644 0:0 /etc/new 'n'
            f 0644 0:0 /.wh.usr ''
            """,
            """
            d 0700 0:0 /etc
            f 0644 0:0 1 /etc/new
            l 0777 0:0 /lib -> usr/lib
            """,
            id="an opaque folder starts empty",
        ),
        pytest.param(
            """
            d 0755 0:0 /lib
            f 0644 0:0 /lib/z 'z'
            f 0644 0:0 /etc 'no folder'
            f 0644 0:0 /.wh.usr ''
            """,
            """
            f 0644 0:0 9 /etc
            d 0755 0:0 /lib
            f 0644 0:0 1 /lib/z
            """,
            id="another kind takes the place",
        ),
    ],
)
def test_a_layer_over_another(upper: str, result: str, store: Store) -> None:
    image = image_of(tar(BASE), tar(upper))
    assert listed(root_tree(image, store)) == text(result)


def test_a_folder_takes_the_place_of_a_file_behind_a_symlink(store: Store) -> None:
    image = image_of(tar(BASE), header(b"lib/x/", b"5", Meta(0o700)) + bytes(1024))
    found = root_tree(image, store)
    assert [listing.line(path, found[path]) for path in found.within(TreePath("/usr/lib"))][1:] == [
        "d 0700 0:0 /usr/lib/x",
        "f 0644 0:0 1 /usr/lib/y",
    ]


def hard_link(name: str, target: str) -> bytes:
    return header(name.encode(), b"1", Meta(0o644), link=target.encode())


@pytest.mark.parametrize("target", ["usr/lib/x", "usr/lib/y", "lib/x"])
def test_a_hard_link_to_a_file_of_a_lower_layer_is_one_more_name_of_it(target: str, store: Store) -> None:
    image = image_of(tar(BASE), hard_link("srv/z", target) + bytes(1024))
    assert listed(root_tree(image, store)) == text("""
        d 0755 0:0 /etc
        f 0644 0:0 1 /etc/a
        f 0644 0:0 1 /etc/b
        l 0777 0:0 /lib -> usr/lib
        d 0755 0:0 /srv
        f 0644 0:0 1 /srv/z
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        h 0644 0:0 /usr/lib/x => /srv/z
        h 0644 0:0 /usr/lib/y => /srv/z
    """)


def test_a_whiteout_takes_a_name_of_a_file_that_a_hard_link_borrows(store: Store) -> None:
    whiteouts = header(b"usr/lib/.wh.x", b"0", Meta(0o644)) + header(b"usr/lib/.wh.y", b"0", Meta(0o644))
    image = image_of(tar(BASE), hard_link("srv/z", "usr/lib/x") + whiteouts + bytes(1024))
    found = root_tree(image, store)
    assert [path for path in found if path.startswith(("/srv/", "/usr/lib/"))] == ["/srv/z"]
    assert listed(found).count("h ") == 0


def test_a_hard_link_to_what_no_layer_has_is_refused(store: Store) -> None:
    with pytest.raises(FormatError, match="'srv/z': /srv/z is a hard link to /usr"):
        root_tree(image_of(tar(BASE), hard_link("srv/z", "usr/nothing") + bytes(1024)), store)


def test_a_layer_of_an_unknown_type_is_refused(store: Store) -> None:
    layer = replace(blob_layer(tar(BASE)), media_type="application/vnd.oci.image.layer.v1.tar+xz")
    with pytest.raises(FormatError, match="tar\\+xz, which we do not read"):
        root_tree(replace(image_of(tar(BASE)), layers=(layer,)), store)


def test_times_of_the_upper_layer_count(store: Store) -> None:
    later = tree("f 0644 0:0 /etc/a 'a'").mapped(
        lambda path, entry: replace(entry, meta=replace(entry.meta, mtime=10**9))
    )
    image = image_of(tar(BASE), b"".join(bytes(block) for block in blocks(later)))
    merged = root_tree(image, store)
    assert merged[next(path for path in merged if path == "/etc/a")].meta.mtime == 10**9


def test_a_plain_layer_is_kept_by_its_diff_id(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not unpacked again, and the blob is read to see that it is still the right one."""
    layer = blob_layer(tar(BASE))
    assert plain_layer(layer, store).read_bytes() == tar(BASE)
    assert store.has(layer.diff_id)
    monkeypatch.setattr(layers, "plain_pieces", lambda *_: pytest.fail("unpacked twice"))
    assert plain_layer(layer, store).read_bytes() == tar(BASE)


def test_a_layer_that_was_packed_here_streams_through_unchanged(store: Store) -> None:
    image = image_of(tar(BASE))
    note_own(image.layers[0], store)
    with root_tar(image, store) as stream:
        assert stream.read() == tar(BASE)
    assert not store.has(image.layers[0].diff_id)


# A root of one layer of strangers is read, whatever becomes of it.

OUTSIDE = header(b"../../etc/cron.d/x", b"0", Meta(0o644)) + bytes(1024)
WHITEOUTS = header(b"a", b"0", Meta(0o644)) + header(b".wh.b", b"0", Meta(0o644)) + bytes(1024)


@pytest.mark.parametrize("name", ["out.tar", "out.tar.gz", "out.tar.zst"])
@pytest.mark.parametrize(
    "layer",
    [
        OUTSIDE,
        hard_link("x", "../../etc/passwd") + bytes(1024),
        header(b"a/.wh...", b"0", Meta(0o644)) + bytes(1024),
        header(b"x", b"0", Meta(0o644), size=1 << 30) + bytes(1024),
        b"".join(header(b"%d" % number, b"0", Meta(0o644)) for number in range(11)) + bytes(1024),
    ],
    ids=["a name that leads out", "a link that leads out", "a whiteout of the folder above", "cut", "too many"],
)
def test_what_would_be_refused_of_several_layers_is_refused_of_one(layer: bytes, name: str, tmp_path: Path) -> None:
    store, few = Store(tmp_path / "store"), Limits(entries=10)
    image = image_of(layer)
    with pytest.raises(ImageError), root_tar(image, store, few) as stream:
        stream.read()
    with pytest.raises(ImageError), flattened(image, store, few) as flat:
        flat.layers[0].open()
    with pytest.raises(ImageError):
        RootTar(tmp_path / name, store, few).write([image])
    assert not (tmp_path / name).exists()


def test_whiteouts_of_the_only_layer_are_no_files(tmp_path: Path) -> None:
    """Who unpacks the tar by itself would make files of them."""
    store, image = Store(tmp_path / "store"), image_of(WHITEOUTS)
    with root_tar(image, store) as stream:
        assert stream.read() == tar("f 0644 0:0 /a ''")
    with flattened(image, store) as flat, flat.layers[0].open() as stream:
        assert stream.read() == tar("f 0644 0:0 /a ''")
    for name in ("x.tar", "x.tar.gz"):
        RootTar(tmp_path / name, store).write([image])
        with tarfile.open(tmp_path / name) as archive:
            assert archive.getnames() == ["a"]


def test_several_layers_stream_as_one(store: Store) -> None:
    image = image_of(tar(BASE), tar("f 0644 0:0 /etc/.wh.a ''"))
    with root_tar(image, store) as stream:
        assert stream.read() == b"".join(bytes(block) for block in blocks(root_tree(image, store)))


def lying(layer: Layer, tar: bytes) -> Layer:
    """A layer whose blob is honest but holds another tar than the image says."""
    other = blob_layer(tar)
    return replace(other, diff_id=layer.diff_id)


def test_a_tar_that_is_another_than_promised_is_found(store: Store) -> None:
    image = replace(image_of(tar(BASE)), layers=(lying(blob_layer(tar(BASE)), tar("d 0755 0:0 /x")),))
    with pytest.raises(IntegrityError, match="uncompressed layer"):
        root_tree(image, store)
    assert not store.has(image.layers[0].diff_id)
    with pytest.raises(IntegrityError, match="uncompressed layer"), root_tar(image, store) as stream:
        stream.read()


def test_a_damaged_layer_is_found(store: Store) -> None:
    blob = GZIP(tar(BASE))[:-9]
    bad = replace(blob_layer(tar(BASE)), digest=Digest.of(blob), size=len(blob), open=lambda: io.BytesIO(blob))
    image = replace(image_of(tar(BASE)), layers=(bad,))
    with pytest.raises(FormatError):
        root_tree(image, store)
    with pytest.raises(FormatError, match="damaged"), root_tar(image, store) as stream:
        stream.read()


def test_zstd_layers_are_read(store: Store) -> None:
    zstandard = pytest.importorskip("zstandard", reason="the Python package zstandard is not installed")
    blob = zstandard.ZstdCompressor().compress(tar(BASE))
    layer = Layer(Digest.of(tar(BASE)), Digest.of(blob), len(blob), oci.LAYER_ZSTD, lambda: io.BytesIO(blob))
    image = replace(image_of(tar(BASE)), layers=(layer,))
    with root_tar(image, store) as stream:
        assert stream.read() == tar(BASE)
    assert listed(root_tree(image, store)).startswith("d 0755 0:0 /etc")


# Layers that lie. None of them leaves anything in the store.


def blob(data: bytes, media_type: str = oci.LAYER_GZIP, plain: bytes | None = None) -> Layer:
    """A layer of these bytes, which are honest about their digest and size."""
    diff_id = Digest.of(tar(BASE) if plain is None else plain)
    return Layer(diff_id, Digest.of(data), len(data), media_type, lambda: io.BytesIO(data))


def refused(layer: Layer, store: Store, kind: type[Exception], match: str, limits: Limits = DEFAULT_LIMITS) -> None:
    """By whoever keeps its tar, and by whoever streams it; nothing stays."""
    image = replace(image_of(tar(BASE)), layers=(layer,))
    with pytest.raises(kind, match=f"layer {layer.digest}.*{match}"):
        root_tree(image, store, limits)
    with pytest.raises(kind, match=match), root_tar(image, store, limits) as stream:
        stream.read()
    assert [path for path in store.root.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG"] == []


@pytest.mark.parametrize(
    ("media_type", "data", "match"),
    [
        (oci.LAYER_ZSTD, GZIP(tar(BASE)), "zstd, but its bytes are those of gzip"),
        (oci.LAYER_GZIP, ZSTD(tar(BASE)), "gzip, but its bytes are those of zstd"),
        (oci.LAYER_GZIP, tar(BASE), "gzip, but its bytes are no compressed ones"),
        (oci.LAYER_TAR, GZIP(tar(BASE)), "v1.tar, but its bytes are those of gzip"),
        (oci.LAYER_GZIP, lzma.compress(tar(BASE)), "gzip, but its bytes are those of xz"),
        (oci.LAYER_GZIP, b"", "gzip, but its bytes are no compressed ones"),
    ],
)
def test_a_layer_of_another_kind_than_it_says_is_refused(
    media_type: str, data: bytes, match: str, store: Store
) -> None:
    refused(blob(data, media_type), store, FormatError, match)


@pytest.mark.parametrize("change", ["digest", "size", "shorter", "longer", "kind"])
def test_a_blob_that_is_another_than_its_descriptor_says_is_refused(change: str, store: Store) -> None:
    honest = blob(GZIP(tar(BASE)))
    data = honest.open().read()
    match change:
        case "digest":
            refused(replace(honest, digest=Digest.of(b"x")), store, IntegrityError, "has the digest")
        case "size":
            refused(replace(honest, size=len(data) + 1), store, IntegrityError, "where its descriptor promises")
        case "shorter":
            refused(replace(honest, open=lambda: io.BytesIO(data[:-1])), store, IntegrityError, "descriptor promises")
        case "longer":
            refused(replace(honest, open=lambda: io.BytesIO(data + b"x")), store, IntegrityError, "descriptor promises")
        case _:  # the greater lie is told
            refused(replace(honest, open=lambda: io.BytesIO(b"x" * len(data))), store, IntegrityError, "has the digest")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (GZIP(tar(BASE))[:-1], "damaged: it is cut before its end"),
        (GZIP(tar(BASE))[:100], "damaged: it is cut before its end"),
        (GZIP(tar(BASE)) + b"garbage", "damaged: .*incorrect header check"),
        (GZIP(tar(BASE))[:-5] + b"xxxxx", "damaged: .*incorrect"),
    ],
)
def test_a_gzip_layer_that_is_cut_or_goes_on_with_garbage_is_refused(data: bytes, match: str, store: Store) -> None:
    refused(blob(data), store, FormatError, match)


@pytest.mark.parametrize("data", [ZSTD(tar(BASE))[:-1], ZSTD(tar(BASE)) + b"garbage", ZSTD(tar(BASE))[:20]])
def test_a_zstd_layer_that_is_cut_or_goes_on_with_garbage_is_refused(data: bytes, store: Store) -> None:
    refused(blob(data, oci.LAYER_ZSTD), store, FormatError, "is damaged: ")


HALF = len(tar(BASE)) // 2


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        (oci.LAYER_GZIP, GZIP(tar(BASE)[:HALF]) + GZIP(tar(BASE)[HALF:])),
        (oci.LAYER_GZIP, GZIP(b"") + GZIP(tar(BASE)) + GZIP(b"")),
        (oci.LAYER_ZSTD, ZSTD(tar(BASE)[:HALF]) + ZSTD(tar(BASE)[HALF:])),
        (oci.LAYER_ZSTD, b"\x50\x2a\x4d\x18\3\0\0\0abc" + ZSTD(tar(BASE))),
        (oci.FOREIGN_TAR, tar(BASE)),
        (oci.FOREIGN_GZIP, GZIP(tar(BASE))),
        (oci.FOREIGN_ZSTD, ZSTD(tar(BASE))),
    ],
    ids=["two members", "empty members", "two frames", "a skippable frame", "foreign", "gzip", "zstd"],
)
def test_every_stream_of_a_layer_is_read(media_type: str, data: bytes, store: Store) -> None:
    image = replace(image_of(tar(BASE)), layers=(blob(data, media_type),))
    with root_tar(image, store) as stream:
        assert stream.read() == tar(BASE)
    assert listed(root_tree(image, store)) == listed(root_tree(image_of(tar(BASE)), store))


@pytest.mark.parametrize("behind", [bytes(1), bytes(1000), b"garbage"])
@pytest.mark.parametrize(("media_type", "pack"), [(oci.LAYER_GZIP, GZIP), (oci.LAYER_ZSTD, ZSTD)])
def test_what_stands_behind_the_last_stream_of_a_layer_is_refused(
    media_type: str, pack: Callable[[bytes], bytes], behind: bytes, store: Store
) -> None:
    """Even zeros, which the programs of compressed files pass over, and those of images (podman, umoci) do not."""
    refused(blob(pack(tar(BASE)) + behind, media_type), store, FormatError, "is damaged: ")


@pytest.mark.parametrize("media_type", [oci.LAYER_GZIP, oci.LAYER_ZSTD])
def test_a_bomb_leaves_nothing_behind(media_type: str, tmp_path: Path) -> None:
    plain = bytes(40 << 20)
    data = GZIP(plain) if media_type == oci.LAYER_GZIP else ZSTD(plain)
    small = limits("10M", None)
    refused(blob(data, media_type, plain), Store(tmp_path / "small"), TooLarge, "more than 10 MiB in all", small)


def test_layers_share_what_is_allowed(tmp_path: Path) -> None:
    tars = [header(b"%d" % number, b"0", Meta(0o644), size=1 << 20) + bytes((1 << 20) + 1024) for number in range(3)]
    assert len(root_tree(image_of(*tars[:2]), Store(tmp_path / "a"), limits("3M", None))) == 3
    with pytest.raises(TooLarge, match="expands to more than 3 MiB in all"):
        root_tree(image_of(*tars), Store(tmp_path / "b"), limits("3M", None))


@pytest.mark.parametrize(("count", "fits"), [(9, True), (10, False)])
def test_layers_have_no_more_entries_than_is_allowed(count: int, fits: bool, tmp_path: Path) -> None:
    store, few = Store(tmp_path / "small"), Limits(entries=10)
    names = [b"%d" % number for number in range(count)]
    tars = [b"".join(header(name, b"0", Meta(0o644)) for name in half) + bytes(1024) for half in (names[:5], names[5:])]
    if fits:
        assert len(root_tree(image_of(*tars), store, few)) == 10
    else:
        with pytest.raises(TooLarge, match=r"what the layers up to the layer sha256:.* make has more than 10 entries"):
            root_tree(image_of(*tars), store, few)


def test_a_layer_of_many_entries_of_one_name_is_stopped_too(tmp_path: Path) -> None:
    image = image_of(header(b"x", b"0", Meta(0o644)) * 11 + bytes(1024))
    with pytest.raises(TooLarge, match=r"the layer sha256:.* has more than 10 entries"):
        root_tree(image, Store(tmp_path / "small"), Limits(entries=10))


@pytest.mark.parametrize("name", [b".wh.", b".wh..", b".wh...", b"etc/.wh...", b".wh.etc/x"])
def test_a_whiteout_of_more_than_a_name_is_refused_with_its_layer_named(name: bytes, store: Store) -> None:
    image = image_of(tar(BASE), header(name, b"0", Meta(0o644)) + bytes(1024))
    with pytest.raises(FormatError, match=rf"^the layer {image.layers[1].digest}: '{name.decode()}': .*whiteout"):
        root_tree(image, store)


def test_a_whiteout_may_be_of_any_kind(store: Store) -> None:
    """AUFS made them hard links to a file of its own."""
    image = image_of(
        tar(BASE), hard_link("etc/.wh.a", ".wh..wh.aufs") + hard_link("etc/.wh.b", "nowhere") + bytes(1024)
    )
    assert "/etc/" not in listed(root_tree(image, store))


def test_layers_that_replace_each_other_again_and_again_are_stopped(tmp_path: Path) -> None:
    """Each takes its time, and a list may name one of them any number of times."""
    once = b"".join(header(b"%d" % number, b"0", Meta(0o644)) for number in range(9)) + bytes(1024)
    store, few = Store(tmp_path / "small"), Limits(entries=10)
    assert len(root_tree(image_of(*[once] * 17), store, few)) == 10
    with pytest.raises(TooLarge, match=r"every layer up to the layer sha256:.* has more than 160 entries"):
        root_tree(image_of(*[once] * 18), store, few)


# A layer whose digest is right is whole, however it ends.

ONE = header(b"a", b"0", Meta(0o644), size=3) + b"abc"


@pytest.mark.parametrize("media_type", [oci.LAYER_TAR, oci.LAYER_GZIP, oci.LAYER_ZSTD])
@pytest.mark.parametrize(
    ("plain", "names"),
    [
        (b"", []),
        (ONE + bytes(509), ["/a"]),
        (ONE + bytes(509) + bytes(512), ["/a"]),
        (ONE, ["/a"]),
        (ONE + bytes(7), ["/a"]),
        (header(b"d/", b"5", Meta(0o755)), ["/d"]),
    ],
    ids=["no bytes", "no end blocks", "one end block", "no padding", "half a padding", "a directory alone"],
)
def test_a_layer_may_lack_what_ends_a_tar(media_type: str, plain: bytes, names: list[str], store: Store) -> None:
    """podman and umoci unpack all of these."""
    data = {oci.LAYER_TAR: plain, oci.LAYER_GZIP: GZIP(plain), oci.LAYER_ZSTD: ZSTD(plain)}[media_type]
    image = replace(image_of(tar(BASE)), layers=(blob(data, media_type, plain),))
    assert list(root_tree(image, store)) == ["/", *names]
    with plain_stream(image.layers[0]) as stream:
        assert [member.name.strip(b"/").decode() for member, _ in stream_members(stream, "x", whole=True)] == [
            name.strip("/") for name in names
        ]


@pytest.mark.parametrize(
    "plain",
    [
        ONE[:-1],
        ONE[:100],
        ONE + bytes(509) + bytes(100),
        ONE + bytes(509) + bytes(512) + bytes(100),
        ONE + bytes(509) + bytes(512) + ONE,
    ],
)
def test_a_layer_that_ends_within_an_entry_is_refused(plain: bytes, store: Store) -> None:
    """So do podman and umoci, and all that looks into the middle of a block."""
    image = replace(image_of(tar(BASE)), layers=(blob(GZIP(plain), plain=plain),))
    with pytest.raises(FormatError):
        root_tree(image, store)
    with plain_stream(image.layers[0]) as stream, pytest.raises(FormatError):
        list(stream_members(stream, "x", whole=True))


def shared(*entries: bytes) -> Image:
    """A layer with a file, and over it one of these entries."""
    lower = header(b"d/", b"5", Meta(0o755)) + header(b"d/a", b"0", Meta(0o644)) + bytes(1024)
    return image_of(lower, b"".join(entries) + bytes(1024))


LINK = header(b"h", b"1", Meta(0o644), link=b"d/a")


@pytest.mark.parametrize("mark", [b"d/.wh.a", b"d/.wh..wh..opq", b".wh.d"])
def test_a_hard_link_to_what_a_whiteout_before_it_takes_away_is_refused(mark: bytes, store: Store) -> None:
    """umoci finds nothing then, and the overlay storage of podman makes another whiteout of it."""
    whiteout = header(mark, b"0", Meta(0o644))
    with pytest.raises(FormatError, match=rf"a hard link to /d/a, which the whiteout /{mark.decode()} before"):
        root_tree(shared(whiteout, LINK), store)
    assert "/h" in root_tree(shared(LINK, whiteout), store)


@pytest.mark.parametrize("name", ["etc/a", "etc", "nowhere/x", ".wh.etc", "own"])
def test_a_global_header_where_docker_would_change_something_is_refused(name: str, store: Store) -> None:
    marked = header(name.encode(), b"g", Meta(0o644), size=0) + header(b"own", b"0", Meta(0o644)) + bytes(1024)
    image = image_of(tar("f 0644 0:0 /etc/a 'a'"), marked)
    with pytest.raises(FormatError, match="a global extended header has the name"):
        root_tree(image, store)


@pytest.mark.parametrize("name", ["pax_global_header", "etc/GlobalHead.1"])
def test_a_global_header_of_no_entry_says_nothing(name: str, store: Store) -> None:
    marked = header(name.encode(), b"g", Meta(0o644), size=0) + header(b"own", b"0", Meta(0o644)) + bytes(1024)
    image = image_of(tar("f 0644 0:0 /etc/a 'a'"), marked)
    assert [path for path in root_tree(image, store) if path.endswith("er")] == []


def test_a_symlink_that_its_own_layer_replaces_leads_no_whiteout_anywhere(store: Store) -> None:
    lower = tar("""
        l 0777 0:0 /lib -> usr/lib
        f 0644 0:0 /usr/lib/x 'x'
    """)
    upper = tar("""
        d 0755 0:0 /lib
        f 0644 0:0 /lib/.wh..wh..opq ''
    """)
    assert TreePath("/usr/lib/x") in root_tree(image_of(lower, upper), store)
