"""OCI layouts in a folder: written whole, read with every byte verified."""

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError, IntegrityError, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import image_documents
from fromscratch.host.images.layout import LayoutWriter, read_layout, write_layout
from fromscratch.model.image import Image
from tests.made_images import AMD64, ARM64, ARMV7, image_of

ONE = image_of(b"first layer", b"second layer")


def files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def layer_bytes(image: Image) -> list[bytes]:
    found = []
    for layer in image.layers:
        with layer.open() as stream:
            found.append(stream.read())
    return found


def test_one_image_is_named_in_the_index(tmp_path: Path) -> None:
    top = write_layout(tmp_path / "oci", [ONE], tag="latest")
    written = files(tmp_path / "oci")
    assert written["oci-layout"] == b'{"imageLayoutVersion":"1.0.0"}'
    assert json.loads(written["index.json"]) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": str(top.digest),
                "size": top.size,
                "annotations": {"org.opencontainers.image.ref.name": "latest"},
                "platform": {"architecture": "amd64", "os": "linux"},
            }
        ],
    }
    assert sum(name.startswith("blobs/sha256/") for name in written) == len(written) - 2 == 4
    for name, data in written.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{Digest.of(data).hex}"


def test_several_images_are_under_one_image_index(tmp_path: Path) -> None:
    both = [ONE, replace(ONE, platform=ARM64), replace(ONE, platform=ARMV7)]
    top = write_layout(tmp_path / "oci", both, tag="1.0")
    assert top.media_type == oci.INDEX
    assert [image.platform for image in read_layout(tmp_path / "oci", "1.0", verify=True)] == [AMD64, ARM64, ARMV7]


def test_a_layer_may_have_a_digest_of_another_algorithm(tmp_path: Path) -> None:
    with ONE.layers[0].open() as stream:
        other = Digest("sha512", hashlib.sha512(stream.read()).hexdigest())
    image = replace(ONE, layers=(replace(ONE.layers[0], digest=other), ONE.layers[1]))
    write_layout(tmp_path / "oci", [image], tag="latest")
    (read,) = read_layout(tmp_path / "oci", verify=True)
    assert read == image
    assert (tmp_path / "oci/blobs/sha512" / other.hex).is_file()


def test_only_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    left, remaining = [".oci.new-0123456789abcdef", ".oci.new-0123456789abcdef.old"], [".oci.new-design", ".oci.new-"]
    for name in (*left, *remaining):
        (tmp_path / name).mkdir()
    write_layout(tmp_path / "oci", [ONE], tag="latest")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*remaining, "oci"])


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_layout(tmp_path / "oci", [ONE], tag=None)
    (read,) = read_layout(tmp_path / "oci", verify=True)
    assert read == ONE
    assert layer_bytes(read) == layer_bytes(ONE)


def test_the_same_image_gives_the_same_files_anywhere(tmp_path: Path) -> None:
    write_layout(tmp_path / "a", [ONE], tag="x")
    write_layout(tmp_path / "deep" / "er" / "b", [ONE], tag="x")
    assert files(tmp_path / "a") == files(tmp_path / "deep" / "er" / "b")


def test_a_layout_takes_the_place_of_another(tmp_path: Path) -> None:
    write_layout(tmp_path / "oci", [image_of(b"old")], tag="x")
    write_layout(tmp_path / "oci", [ONE], tag="x")
    write_layout(tmp_path / "fresh", [ONE], tag="x")
    assert files(tmp_path / "oci") == files(tmp_path / "fresh")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh", "oci"]


def test_blobs_that_did_not_change_are_linked(tmp_path: Path) -> None:
    write_layout(tmp_path / "oci", [ONE], tag="x")
    blob = tmp_path / "oci" / "blobs" / "sha256" / ONE.layers[0].digest.hex
    inode = blob.stat().st_ino
    write_layout(tmp_path / "oci", [replace(ONE, created=7)], tag="x")
    assert blob.stat().st_ino == inode


