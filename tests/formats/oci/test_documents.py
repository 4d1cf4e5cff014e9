"""The documents of the OCI image specification, both ways."""

import contextlib
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, IntegrityError, UsageError
from fromscratch.formats.oci import config as oci_config
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.history import LayerNote
from fromscratch.formats.oci.verified import check_bytes, verified
from fromscratch.model.image import Healthcheck, Image, Layer, Platform, RunConfig
from tests.made_images import FULL_CONFIG

TAR = b"not really a tar"
LAYER = Layer(Digest.of(TAR), Digest.of(TAR), len(TAR), oci.LAYER_TAR, lambda: io.BytesIO(TAR), "debian bookworm")
IMAGE = Image(
    layers=(LAYER,),
    config=FULL_CONFIG,
    platform=Platform("linux", "arm", "v7"),
    created=1_700_000_000,
    author="someone",
    annotations={"org.opencontainers.image.title": "hello"},
)


def test_a_configuration_has_one_form() -> None:
    image = replace(
        IMAGE, config=RunConfig(env={"PATH": "/bin", "A": "é"}, cmd=("/bin/sh",), labels={"b": "2", "a": "1"})
    )
    assert oci_config.config_bytes(image).decode() == (
        '{"created":"2023-11-14T22:13:20Z","author":"someone","architecture":"arm","os":"linux","variant":"v7",'
        '"config":{"Env":["PATH=/bin","A=é"],"Cmd":["/bin/sh"],"Labels":{"a":"1","b":"2"}},'
        f'"rootfs":{{"type":"layers","diff_ids":["{LAYER.diff_id}"]}},'
        '"history":[{"created":"2023-11-14T22:13:20Z","created_by":"fromscratch","comment":"debian bookworm"}]}'
    )


def test_a_manifest_has_one_form() -> None:
    documents = oci_config.image_documents(IMAGE)
    assert documents.manifest.decode() == (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        '"config":{"mediaType":"application/vnd.oci.image.config.v1+json",'
        f'"digest":"{Digest.of(documents.config)}","size":{len(documents.config)}}},'
        '"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",'
        f'"digest":"{LAYER.digest}","size":{LAYER.size}}}],'
        '"annotations":{"org.opencontainers.image.title":"hello"}}'
    )
    assert documents.descriptor.digest == Digest.of(documents.manifest)
    assert documents.descriptor.platform == IMAGE.platform


