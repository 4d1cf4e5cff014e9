"""An image that agrees with itself passes; each fault is named, with where it is."""

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError, IntegrityError, TooLarge, UnsafePath, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import config_bytes, parse_config
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.storage.store import Store
from fromscratch.limits import Limits
from fromscratch.model.image import Image, Original, Platform, RunConfig
from fromscratch.proof.validate import validate
from tests.made_images import image_of
from tests.trees import tree


def tar(text: str) -> bytes:
    return b"".join(bytes(block) for block in blocks(tree(text)))


LOWER = tar("""
    d 0755 0:0 /etc
    f 0644 0:0 /etc/motd 'hello'
    f 0644 0:0 /etc/old ''
""")
UPPER = tar("""
    f 0644 0:0 /etc/.wh.old ''
    l 0777 0:0 /etc/issue -> ../../../etc/motd
    f 0644 0:0 /etc/new ''
    h 0644 0:0 /etc/copy => /etc/new
""")
IMAGE = image_of(LOWER, UPPER)
FIRST, SECOND = IMAGE.layers
BLOB = SECOND.open().read()


def changed(**changes: Any) -> Image:
    """The image, with something else said of its second layer."""
    return replace(IMAGE, layers=(FIRST, replace(SECOND, **changes)))


def of_bytes(data: bytes) -> Image:
    return changed(open=lambda: io.BytesIO(data))


def configured(**changes: Any) -> Image:
    return replace(IMAGE, config=replace(IMAGE.config, **changes))


def read_from(*, steps: str = "", size: int | None = None) -> Image:
    """The image as it is read where the history has these steps, L for a layer, and the manifest tells this size."""
    history = [{"created_by": "a step"} | ({} if step == "L" else {"empty_layer": True}) for step in steps]
    config = json.dumps(json.loads(config_bytes(IMAGE)) | {"history": history}).encode()
    reported = parse_config(config, "the configuration").notes
    layers = tuple(replace(layer, created_by=one.created_by) for layer, one in zip(IMAGE.layers, reported, strict=True))
    descriptor = oci.describe(config, oci.CONFIG)
    manifest = oci.Manifest(
        config=replace(descriptor, size=size or descriptor.size), layers=tuple(map(oci.layer_descriptor, layers))
    )
    return replace(IMAGE, layers=layers, original=Original(config, oci.manifest_bytes(manifest)))


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def unpacked(*members: tarfile.TarInfo) -> Image:
    """The image with a third layer, which another program has packed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for each in members:
            archive.addfile(each)
    return image_of(LOWER, UPPER, out.getvalue())


@pytest.mark.parametrize(
    "image",
    [
        IMAGE,
        image_of(),
        image_of(LOWER, config=RunConfig(), platform=Platform("linux", "arm", "v7")),
        changed(media_type=oci.FOREIGN_GZIP),
        read_from(),
        read_from(steps="0L0L0"),
    ],
    ids=["two layers", "none", "one", "undistributable", "no history", "steps without a layer"],
)
def test_an_image_that_agrees_with_itself_passes(image: Image, tmp_path: Path) -> None:
    validate(image)
    validate(image, Store(tmp_path))
    validate(image, Store(tmp_path))  # when its layers are there unpacked


@pytest.mark.parametrize(
    ("image", "kind", "message"),
    [
        (of_bytes(BLOB[:-1]), IntegrityError, f"layer 2 of 2: .* has {len(BLOB) - 1} bytes where .* {len(BLOB)}"),
        (of_bytes(BLOB + b"x"), IntegrityError, f"layer 2 of 2: .* has more bytes where .* promises {len(BLOB)}"),
        (of_bytes(BLOB[:-1] + b"x"), IntegrityError, f"layer 2 of 2: .*{SECOND.digest}"),
        (changed(size=len(BLOB) + 1), IntegrityError, f"layer 2 of 2: .* has {len(BLOB)} bytes"),
        (changed(digest=Digest.of(b"another")), IntegrityError, "layer 2 of 2: "),
        (changed(diff_id=Digest.of(b"another")), IntegrityError, "layer 2 of 2: the uncompressed layer "),
        (changed(media_type=oci.LAYER_TAR), FormatError, "layer 2 of 2: .* its bytes are those of gzip"),
        (changed(media_type="text/plain"), FormatError, "layer 2 of 2: .* of the type text/plain, which"),
        (image_of(LOWER, UPPER[:700]), FormatError, "the archive ends before its end marker"),
        (unpacked(member("../outside")), UnsafePath, r"\.\./outside"),
        (unpacked(member("etc/link", tarfile.LNKTYPE, "../../outside")), UnsafePath, r"\.\./\.\./outside"),
        (unpacked(member("etc/link", tarfile.LNKTYPE, "etc/old")), FormatError, "/etc/old"),
        (unpacked(member("etc/motd/below")), FormatError, "/etc/motd is a file"),
        (unpacked(member("etc/.wh..")), FormatError, r"\.wh\.\."),
        (replace(IMAGE, platform=Platform("linux", "arm64", "v8")), FormatError, "the platform of the configuration"),
        (replace(IMAGE, platform=Platform("linux", "")), FormatError, "no operating system or no architecture"),
        (replace(IMAGE, created=1 << 60), UsageError, "is not a date that a configuration can hold"),
        (replace(IMAGE, author="\udcff"), UsageError, "not UTF-8"),
        (configured(env={"A=B": "c"}), UsageError, "'A=B' cannot be the name of an environment variable"),
        (configured(stop_timeout="ten"), FormatError, r"the configuration .* at `\$\.config\.StopTimeout`"),
        (read_from(steps="L"), FormatError, "history of the configuration has 1 steps that make a layer, for 2 layers"),
        (read_from(size=7), FormatError, "the manifest: the size of the configuration is [0-9]+, and .* read as 7"),
    ],
)
def test_a_fault_is_named_with_its_place(image: Image, kind: type[ImageError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        validate(image)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_an_image_that_expands_to_more_than_is_allowed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match=r"layer 2 of 2: .* expands to more than"):
        validate(IMAGE, Store(tmp_path), Limits(expanded=len(LOWER), explicit=True))


def test_all_faults_are_named_at_once() -> None:
    image = replace(of_bytes(gzip.compress(LOWER)), platform=Platform("linux", ""))
    with pytest.raises(FormatError) as caught:
        validate(image)
    assert [line.partition(":")[0] for line in caught.value.message.splitlines()] == [
        "the configuration names no operating system or no architecture",
        "layer 2 of 2",
    ]


def test_a_disk_that_is_full_is_not_a_fault_of_the_image(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError) as caught:
        validate(IMAGE, Store(tmp_path / "file" / "store"))
    assert "layer 2" not in caught.value.message
