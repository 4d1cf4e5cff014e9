"""What an image says of where its layers came from, and what stays of that when the image is changed."""

import json

from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.formats.oci.config import config_bytes, parse_config
from fromscratch.model.image import Image, Original, RunConfig
from tests.made_images import AMD64, blob_layer, image_of
from tests.steps import GROWTH, check_growth

BASE, EXTRA, OTHER = blob_layer(b"base"), blob_layer(b"extra"), blob_layer(b"other")
STEPS: list[dict[str, object]] = [
    {"created": "2020-01-01T00:00:00.5Z", "created_by": "ADD base /", "author": "them"},
    {"created_by": "ENV A=b", "empty_layer": True, "comment": "buildkit"},
    {"created_by": "RUN extra", "unknown": [1]},
    {"created_by": 'CMD ["/a"]', "empty_layer": True},
]


def written(image: Image) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(config_bytes(image))["history"]
    return found


def read(steps: object) -> Image:
    """The image of two layers as it is read, with this history."""
    document = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [str(BASE.diff_id), str(EXTRA.diff_id)]},
        "history": steps,
    }
    config = json.dumps(document).encode()
    reported = parse_config(config, "c").notes
    layers = (
        replace(layer, comment=each.comment, created_by=each.created_by)
        for layer, each in zip((BASE, EXTRA), reported, strict=True)
    )
    return Image(layers=tuple(layers), config=RunConfig(), platform=AMD64, original=Original(config))


def test_our_own_entries_tell_what_made_a_layer_and_what_it_holds() -> None:
    reported = replace(BASE, created_by="fromscratch: debian bookworm: busybox 1:1.35.0-4", comment="base")
    image = replace(image_of(), layers=(reported, EXTRA), created=1_700_000_000)
    assert written(image) == [
        {
            "created": "2023-11-14T22:13:20Z",
            "created_by": "fromscratch: debian bookworm: busybox 1:1.35.0-4",
            "comment": "base",
        },
        {"created": "2023-11-14T22:13:20Z", "created_by": "fromscratch"},
    ]
    assert [(each.created_by, each.comment) for each in parse_config(config_bytes(image), "c").notes] == [
        (reported.created_by, "base"),
        ("", ""),
    ]


def test_a_changed_image_keeps_the_history_of_its_layers() -> None:
    image = replace(read(STEPS), config=RunConfig(cmd=("/b",)))
    assert written(image) == STEPS


def test_a_layer_on_top_stands_behind_what_was_there() -> None:
    image = read(STEPS)
    assert written(replace(image, layers=(*image.layers, OTHER))) == [
        *STEPS,
        {"created": "1970-01-01T00:00:00Z", "created_by": "fromscratch"},
    ]


def test_a_layer_that_went_takes_its_history_along() -> None:
    image = read(STEPS)
    assert written(replace(image, layers=image.layers[:1])) == STEPS[:1]
    assert written(replace(image, layers=image.layers[1:])) == STEPS[1:]
    assert [step["created_by"] for step in written(replace(image, layers=(OTHER, image.layers[1])))] == [
        "fromscratch",
        "ENV A=b",
        "RUN extra",
        'CMD ["/a"]',
    ]


def test_the_same_layer_twice_has_both_entries() -> None:
    image = read([{"created_by": "one"}, {"created_by": "two"}])
    twice = replace(image, layers=(image.layers[0], image.layers[0], image.layers[1]))
    assert [step["created_by"] for step in written(twice)] == ["one", "one", "two"]


def test_what_is_said_of_a_layer_anew_is_written() -> None:
    image = read(STEPS)
    renamed = replace(image.layers[0], comment="the base")
    assert written(replace(image, layers=(renamed, image.layers[1])))[0] == {**STEPS[0], "comment": "the base"}
    assert written(replace(image, layers=(replace(image.layers[0], created_by=""), image.layers[1])))[0] == {
        **STEPS[0],
        "created_by": "fromscratch",
    }


def test_a_history_that_does_not_fit_is_not_kept() -> None:
    unfit: tuple[object, ...] = (None, [], STEPS[:2], [{}, {}, {}])
    for steps in unfit:
        image = replace(read(steps), author="us")
        assert [step["created_by"] for step in written(image)] == ["fromscratch", "fromscratch"]


def test_a_history_of_any_length_is_passed_over_at_once() -> None:
    images = {size: replace(read([{}] * size), author="us") for size in (60, 60 * GROWTH, 200_000)}
    assert len(written(images[200_000])) == 2
    check_growth(lambda size: written(images[size]), 60)


def test_a_layer_is_told_by_its_diff_id() -> None:
    image = read(STEPS)
    packed_again = replace(image.layers[0], digest=Digest.of(b"zstd"))
    assert written(replace(image, layers=(packed_again, image.layers[1]), author="us")) == STEPS