def test_every_field_survives_the_way_there_and_back() -> None:
    read = oci_config.parse_config(oci_config.config_bytes(IMAGE), "c")
    assert read == oci_config.Config(
        run=IMAGE.config,
        platform=IMAGE.platform,
        diff_ids=(LAYER.diff_id,),
        created=IMAGE.created,
        author=IMAGE.author,
        notes=(LayerNote("debian bookworm", ""),),
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NAME = TEXT.filter(lambda text: text and "=" not in text)
WORDS = st.lists(TEXT, max_size=3).map(tuple)
NAMES = st.sets(TEXT.filter(bool), max_size=3).map(sorted).map(tuple)
CONFIGS = st.builds(
    RunConfig,
    user=TEXT,
    exposed_ports=NAMES,
    env=st.dictionaries(NAME, TEXT, max_size=3),
    entrypoint=WORDS,
    cmd=WORDS,
    volumes=NAMES,
    working_dir=TEXT,
    labels=st.dictionaries(TEXT, TEXT, max_size=3),
    stop_signal=TEXT,
    healthcheck=st.none()
    | st.builds(
        Healthcheck,
        test=WORDS,
        interval=st.integers(0, 2**40),
        timeout=st.integers(0, 2**40),
        start_period=st.integers(0, 2**40),
        start_interval=st.integers(0, 2**40),
        retries=st.integers(1, 9),
    ),
    stop_timeout=st.none() | st.integers(-1, 2**31),
    shell=WORDS,
    on_build=WORDS,
    args_escaped=st.booleans(),
)


@given(CONFIGS, st.integers(-(10**9), 10**11))
def test_any_configuration_survives_the_way_there_and_back(config: RunConfig, created: int) -> None:
    image = replace(IMAGE, config=config, created=created)
    read = oci_config.parse_config(oci_config.config_bytes(image), "c")
    assert (read.run, read.created) == (config, created)


def test_what_others_say_of_the_platform_is_kept() -> None:
    fields_of_it = {
        "architecture": "arm64",
        "os": "linux",
        "os.version": "6.1",
        "os.features": ["a"],
        "variant": "v8.1",
    }
    read = oci_config.parse_config(config(**fields_of_it), "c")
    image = replace(IMAGE, platform=replace(read.platform, features=("f",)))
    written = json.loads(oci_config.config_bytes(image))
    assert {name: written.get(name) for name in [*fields_of_it, "features"]} == {**fields_of_it, "features": None}
    (entry,) = json.loads(oci.index_bytes(oci.Index(manifests=(oci_config.image_documents(image).descriptor,))))[
        "manifests"
    ]
    assert entry["platform"] == {**fields_of_it, "features": ["f"]}
    (descriptor,) = oci.parse_index(json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(), "i").manifests
    assert descriptor.platform is not None
    assert oci.platform_fields(descriptor.platform) == entry["platform"]


def test_a_platform_is_chosen_by_its_three_names() -> None:
    full = replace(Platform("linux", "amd64"), os_version="6.1", os_features=("a",), features=("b",))
    assert full == Platform("linux", "amd64")
    assert str(full) == "linux/amd64"


def test_a_descriptor_keeps_what_we_have_no_use_for() -> None:
    entry = {
        "mediaType": oci.LAYER_GZIP,
        "digest": str(LAYER.digest),
        "size": 3,
        "urls": ["https://a.example"],
        "data": "e30=",
        "annotations": {"a": "b"},
        "artifactType": "application/x",
    }
    read = oci.parse_manifest(manifest(layers=[entry], subject=entry, artifactType="application/y"), "m")
    written = json.loads(oci.manifest_bytes(read))
    assert (written["layers"], written["subject"], written["artifactType"]) == ([entry], entry, "application/y")
    listed = json.dumps({"schemaVersion": 2, "manifests": [entry], "subject": entry, "artifactType": "a/b"}).encode()
    index = json.loads(oci.index_bytes(oci.parse_index(listed, "i")))
    assert (index["manifests"], index["subject"], index["artifactType"]) == ([entry], entry, "a/b")


@pytest.mark.parametrize(
    ("depth", "accepted"), [(100, True), (125, True), (126, False), (1000, False), (100_000, False)]
)
def test_what_is_nested_too_deeply_is_refused_whatever_the_library_reads(depth: int, accepted: bool) -> None:
    nested = depth * b"[" + depth * b"]"
    entry = b'{"mediaType":"a","digest":"%s","size":1,"x":%s}' % (str(LAYER.digest).encode(), nested)
    index = b'{"schemaVersion":2,"manifests":[%s]}' % entry
    if accepted:
        read = oci.parse_index(index, "i")
        assert entry in oci.index_bytes(read)
        assert entry in oci.joined_index(index, [0], [], "i")
    else:
        with pytest.raises(FormatError, match="it nests deeper than 128 levels"):
            oci.parse_index(index, "i")


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(UsageError, match="not UTF-8"):
        oci_config.config_bytes(replace(IMAGE, config=RunConfig(cmd=("\udcff",))))


def test_a_name_with_an_equals_sign_is_refused() -> None:
    with pytest.raises(UsageError, match="'A=B'"):
        oci_config.config_bytes(replace(IMAGE, config=RunConfig(env={"A=B": "c"})))


def config(**fields: object) -> bytes:
    return json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, **fields}
    ).encode()


def test_unknown_fields_and_nulls_of_a_configuration_are_passed_over() -> None:
    read = oci_config.parse_config(
        config(
            container="abc",
            docker_version="20.10",
            config={"Hostname": "x", "Env": None, "Cmd": ["sh"], "OnBuild": None, "Volumes": None, "Labels": None},
        ),
        "c",
    )
    assert read.run == RunConfig(cmd=("sh",))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2023-11-14T22:13:20.123456789Z", 1_700_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000),
        ("1969-12-31T23:59:59.5Z", -1),
        ("0001-01-01T00:00:00Z", -62135596800),
    ],
)
def test_times_are_read_to_the_second(written: str, seconds: int) -> None:
    assert oci_config.parse_config(config(created=written), "c").created == seconds


def test_a_history_that_does_not_fit_the_layers_is_passed_over() -> None:
    read = oci_config.parse_config(
        config(rootfs={"type": "layers", "diff_ids": [str(LAYER.diff_id)]}, history=[{}, {}]), "c"
    )
    assert read.notes == (LayerNote(),)


def test_steps_without_a_layer_are_passed_over() -> None:
    history = [{"created_by": "COPY"}, {"created_by": "CMD", "empty_layer": True}]
    read = oci_config.parse_config(
        config(rootfs={"type": "layers", "diff_ids": [str(LAYER.diff_id)]}, history=history), "c"
    )
    assert read.notes == (LayerNote(created_by="COPY"),)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"\xff", "malformed"),
        (config(os=3), r"Expected `str`, got `int` - at `\$.os`"),
        (config(config={"Cmd": "sh"}), r"\$.config.Cmd"),
        (config(config={"Env": ["A"]}), "'A' under Env is not NAME=VALUE"),
        (config(config={"Env": ["=x"]}), "'=x' under Env is not NAME=VALUE"),
        (config(created="yesterday"), "'yesterday' is not a time"),
        (config(created="2023-13-14T22:13:20Z"), "is not a time"),
        (config(rootfs={"type": "layers", "diff_ids": ["md5:00"]}), "'md5:00' is not a digest"),
        (config(rootfs={"type": "other", "diff_ids": []}), "'other'"),
        (b'{"x":' + b"[" * 100_000, "does not follow"),
    ],
)
def test_a_bad_configuration_is_named(data: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint) as caught:
        oci_config.parse_config(data, "config of oci:x")
    assert caught.value.hint


