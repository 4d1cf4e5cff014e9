"""A byte that has changed on the disk never gets into an image, and the next fetch or build fixes it."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.host.storage import disk
from tests.cli.command import Desk
from tests.engines import missing


def packed(data: bytes) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        member = tarfile.TarInfo("file")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return whole.getvalue()


CONTENT = b"the bytes that were meant" * 100


@pytest.fixture(params=["plain", "gz"])
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Desk:
    """A recipe of a download, built once."""
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.folder.mkdir()
    data = packed(CONTENT) if request.param == "plain" else gzip.compress(packed(CONTENT))
    (tmp_path / "upstream.tar").write_bytes(data)
    made.write(
        "fromscratch.yaml",
        "name: demo\nrootfs:\n"
        f"- tarball: {{url: 'file://{tmp_path}/upstream.tar', sha256: '{Digest.of(data).hex}'}}\ncompression: none\n",
    )
    made.answer("fetch", "build")
    return made


def blobs(desk: Desk) -> list[Path]:
    return list((desk.store / "blobs/sha256").iterdir())


def flip(path: Path, place: int) -> None:
    state = path.stat()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def digest(desk: Desk, place: str) -> str:
    (entry,) = json.loads((desk.folder / place / "oci/index.json").read_text())["manifests"]
    return str(entry["digest"])


def test_a_blob_is_refused_and_fetched_again(desk: Desk) -> None:
    [blob] = blobs(desk)
    flip(blob, len(blob.read_bytes()) // 2)
    answer = desk.call("build", "--output", "again")
    assert (answer.code, "run fetch" in answer.err) == (1, True), answer.err
    desk.answer("fetch", "build", "--output", "again")
    assert digest(desk, "again") == digest(desk, "build/demo")


def test_what_is_derived_is_made_again(desk: Desk) -> None:
    for path in (desk.store / "derived").rglob("*"):
        if path.is_file():
            flip(path, 600)
    desk.answer("build", "--output", "again")
    assert digest(desk, "again") == digest(desk, "build/demo")


def test_a_false_record_of_a_layer_is_none(desk: Desk) -> None:
    [record] = (desk.store / "records/packed-layer").iterdir()
    said = record.read_text()
    other = re.sub(r'("diff_id":"sha256:)(.)', lambda found: found[1] + ("1" if found[2] == "0" else "0"), said)
    assert other != said
    record.write_text(other)
    (desk.folder / "build/demo/evidence.json").unlink()
    before = digest(desk, "build/demo")
    desk.answer("build")
    assert digest(desk, "build/demo") == before


def test_a_layer_of_the_build_is_packed_again(desk: Desk) -> None:
    layer = max((desk.folder / "build/demo/oci/blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    whole = layer.read_bytes()
    flip(layer, 700)
    assert "unchanged" not in desk.answer("build")
    assert layer.read_bytes() == whole
    assert "unchanged" in desk.answer("build")


@pytest.mark.slow
@pytest.mark.parametrize("unpacked", [True, False], ids=["built before", "fetched only"])
def test_a_store_that_is_read_only_is_built_from(desk: Desk, unpacked: bool) -> None:
    if not unpacked:
        for name in ("derived", "seen"):
            disk.remove(desk.store / name)
    private = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*private, "true"], check=False, capture_output=True).returncode:
        missing("this kernel gives no namespace to mount a store read-only in")
    (desk.folder / "tmp").mkdir()
    script = f'mount --bind "{desk.store}" "{desk.store}" && mount -o remount,ro,bind "{desk.store}" && exec "$@"'
    closed = Desk(desk.folder, desk.store, {"TMPDIR": str(desk.folder / "tmp")})
    program = (*private, "sh", "-c", script, "sh", sys.executable, "-m", "fromscratch")
    for words in (("build",), ("ls",), ("pack", "--to", "tar", "--output", "x.tar")):
        answer = closed.call(*words, *([] if words[0] != "build" else ["--output", "again"]), program=program)
        assert answer.code == 0, answer.err
    assert digest(desk, "again") == digest(desk, "build/demo")
    assert list((desk.folder / "tmp").iterdir()) == []
    disk.remove(desk.store / "blobs")
    answer = closed.call("fetch", program=program)
    assert (answer.code, "Read-only file system" in answer.err) == (1, True), answer.err