def test_a_blob_that_went_bad_is_written_again(tmp_path: Path) -> None:
    write_layout(tmp_path / "oci", [ONE], tag="x")
    blob = tmp_path / "oci" / "blobs" / "sha256" / ONE.layers[0].digest.hex
    blob.write_bytes(bytes(len(blob.read_bytes())))
    write_layout(tmp_path / "oci", [ONE], tag="x")
    assert layer_bytes(read_layout(tmp_path / "oci")[0]) == layer_bytes(ONE)


def test_images_of_other_names_stay_if_asked(tmp_path: Path) -> None:
    old, new = image_of(b"old"), image_of(b"new")
    write_layout(tmp_path / "oci", [old, replace(old, platform=ARM64)], tag="old")
    write_layout(tmp_path / "oci", [image_of(b"replaced")], tag="new", keep_others=True)
    write_layout(tmp_path / "oci", [new], tag="new", keep_others=True)
    assert read_layout(tmp_path / "oci", "old", verify=True) == [old, replace(old, platform=ARM64)]
    assert read_layout(tmp_path / "oci", "new", verify=True) == [new]
    # two layers, three configurations, three manifests, an image index: nothing of what was replaced
    assert len(list((tmp_path / "oci" / "blobs" / "sha256").iterdir())) == 9


def test_where_files_cannot_be_linked_they_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    old = image_of(b"old")
    write_layout(tmp_path / "oci", [old], tag="old")
    monkeypatch.setattr(os, "link", refused)  # as on FAT, and for another user's file
    write_layout(tmp_path / "oci", [ONE], tag="new", keep_others=True)
    assert read_layout(tmp_path / "oci", "old", verify=True) == [old]
    assert read_layout(tmp_path / "oci", "new", verify=True) == [ONE]


def test_a_blob_that_is_a_symlink_is_taken_over_as_a_file(tmp_path: Path) -> None:
    write_layout(tmp_path / "oci", [ONE], tag="x")
    blob = blob_path(tmp_path / "oci", ONE.layers[0].digest)
    blob.rename(blob.parent / "elsewhere")
    blob.symlink_to("elsewhere")
    write_layout(tmp_path / "oci", [ONE], tag="x")
    assert layer_bytes(read_layout(tmp_path / "oci", verify=True)[0]) == layer_bytes(ONE)


def test_a_damaged_image_of_another_name_stops_the_write(tmp_path: Path) -> None:
    old = image_of(b"old")
    write_layout(tmp_path / "oci", [old], tag="old")
    blob_path(tmp_path / "oci", old.layers[0].digest).write_bytes(b"x")
    before = files(tmp_path)
    with pytest.raises(FormatError, match=str(old.layers[0].digest)):
        write_layout(tmp_path / "oci", [ONE], tag="new", keep_others=True)
    assert files(tmp_path) == before


