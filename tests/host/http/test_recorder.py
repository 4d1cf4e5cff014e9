"""The server through which programs ask mirrors, and which keeps what they get."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.host.http.recorder import Recorder
from fromscratch.host.storage.store import Store


def got(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - a server of the test
        return bytes(answer.read())


def test_what_is_asked_for_comes_from_the_mirror_and_stays_in_the_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (tmp_path / "mirror/a b").mkdir(parents=True)
    (tmp_path / "mirror/index").write_bytes(b"index")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "mirror/a b/x+1:2.deb").write_bytes(b"package")
    with Recorder(store, {"one": Address(f"file://{tmp_path}/mirror")}, "recording") as recorder:
        assert got(f"{recorder.address('one')}/index") == b"index"
        assert got(f"{recorder.address('one')}/a%20b/x+1%3A2.deb") == b"package"
        for missing in ("/none", "/%2e%2e/secret", "/a/../../secret"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                got(f"{recorder.address('one')}{missing}")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            got(recorder.address("two") + "/index")
    assert recorder.files == {"one/index": Digest.of(b"index"), "one/a b/x+1:2.deb": Digest.of(b"package")}
    assert store.read(Digest.of(b"package")) == b"package"
    assert recorder.failure is None


def test_what_is_known_is_not_asked_for(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    known = {"one/x.deb": store.add(b"package"), "one/lost.deb": Digest.of(b"lost")}
    (tmp_path / "lost.deb").write_bytes(b"anew")
    with Recorder(store, {"one": Address(f"file://{tmp_path}")}, "recording", known=known) as recorder:
        assert got(f"{recorder.address('one')}/x.deb") == b"package"
        assert got(f"{recorder.address('one')}/lost.deb") == b"anew"
    assert recorder.files == {"one/x.deb": Digest.of(b"package"), "one/lost.deb": Digest.of(b"anew")}


def test_a_mirror_that_is_not_there_is_kept_as_the_failure(tmp_path: Path) -> None:
    mirrors = {"one": Address("ftp://x.example")}
    with (
        Recorder(Store(tmp_path / "store"), mirrors, "recording") as recorder,
        pytest.raises(urllib.error.HTTPError, match="502"),
    ):
        got(f"{recorder.address('one')}/index")
    assert recorder.failure is not None
    assert "ftp://x.example/index" in recorder.failure.message
