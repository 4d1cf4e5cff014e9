"""Images of every form that are not what they say: the error names what lies, and nothing half-written stays."""

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import zstandard

from fromscratch import regular_file
from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError, IntegrityError
from fromscratch.formats.oci import documents as oci
from fromscratch.host.images.archives import read_archive
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage import verified_files
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_archive import OciArchive
from fromscratch.images.oci_layout import OciLayout
from fromscratch.images.tar import RootTar
from fromscratch.model.image import Image
from tests.images.contract import TREE, packed
from tests.made_images import at
from tests.steps import steps_of
from tests.trees import listed, tree

TAR = packed(TREE)
OTHER = packed(tree("f 0644 0:0 /other 'o'"))


def digest_of(data: bytes) -> str:
    return str(Digest.of(data))


def path(of: str) -> str:
    return f"blobs/{of.replace(':', '/')}"


@dataclass
class Lying:
    """An image of one layer as documents and blobs, each of which a test may falsify before they refer to it."""

    blob: bytes = gzip.compress(TAR, mtime=0)
    media_type: str = oci.LAYER_GZIP
    digest: str = ""
    size: int | None = None
    diff_id: str = digest_of(TAR)
    there: bytes | None = None
    """The bytes that are where the blob should be."""
    config: Callable[[dict[str, Any]], Any] = lambda document: document
    manifest: Callable[[dict[str, Any]], Any] = lambda document: document
    index: Callable[[dict[str, Any]], Any] = lambda document: document
    spoil: Callable[[dict[str, bytes]], None] = lambda files: None
    files: dict[str, bytes] = field(default_factory=dict)

    def made(self) -> dict[str, bytes]:
        layer = self.digest or digest_of(self.blob)
        rootfs = {"type": "layers", "diff_ids": [self.diff_id]}
        config = self._add(self.config({"architecture": "amd64", "os": "linux", "rootfs": rootfs}))
        descriptor = {"mediaType": self.media_type, "digest": layer, "size": self._size()}
        document = {"schemaVersion": 2, "mediaType": oci.MANIFEST, "config": _described(config, oci.CONFIG)}
        manifest = self._add(self.manifest({**document, "layers": [descriptor]}))
        index = self.index({"schemaVersion": 2, "manifests": [_described(manifest, oci.MANIFEST)]})
        self.files[path(layer)] = self.blob if self.there is None else self.there
        listing = [{"Config": path(digest_of(config)), "RepoTags": ["a/b:1"], "Layers": [path(layer)]}]
        self.files.update(
            {"oci-layout": oci.LAYOUT, "index.json": _json(index), "manifest.json": json.dumps(listing).encode()}
        )
        self.spoil(self.files)
        return self.files

    def _size(self) -> int:
        return len(self.blob) if self.size is None else self.size

    def _add(self, document: Any) -> bytes:
        data = _json(document)
        self.files[path(digest_of(data))] = data
        return data


def _json(document: Any) -> bytes:
    return document if isinstance(document, bytes) else json.dumps(document).encode()


def _described(data: bytes, kind: str) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


def layout(files: dict[str, bytes], folder: Path, store: Store) -> list[Image]:
    for name, data in files.items():
        (folder / "oci" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "oci" / name).write_bytes(data)
    return read_layout(folder / "oci")


def archive(files: dict[str, bytes], folder: Path, store: Store) -> list[Image]:
    with tarfile.open(folder / "archive.tar", "w") as out:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return read_archive(folder / "archive.tar", store)


def oci_archive(files: dict[str, bytes], folder: Path, store: Store) -> list[Image]:
    return archive({name: data for name, data in files.items() if name != "manifest.json"}, folder, store)


def docker_archive(files: dict[str, bytes], folder: Path, store: Store) -> list[Image]:
    left_out = ("oci-layout", "index.json")
    return archive({name: data for name, data in files.items() if name not in left_out}, folder, store)


