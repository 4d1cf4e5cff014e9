"""The root of an image, whole or in part, from a folder or a file of this machine."""

from pathlib import Path

import msgspec
import pytest

from fromscratch.address import without_secrets
from fromscratch.errors import IntegrityError, UsageError
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_archive import OciArchive
from fromscratch.model.entry import Origin
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.sources.contract import Base, Based, Noted, Pin, Pinned
from fromscratch.sources.image.options import ImageSourceOptions
from tests.made_images import AMD64, ARM64, at
from tests.progress_notes import Notes
from tests.sources.contract import SourceContract, Subject
from tests.sources.image.images import CONFIG, TOOLS, UPDATE, image, layout, other
from tests.trees import listed, text, tree


def options(text: str, **more: object) -> ImageSourceOptions:
    return msgspec.convert({"from": text, **more}, ImageSourceOptions)


class TestLayoutContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        layout(tmp_path / "tools", image(TOOLS, UPDATE, config=RunConfig()))
        layout(tmp_path / "others", image(TOOLS, config=RunConfig(), platform=Platform("linux", "arm64")))
        return Subject(
            options("oci:tools"),
            folder=tmp_path,
            change=lambda: layout(tmp_path / "tools", image(TOOLS, config=RunConfig())),
            other=options("oci:tools", into="/usr/local"),
            elsewhere=(Platform("linux", "arm64"), options("oci:others")),
        )


class TestArchiveContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        archive = at(OciArchive, tmp_path / "tools.tar")
        archive.write([image(TOOLS, UPDATE)], ":1")
        return Subject(
            options("oci-archive:tools.tar:1", include=["/opt", "/usr/bin/d*"]),
            folder=tmp_path,
            change=lambda: archive.write([image(TOOLS)], ":1"),
            other=options("oci-archive:tools.tar:1", include=["/opt"]),
        )


class TestDockerArchiveContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        at(DockerArchive, tmp_path / "tools.tar").write([image(TOOLS, config=RunConfig())], "tools:1")
        return Subject(options("docker-archive:tools.tar", exclude=["/opt"], owner="0:0"), folder=tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def taken(folder: Path, store: Store, **more: object) -> str:
    layout(folder / "tools", image(TOOLS, UPDATE))
    return listed(Subject(options("oci:tools", **more), folder=folder).laid(store))


def test_the_whole_root_is_what_a_container_sees(tmp_path: Path, store: Store) -> None:
    expected = TOOLS.without([tree_path("/etc/tool.conf")]).merged(tree(r"f 0644 0:0 /etc/other.conf 'level=2\n'"))
    assert taken(tmp_path, store) == listed(expected)


def test_paths_are_copied_with_what_is_below_them_and_land_where_the_recipe_says(tmp_path: Path, store: Store) -> None:
    assert taken(tmp_path, store, include=["/opt/app", "/usr/bin/tool"], exclude=["*.conf"], into="/srv") == text(
        """
        d 0755 0:0 /srv
        d 0755 0:0 /srv/opt
        d 0750 7:7 /srv/opt/app
        f 0755 7:7 10 /srv/opt/app/run
        d 0755 0:0 /srv/usr
        d 0755 0:0 /srv/usr/bin
        l 0777 0:0 /srv/usr/bin/tool -> tool-1.2
        f 0755 0:0 4 /srv/usr/bin/tool-1.2
        """
    )


def test_the_reason_of_a_file_is_the_layer_that_brought_it(tmp_path: Path, store: Store) -> None:
    layout(tmp_path / "tools", image(TOOLS, UPDATE))
    found = Subject(options("oci:tools"), folder=tmp_path).laid(store)
    assert found[tree_path("/opt/app/run")].origins == (Origin("image oci:tools", "found in", "layer 1"),)
    assert found[tree_path("/etc/other.conf")].origins == (Origin("image oci:tools", "found in", "layer 2"),)


WHOLE_OR_NOT: list[tuple[dict[str, object], bool]] = [
    ({}, True),
    ({"exclude": ["/opt"]}, True),
    ({"into": "/x"}, False),
    ({"include": ["/opt"]}, False),
]


@pytest.mark.parametrize(("more", "is_base"), WHOLE_OR_NOT)
def test_an_image_is_a_base_if_its_whole_root_is_taken(
    tmp_path: Path, store: Store, more: dict[str, object], is_base: bool
) -> None:
    layout(tmp_path / "tools")
    source = Subject(options("oci:tools", **more), folder=tmp_path).bind()
    assert isinstance(source, Based)
    assert isinstance(source, Pinned)
    [pin] = source.pins(store)
    assert pin == Pin(kind="image", name="oci:tools", digest=pin.digest)
    found = source.base(store)
    assert (found is not None) == is_base
    if found is not None:
        assert found == Base(digest=found.digest, config=CONFIG)
        assert str(found.digest) == pin.digest


def test_of_several_platforms_the_one_that_is_built_is_taken_or_the_one_that_the_recipe_names(
    tmp_path: Path, store: Store
) -> None:
    layout(tmp_path / "tools", image(TOOLS), image(UPDATE, platform=ARM64))
    built = Subject(options("oci:tools"), folder=tmp_path, platform=AMD64).laid(store)
    assert listed(built) == listed(TOOLS)
    named = Subject(options("oci:tools", platform="linux/arm64"), folder=tmp_path, platform=AMD64).laid(store)
    assert tree_path("/etc/other.conf") in named
    with pytest.raises(UsageError, match="has no image for linux/s390x"):
        Subject(options("oci:tools", platform="linux/s390x"), folder=tmp_path).laid(store)


def test_a_layer_that_is_damaged_is_told_before_anything_is_kept(tmp_path: Path, store: Store) -> None:
    made = image(TOOLS)
    layout(tmp_path / "tools", made)
    blob = tmp_path / "tools" / "blobs" / "sha256" / made.layers[0].digest.hex
    blob.write_bytes(b"\0" * blob.stat().st_size)
    subject = Subject(options("oci:tools"), folder=tmp_path)
    with pytest.raises(IntegrityError, match=str(made.layers[0].digest)):
        subject.bind().fetch(store)
    layout(tmp_path / "tools", made)
    subject.bind().fetch(store)
    assert listed(subject.laid(store)) == listed(TOOLS)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("oci:tolls", "there is no .*/tolls", "see whether the path is right"),
        ("oci:tools:2", "has no image .*2", ""),
        ("tools.tar", "tools.tar is a path", "docker-archive:"),
        ("./tools", "./tools is a path", "did you mean oci:"),
        ("tools", "tools is a path", "did you mean oci:"),
        ("build/hello", "build/hello is a path", "did you mean oci:"),
        ("docker-daemon:tools", "not read by that name", "say docker:tools"),
        ("Tools", "is not an image name", "in lower case"),
        ("aci:tools.aci", "is not the name of an image to read", "docker://"),
        ("dir:tools", "is an OCI layout, and not a root", "name it as oci:"),
        ("hello", "hello can be the build build/hello, or an image of docker.io", "oci:build/hello/oci"),
    ],
)
def test_a_name_that_means_nothing_is_told_with_what_to_write(
    tmp_path: Path, store: Store, name: str, message: str, hint: str
) -> None:
    layout(tmp_path / "tools")
    layout(tmp_path / "build" / "hello" / "oci")
    (tmp_path / "tools.tar").write_bytes(b"")
    with pytest.raises(UsageError, match=message) as caught:
        Subject(options(name), folder=tmp_path).bind().fetch(store)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"platform": "linux/vax"}, "platform: 'linux/vax' is not a platform"),
        ({"include": ["/"]}, "include: '/' would be everything"),
        ({"owner": "me"}, "owner: 'me' is not an owner"),
        ({"into": "/../x"}, "into"),
        ({"configuration": False}, "configuration"),
    ],
)
def test_options_that_cannot_be_are_told(more: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        options("oci:tools", **more)


def test_what_a_base_would_trigger_and_records_that_are_not_read_are_noted(tmp_path: Path, store: Store) -> None:
    damaged = tree("f 0644 0:0 /var/lib/chisel/manifest.wall 'no zstd'")
    layout(tmp_path / "tools", other(image(damaged), on_build=("RUN make",)))
    notes = Notes()
    source = Subject(options("oci:tools"), folder=tmp_path, progress=notes).bind()
    source.lay(Rootfs(), store, replace=False)
    assert isinstance(source, Noted)
    said = [note.removeprefix("rootfs[0]: ") for note in notes.notes]
    assert said == list(source.notes(store))
    assert said[0].startswith("/var/lib/chisel/manifest.wall: a chisel manifest is not a sound zstd file")
    assert said[1:] == ["its trigger is not run: ONBUILD RUN make"]


def test_a_file_names_the_package_that_the_records_of_the_image_list_it_for(tmp_path: Path, store: Store) -> None:
    package = r"Package: tool\nVersion: 1.2\nArchitecture: amd64\n"
    records = tree(
        rf"""
        f 0644 0:0 /var/lib/dpkg/status.d/tool '{package}'
        f 0644 0:0 /var/lib/dpkg/status.d/tool.md5sums '00  bin/tool-1.2\n'
        """
    )
    layout(tmp_path / "tools", image(TOOLS, records))
    found = Subject(options("oci:tools"), folder=tmp_path).laid(store)
    in_layer = Origin("image oci:tools", "found in", "layer 1")
    assert found[tree_path("/usr/bin/tool-1.2")].origins == (
        Origin("image oci:tools", "shipped in", "tool 1.2", in_layer),
    )


@pytest.mark.parametrize("name", ["docker://me:secret@host.test/tools", "me:secret@host.test/tools:1"])
def test_a_password_in_a_name_is_refused_and_not_shown(tmp_path: Path, store: Store, name: str) -> None:
    source = Subject(options(name), folder=tmp_path).bind()
    assert "secret" not in source.label
    with pytest.raises(UsageError, match="is not an image name") as caught:
        source.fetch(store)
    assert "secret" not in caught.value.message


def test_a_name_with_a_digest_is_shown_whole(tmp_path: Path) -> None:
    name = f"busybox:1@sha256:{'0' * 64}"
    label = Subject(options(f"docker://{name}"), folder=tmp_path).bind().label
    assert without_secrets(label) == label == f"image {name}"
