"""Whatever is written into a layout one after the other: what was not meant stays, and nothing is left over."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fromscratch.digest import Digest
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.artifact import Artifact, artifact_graph, part
from fromscratch.formats.oci.graph import graph
from fromscratch.formats.oci.reader import reachable
from fromscratch.host.images.layout import attach, read_layout, read_referrers, write_layout
from fromscratch.host.images.layout_blobs import LayoutBlobs
from tests.made_images import ARM64, image_of
from tests.steps import GROWTH, check_growth

# Two of one platform, and two under an index; some share a layer.
IMAGES = [
    [image_of(b"one", b"shared")],
    [image_of(b"two")],
    [image_of(b"shared"), image_of(b"three", platform=ARM64)],
    [image_of(b"one", b"shared"), image_of(b"four", platform=ARM64)],
]
TOPS = [graph(images).top for images in IMAGES]
ABOUT = [
    artifact_graph(Artifact(artifact_type="a/x", parts=(part(b"about %d" % number, "text/plain"),), subject=top))
    for number, top in enumerate(TOPS)
]
NUMBERS = st.integers(0, len(IMAGES) - 1)
STEPS = st.lists(st.tuples(st.sampled_from(["a", "b", None, "attach"]), NUMBERS), min_size=1, max_size=7)


@settings(max_examples=15)
@given(STEPS)
def test_a_layout_holds_what_was_written_last_and_all_that_was_not_replaced(
    steps: list[tuple[str | None, int]],
) -> None:
    names: dict[str | None, int] = {}
    about: set[int] = set()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "oci"
        for name, number in steps:
            if name == "attach":
                attach(place, [ABOUT[number]])
                about.add(number)
            else:
                before = _present(names)
                write_layout(place, IMAGES[number], tag=name, keep_others=True)
                names[name] = number
                about -= {each for each in about if TOPS[each].digest in before - _present(names)}
            _check(place, names, about)


def _present(names: dict[str | None, int]) -> set[object]:
    """The digests of the manifests and indexes that the layout has by these names."""
    return {
        blob.digest
        for number in names.values()
        for blob in graph(IMAGES[number]).blobs
        if blob.media_type in (oci.MANIFEST, oci.INDEX)
    }


def _check(place: Path, names: dict[str | None, int], about: set[int]) -> None:
    index = oci.parse_index((place / "index.json").read_bytes(), "index.json")
    blobs = LayoutBlobs(place)
    referenced = {entry.digest.hex for top in index.manifests for entry in reachable(blobs, top)}
    assert {path.name for path in (place / "blobs/sha256").iterdir()} == referenced
    assert len(index.manifests) == len(names) + len(about)
    for name, number in names.items():
        if name is not None:
            assert read_layout(place, name, verify=True) == IMAGES[number]
    for number, top in enumerate(TOPS):
        found = read_referrers(place, top.digest)
        assert [entry.digest for entry in found] == ([ABOUT[number].top.digest] if number in about else [])


def test_a_layout_that_lists_much_is_written_into_at_once(tmp_path: Path) -> None:
    def listing(size: int) -> tuple[Path, list[object]]:
        place = tmp_path / f"oci-{size}"
        write_layout(place, IMAGES[0], tag="a")
        index = json.loads((place / "index.json").read_bytes())
        strange = {"mediaType": "a/b", "size": 1, "annotations": {"x": "y"}}
        index["manifests"] += [{**strange, "digest": str(Digest.of(b"%d" % number))} for number in range(size)]
        (place / "index.json").write_text(json.dumps(index))
        return place, index["manifests"]

    made = {size: listing(size) for size in (200, 200 * GROWTH)}
    check_growth(lambda size: write_layout(made[size][0], IMAGES[1], tag="a", keep_others=True), 200)
    for place, manifests in made.values():
        assert json.loads((place / "index.json").read_bytes())["manifests"][:-1] == manifests[1:]
