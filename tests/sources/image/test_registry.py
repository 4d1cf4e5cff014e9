"""Images of a real registry: what a tag meant at fetch is what build takes."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from fromscratch.errors import ImageError, NotFetched, UsageError
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.images.registry import RegistryImages
from fromscratch.model.image import Image, RunConfig
from fromscratch.progress import Silent
from fromscratch.sources.contract import Based, Pin, Pinned
from fromscratch.sources.image.options import ImageSourceOptions
from tests.cli.command import Desk
from tests.made_images import ARM64
from tests.registry import registries
from tests.registry.registries import Registry
from tests.sources.contract import SourceContract, Subject
from tests.sources.image.images import TOOLS, UPDATE, image
from tests.trees import listed

pytestmark = pytest.mark.slow


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with registries.running(tmp_path / "registry") as registry:
        yield registry


class Noting(Silent):
    notes: ClassVar[list[str]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def push(registry: Registry, *images: Image, folder: Path) -> str:
    """Push images under one tag; the digest that the registry has for it."""
    receipt = RegistryImages(store=Store(folder / "pusher")).write(images, f"{registry.host}/team/tools:1")
    return str(receipt.digest)


def options(text: str, **more: object) -> ImageSourceOptions:
    return msgspec.convert({"from": text, **more}, ImageSourceOptions)


class TestRegistryContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path, registry: Registry) -> Subject:
        push(registry, image(TOOLS, config=RunConfig()), image(TOOLS, platform=ARM64), folder=tmp_path)
        return Subject(
            options(f"{registry.host}/team/tools:1"),
            folder=tmp_path,
            change=lambda: push(registry, image(TOOLS, UPDATE), folder=tmp_path),
            other=options(f"{registry.host}/team/tools:1", into="/usr/local"),
        )


def test_build_takes_what_the_tag_meant_at_fetch(tmp_path: Path, registry: Registry) -> None:
    store = Store(tmp_path / "store")
    digest = push(registry, image(TOOLS), folder=tmp_path)
    subject = Subject(options(f"docker://{registry.host}/team/tools:1"), folder=tmp_path)
    with pytest.raises(NotFetched, match="for linux/amd64 has not been fetched"):
        subject.laid(store)
    subject.bind().fetch(store)
    push(registry, image(UPDATE), folder=tmp_path)
    assert listed(subject.laid(store)) == listed(TOOLS)
    source = subject.bind()
    assert isinstance(source, Pinned)
    assert source.pins(store) == [Pin(kind="image", name=f"{registry.host}/team/tools", version="1", digest=digest)]

    other = replace(subject, progress=Noting())
    other.bind().fetch(store)
    assert [note.partition(", and is")[0] for note in Noting.notes] == [f"{source.label} was {digest}"]
    assert listed(subject.laid(store)) != listed(TOOLS)


def test_an_image_named_by_its_digest_needs_no_registry_once_it_is_there(tmp_path: Path, registry: Registry) -> None:
    store = Store(tmp_path / "store")
    digest = push(registry, image(TOOLS), folder=tmp_path)
    subject = Subject(options(f"{registry.host}/team/tools@{digest}"), folder=tmp_path)
    subject.bind().fetch(store)
    shutil.rmtree(registry.storage)
    subject.bind().fetch(store)
    assert listed(subject.laid(store)) == listed(TOOLS)
    source = subject.bind()
    assert isinstance(source, Based)
    found = source.base(store)
    assert found is not None
    assert str(found.digest) == digest


def test_a_registry_that_is_gone_leaves_what_was_fetched(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with registries.running(tmp_path / "registry") as registry:
        push(registry, image(TOOLS), folder=tmp_path)
        subject = Subject(options(f"{registry.host}/team/tools:1"), folder=tmp_path)
        subject.bind().fetch(store)
    with pytest.raises(ImageError) as caught:
        subject.bind().fetch(store)
    assert caught.value.hint.startswith("`build` works with what was fetched before")
    assert listed(subject.laid(store)) == listed(TOOLS)


def test_a_platform_that_the_image_is_not_for_is_told_with_those_that_it_is_for(
    tmp_path: Path, registry: Registry
) -> None:
    push(registry, image(TOOLS), image(TOOLS, platform=ARM64), folder=tmp_path)
    subject = Subject(options(f"{registry.host}/team/tools:1", platform="linux/s390x"), folder=tmp_path)
    with pytest.raises(UsageError, match="has no image for linux/s390x") as caught:
        subject.bind().fetch(Store(tmp_path / "store"))
    assert caught.value.hint == "it is for linux/amd64, linux/arm64"


def test_the_base_of_a_build_is_named_in_its_annotations_and_starts_as_it_did(
    tmp_path: Path, registry: Registry
) -> None:
    digest = push(registry, image(TOOLS, UPDATE), folder=tmp_path)
    desk = Desk(tmp_path, tmp_path / "store")
    desk.write(
        "fromscratch.yaml",
        f"name: based\nrootfs: [image: '{registry.host}/team/tools:1']\nplatforms: [linux/amd64]\n"
        "image: {user: '8', env: {LEVEL: '2'}, labels: {vendor: us}}\ncheck: {start: off}\n",
    )
    desk.answer("fetch", "build")
    (built,) = read_layout(tmp_path / "build" / "based" / "oci")
    assert built.annotations == {
        "org.opencontainers.image.base.digest": digest,
        "org.opencontainers.image.base.name": f"{registry.host}/team/tools:1",
    }
    assert (built.config.user, built.config.entrypoint, built.config.cmd) == ("8", ("/usr/bin/tool",), ("--serve",))
    assert built.config.env == {"PATH": "/usr/bin", "LEVEL": "2"}
    assert built.config.labels["vendor"] == "us"
