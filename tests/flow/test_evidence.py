"""What a build remembers of its own image survives the way through its file, and a damaged file is told."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.checks.contract import ExecCheck, HttpCheck
from fromscratch.errors import FormatError, NotFetched
from fromscratch.flow import evidence
from fromscratch.flow.evidence import Evidence
from fromscratch.flow.source_evidence import SourceEvidence, source_evidence
from fromscratch.formats.packing.layer import Packed
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline
from fromscratch.model.entry import Origin, file
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import decode, tree_path
from fromscratch.sources.contract import Pin, TreeSource
from tests.made_images import blob_layer

AMD64 = Platform.parse("linux/amd64")
ASKED = Origin("debian bookworm", "asked for", "busybox in rootfs[0]")
SHIPPED = Origin(
    "debian bookworm", "shipped in", "libc6 2.36", Origin("debian bookworm", "needed by", "busybox", ASKED)
)


class ToySource(TreeSource):
    label = "toy"

    def fetch(self, store: Store) -> None: ...

    def fingerprint(self, store: Store) -> str:
        return ""

    def build(self, store: Store) -> Rootfs:
        return Rootfs()


STRANGE = tree_path(decode(b"/caf\xe9 au lait"))


def made() -> Evidence:
    tree = Rootfs({tree_path("/lib"): file(Inline(b""), SHIPPED), STRANGE: file(Inline(b""), SHIPPED, ASKED)})
    layer = blob_layer(b"tar", comment="libraries")
    packed = Packed(layer.diff_id, layer.digest, layer.size, layer.media_type, 3, "gzip 1 level 6")
    image = evidence.gather(AMD64, [(layer, packed)], tree, {tree_path("/usr/share/doc"): "docs"})
    return Evidence(name="demo", inputs="sha256:0", epoch=0, recipe={}, images=[image])


def test_reasons_come_back_as_they_went_for_names_of_any_bytes(tmp_path: Path) -> None:
    evidence.write(tmp_path, made())
    found = evidence.read(tmp_path)
    assert found == made()
    assert found is not None
    image = found.of(AMD64)
    assert evidence.origins(image, tree_path("/lib")) == (SHIPPED,)
    assert evidence.origins(image, STRANGE) == (SHIPPED, ASKED)
    assert evidence.origins(image, tree_path("/nowhere")) == ()
    assert image.removed == {"/usr/share/doc": "docs"}
    assert image.codec == "gzip 1 level 6"
    (packed,) = image.packed
    assert (packed.digest, packed.comment, packed.uncompressed_size) == (image.layers[0], "libraries", 3)
    assert len(image.reasons) == 3  # each once


def test_the_inputs_of_each_item_are_recorded_without_their_secrets(tmp_path: Path) -> None:
    secret, address, digest = "https://me:secret@host.test/a.tar", "https://host.test/a.tar", f"sha256:{'0' * 64}"

    class Mirrored(ToySource):
        label = f"archive {secret}"

        def pins(self, store: Store) -> list[Pin]:
            return [Pin(kind="archive", name="a.tar", url=secret, digest=digest)]

        def notes(self, store: Store) -> list[str]:
            return [f"postinst of a was not run: {secret}"]

    found = source_evidence([Mirrored(), ToySource()], Store(tmp_path))
    assert found == [
        SourceEvidence(
            label=f"archive {address}",
            pins=[Pin(kind="archive", name="a.tar", url=address, digest=digest)],
            notes=[f"postinst of a was not run: {address}"],
        ),
        SourceEvidence(label="toy"),
    ]
    image = replace(made().images[0], sources=found)
    evidence.write(tmp_path, replace(made(), images=[image]))
    read = evidence.read(tmp_path)
    assert read is not None
    assert read.images[0].sources == found


def test_nothing_built_is_none_and_another_platform_is_told(tmp_path: Path) -> None:
    assert evidence.read(tmp_path) is None
    with pytest.raises(NotFetched, match="linux/arm64"):
        made().of(Platform.parse("linux/arm64"))


@pytest.mark.parametrize(
    "change", [("{", ""), ("{", '{"x":' + "[" * 100_000), ('"reasons":', '"raisons":'), ("     2\n", "     99\n")]
)
def test_a_damaged_file_is_told(tmp_path: Path, change: tuple[str, str]) -> None:
    evidence.write(tmp_path, made())
    path = tmp_path / evidence.NAME
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    with pytest.raises(FormatError, match="is damaged"):
        evidence.read(tmp_path)


def test_what_a_check_sends_is_not_recorded_and_its_title_holds_no_token(tmp_path: Path) -> None:
    request = {"http": "http://localhost/?token=secret", "headers": {"Authorization": "secret"}, "body": "secret"}
    command = {"exec": ["psql"], "env": {"PGPASSWORD": "secret"}, "expect": "ok"}
    recipe = {"checks": [request, command, {"tcp": 6379, "send": "AUTH secret"}], "image": {"env": {"LANG": "C"}}}
    evidence.write(tmp_path, replace(made(), recipe=recipe))
    found = evidence.read(tmp_path)
    assert found is not None
    assert found.recipe == {
        "checks": [
            {"http": "http://localhost/?…", "headers": {"Authorization": "…"}, "body": "…"},
            {"exec": ["psql"], "env": {"PGPASSWORD": "…"}, "expect": "ok"},
            {"tcp": 6379, "send": "…"},
        ],
        "image": {"env": {"LANG": "C"}},
    }
    assert evidence.concealed(found.recipe) == found.recipe
    assert HttpCheck(url="http://localhost/?token=secret").title == "http http://localhost/?…"
    assert ExecCheck(argv=("curl", "http://me:secret@localhost/")).title == "exec curl http://localhost/"