OF_OCI = [layout, oci_archive]
FORMS = [*OF_OCI, docker_archive]
Form = Callable[[dict[str, bytes], Path, Store], list[Image]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.mark.parametrize("form", FORMS)
def test_an_honest_image_is_read(form: Form, store: Store, tmp_path: Path) -> None:
    """What shows that the tests below fail for the lie alone."""
    [image] = form(Lying().made(), tmp_path, store)
    assert listed(root_tree(image, store)) == listed(TREE)


def refused(form: Form, lying: Lying, folder: Path, kind: type[ImageError], match: str) -> None:
    """By whoever unpacks it, and by whoever only copies it where that can see the lie."""
    store = Store(folder / "store")
    layer = lying.digest or digest_of(lying.blob)
    with pytest.raises(kind, match=match) as caught:
        root_tree(form(lying.made(), folder, store)[0], store)
    # A plain layer of a docker-archive has no other name than its diff_id.
    assert layer in caught.value.message or (form is docker_archive and lying.diff_id in caught.value.message)
    assert caught.value.hint
    assert not any(store.has(Digest.parse(each)) for each in (lying.diff_id, digest_of(TAR), digest_of(OTHER)))
    with pytest.raises(kind, match=match):
        RootTar(folder / "out.tar", store).write([form(lying.files, folder, store)[0]])
    assert not (folder / "out.tar").exists()
    assert [path.name for path in folder.iterdir() if path.name.startswith(".new")] == []


def copied_nowhere(form: Form, files: dict[str, bytes], folder: Path) -> None:
    """Copies check what they copy."""
    store = Store(folder / "store")
    for transport in (at(OciLayout, folder / "copy"), at(OciArchive, folder / "copy.tar")):
        with pytest.raises(ImageError):
            transport.write([form(files, folder, store)[0]], "a:1")
    assert not (folder / "copy").exists()
    assert not (folder / "copy.tar").exists()


BLOB = gzip.compress(TAR, mtime=0)
ANOTHER = gzip.compress(OTHER, mtime=0)
FLIPPED = BLOB[:50] + bytes([BLOB[50] ^ 1]) + BLOB[51:]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("there", "match"),
    [
        (FLIPPED, "has the digest sha256:"),
        (BLOB[:-1], "bytes where its descriptor promises|is damaged|has the digest"),
        (BLOB + b"x", "bytes where its descriptor promises|is damaged|has the digest"),
        (ANOTHER, "bytes where its descriptor promises|has the digest"),
        (b"", "bytes where its descriptor promises|has the digest"),
    ],
    ids=["a bit", "cut", "longer", "another", "empty"],
)
def test_a_blob_under_another_s_name(form: Form, there: bytes, match: str, tmp_path: Path) -> None:
    lying = Lying(there=there)
    refused(form, lying, tmp_path, IntegrityError, match)
    copied_nowhere(form, lying.files, tmp_path)


@pytest.mark.parametrize("form", OF_OCI)
@pytest.mark.parametrize("size", [0, 1, len(BLOB) - 1, len(BLOB) + 1, 1 << 40])
def test_a_size_that_lies(form: Form, size: int, tmp_path: Path) -> None:
    lying = Lying(size=size)
    refused(form, lying, tmp_path, IntegrityError, "bytes where its descriptor promises")
    copied_nowhere(form, lying.files, tmp_path)


@pytest.mark.parametrize("form", OF_OCI)
@pytest.mark.parametrize(
    ("media_type", "blob", "match"),
    [
        (oci.LAYER_ZSTD, BLOB, "its bytes are those of gzip"),
        (oci.LAYER_TAR, BLOB, "its bytes are those of gzip"),
        (oci.LAYER_GZIP, TAR, "its bytes are no compressed ones"),
        (oci.LAYER_GZIP, zstandard.compress(TAR), "its bytes are those of zstd"),
        (oci.FOREIGN_GZIP, TAR, "its bytes are no compressed ones"),
        (oci.LAYER_TAR + "+xz", BLOB, "which we do not read"),
        ("text/plain", b"hello", "which we do not read"),
    ],
)
def test_a_media_type_that_lies(form: Form, media_type: str, blob: bytes, match: str, tmp_path: Path) -> None:
    refused(form, Lying(media_type=media_type, blob=blob), tmp_path, FormatError, match)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("blob", [BLOB, zstandard.compress(TAR)])