def test_a_layer_is_packed_straight_into_the_layout(tmp_path: Path) -> None:
    original = ONE.layers[0]
    with LayoutWriter(tmp_path / "oci") as writer:
        with writer.blob_file() as out, original.open() as stream:
            shutil.copyfileobj(stream, out)
        writer.add_blob(Path(out.name), original.digest)
        layer = writer.layer(original.diff_id, original.digest, original.size, original.media_type)
        assert layer_bytes(replace(ONE, layers=(layer,))) == layer_bytes(ONE)[:1]
        writer.finish([replace(ONE, layers=(layer,))], tag="x")
    assert layer_bytes(replace(ONE, layers=(layer,))) == layer_bytes(ONE)[:1]
    assert layer_bytes(read_layout(tmp_path / "oci", "x")[0]) == layer_bytes(ONE)[:1]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    write_layout(tmp_path / "oci", [ONE], tag="x")
    before = files(tmp_path)
    bad = replace(ONE, layers=(replace(ONE.layers[0], digest=Digest.of(b"other")),))
    with pytest.raises(IntegrityError, match=str(Digest.of(b"other"))):
        write_layout(tmp_path / "oci", [bad], tag="x")
    with pytest.raises(UsageError):
        write_layout(tmp_path / "oci", [ONE], tag="not a tag")
    with LayoutWriter(tmp_path / "oci") as writer:
        writer.blob_file().write(b"half")
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", ["oci", "[oci]*", "\u00e9" * 127])
def test_a_killed_write_leaves_what_was_there_and_the_next_one_clears_up(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    write_layout(place, [ONE], tag="x")
    before = files(tmp_path)
    script = (
        "import os, signal, sys; from pathlib import Path; from fromscratch.host.images.layout import LayoutWriter\n"
        "with LayoutWriter(Path(sys.argv[1])) as w:\n"
        " w.blob_file().write(b'x' * 100_000)\n"
        " os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, place], check=False)
    assert {name: data for name, data in files(tmp_path).items() if not name.startswith(".")} == before
    assert len(list(tmp_path.iterdir())) == 2
    write_layout(place, [ONE], tag="x")
    assert files(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_write_under_way_is_not_cleared_up_by_another(tmp_path: Path) -> None:
    with LayoutWriter(tmp_path / "oci") as writer:
        write_layout(tmp_path / "oci", [image_of(b"other")], tag="x")
        writer.finish([ONE], tag="x")
    assert read_layout(tmp_path / "oci", "x", verify=True) == [ONE]


@pytest.mark.parametrize("there", [True, False], ids=["there", "new"])
def test_of_several_that_write_at_once_none_loses_its_name(tmp_path: Path, there: bool) -> None:
    names = [f"v{number}" for number in range(6)]
    if there:
        write_layout(tmp_path / "oci", [ONE], tag="before")
    script = (
        "import sys; from pathlib import Path; from fromscratch.host.images.layout import write_layout\n"
        "from tests.made_images import image_of\n"
        "image = image_of(sys.argv[2].encode()); print('ready', flush=True); sys.stdin.read()\n"
        "write_layout(Path(sys.argv[1]), [image], tag=sys.argv[2], keep_others=True)"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, tmp_path / "oci", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        for name in names
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.close()
    for writer in writers:
        with writer:
            assert writer.wait(60) == 0
    for name in names:
        assert read_layout(tmp_path / "oci", name, verify=True) == [image_of(name.encode())]
    assert len(entries(tmp_path / "oci")) == 6 + there
    assert [path.name for path in tmp_path.iterdir()] == ["oci"]


def test_a_result_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power cut leaves is up to what was asked of the kernel: every file and folder was synced, in order."""
    order: list[str] = []

    def recorded(word: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            where = given[0] if isinstance(given[0], int) else None
            shown = str(Path(f"/proc/self/fd/{where}").readlink()) if where is not None else str(given[-1])
            order.append(f"{word} {re.sub('[.]oci[.]new-[0-9a-f]{16}', 'NEW', os.path.relpath(shown, tmp_path))}")
            return real(*given)

        return call

    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, recorded("sync", getattr(os, name)))
    monkeypatch.setattr(Path, "rename", recorded("name", Path.rename))
    write_layout(tmp_path / "oci", [ONE], tag="x")
    renamed_at = order.index("name oci")
    expected = {
        "NEW" if path == tmp_path / "oci" else f"NEW/{path.relative_to(tmp_path / 'oci')}"
        for path in (tmp_path / "oci", *(tmp_path / "oci").rglob("*"))
    }
    assert {f"sync {path}" for path in expected} <= set(order[:renamed_at])
    assert order[renamed_at + 1 :] == ["sync ."]


def test_what_is_no_layout_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="something else than an OCI layout"):
        write_layout(tmp_path, [ONE], tag="x")
    with pytest.raises(ImageError):
        write_layout(tmp_path / "thesis.tex", [ONE], tag="x")
    assert files(tmp_path) == {"thesis.tex": b"x"}


def test_a_layout_of_no_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        write_layout(tmp_path / "oci", [], tag="x")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImageError, match="cannot write"):
        write_layout(tmp_path / "file" / "oci", [ONE], tag="x")


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    write_layout(tmp_path / "oci", [ONE], tag="latest")
    return tmp_path / "oci"


def rewrite(layout: Path, change: dict[str, object]) -> None:
    index = json.loads((layout / "index.json").read_bytes())
    (layout / "index.json").write_text(json.dumps({**index, **change}))


def entries(layout: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((layout / "index.json").read_bytes())["manifests"]
    return found


def test_a_tag_that_is_not_there_names_those_that_are(layout: Path) -> None:
    with pytest.raises(UsageError, match=r"'1\.0'") as caught:
        read_layout(layout, "1.0")
    assert "latest" in caught.value.hint


def test_several_names_need_a_choice(layout: Path) -> None:
    write_layout(layout, [image_of(b"old")], tag="old", keep_others=True)
    with pytest.raises(UsageError, match="latest, old"):
        read_layout(layout)
    assert read_layout(layout, "old") == [image_of(b"old")]


def test_one_image_of_several_names_needs_none(layout: Path) -> None:
    write_layout(layout, [ONE], tag="1.0", keep_others=True)
    assert read_layout(layout) == read_layout(layout, "1.0") == [ONE]


def test_images_of_the_same_tag_are_told_by_their_full_names(layout: Path) -> None:
    write_layout(layout, [image_of(b"other")], tag="other", keep_others=True)
    names = ("docker.io/library/a:1", "docker.io/team/b:1")
    rewrite(
        layout,
        {
            "manifests": [
                {**entry, "annotations": {oci.REF_NAME: "1", oci.FULL_NAME: name}}
                for entry, name in zip(entries(layout), names, strict=True)
            ]
        },
    )
    for tag in (None, "1"):
        with pytest.raises(UsageError, match=r"docker.io/library/a:1, docker.io/team/b:1"):
            read_layout(layout, tag)
    assert read_layout(layout, "a:1") == [ONE]
    assert read_layout(layout, "docker.io/team/b:1") == [image_of(b"other")]


def test_attestations_are_passed_over(layout: Path) -> None:
    (one,) = entries(layout)
    other = {**one, "digest": str(Digest.of(b"?")), "platform": {"os": "unknown", "architecture": "unknown"}}
    rewrite(layout, {"manifests": [one, other, {**other, "mediaType": "application/x"}]})
    assert read_layout(layout) == [ONE]


def test_what_buildkit_attaches_is_passed_over_by_its_annotation_too(layout: Path) -> None:
    (one,) = entries(layout)
    other = {
        **one,
        "digest": str(Digest.of(b"?")),
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    rewrite(layout, {"manifests": [one, other]})
    assert read_layout(layout) == [ONE]


def test_an_index_may_name_what_is_not_there(tmp_path: Path) -> None:
    """As in a copy for one platform."""
    both = [ONE, replace(ONE, platform=ARM64)]
    write_layout(tmp_path / "oci", both, tag="x")
    blob_path(tmp_path / "oci", image_documents(both[1]).descriptor.digest).unlink()
    assert read_layout(tmp_path / "oci", "x", verify=True) == [ONE]
    blob_path(tmp_path / "oci", image_documents(both[0]).descriptor.digest).unlink()
    with pytest.raises(FormatError, match=f"lacks the blob {image_documents(both[0]).descriptor.digest}"):
        read_layout(tmp_path / "oci", "x")


def test_a_layer_that_is_not_there_is_no_other_platform(tmp_path: Path) -> None:
    both = [ONE, image_of(b"arm", platform=ARM64)]
    write_layout(tmp_path / "oci", both, tag="x")
    blob_path(tmp_path / "oci", both[1].layers[0].digest).unlink()
    with pytest.raises(FormatError, match=str(both[1].layers[0].digest)):
        read_layout(tmp_path / "oci", "x")


def test_an_index_in_an_index_and_one_without_media_types_are_read(layout: Path) -> None:
    (one,) = entries(layout)
    inner = json.dumps({"schemaVersion": 2, "manifests": [one]}).encode()
    blob_path(layout, Digest.of(inner)).write_bytes(inner)
    entry = {"mediaType": oci.INDEX, "digest": str(Digest.of(inner)), "size": len(inner)}
    outer = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    blob_path(layout, Digest.of(outer)).write_bytes(outer)
    top = {"mediaType": oci.INDEX, "digest": str(Digest.of(outer)), "size": len(outer)}
    (layout / oci.INDEX_FILE).write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    assert read_layout(layout, verify=True) == [ONE]
    assert write_layout(layout.parent / "out", read_layout(layout), tag=None).digest == Digest.of(outer)


def test_entries_of_others_stay_field_for_field(layout: Path) -> None:
    (one,) = entries(layout)
    foreign = b"<xml/>"
    blob_path(layout, Digest.of(foreign)).write_bytes(foreign)
    theirs = {
        "size": len(foreign),
        "digest": str(Digest.of(foreign)),
        "mediaType": "application/xml",
        "urls": ["https://a.example/x"],
        "data": "PHhtbC8+",
        "artifactType": "application/x",
        "platform": {"os": "linux", "architecture": "arm64", "variant": "v8", "features": ["a"], "new": 1},
        "x-new": {"a": [1, None]},
        "annotations": {"z": "1", "a": "2"},
    }
    absent = {
        "mediaType": oci.MANIFEST,
        "digest": str(Digest.of(b"?")),
        "size": 9,
        "annotations": {oci.REF_NAME: "far"},
    }
    rewrite(layout, {"manifests": [theirs, one, absent], "annotations": {"of": "all"}, "x-new": True})
    write_layout(layout, [image_of(b"new")], tag="new", keep_others=True)
    index = json.loads((layout / oci.INDEX_FILE).read_bytes())
    assert [list(entry.items()) for entry in index["manifests"][:3]] == [
        list(entry.items()) for entry in (theirs, one, absent)
    ]
    assert (index["annotations"], index["x-new"]) == ({"of": "all"}, True)
    assert blob_path(layout, Digest.of(foreign)).read_bytes() == foreign
    assert read_layout(layout, "latest", verify=True) == [ONE]


def test_an_image_without_a_name_takes_the_place_of_such_only(tmp_path: Path) -> None:
    place = tmp_path / "oci"
    write_layout(place, [image_of(b"old")], tag=None)
    write_layout(place, [ONE], tag="x", keep_others=True)
    write_layout(place, [image_of(b"new")], tag=None, keep_others=True)
    assert read_layout(place, "x") == [ONE]
    assert len(entries(place)) == 2
    assert not blob_path(place, image_of(b"old").layers[0].digest).exists()


def blob_path(layout: Path, digest: Digest) -> Path:
    return layout / "blobs" / digest.algorithm / digest.hex


def test_a_damaged_layer_is_found_when_it_is_read(layout: Path) -> None:
    path = blob_path(layout, ONE.layers[1].digest)
    path.write_bytes(bytes(path.stat().st_size))
    (image,) = read_layout(layout)
    with pytest.raises(IntegrityError, match="digest"):
        layer_bytes(image)
    with pytest.raises(IntegrityError):
        read_layout(layout, verify=True)


def test_a_cut_layer_is_found_when_it_is_read(layout: Path) -> None:
    os.truncate(blob_path(layout, ONE.layers[0].digest), 5)
    with pytest.raises(IntegrityError, match="has 5 bytes"):
        read_layout(layout, verify=True)


def test_a_missing_layer_is_found_at_once(layout: Path) -> None:
    blob_path(layout, ONE.layers[0].digest).unlink()
    with pytest.raises(FormatError, match=str(ONE.layers[0].digest)):
        read_layout(layout)


def test_a_damaged_manifest_is_found_at_once(layout: Path) -> None:
    path = blob_path(layout, Digest.parse(str(entries(layout)[0]["digest"])))
    path.write_bytes(path.read_bytes().replace(b"schemaVersion", b"schemaVersioN"))
    with pytest.raises(IntegrityError, match="has the digest"):
        read_layout(layout)


def test_a_folder_that_is_no_layout_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not an OCI layout: it has no oci-layout"):
        read_layout(tmp_path)


def test_layers_that_the_configuration_does_not_list_are_refused(layout: Path, tmp_path: Path) -> None:
    documents = image_documents(ONE)
    short = oci.manifest_bytes(oci.Manifest(config=documents.config_descriptor, layers=()))
    blob_path(layout, Digest.of(short)).write_bytes(short)
    (one,) = entries(layout)
    rewrite(layout, {"manifests": [{**one, "digest": str(Digest.of(short)), "size": len(short)}]})
    with pytest.raises(FormatError, match="has 0 layers, but its configuration lists 2"):
        read_layout(layout)


def test_an_empty_index_is_refused(layout: Path) -> None:
    rewrite(layout, {"manifests": []})
    with pytest.raises(FormatError, match="no container image"):
        read_layout(layout)
