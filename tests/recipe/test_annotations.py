"""What an image says of itself: written once, found as annotations, labels and on the index."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.flow import assembly
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import parse_config
from fromscratch.host.images.layout import read_layout
from fromscratch.host.images.layout_blobs import LayoutBlobs
from fromscratch.host.machine import git as checkout
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.model.reference import Reference
from fromscratch.recipe import annotations as about
from fromscratch.recipe import schema as recipe
from fromscratch.recipe.annotations import AboutOptions
from fromscratch.sources.contract import Base
from tests.engines import need

DIGEST = "sha256:" + "a" * 64
RECIPE = """
name: hello
rootfs: [overlay: files]
epoch: 1700000000
platforms: [linux/amd64, linux/arm64]
image:
  author: someone <who@example.org>
  labels: {org.opencontainers.image.vendor: "the label's own"}
  annotations: {org.example.only: annotation}
  about:
    title: Hello
    version: "1.0"
    revision: abcdef
    source: https://git.example/hello
    vendor: Example
    licenses: MIT
    base: debian:bookworm@%s
""".replace("%s", DIGEST)
ANNOTATIONS = {
    "org.opencontainers.image.base.name": "docker.io/library/debian:bookworm",
    "org.opencontainers.image.base.digest": DIGEST,
    "org.opencontainers.image.authors": "someone <who@example.org>",
    "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
    "org.opencontainers.image.licenses": "MIT",
    "org.opencontainers.image.revision": "abcdef",
    "org.opencontainers.image.source": "https://git.example/hello",
    "org.opencontainers.image.title": "Hello",
    "org.opencontainers.image.vendor": "Example",
    "org.opencontainers.image.version": "1.0",
}


def job(folder: Path, text: str) -> assembly.Job:
    made = recipe.parse(text, "fromscratch.yaml")
    (folder / "files").mkdir(parents=True, exist_ok=True)
    if not (folder / "files" / "hello").exists():
        (folder / "files" / "hello").write_text("hello\n")
    return assembly.Job(
        recipe=made,
        folder=folder,
        store=Store(folder.parents[1] / "store"),
        output=folder / "build" / "hello",
        platforms=tuple(Platform.parse(name) for name in made.platforms) or (Platform("linux", "amd64"),),
        epoch=made.epoch or 0,
    )


def test_what_is_said_once_is_an_annotation_a_label_and_on_the_index(tmp_path: Path) -> None:
    built = assembly.build(job(tmp_path / "a" / "desk", RECIPE))
    layout = tmp_path / "a/desk/build/hello/oci"
    for image in (*built.images, *read_layout(layout)):
        assert image.annotations == {**ANNOTATIONS, "org.example.only": "annotation"}
        assert image.config.labels == {**ANNOTATIONS, "org.opencontainers.image.vendor": "the label's own"}
    (top,) = oci.parse_index((layout / "index.json").read_bytes(), "index.json").manifests
    assert top.media_type == oci.INDEX
    assert oci.parse_index(LayoutBlobs(layout).document(top), "index").annotations == built.images[0].annotations


def test_what_only_some_platforms_say_is_not_on_the_index(tmp_path: Path) -> None:
    from fromscratch.formats.oci.graph import graph
    from tests.made_images import ARM64, image_of

    first = replace(image_of(b"x"), annotations={"a": "1", "b": "2", "c": "3"})
    second = replace(first, platform=ARM64, annotations={"a": "1", "b": "other"})
    with graph([first, second]).blobs[-1].open() as stream:
        assert json.load(stream)["annotations"] == {"a": "1"}


def test_nothing_is_said_unless_it_is_asked_for(tmp_path: Path) -> None:
    plain = "rootfs: [overlay: files]\nepoch: 1700000000\nimage: {author: someone}"
    (image,) = assembly.build(job(tmp_path / "a" / "desk", plain)).images
    assert (dict(image.annotations), dict(image.config.labels)) == ({}, {})


def test_an_image_without_an_epoch_says_no_date() -> None:
    assert about.annotations_of(AboutOptions(title="x"), authors="", created=0) == {
        "org.opencontainers.image.title": "x"
    }


def test_the_image_that_a_tree_came_from_is_named() -> None:
    reference = Reference.parse("registry.example:5000/team/debian")
    digest = Digest.parse(DIGEST)
    assert about.base_annotations(Base(digest=digest, reference=reference)) == {
        "org.opencontainers.image.base.name": "registry.example:5000/team/debian:latest",
        "org.opencontainers.image.base.digest": DIGEST,
    }
    assert about.base_annotations(Base(digest=digest)) == {"org.opencontainers.image.base.digest": DIGEST}
    assert about.base_annotations(None) == {}


def git(folder: Path, *words: str) -> str:
    who = {f"GIT_{role}_{what}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    settings = {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)}
    done = subprocess.run(
        [need("git"), "-C", folder, *words], check=True, capture_output=True, env={**os.environ, **who, **settings}
    )
    return done.stdout.decode().strip()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A repository with a recipe in a folder of it, committed."""
    folder = tmp_path / "repository" / "desk"
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "hello").write_text("hello\n")
    git(folder.parent, "init", "-q", "-b", "main")
    git(folder.parent, "add", ".")
    git(folder.parent, "commit", "-q", "-m", "first")
    return folder


