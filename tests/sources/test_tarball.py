"""Tar archives as a root filesystem, from here and from an address."""

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
import zstandard

from fromscratch.errors import FormatError, IntegrityError, NotFetched, UnsafePath, UsageError
from fromscratch.host.storage.store import Store
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.tarball.options import TarballOptions
from tests.sources.contract import SourceContract, Subject
from tests.trees import listed, text

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.xz": lzma.compress,
    "tar.bz2": bz2.compress,
    "tar.zst": zstandard.compress,
}
LISTING = text("""
    d 0755 1000:1000 /hello-1.0
    d 0755 1000:1000 /hello-1.0/bin
    f 0755 1000:1000 6 /hello-1.0/bin/hello
    l 0777 1000:1000 /hello-1.0/bin/hi -> hello
""")


def archive(entry: str = "hello-1.0/bin/hello") -> bytes:
    """What `git archive` or `make dist` would give."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, mode in (
            ("hello-1.0", tarfile.DIRTYPE, 0o755),
            ("hello-1.0/bin", tarfile.DIRTYPE, 0o755),
            (entry, tarfile.REGTYPE, 0o755),
            ("hello-1.0/bin/hi", tarfile.SYMTYPE, 0o777),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid = kind, mode, 1000, 1000
            info.linkname = "hello" if kind == tarfile.SYMTYPE else ""
            info.size = 6 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"hello\n"))
    return out.getvalue()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server of what is in tmp_path."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class TestLocalTarballContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        path = tmp_path / "hello.tar.gz"
        path.write_bytes(gzip.compress(archive(), mtime=0))
        return Subject(
            TarballOptions(path="hello.tar.gz"),
            folder=tmp_path,
            change=lambda: path.write_bytes(gzip.compress(archive("hello-1.0/bin/hallo"), mtime=0)),
            other=TarballOptions(path="hello.tar.gz", strip=1),
        )


class TestDownloadedTarballContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path, address: str) -> Subject:
        data = archive()
        (tmp_path / "hello.tar").write_bytes(data)
        options = TarballOptions(url=f"{address}/hello.tar", sha256=hashlib.sha256(data).hexdigest())
        return Subject(options, folder=tmp_path, other=msgspec.structs.replace(options, into="/opt"))

    def test_build_before_fetch_says_that_fetch_has_to_run(self, subject: Subject, store: Store) -> None:
        with pytest.raises(NotFetched) as caught:
            subject.laid(store)
        assert caught.value.hint == "run fetch first"


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_every_compression_gives_the_same_tree(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"hello.{suffix}").write_bytes(COMPRESSIONS[suffix](archive()))
    subject = Subject(TarballOptions(path=f"hello.{suffix}"), folder=tmp_path)
    assert listed(subject.laid(Store(tmp_path / "store"))) == LISTING


def test_names_can_be_stripped_excluded_owned_and_moved(tmp_path: Path) -> None:
    (tmp_path / "hello.tar").write_bytes(archive())
    options = TarballOptions(
        path="hello.tar", strip=1, exclude=["hi"], owner="0:0", into="/usr", modes={"/bin": "0700"}
    )
    assert listed(Subject(options, folder=tmp_path).laid(Store(tmp_path / "store"))) == text("""
        d 0755 0:0 /usr
        d 0700 0:0 /usr/bin
        f 0755 0:0 6 /usr/bin/hello
    """)


def test_a_local_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "store"), tmp_path / "hello.tar"
    path.write_bytes(archive())
    subject = Subject(TarballOptions(path="hello.tar"), folder=tmp_path)
    assert listed(subject.laid(store)) == LISTING
    path.write_bytes(archive("hello-1.0/bin/hallo"))
    assert listed(subject.laid(store)) == LISTING.replace("bin/hello", "bin/hallo")


def test_a_cut_archive_is_named_by_the_recipe_s_word_for_it(tmp_path: Path) -> None:
    for suffix, compress in COMPRESSIONS.items():
        data = compress(archive())
        (tmp_path / f"cut.{suffix}").write_bytes(data[: len(data) * 2 // 3] if suffix != "tar" else data[:1024])
        subject = Subject(TarballOptions(path=f"cut.{suffix}"), folder=tmp_path)
        with pytest.raises(FormatError, match=rf"^tarball cut\.{suffix}\b"):
            subject.laid(Store(tmp_path / "store"))


def test_a_name_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "evil.tar").write_bytes(archive("../../etc/passwd"))
    with pytest.raises(UnsafePath, match=r"tarball evil\.tar: '\.\./\.\./etc/passwd'"):
        Subject(TarballOptions(path="evil.tar"), folder=tmp_path).laid(Store(tmp_path / "store"))


def test_a_wrong_digest_names_both(tmp_path: Path, address: str) -> None:
    (tmp_path / "hello.tar").write_bytes(archive())
    found = hashlib.sha256(archive()).hexdigest()
    for options in (
        TarballOptions(url=f"{address}/hello.tar", sha256="0" * 64),
        TarballOptions(path="hello.tar", sha256="0" * 64),
    ):
        with pytest.raises(IntegrityError) as caught:
            Subject(options, folder=tmp_path).bind().fetch(Store(tmp_path / "store"))
        assert found in caught.value.message
        assert "0" * 64 in caught.value.message


def test_a_missing_file_is_named_with_near_misses(tmp_path: Path) -> None:
    (tmp_path / "hello.tar").write_bytes(archive())
    with pytest.raises(UsageError, match=r"there is no .*/helo\.tar") as caught:
        Subject(TarballOptions(path="helo.tar"), folder=tmp_path).bind().fetch(Store(tmp_path / "store"))
    assert caught.value.hint == f"did you mean {tmp_path}/hello.tar?"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({}, "write one of path:, url: and latest:, not none of them"),
        ({"path": "x", "url": "http://x.example/y"}, "not path: and url:"),
        ({"url": "http://x.example/y"}, "a url needs a sha256"),
        ({"url": "me:word@x.example/y?word", "sha256": "0" * 64}, r"url: 'x.example/y\?…' is not an address"),
        ({"url": "http:/me:word@x.example/y", "sha256": "0" * 64}, "url: 'http:/x.example/y' is not an address"),
        ({"url": "http://x.example/y", "sha256": "abc"}, "is not a digest"),
        ({"path": "x", "strip": -1}, "strip"),
    ],
)
def test_a_fault_in_the_options_says_what_to_write(options: dict[str, object], fault: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=fault):
        msgspec.convert(options, TarballOptions)


def of_files(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in {"rootfs": b"", **files}.items():
            info = tarfile.TarInfo(name)
            info.type, info.size = (tarfile.REGTYPE, len(data)) if name in files else (tarfile.DIRTYPE, 0)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def built(folder: Path, **options: object) -> Rootfs:
    subject = Subject(msgspec.convert(options, TarballOptions), folder=folder)
    return subject.laid(Store(folder / "store"))


@pytest.mark.parametrize(
    ("files", "reported", "hint"),
    [
        (
            {"manifest.json": b'[{"Config": "c.json", "RepoTags": null, "Layers": ["l/layer.tar"]}]', "c.json": b"{}"},
            "is an archive of `docker save`",
            "image: docker-archive:a.tar",
        ),
        (
            {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": b"{}", "blobs/sha256/x": b""},
            "is an OCI layout",
            "image: oci-archive:a.tar",
        ),
        (
            {"repositories": b'{"a": {"1": "x"}}', "x/json": b"{}", "x/layer.tar": b""},
            "is an archive of `docker save` before 1.10",
            "save the image again",
        ),
        ({"manifest": b'{"acKind": "ImageManifest"}', "rootfs/bin/x": b""}, "is an ACI", "strip: 1"),
    ],
)
def test_an_image_in_its_container_is_no_root(
    files: dict[str, bytes], reported: str, hint: str, tmp_path: Path
) -> None:
    """It would be an image of blobs, that cannot start."""
    (tmp_path / "a.tar").write_bytes(of_files(files))
    with pytest.raises(FormatError, match=reported) as caught:
        built(tmp_path, path="a.tar")
    assert hint in caught.value.hint
    assert f"/srv/{next(iter(files))}" in built(tmp_path, path="a.tar", into="/srv")  # who wants the container itself


@pytest.mark.parametrize(
    "files",
    [
        {"manifest.json": b'{"name": "x"}', "index.html": b""},
        {"manifest.json": b"[1]", "oci-layout": b"x", "index.json": b"{}"},
        {"manifest": b"text", "rootfs/x": b""},
        {"repositories": b'{"a": {"1": "x"}}', "x/json": b"{}"},
        {"repositories": b"text", "x/layer.tar": b""},
    ],
)
def test_a_root_may_have_files_of_such_names(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(of_files(files))
    assert {f"/{name}" for name in files} <= set(built(tmp_path, path="a.tar"))


@pytest.mark.parametrize(
    ("start", "reported"),
    [
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\xef\xbb\xbf\n\n  <HTML lang=en>", "a web page"),
        (b"<!-- saved --><html>", "a web page"),
        (b'{"errors":[{"code":"DENIED"}]}', "a JSON document"),
        (b'{\n  "message": "Not Found"\n}', "a JSON document"),
        (b'[\n {"id": 1}]', "a JSON document"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a pointer of Git LFS"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
    ],
)
def test_a_page_that_came_instead_is_called_that(start: bytes, reported: str, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(start + b"x" * 5000)
    with pytest.raises(FormatError, match=f"tarball a.tar.gz is {reported}, and not an archive"):
        built(tmp_path, path="a.tar.gz")
    address = f"file://{tmp_path}/a.tar.gz"
    source = Subject(TarballOptions(url=address, sha256="0" * 64), folder=tmp_path).bind()
    with pytest.raises(IntegrityError, match=f"is {reported}, and not sha256:0000"):
        source.fetch(Store(tmp_path / "store"))