def test_a_manifest_is_read_as_it_was_written() -> None:
    documents = oci_config.image_documents(IMAGE)
    assert oci.parse_manifest(documents.manifest, "m") == oci.Manifest(
        config=documents.config_descriptor, layers=(oci.layer_descriptor(LAYER),), annotations=IMAGE.annotations
    )


def test_an_index_is_read_as_it_was_written() -> None:
    entry = oci_config.image_documents(IMAGE).descriptor
    index = oci.Index(manifests=(replace(entry, annotations={"z": "1", "a": "2"}),), annotations={"k": "v"})
    assert oci.parse_index(oci.index_bytes(index), "i") == index


DIGEST = str(LAYER.digest)


def manifest(**fields: object) -> bytes:
    blob = {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": DIGEST, "size": 7}
    layer = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "digest": DIGEST, "size": 9}
    return json.dumps({"schemaVersion": 2, "config": blob, "layers": [layer], **fields}).encode()


def test_media_types_of_docker_are_read_as_those_of_oci() -> None:
    read = oci.parse_manifest(manifest(mediaType="application/vnd.docker.distribution.manifest.v2+json"), "m")
    assert [read.config.media_type, *(layer.media_type for layer in read.layers)] == [oci.CONFIG, oci.LAYER_GZIP]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (manifest(schemaVersion=1), "schema version 1"),
        (manifest(mediaType=oci.INDEX), "where application/vnd.oci.image.manifest"),
        (manifest(layers=[{"mediaType": "x", "digest": DIGEST, "size": -1}]), r"\$.layers\[0\].size"),
        (manifest(layers=[{"mediaType": "x", "digest": "../../etc/passwd", "size": 1}]), "is not a digest"),
        (manifest(layers=[{"mediaType": "x", "digest": "sha256:../../x", "size": 1}]), "is not a digest"),
        (manifest(layers=[{"mediaType": "x", "digest": DIGEST[7:], "size": 1}]), "is not a digest"),
        (manifest(layers={}), r"\$.layers"),
        (manifest(subject={"mediaType": "x", "digest": "y", "size": 1}), "is not a digest"),
        (manifest(x=[]).replace(b"[]", b"[" * 100_000 + b"]" * 100_000), "does not follow"),
    ],
)
def test_a_bad_manifest_is_named(data: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        oci.parse_manifest(data, "the manifest")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(DIGEST),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted({
        "config", "rootfs", "type", "diff_ids", "layers", "manifests", "mediaType", "schemaVersion", "digest", "size",
        "Env", "Cmd", "Healthcheck", "Test", "Labels", "created", "history", "os", "architecture", "platform",
    })), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@given(JSON | st.binary(max_size=40))
def test_whatever_is_read_is_an_image_or_a_format_error(document: object) -> None:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    for parse in (oci_config.parse_config, oci.parse_manifest, oci.parse_index, oci.check_layout):
        with contextlib.suppress(FormatError):
            parse(data, "x")


def test_a_layout_of_another_version_is_refused() -> None:
    oci.check_layout(oci.LAYOUT, "oci-layout")
    with pytest.raises(FormatError, match=r"2\.0\.0"):
        oci.check_layout(b'{"imageLayoutVersion":"2.0.0"}', "oci-layout")


@pytest.mark.parametrize("tag", ["", " ", "a b", "-x", "a\n", "é"])
def test_a_tag_that_cannot_be_is_refused(tag: str) -> None:
    with pytest.raises(UsageError):
        oci.check_tag(tag)


@pytest.mark.parametrize("tag", ["latest", "1.0", "_x", "registry.example:5000/a/b:c"])
def test_tags_as_the_specification_has_them(tag: str) -> None:
    assert oci.check_tag(tag) == tag


@given(st.binary(max_size=300), st.integers(1, 64))
def test_a_verified_stream_gives_what_was_promised(data: bytes, step: int) -> None:
    with verified(io.BytesIO(data), Digest.of(data), len(data), "x") as stream:
        assert b"".join(iter(lambda: stream.read(step), b"")) == data


@pytest.mark.parametrize(
    ("data", "complaint"), [(b"abX", "digest"), (b"ab", "has 2 bytes"), (b"abcd", "has more bytes")]
)
def test_a_verified_stream_ends_in_an_error_if_it_is_another(data: bytes, complaint: str) -> None:
    with (
        verified(io.BytesIO(data), Digest.of(b"abc"), 3, "x") as stream,
        pytest.raises(IntegrityError, match=complaint),
    ):
        list(iter(lambda: stream.read(1), b""))
    with pytest.raises(IntegrityError):
        check_bytes(data, Digest.of(b"abc"), 3, "x")