def test_a_diff_id_that_lies(form: Form, blob: bytes, tmp_path: Path) -> None:
    kind = oci.LAYER_GZIP if blob is BLOB else oci.LAYER_ZSTD
    lying = Lying(diff_id=digest_of(OTHER), blob=blob, media_type=kind)
    refused(form, lying, tmp_path, IntegrityError, "the uncompressed layer .* has the digest")


def test_a_diff_id_of_a_plain_layer_that_lies(tmp_path: Path) -> None:
    """In a docker-archive a plain layer has no other name: it is looked for by the one that lies."""
    lying = Lying(diff_id=digest_of(OTHER), blob=TAR, media_type=oci.LAYER_TAR)
    store = Store(tmp_path / "store")
    with pytest.raises(IntegrityError, match=f"the layer {digest_of(OTHER)} of .* has the digest {digest_of(TAR)}"):
        root_tree(docker_archive(lying.made(), tmp_path, store)[0], store)


def dropped(what: str) -> Callable[[dict[str, bytes]], None]:
    def spoil(files: dict[str, bytes]) -> None:
        for name in [name for name, data in files.items() if what in name or what.encode() in data[:60]]:
            if name.startswith("blobs/"):
                del files[name]

    return spoil


@pytest.mark.parametrize("form", FORMS)
def test_a_layer_that_is_not_there(form: Form, store: Store, tmp_path: Path) -> None:
    lying = Lying(spoil=dropped(digest_of(BLOB).partition(":")[2]))
    with pytest.raises(FormatError, match=f"lacks .*{digest_of(BLOB).partition(':')[2]}"):
        root_tree(form(lying.made(), tmp_path, store)[0], store)


