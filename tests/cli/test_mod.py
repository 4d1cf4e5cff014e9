"""`mod` as a user meets it: an existing image with changes, of which nothing else is touched."""

import gzip
import json
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from fromscratch.digest import Digest
from fromscratch.formats.oci import documents as oci
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.proof.validate import validate
from tests.cli.in_process import called
from tests.sysroots import program, sysroot
from tests.trees import listed

RECIPE = """
name: app
rootfs: [{directory: {path: root, owner: "0:0"}}]
image:
  entrypoint: [/usr/bin/app]
  cmd: [serve]
  env: {PATH: /usr/bin, GREETING: hello}
  user: "7:8"
  ports: [8080]
  volumes: [/var/data]
  labels: {org.example: x, old: "1"}
  workdir: /srv
  annotations: {team: web}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the build of an image."""
    folder = tmp_path / "desk"
    folder.mkdir()
    sysroot(
        folder / "root",
        {"/usr/bin/app": program(), "/usr/bin/other": program(), "/srv/x": "x", "/var/data/y": "y"},
    )
    (folder / "root/tmp").mkdir()
    (folder / "root/tmp").chmod(0o1777)
    (folder / "fromscratch.yaml").write_text(RECIPE)
    assert called(folder, "build").code == 0
    return folder


def documents(layout: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the configuration of the only image of a layout."""
    index = json.loads((layout / "index.json").read_bytes())
    manifest = blob(layout, index["manifests"][0]["digest"])
    return manifest, blob(layout, manifest["config"]["digest"])


def blob(layout: Path, digest: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())
    return found


def add(layout: Path, document: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Put a document into a layout; its descriptor."""
    data = json.dumps(document).encode()
    digest = Digest.of(data)
    (layout / "blobs/sha256" / digest.hex).write_bytes(data)
    return {"mediaType": document.get("mediaType", oci.CONFIG), "digest": str(digest), "size": len(data), **more}


def changed(desk: Path, *words: str) -> dict[str, Any]:
    """The configuration of the image after `mod WORDS`."""
    answer = called(desk, "mod", "app", *words, "--to", "oci:out")
    assert answer.code == 0, answer.err
    validate(read_layout(desk / "out")[0], Store(desk / "validated"))
    found: dict[str, Any] = documents(desk / "out")[1]["config"]
    return found


def test_each_field_of_the_configuration_is_set(desk: Path) -> None:
    assert changed(
        desk,
        *("--user", "1000:1000", "--env", "GREETING=bye now", "--env", "NEW=a=b", "--unset-env", "PATH"),
        *("--cmd", "one 'two three'", "--workdir", "/", "--port", "53/udp", "--unset-port", "8080"),
        *("--volume", "/v", "--label", "a=", "--unset-label", "old", "--stop-signal", "SIGINT", "--stop-timeout", "0"),
        *("--healthcheck", "/usr/bin/other -q", "--health-interval", "1m30s", "--health-retries", "3"),
        *("--shell", "/bin/bash -c", "--onbuild", "RUN x"),
    ) == {
        "User": "1000:1000",
        "ExposedPorts": {"53/udp": {}},
        "Env": ["GREETING=bye now", "NEW=a=b"],
        "Entrypoint": ["/usr/bin/app"],
        "Cmd": ["one", "two three"],
        "Volumes": {"/v": {}, "/var/data": {}},
        "WorkingDir": "/",
        "Labels": {"a": "", "org.example": "x"},
        "StopSignal": "SIGINT",
        "StopTimeout": 0,
        "Healthcheck": {"Test": ["CMD", "/usr/bin/other", "-q"], "Interval": 90 * 10**9, "Retries": 3},
        "Shell": ["/bin/bash", "-c"],
        "OnBuild": ["RUN x"],
    }


def test_fields_are_emptied_and_a_new_entry_point_takes_the_command_with_it(desk: Path) -> None:
    found = changed(
        desk, "--entrypoint", '["/usr/bin/other", "a b"]', "--user", "", "--clear", "labels", "--workdir", ""
    )
    assert found == {
        "ExposedPorts": {"8080/tcp": {}},
        "Env": ["PATH=/usr/bin", "GREETING=hello"],
        "Entrypoint": ["/usr/bin/other", "a b"],
        "Volumes": {"/var/data": {}},
    }


def test_a_new_entry_point_tells_what_it_takes_along_and_none_keeps_the_command(desk: Path) -> None:
    answer = called(desk, "mod", "app", "--entrypoint", "/usr/bin/other", "--to", "oci:out")
    assert "the new entry point takes away the cmd of the old one: serve" in answer.err
    assert changed(desk, "--entrypoint", "", "--cmd", "/usr/bin/app x")["Cmd"] == ["/usr/bin/app", "x"]
    assert called(desk, "mod", "oci:out", "--entrypoint", "", "--to", "oci:out").code == 0
    assert documents(desk / "out")[1]["config"]["Cmd"] == ["/usr/bin/app", "x"]


def test_what_the_image_says_of_itself_changes_and_the_history_tells_it(desk: Path) -> None:
    answer = called(
        desk,
        *("mod", "app", "--to", "oci:out", "--annotation", "new=1", "--unset-annotation", "team", "--author", "me"),
        *("--created", "2026-01-31T12:00:00Z", "--comment", "why", "--label", "k=v"),
    )
    assert answer.code == 0, answer.err
    manifest, config = documents(desk / "out")
    assert manifest["annotations"] == {"new": "1"}
    assert (config["author"], config["created"]) == ("me", "2026-01-31T12:00:00Z")
    told = config["history"][-1]
    assert told["created"] == "1970-01-01T00:00:00Z"
    assert told["empty_layer"] is True
    assert told["comment"] == "why"
    assert told["created_by"].startswith("fromscratch mod --label k=v --annotation new=1 --unset-annotation team")


def test_without_a_history_only_new_layers_have_an_entry(desk: Path) -> None:
    assert (
        called(desk, "mod", "app", "--user", "1", "--append", "root:/opt", "--no-history", "--to", "oci:out").code == 0
    )
    before, after = documents(desk / "build/app/oci")[1]["history"], documents(desk / "out")[1]["history"]
    created_by = "fromscratch: files of root at /opt"
    assert after == [*before, {"created": "1970-01-01T00:00:00Z", "created_by": created_by}]


def test_an_image_of_another_system_changes_only_where_it_is_named(desk: Path) -> None:
    layout = desk / "build/app/oci"
    manifest, config = documents(layout)
    other = add(layout, {**manifest, "config": add(layout, {**config, "os": "windows"})})
    entries = [
        add(layout, manifest, platform={"architecture": "amd64", "os": "linux"}),
        {**other, "platform": {"architecture": "amd64", "os": "windows", "os.version": "10.0.1"}},
    ]
    top = add(layout, {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries})
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    answer = called(desk, "mod", f"oci:{layout}", "--user", "1", "--append", "root:/opt", "--to", "oci:out", "--json")
    assert answer.code == 0, answer.err
    made = blob(desk / "out", json.loads(answer.out)["index"])
    assert made["manifests"][0]["digest"] != entries[0]["digest"]
    assert made["manifests"][1] == entries[1]


def test_fields_that_nobody_here_knows_stay_in_every_document(desk: Path) -> None:
    layout = desk / "build/app/oci"
    manifest, config = documents(layout)
    config = {**config, "moby.buildkit.x": [1], "config": {**config["config"], "Vendor": {"deep": 1}, "Hostname": "h"}}
    manifest["config"] = add(layout, config, annotations={"of": "config"})
    manifest["layers"][0]["annotations"] = {"toc": "here"}
    top = add(layout, {**manifest, "x-extra": True}, annotations={oci.REF_NAME: "odd"})
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    assert called(desk, "mod", f"oci:{layout}:odd", "--user", "1", "--to", "oci:out:odd").code == 0
    made, made_config = documents(desk / "out")
    assert made["x-extra"] is True
    assert made["layers"] == manifest["layers"]
    assert made["config"]["annotations"] == {"of": "config"}
    assert made_config.pop("history") != config.pop("history")
    assert made_config == {**config, "config": {**config["config"], "User": "1"}}


def test_one_platform_of_an_index_changes_and_each_other_manifest_stays(desk: Path) -> None:
    """Entries of the index that are not images, such as an attestation, stay too; a note says of what it is."""
    layout = desk / "build/app/oci"
    manifest, config = documents(layout)
    arm = add(layout, {**config, "architecture": "arm64"})
    images = [
        add(layout, manifest, platform={"architecture": "amd64", "os": "linux"}, annotations={"a": "1"}),
        add(layout, {**manifest, "config": arm}, platform={"architecture": "arm64", "os": "linux", "variant": "v8"}),
    ]
    (layout / "blobs/sha256" / Digest.of(b"{}").hex).write_bytes(b"{}")
    statement = {"mediaType": "application/vnd.in-toto+json", "digest": str(Digest.of(b"{}")), "size": 2}
    attested = str(images[1]["digest"])
    attestation = add(
        layout,
        {**manifest, "layers": [statement]},
        platform={"architecture": "unknown", "os": "unknown"},
        annotations={"vnd.docker.reference.type": "attestation", "vnd.docker.reference.digest": attested},
    )
    index = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": [*images, attestation], "annotations": {"i": "1"}}
    top = add(layout, index, annotations={oci.REF_NAME: "multi"})
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    call = ("mod", f"oci:{layout}:multi", "--platform", "linux/arm64", "--to", "oci:out:multi", "--json")
    answer = called(desk, *call, "--label", "k=v", "--index-annotation", "j=2")
    assert answer.code == 0, answer.err
    assert f"the index keeps what is attested of the image as it was: {attestation['digest']}" in answer.err
    assert [each["changed"] for each in json.loads(answer.out)["images"]] == [False, True]
    made = blob(desk / "out", json.loads((desk / "out/index.json").read_bytes())["manifests"][0]["digest"])
    assert made["manifests"][0] == images[0]
    assert made["manifests"][2] == attestation
    assert made["annotations"] == {"i": "1", "j": "2"}
    assert {**made["manifests"][1], "digest": "", "size": 0} == {**images[1], "digest": "", "size": 0}
    assert blob(desk / "out", made["manifests"][1]["digest"])["layers"] == manifest["layers"]
    for entry in (images[0], attestation, statement, manifest["layers"][0]):
        name = "blobs/" + str(entry["digest"]).replace(":", "/")
        assert (desk / "out" / name).read_bytes() == (layout / name).read_bytes()
    both = called(desk, *call[:4], "--set-platform", "linux/amd64", "--to", "oci:both")
    assert both.code == 2
    assert "two images would be for linux/amd64 under one name" in both.err
    one = called(desk, *call[:4], "--label", "k=v", "--to", "docker-archive:one.tar")
    assert one.code == 0, one.err
    assert "arm64" in one.out
    assert "amd64" not in one.out


def test_a_folder_on_top_leaves_the_folders_and_links_of_the_image_as_they_are(desk: Path) -> None:
    for path, text in {"tmp/inside": "t", "bin/hello": "#!/usr/bin/other\n", "opt/new/file": "f"}.items():
        (desk / "extra" / path).parent.mkdir(parents=True, exist_ok=True)
        (desk / "extra" / path).write_text(text)
    (desk / "extra/bin/hello").chmod(0o755)
    answer = called(desk, "mod", "app", "--append", "extra", "--append", "extra/opt/new/file:/etc/f", "--to", "oci:out")
    assert answer.code == 0, answer.err
    (before,), (after,) = read_layout(desk / "build/app/oci"), read_layout(desk / "out")
    assert after.layers[:1] == before.layers
    assert [layer.created_by for layer in after.layers[1:]] == [
        "fromscratch: files of extra",
        "fromscratch: files of extra/opt/new/file at /etc/f",
    ]
    rows = listed(root_tree(after, Store(desk / "s"))).splitlines()
    assert [row for row in rows if row not in listed(root_tree(before, Store(desk / "s"))).splitlines()] == [
        "d 0755 0:0 /etc",
        "f 0644 0:0 1 /etc/f",
        "d 0755 0:0 /opt",
        "d 0755 0:0 /opt/new",
        "f 0644 0:0 1 /opt/new/file",
        "f 0644 0:0 1 /tmp/inside",
        "f 0755 0:0 17 /usr/bin/hello",
    ]
    again = called(desk, "mod", "app", "--append", "extra", "--append", "extra/opt/new/file:/etc/f", "--to", "oci:two")
    assert again.out.replace("oci:two", "oci:out") == answer.out


def test_a_tar_on_top_is_a_layer_as_it_is_and_can_delete(desk: Path) -> None:
    with tarfile.open(desk / "layer.tar.gz", "w:gz") as archive:
        for name in ("srv/.wh.x", "srv/new"):
            archive.addfile(tarfile.TarInfo(name), BytesIO())
    (desk / "layer.tar").write_bytes(gzip.decompress((desk / "layer.tar.gz").read_bytes()))
    for name in ("layer.tar.gz", "layer.tar"):
        assert called(desk, "mod", "app", "--append", name, "--to", "oci:out").code == 0
        (made,) = read_layout(desk / "out")
        tree = root_tree(made, Store(desk / "s"))
        assert [path for path in tree if path.startswith("/srv/")] == ["/srv/new"]
        assert made.layers[1].diff_id == Digest.of((desk / "layer.tar").read_bytes())
        if name.endswith(".gz"):
            assert made.layers[1].digest == Digest.of((desk / name).read_bytes())


def test_the_layers_of_another_build_on_top_keep_their_digests(desk: Path) -> None:
    (desk / "more").mkdir()
    (desk / "more/file").write_text("more")
    (desk / "more.yaml").write_text("name: more\nrootfs: [{directory: {path: more, into: /opt, owner: '0:0'}}]\n")
    assert called(desk, "build", "--recipe", "more.yaml").code == 0
    for name in ("build/more", "build/more/oci", "oci:build/more/oci", "more"):
        (desk / "more").rename(desk / "moved") if name == "more" else None
        assert called(desk, "mod", "app", "--append", name, "--to", "oci:out").code == 0
        (more,), (made,) = read_layout(desk / "build/more/oci"), read_layout(desk / "out")
        assert made.layers[1].digest == more.layers[0].digest


def test_an_image_is_changed_where_it_lies(desk: Path) -> None:
    assert called(desk, "mod", "app", "--user", "1", "--to", "oci:out:v1").code == 0
    for place in (
        "oci:out:v1",
        "oci-archive:a.tar",
        "oci-archive:a.tar",
        "docker-archive:d.tar",
        "docker-archive:d.tar",
    ):
        source = place if (desk / place.partition(":")[2].partition(":")[0]).exists() else "oci:out:v1"
        answer = called(desk, "mod", source, "--label", f"{place}=1", "--to", place)
        assert answer.code == 0, answer.err
        assert called(desk, "ls", "--image", place).code == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--user", "nobody", "--to", "oci:out"], 1, "image.user: 'nobody' needs /etc/passwd"),
        (["--entrypoint", "ap", "--to", "oci:out"], 1, "image.entrypoint: there is no program 'ap' in PATH (/usr/bin)"),
        (["--unset-env", "GRETING", "--to", "oci:out"], 2, "did you mean GREETING?"),
        (["--clear", "env", "--user", "1"], 2, "mod needs a place for the changed image"),
        (["--to", "oci:out"], 2, "mod was told of no change"),
        (["--user", "1", "--to", "out"], 2, "--to out does not say where the image goes"),
        (["--user", "1", "--to", "oci:out", "--tag", "x"], 2, "--to and --tag both say where the image goes"),
        (["--port", "http", "--to", "oci:out"], 2, "--port: 'http' is not a port"),
        (["--cmd", '["a"', "--to", "oci:out"], 2, 'write ["PROGRAM", "WORD"]'),
        (["--health-interval", "soon", "--to", "oci:out"], 2, "--health-interval soon is not a time"),
        (["--append", "./nothing", "--to", "oci:out"], 2, "there is no nothing"),
        (["--append", "fromscratch.yaml", "--to", "oci:out"], 2, "fromscratch.yaml is not a tar archive"),
        (["--append", "build/app/oci/oci-layout:/usr/bin", "--to", "oci:out"], 1, "/usr/bin"),
        (["--index-annotation", "a=b", "--to", "oci:out"], 2, "there is no image index to annotate"),
        (["--platform", "linux/s390x", "--user", "1", "--to", "oci:out"], 2, "the image is not for linux/s390x"),
        (["--owner", "me", "--append", "root", "--to", "oci:out"], 2, "'me' is not an owner"),
        (["--created", "yesterday", "--to", "oci:out"], 2, "write it as 2026-01-31T12:00:00Z"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    desk: Path, words: list[str], code: int, told: str
) -> None:
    answer = called(desk, "mod", "app", *words)
    assert (answer.code, told in answer.err) == (code, True), answer.err
    assert not (desk / "out").exists()


def test_what_the_image_could_not_do_before_does_not_stop_a_change(desk: Path) -> None:
    assert (
        called(desk, "mod", "app", "--cmd", "", "--entrypoint", "ap", "--start-check", "off", "--to", "oci:odd").code
        == 0
    )
    answer = called(desk, "mod", "oci:odd", "--env", "A=b", "--to", "oci:out")
    assert answer.code == 0, answer.err
