"""Where Buildroot itself comes from."""

import base64
import lzma
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, IntegrityError, MissingTool, NotFetched, UsageError
from fromscratch.host.process import run
from fromscratch.host.storage.store import Store
from fromscratch.progress import SILENT
from fromscratch.sources.buildroot import tree as trees
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.releases import NEWEST, RELEASES
from fromscratch.sources.buildroot.tree import Tree
from tests.engines import need
from tests.host.http.site import running, status

TINY = Path(__file__).parent / "tiny"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "buildroot"))


def fetched_tree(folder: Path, store: Store, **options: Any) -> Tree:
    given = BuildrootOptions(**options)
    found = trees.bring(given, folder, store, SILENT)
    assert trees.present(given, folder, store) == found
    return found


def packed(tree: Path, target: Path) -> Digest:
    need("xz")
    with tarfile.open(target, "w:xz") as archive:
        archive.add(tree, "buildroot-0.1")
    return Digest.of(target.read_bytes())


def git(*arguments: str, cwd: Path) -> str:
    author = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    done = subprocess.run(["git", *author, *arguments], cwd=cwd, check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tree: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not on this machine")
    git("init", "--quiet", "--initial-branch=main", cwd=tree)
    git("add", ".", cwd=tree)
    git("commit", "--quiet", "-m", "one", cwd=tree)
    git("tag", "0.1", cwd=tree)
    (tree / "Makefile").write_text((tree / "Makefile").read_text().replace(":= 0.1", ":= 0.2"))
    git("commit", "--quiet", "-a", "-m", "two", cwd=tree)
    bare = tree.parent / "buildroot.git"
    git("clone", "--quiet", "--bare", str(tree), str(bare), cwd=tree.parent)
    return bare


def test_a_folder_is_used_where_it_is_and_known_by_its_content(tree: Path, store: Store) -> None:
    found = fetched_tree(tree.parent, store, tree="buildroot")
    assert (found.path, found.version, found.epoch) == (tree, "0.1", "1700000000")
    copy = Path(shutil.copytree(tree, tree.parent / "copy"))
    assert fetched_tree(tree.parent, store, tree=str(copy)).identity == found.identity
    (copy / "output").mkdir()
    (copy / "output" / "left").write_text("of a build in the tree")
    assert fetched_tree(tree.parent, store, tree=str(copy)).identity == found.identity
    (copy / "README").write_text("no build depends on this")
    assert fetched_tree(tree.parent, store, tree=str(copy)).identity == found.identity
    with open(copy / "Makefile", "a") as makefile:
        makefile.write("# changed\n")
    assert fetched_tree(tree.parent, store, tree=str(copy)).identity != found.identity


def test_a_tarball_is_verified_and_unpacked_once(tree: Path, store: Store, tmp_path: Path) -> None:
    digest = packed(tree, tmp_path / "b.tar.xz")
    found = fetched_tree(tmp_path, store, tree="b.tar.xz", sha256=digest.hex)
    assert found.version == "0.1"
    assert (found.path / "Config.in").is_file()
    with pytest.raises(IntegrityError, match=r"b\.tar\.xz has the digest"):
        fetched_tree(tmp_path, store, tree="b.tar.xz", sha256="0" * 64)


def test_the_program_that_unpacks_a_tarball_is_named_where_it_is_missing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b.tar.xz").write_bytes(lzma.compress(b""))
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/tar").symlink_to(need("tar"))
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    monkeypatch.setattr(run, "SYSTEM_PATH", str(tmp_path / "programs"))
    with pytest.raises(MissingTool, match="unpacking Buildroot needs the program xz") as caught:
        fetched_tree(tmp_path, store, tree="b.tar.xz")
    assert "xz-utils" in caught.value.hint


def test_a_tarball_of_something_else_leaves_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "Makefile").write_text("all:\n")
    packed(tmp_path / "other", tmp_path / "b.tar.xz")
    with pytest.raises(ImageError, match="there is no Buildroot in"):
        fetched_tree(tmp_path, store, tree="b.tar.xz")
    with pytest.raises(NotFetched):
        trees.present(BuildrootOptions(tree="b.tar.xz"), tmp_path, store)


@pytest.mark.parametrize(("ref", "version"), [("", "0.2"), ("@0.1", "0.1"), ("@main", "0.2")])
def test_a_repository_gives_the_commit_that_is_asked_for(
    ref: str, version: str, repository: Path, store: Store, tmp_path: Path
) -> None:
    assert fetched_tree(tmp_path, store, tree=f"buildroot.git{ref}").version == version
    assert fetched_tree(tmp_path, store, tree=f"file://{repository}{ref}").version == version


def test_a_commit_that_is_there_is_not_asked_for_again(repository: Path, store: Store, tmp_path: Path) -> None:
    commit = git("rev-parse", "HEAD", cwd=repository)
    text = f"file://{repository}@{commit}"
    found = fetched_tree(tmp_path, store, tree=text)
    shutil.rmtree(repository)
    assert fetched_tree(tmp_path, store, tree=text) == found