@pytest.mark.parametrize("form", OF_OCI)
@pytest.mark.parametrize("media_type", [oci.FOREIGN_GZIP, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"])
def test_a_layer_that_must_not_be_distributed(form: Form, media_type: str, tmp_path: Path) -> None:
    """It is read where it is, and nothing is fetched where it is not."""
    store = Store(tmp_path / "store")
    [image] = form(Lying(media_type=media_type).made(), tmp_path, store)
    assert listed(root_tree(image, store)) == listed(TREE)
    gone = Lying(media_type=media_type, spoil=dropped(digest_of(BLOB).partition(":")[2]))
    (tmp_path / "gone").mkdir()
    with pytest.raises(FormatError, match=f"lacks the layer {digest_of(BLOB)}, which its owner alone"):
        form(gone.made(), tmp_path / "gone", store)


# What the store has seen before changes nothing.

BAD_CRC = BLOB[:-5] + bytes([BLOB[-5] ^ 1]) + BLOB[-4:]
CUT = BLOB[:-8]
BEHIND = BLOB + b"garbage"
LIES: dict[str, tuple[Lying, str]] = {
    "a checksum": (Lying(blob=BAD_CRC), "is damaged"),
    "no checksum": (Lying(blob=CUT), "is damaged"),
    "garbage behind it": (Lying(blob=BEHIND), "is damaged"),
    "another compression": (Lying(media_type=oci.LAYER_ZSTD), "its bytes are those of gzip"),
    "no compression": (Lying(blob=TAR), "its bytes are no compressed ones"),
    "another size": (Lying(size=len(BLOB) + 1), "bytes where its descriptor promises"),
    "another blob": (Lying(there=ANOTHER), "bytes where its descriptor promises|has the digest"),
    "a bit of it": (Lying(there=FLIPPED), "has the digest"),
    "no blob": (Lying(there=b""), "bytes where its descriptor promises"),
    "another tar": (Lying(diff_id=digest_of(TAR), blob=ANOTHER), "the uncompressed layer .* has the digest"),
}


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("form", OF_OCI)
@pytest.mark.parametrize("lie", LIES)
def test_the_answer_does_not_depend_on_what_the_store_has_seen(
    lie: str, form: Form, warm: bool, store: Store, tmp_path: Path
) -> None:
    lying, match = LIES[lie]
    for name in ("honest", "lying"):
        (tmp_path / name).mkdir()
    if warm:
        [honest] = form(Lying().made(), tmp_path / "honest", store)
        root_tree(honest, store)
    [image] = form(replace(lying, files={}).made(), tmp_path / "lying", store)
    with pytest.raises(ImageError, match=match):
        root_tree(image, store)
    for name in ("out.tar", "out.tar.gz"):
        with pytest.raises(ImageError, match=match):
            RootTar(tmp_path / name, store).write([image])
    for transport in (
        at(OciLayout, tmp_path / "copy"),
        at(OciArchive, tmp_path / "o.tar"),
        at(DockerArchive, tmp_path / "d.tar"),
    ):
        with pytest.raises(ImageError, match=match):
            transport.write([image], "a:1" if transport != at(OciLayout, tmp_path / "copy") else "1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["honest", "lying", "store"]


@pytest.mark.parametrize("place", ["/etc/passwd", "another", "nowhere"])
def test_a_symlink_in_the_place_of_a_blob_is_what_it_leads_to(place: str, store: Store, tmp_path: Path) -> None:
    [image] = layout(Lying().made(), tmp_path, store)
    root_tree(image, store)
    (tmp_path / "another").write_bytes(ANOTHER)
    blob = tmp_path / "oci" / path(digest_of(BLOB))
    blob.unlink()
    blob.symlink_to(tmp_path / place)
    with pytest.raises(ImageError, match=r"lacks the blob|promises|has the digest"):
        root_tree(read_layout(tmp_path / "oci")[0], store)


def test_a_blob_that_is_in_the_place_of_the_copy_already_is_looked_into(store: Store, tmp_path: Path) -> None:
    [image] = layout(Lying(blob=BAD_CRC).made(), tmp_path, store)
    with pytest.raises(FormatError, match="is damaged"):
        at(OciLayout, tmp_path / "oci").write([image], "again")


def test_two_layers_of_one_blob_that_say_different_things_are_refused(store: Store, tmp_path: Path) -> None:
    """It is copied once, and would be verified as what the first says of it."""
    twice = {"type": "layers", "diff_ids": [digest_of(TAR), digest_of(OTHER)]}
    lying = Lying(
        config=changed("rootfs", twice), manifest=lambda document: {**document, "layers": document["layers"] * 2}
    )
    [image] = layout(lying.made(), tmp_path, store)
    with pytest.raises(FormatError, match="is there twice"):
        at(OciLayout, tmp_path / "copy").write([image], "1")


def test_a_blob_is_read_again_only_when_its_file_has_changed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [image] = layout(Lying().made(), tmp_path, store)
    monkeypatch.setattr(verified_files, "is_settled", lambda _ctime: True)
    reads: list[Path] = []

    def noted(path: Path) -> BinaryIO:
        reads.append(path)
        return regular_file.open_unbuffered(path)

    root_tree(image, store)
    root_tree(image, store)  # the first was a look into it, and this one at its digest
    monkeypatch.setattr(verified_files, "open_unbuffered", noted)
    root_tree(image, store)
    assert reads == []
    blob = tmp_path / "oci" / path(digest_of(BLOB))
    blob.write_bytes(blob.read_bytes())
    root_tree(image, store)
    assert reads == [blob]
    blob.write_bytes(blob.read_bytes()[::-1])
    with pytest.raises(IntegrityError):
        root_tree(image, store)


def changed(key: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda document: {**document, key: value}


DOCUMENTS: dict[str, tuple[Lying, str]] = {
    "no JSON": (Lying(config=lambda _: b"{"), "configuration .* does not follow its format"),
    "a config that is a list": (Lying(config=lambda _: []), "configuration .* does not follow its format"),
    "no rootfs": (Lying(config=lambda document: {"architecture": "amd64", "os": "linux"}), "rootfs"),
    "more diff_ids than layers": (
        Lying(config=changed("rootfs", {"type": "layers", "diff_ids": [digest_of(TAR)] * 2})),
        "1 layers?, .* configuration lists 2",
    ),
    "a diff_id that is none": (Lying(config=changed("rootfs", {"type": "layers", "diff_ids": ["x"]})), "not a digest"),
    "another kind of root": (Lying(config=changed("rootfs", {"type": "base", "diff_ids": [digest_of(TAR)]})), "'base'"),
    "a time that is none": (Lying(config=changed("created", "yesterday")), "not a time"),
    "lone surrogates": (Lying(config=changed("author", "\ud800")), "does not follow its format|author"),
    "deep": (Lying(config=lambda _: b"[" * 100_000), "does not follow its format"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", [case for case in DOCUMENTS if case != "lone surrogates"])
def test_a_configuration_that_is_none(form: Form, case: str, store: Store, tmp_path: Path) -> None:
    lying, match = DOCUMENTS[case]
    with pytest.raises(FormatError, match=match):
        form(lying.made(), tmp_path, store)


def big(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "author": "x" * (oci.MAX_DOCUMENT + 1)}


MANIFESTS: dict[str, tuple[Lying, str]] = {
    "no JSON": (Lying(manifest=lambda _: b"\xff"), "manifest .* does not follow its format"),
    "no layers": (Lying(manifest=changed("layers", [])), "0 layers"),
    "another version": (Lying(manifest=changed("schemaVersion", 1)), "schema version 1"),
    "another kind": (Lying(manifest=changed("mediaType", oci.INDEX)), "says that it is"),
    "a negative size": (
        Lying(manifest=changed("layers", [{"mediaType": oci.LAYER_GZIP, "digest": digest_of(BLOB), "size": -1}])),
        "does not follow its format",
    ),
    "a digest that is none": (
        Lying(manifest=changed("layers", [{"mediaType": oci.LAYER_GZIP, "digest": "../../x", "size": 1}])),
        "not a digest",
    ),
    "a digest of another kind": (
        Lying(manifest=changed("layers", [{"mediaType": oci.LAYER_GZIP, "digest": "md5:" + "0" * 32, "size": 1}])),
        "not a digest",
    ),
    "a digest that leads elsewhere": (
        Lying(manifest=changed("layers", [{"mediaType": oci.LAYER_GZIP, "digest": "sha256:../../../x", "size": 1}])),
        "not a digest",
    ),
    "a large configuration": (Lying(config=big), "too large for a document"),
    "another manifest": (
        Lying(spoil=lambda files: _spoiled(files, b'"schemaVersion": 2, "mediaType"')),
        "has the digest",
    ),
    "an index of nothing": (Lying(index=changed("manifests", [])), "holds no container image"),
    "an index that is none": (Lying(index=lambda _: b"null"), "index.json .* does not follow its format"),
    "another layout": (
        Lying(spoil=lambda files: files.update({"oci-layout": b'{"imageLayoutVersion":"2"}'})),
        "version 2",
    ),
}


def _spoiled(files: dict[str, bytes], what: bytes) -> None:
    for name, data in files.items():
        if name.startswith("blobs/") and what in data[:100]:
            files[name] = data.replace(b"2", b"3", 1)


@pytest.mark.parametrize("form", OF_OCI)
@pytest.mark.parametrize("case", MANIFESTS)
def test_documents_that_lie(form: Form, case: str, store: Store, tmp_path: Path) -> None:
    lying, match = MANIFESTS[case]
    with pytest.raises(ImageError, match=match) as caught:
        form(lying.made(), tmp_path, store)
    assert isinstance(caught.value, FormatError | IntegrityError)


def test_an_index_of_a_thousand_images_is_too_many(store: Store, tmp_path: Path) -> None:
    """Each would have its configuration read, and one of megabytes can be that of all."""
    manifests: list[dict[str, Any]] = []

    def many(document: dict[str, Any]) -> dict[str, Any]:
        [first] = document["manifests"]
        data = lying.files[path(first["digest"])]
        for number in range(1001):
            again = data + b" " * number
            lying.files[path(digest_of(again))] = again
            manifests.append({**first, "digest": digest_of(again), "size": len(again)})
        return {**document, "manifests": manifests}

    lying = Lying(index=many)
    with pytest.raises(FormatError, match="more than 1000 images"):
        layout(lying.made(), tmp_path, store)


@pytest.mark.parametrize("artifact", [False, True])
def test_documents_of_megabytes_are_not_read_for_each_of_many_images(
    store: Store, tmp_path: Path, artifact: bool
) -> None:
    """One configuration of megabytes can be that of all; and what is not an image, may be any number of manifests."""

    def large(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "author": "x" * (oci.MAX_DOCUMENT // 2)}

    def many(document: dict[str, Any]) -> dict[str, Any]:
        [first] = document["manifests"]
        data = lying.files[path(first["digest"])]
        if artifact:
            changes = json.loads(data)
            changes["config"]["mediaType"] = "application/vnd.oci.empty.v1+json"
            data = json.dumps({**changes, "annotations": {"x": "x" * (oci.MAX_DOCUMENT // 2)}}).encode()
        again = [data + b" " * number for number in range(20)]
        lying.files.update({path(digest_of(each)): each for each in again})
        added = [{**first, "digest": digest_of(each), "size": len(each)} for each in again]
        return {**document, "manifests": [*added, first]}

    lying = Lying(config=large, index=many)
    with pytest.raises(FormatError, match="more documents"):
        layout(lying.made(), tmp_path, store)


def listed_for(architecture: str, variant: str = "") -> Callable[[dict[str, Any]], Any]:
    def listed(document: dict[str, Any]) -> dict[str, Any]:
        platform = {"os": "linux", "architecture": architecture, **({"variant": variant} if variant else {})}
        return {**document, "manifests": [{**document["manifests"][0], "platform": platform}]}

    return listed


@pytest.mark.parametrize("form", OF_OCI)
def test_an_index_that_lists_an_image_for_another_architecture(form: Form, store: Store, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"is listed for linux/arm64, but its configuration is for linux/amd64"):
        form(Lying(index=listed_for("arm64")).made(), tmp_path, store)


def listed_as(*changes: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    """The same manifest several times, with something else said of it each time."""

    def listed(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "manifests": [{**document["manifests"][0], **each} for each in changes]}

    return listed


AS_AMD64 = {"platform": {"os": "linux", "architecture": "amd64"}}
AS_ARM64 = {"platform": {"os": "linux", "architecture": "arm64"}}
AS_ATTACHED = {"platform": {"os": "unknown", "architecture": "unknown"}}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ((AS_AMD64, AS_ARM64), "is listed for linux/arm64, but its configuration is for linux/amd64"),
        ((AS_ATTACHED, AS_ARM64), "is listed for linux/arm64"),
        ((AS_AMD64, {"size": 7}), "promises 7"),
        ((AS_AMD64, {"mediaType": oci.INDEX}), "can be read as a document of another kind"),
        (({"mediaType": oci.INDEX}, AS_AMD64), "can be read as a document of another kind"),
    ],
)
@pytest.mark.parametrize("form", OF_OCI)
def test_an_index_that_lists_an_image_twice_and_lies_once(
    form: Form, changes: tuple[dict[str, Any], ...], match: str, store: Store, tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match=match):
        form(Lying(index=listed_as(*changes)).made(), tmp_path, store)


@pytest.mark.parametrize(
    "changes", [(AS_ATTACHED, AS_AMD64), (AS_AMD64, AS_AMD64), (AS_AMD64, {}), (AS_AMD64, AS_ATTACHED)]
)
@pytest.mark.parametrize("form", OF_OCI)
def test_an_image_that_an_index_lists_twice_is_one(
    form: Form, changes: tuple[dict[str, Any], ...], store: Store, tmp_path: Path
) -> None:
    [image] = form(Lying(index=listed_as(*changes)).made(), tmp_path, store)
    assert root_tree(image, store).keys() == TREE.keys()


@pytest.mark.parametrize("name", [None, "1"])
def test_two_images_of_one_name_and_platform_are_refused(name: str | None, store: Store, tmp_path: Path) -> None:
    """Some readers take the first of them, and others neither."""

    def two(document: dict[str, Any]) -> dict[str, Any]:
        [first] = document["manifests"]
        again = lying.files[path(first["digest"])] + b" "
        lying.files[path(digest_of(again))] = again
        both = [first, {**first, "digest": digest_of(again), "size": len(again)}]
        annotations = {"annotations": {oci.REF_NAME: name}} if name else {}
        return {**document, "manifests": [{**each, **annotations} for each in both]}

    lying = Lying(index=two)
    with pytest.raises(FormatError, match=r"holds two images .* for linux/amd64"):
        layout(lying.made(), tmp_path, store)


@pytest.mark.parametrize("form", OF_OCI)
def test_an_index_may_tell_the_variant_that_a_configuration_leaves_out(
    form: Form, store: Store, tmp_path: Path
) -> None:
    [image] = form(Lying(index=listed_for("amd64", "v2")).made(), tmp_path, store)
    assert str(image.platform) == "linux/amd64"


@pytest.mark.parametrize("form", FORMS)
def test_a_layer_of_no_bytes_is_an_empty_one(form: Form, store: Store, tmp_path: Path) -> None:
    lying = Lying(blob=b"", media_type=oci.LAYER_TAR, diff_id=digest_of(b""))
    [image] = form(lying.made(), tmp_path, store)
    assert list(root_tree(image, store)) == ["/"]
    RootTar(tmp_path / "out.tar", store).write([image])
    at(OciLayout, tmp_path / "copy").write([image], "1")
    assert list(root_tree(read_layout(tmp_path / "copy")[0], store)) == ["/"]


@pytest.mark.parametrize("form", FORMS)
def test_an_image_whose_lists_of_layers_are_null_has_none(form: Form, store: Store, tmp_path: Path) -> None:
    def unlisted(files: dict[str, bytes]) -> None:
        listing = json.loads(files["manifest.json"])
        files["manifest.json"] = json.dumps([{**listing[0], "Layers": None}]).encode()

    nothing = {"type": "layers", "diff_ids": None}
    lying = Lying(config=changed("rootfs", nothing), manifest=changed("layers", None), spoil=unlisted)
    [image] = form(lying.made(), tmp_path, store)
    assert (image.layers, list(root_tree(image, store))) == ((), ["/"])
    at(OciLayout, tmp_path / "copy").write([image], "1")
    assert read_layout(tmp_path / "copy") == [image]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "changed_document",
    [
        changed("Rootfs", {"type": "layers", "diff_ids": [digest_of(OTHER)]}),
        changed("Config", {"Cmd": ["/other"]}),
        changed("rootfs", {"type": "layers", "diff_ids": [digest_of(TAR).upper().replace("SHA", "sha")]}),
    ],
    ids=["Rootfs", "Config", "a digest in capitals"],
)
def test_a_configuration_that_readers_take_in_two_ways(
    changed_document: Callable[[dict[str, Any]], Any], form: Form, store: Store, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=r"the configuration .* (has the key|is not a digest)"):
        form(Lying(config=changed_document).made(), tmp_path, store)


def test_a_layer_that_a_docker_archive_lists_many_times_is_looked_at_once(tmp_path: Path) -> None:
    def listed(count: int, megabytes: int) -> dict[str, bytes]:
        plain = bytes(megabytes << 20)  # of no known digest: it has to be read for its own
        lying = Lying(
            blob=gzip.compress(plain, 0),
            diff_id=digest_of(plain),
            config=changed("rootfs", {"type": "layers", "diff_ids": [digest_of(plain)] * count}),
        )
        files = lying.made()
        listing = json.loads(files["manifest.json"])
        files["layer.tar"] = files.pop(listing[0]["Layers"][0])
        listing[0]["Layers"] = ["layer.tar"] * count
        files["manifest.json"] = json.dumps(listing).encode()
        return files

    def read(count: int, megabytes: int) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            files = listed(count, megabytes)
            [image] = docker_archive(files, Path(folder), Store(Path(folder, "store")))
            assert [layer.digest for layer in image.layers] == [Digest.of(files["layer.tar"])] * count

    def of_its_bytes(count: int) -> int:
        """The steps that a layer of 24 MiB takes more than one of one."""
        return steps_of(lambda: read(count, 24)) - steps_of(lambda: read(count, 1))

    read(2, 1)
    assert of_its_bytes(100) < 2 * of_its_bytes(1)
