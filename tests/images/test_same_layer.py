"""One tree, brought to every place there is, has one diff_id: that of our own layer."""

import io
import tarfile
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.host.engines.buildah import Buildah
from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.images.engine_choice import images_in
from fromscratch.images.oci_layout import OciLayout
from fromscratch.model.image import RunConfig
from tests.images.contract import TREE, packed
from tests.images.engine_stores import saved
from tests.made_images import HERE, at, image_of
from tests.trees import listed, tree

pytestmark = [pytest.mark.slow, pytest.mark.engine]
EMPTY = Digest.of(bytes(1024))
NAME = "fromscratch-test/same:1"
# The containers of podman and buildah have a layer of their own, which stays empty, above the root's.
ABOVE = {("podman", "import"): [EMPTY], ("buildah", "import"): [EMPTY]}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(params=["docker", "podman", "buildah", "containerd"])
def of(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("via", ["import", "load"])
def test_one_tree_has_the_same_diff_id_in_a_layout_and_in_every_engine(
    via: str, of: Engine, store: Store, tmp_path: Path
) -> None:
    image = image_of(packed(TREE), config=RunConfig(cmd=("/bin/sh",)), platform=HERE)
    at(OciLayout, tmp_path / "oci").write([image], "1")
    ours = [layer.diff_id for layer in read_layout(tmp_path / "oci")[0].layers]
    receipt = images_in(of, store, via).write([image], NAME)
    there = saved(of, receipt.reference, tmp_path)
    of.forget(receipt.reference)
    assert [layer.diff_id for layer in there.layers] == [*ours, *ABOVE.get((of.kind, via), [])]
    assert listed(root_tree(there, store)) == listed(TREE)


PLAIN = tree("""
    d 0755 0:0 /bin
    f 4755 0:0 /bin/su 'setuid'
    l 0777 0:0 /bin/sh -> su
    h 0755 0:0 /bin/other => /bin/tool
    f 0755 0:0 /bin/tool 'tool'
    c 0666 0:0 1,3 /dev/null
    d 1777 0:0 /tmp
    p 0600 0:0 /run/queue
    d 0750 65532:65532 /srv
""")
_KINDS = {"5": 0o040000, "0": 0o100000, "1": 0o100000, "2": 0o120000, "3": 0o020000, "6": 0o010000}


def with_the_kind_in_the_mode(tar: bytes) -> bytes:
    """The tar with the bits of the file's kind, those of stat(2), in the mode field of every header."""
    out = bytearray(tar)
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            kind = _KINDS[member.type.decode()]
            start = member.offset
            out[start + 100 : start + 108] = b"%07o\0" % (member.mode | kind)
            out[start + 148 : start + 156] = b" " * 8
            out[start + 148 : start + 156] = b"%06o\0 " % sum(out[start : start + 512])
    return bytes(out)


def test_what_buildah_adds_itself_differs_in_the_mode_field_at_most(buildah: Buildah, tmp_path: Path) -> None:
    """Why an import into buildah begins with the root's tar as a base, and adds nothing.

    POSIX gives the mode field the twelve bits of permissions; buildah before 1.39 or so writes the kind too.
    """
    tar = packed(PLAIN)
    (tmp_path / "root.tar").write_bytes(tar)
    buildah.call("from", "--name", "fromscratch-test-add", "scratch")
    buildah.call("add", "--quiet", "fromscratch-test-add", str(tmp_path / "root.tar"), "/")
    buildah.call("commit", "--quiet", "--rm", "--timestamp=0", "fromscratch-test-add", f"localhost/{NAME}")
    (layer,) = saved(buildah, f"localhost/{NAME}", tmp_path).layers
    buildah.forget(f"localhost/{NAME}")
    assert Digest.of(with_the_kind_in_the_mode(tar)) != Digest.of(tar)
    assert layer.diff_id in (Digest.of(with_the_kind_in_the_mode(tar)), Digest.of(tar))