def test_a_digest_of_what_has_none_is_refused(tree: Path, repository: Path, store: Store) -> None:
    for text in ("buildroot", "buildroot.git@main", f"file://{repository}"):
        with pytest.raises(UsageError, match="is not a tarball"):
            fetched_tree(tree.parent, store, tree=text, sha256="0" * 64)


def test_a_tarball_that_was_replaced_by_one_as_large_and_as_old(tree: Path, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    versions = []
    for version in ("0.1", "0.2"):
        (tree / "Makefile").write_text((TINY / "Makefile").read_text().replace(":= 0.1", f":= {version}"))
        with tarfile.open(path, "w") as archive:
            archive.add(tree, "buildroot-0.1")
        os.utime(path, ns=(0, 0))
        versions.append(fetched_tree(tmp_path, store, tree="b.tar").version)
    assert versions == ["0.1", "0.2"]


def test_what_is_no_tree_at_all(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Buildroot folder, no tarball and no git repository"):
        fetched_tree(tmp_path, store, tree="nowhere")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://example.org/buildroot.git@2026.05.1", ("https://example.org/buildroot.git", "2026.05.1")),
        ("ssh://git@example.org/buildroot", ("ssh://git@example.org/buildroot", "HEAD")),
        ("git@example.org:b/r.git@feature/x", ("git@example.org:b/r.git", "feature/x")),
        ("../buildroot", ("../buildroot", "HEAD")),
        ("/srv/b.git@v1", ("/srv/b.git", "v1")),
    ],
)
def test_a_ref_is_told_from_an_address(text: str, parts: tuple[str, str]) -> None:
    assert trees._repository(text) == parts


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def site(tree: Path, tmp_path: Path) -> Iterator[tuple[str, Digest]]:
    (tmp_path / "site").mkdir()
    digest = packed(tree, tmp_path / "site" / "buildroot-0.1.tar.xz")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site")))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", digest
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_release_is_downloaded_and_verified(site: tuple[str, Digest], store: Store, tmp_path: Path) -> None:
    address, digest = site
    assert fetched_tree(tmp_path, store, version="0.1", site=address, sha256=digest.hex).version == "0.1"
    with pytest.raises(IntegrityError):
        fetched_tree(tmp_path, store, version="0.1", site=address, sha256="0" * 64)


def test_a_release_that_nothing_verifies_is_refused(site: tuple[str, Digest], store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can be verified by nothing"):
        fetched_tree(tmp_path, store, version="0.1", site=site[0])


def test_a_known_release_needs_no_digest_and_is_held_to_the_known_one(
    site: tuple[str, Digest], store: Store, tmp_path: Path
) -> None:
    (tmp_path / "site" / f"buildroot-{NEWEST}.tar.xz").write_bytes(b"something else")
    with pytest.raises(IntegrityError, match=RELEASES[NEWEST]):
        fetched_tree(tmp_path, store, site=site[0])


def test_a_release_may_be_verified_by_its_signed_list(site: tuple[str, Digest], store: Store, tmp_path: Path) -> None:
    gpg = shutil.which("gpg")
    if gpg is None:
        pytest.skip("gpg is not on this machine")
    address, digest = site
    home = tmp_path / "g"
    home.mkdir(mode=0o700)

    def call(argv: list[str], data: bytes = b"") -> bytes:
        return subprocess.run(argv, input=data, check=True, capture_output=True).stdout

    base = [gpg, "--homedir", str(home), "--batch", "--no-tty", "--passphrase", ""]
    call([*base, "--quick-generate-key", "Nobody <nobody@example.org>", "ed25519", "sign"])
    (tmp_path / "key.gpg").write_bytes(call([*base, "--export"]))
    sums = f"MD5: 00  buildroot-0.1.tar.xz\nSHA256: {digest.hex}  buildroot-0.1.tar.xz\n"
    signed = call([*base, "--clearsign"], sums.encode())
    call(["gpgconf", "--homedir", str(home), "--kill", "all"])
    (tmp_path / "site" / "buildroot-0.1.tar.xz.sign").write_bytes(signed)
    assert fetched_tree(tmp_path, store, version="0.1", site=address, keyring="key.gpg").version == "0.1"
    (tmp_path / "site" / "buildroot-0.1.tar.xz.sign").write_bytes(signed.replace(b"SHA256: ", b"SHA256:  "))
    with pytest.raises(IntegrityError):
        fetched_tree(tmp_path, Store(tmp_path / "other"), version="0.1", site=address, keyring="key.gpg")


def test_the_password_of_a_repository_is_shown_to_its_server_and_to_nobody_else(tmp_path: Path, store: Store) -> None:
    with running() as site:
        asks = status(401, WWW_Authenticate='Basic realm="x"')
        path = "/br.git/info/refs?service=git-upload-pack"
        site.always[path] = asks
        url = site.url.replace("http://", "http://me:word@")
        with pytest.raises(ImageError) as caught:
            fetched_tree(tmp_path, store, tree=f"{url}/br.git@main")
        shown = {each.headers.get("Authorization") for each in site.asked if each.path == path}
    assert "Basic " + base64.b64encode(b"me:word").decode() in shown
    assert f"{site.url}/br.git" in caught.value.message  # as git was called with
    assert "word@" not in caught.value.message
    assert b"word" not in b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