def test_the_commit_is_the_one_that_is_checked_out(desk: Path) -> None:
    first = git(desk, "rev-parse", "HEAD")
    assert checkout.commit(desk, desk / "build") == first
    (desk / "files" / "hello").write_text("changed\n")
    assert checkout.commit(desk, desk / "build") == f"{first}-dirty"
    git(desk, "commit", "-q", "-a", "-m", "second")
    assert checkout.commit(desk, desk / "build") == git(desk, "rev-parse", "HEAD") != first


def test_a_new_file_is_not_in_the_commit_but_the_build_may_be_there(desk: Path, tmp_path: Path) -> None:
    first = git(desk, "rev-parse", "HEAD")
    for place in (desk / "build", desk.parent / "[odd] *", desk / "new\nline"):
        place.mkdir()
        (place / "x").write_text("")
        assert checkout.commit(desk, place) == first
        assert checkout.commit(desk, tmp_path / "elsewhere") == f"{first}-dirty"
        (place / "x").unlink()
        place.rmdir()


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://git.example/a/b.git", "https://git.example/a/b.git"),
        ("https://user:secret@git.example:8443/a/b?token=secret#x", "https://git.example:8443/a/b"),
        ("https://secret@git.example/a", "https://git.example/a"),
        ("git@git.example:a/b.git", "ssh://git@git.example/a/b.git"),
        ("git.example:/a/b.git", "ssh://git.example/a/b.git"),
        ("ssh://git:secret@git.example:22/a/b", "ssh://git@git.example:22/a/b"),
    ],
)
def test_where_it_comes_from_is_told_without_secrets(desk: Path, remote: str, url: str) -> None:
    git(desk, "remote", "add", "origin", remote)
    assert checkout.origin(desk) == url


@pytest.mark.parametrize("remote", ["/srv/secret.git", "../other", "file:///srv/x"])
def test_a_folder_tells_nobody_where_it_comes_from(desk: Path, remote: str) -> None:
    git(desk, "remote", "add", "origin", remote)
    with pytest.raises(UsageError, match="is a folder of this machine") as caught:
        checkout.origin(desk)
    assert remote not in str(caught.value)


def test_a_folder_without_a_commit_is_named(tmp_path: Path, desk: Path) -> None:
    need("git")
    with pytest.raises(UsageError, match=f"git cannot tell where {tmp_path} comes from: .*not a git repository"):
        checkout.commit(tmp_path, tmp_path)
    with pytest.raises(UsageError, match=f"git cannot tell where {desk} comes from: .*origin"):
        checkout.origin(desk)


def test_a_build_knows_its_commit_and_is_made_again_for_another(desk: Path) -> None:
    text = "rootfs: [overlay: files]\nimage:\n  about: {revision: git}"
    first = assembly.build(job(desk, text))
    (image,) = first.images
    assert image.annotations == {"org.opencontainers.image.revision": git(desk, "rev-parse", "HEAD")}
    assert not assembly.build(job(desk, text)).fresh
    git(desk, "commit", "-q", "--allow-empty", "-m", "second")
    again = assembly.build(job(desk, text))
    assert again.fresh
    assert again.images[0].config.labels["org.opencontainers.image.revision"] == git(desk, "rev-parse", "HEAD")
    assert again.evidence.recipe["image"]["about"]["revision"] == git(desk, "rev-parse", "HEAD")


def test_the_history_tells_what_the_layer_was_made_of(tmp_path: Path) -> None:
    (image,) = assembly.build(job(tmp_path / "a" / "desk", "rootfs: [overlay: files]")).images
    assert image.layers[0].created_by == "fromscratch: overlay files"
    (read,) = read_layout(tmp_path / "a/desk/build/hello/oci")
    assert read == image
    assert read.original is not None
    assert parse_config(read.original.config, "c").notes[0].created_by == "fromscratch: overlay files"
