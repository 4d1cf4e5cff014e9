"""Layers laid over each other, with whiteouts, as engines do it."""

import gzip
import io
from dataclasses import replace
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, IntegrityError
from fromscratch.formats import oci
from fromscratch.formats.tar import blocks
from fromscratch.host.layers import plain_layer, root_tar, root_tree
from fromscratch.host.store import Store
from fromscratch.model.image import Layer
from tests.images import blob_layer, image_of
from tests.trees import listed, text, tree


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


def test_times_of_the_upper_layer_count(store: Store) -> None:
    later = tree("f 0644 0:0 /etc/a 'a'").mapped(
        lambda path, entry: replace(entry, meta=replace(entry.meta, mtime=10**9))
    )
    image = image_of(tar(BASE), b"".join(bytes(block) for block in blocks(later)))
    merged = root_tree(image, store)
    assert merged[next(path for path in merged if path == "/etc/a")].meta.mtime == 10**9


def test_a_plain_layer_is_kept_by_its_diff_id(store: Store) -> None:
    layer = blob_layer(tar(BASE))
    assert plain_layer(layer, store).read_bytes() == tar(BASE)
    assert store.has(layer.diff_id)
    assert plain_layer(replace(layer, open=lambda: pytest.fail("read twice")), store).read_bytes() == tar(BASE)


def test_a_single_layer_streams_through_unchanged(store: Store) -> None:
    with root_tar(image_of(tar(BASE)), store) as stream:
        assert stream.read() == tar(BASE)
    assert not store.root.exists()


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
    blob = gzip.compress(tar(BASE))[:-9]
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
