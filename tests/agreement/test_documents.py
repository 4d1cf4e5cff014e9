"""Documents are read as Go's reader has them, with which every engine reads, or they are refused.

FROMSCRATCH_DOCUMENTS=N tries so many of each kind, instead of a few thousand.
"""

import base64
import gzip
import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError
from fromscratch.formats.docker.archive_list import listed_images
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import parse_config
from fromscratch.formats.oci.documents import Descriptor
from fromscratch.host.images.layout import read_layout
from tests.agreement.documents import KINDS, Kind, changed, document, honest
from tests.engines import need
from tests.images.contract import packed
from tests.trees import tree

pytestmark = [pytest.mark.slow, pytest.mark.engine]
_TYPES = "/usr/share/gocode/src/github.com/opencontainers/image-spec"
_COUNT = int(os.environ.get("FROMSCRATCH_DOCUMENTS", "3000"))


@pytest.fixture(scope="module")
def go_reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in go_reader/, built against the types of the specification that Debian has."""
    if not Path(_TYPES).is_dir():
        pytest.skip("golang-github-opencontainers-image-spec-dev is not installed")
    folder = tmp_path_factory.mktemp("go")
    environment = {
        **os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "", "CGO_ENABLED": "0",
    }  # fmt: skip
    source = Path(__file__).parent / "go_reader/main.go"
    subprocess.run([need("go"), "build", "-o", folder / "reader", source], check=True, env=environment, cwd=folder)
    return folder / "reader"


def read_by_go(reader: Path, kind: Kind, documents: Sequence[bytes]) -> list[Any]:
    """What Go makes of each; None for what it refuses."""
    lines = "".join(f"{kind} {base64.b64encode(each).decode()}\n" for each in documents)
    reported = subprocess.run([reader], input=lines, text=True, check=True, capture_output=True).stdout
    return [None if line.startswith("refused") else json.loads(line) for line in reported.split("\n")[:-1]]


def read_by_us(kind: Kind, data: bytes) -> Any:
    """The same facts as we read them; None for what we refuse."""
    try:
        match kind:
            case "manifest":
                manifest = oci.parse_manifest(data, "the document")
                layers = [_facts_of(layer) for layer in manifest.layers]
                annotations = dict(manifest.annotations)
                return {"config": _facts_of(manifest.config), "layers": layers, "annotations": annotations}
            case "index":
                index = oci.parse_index(data, "the document")
                return {
                    "manifests": [_facts_of(entry) for entry in index.manifests],
                    "annotations": dict(index.annotations),
                }
            case "config":
                return _of_config(data)
            case "list":
                return [
                    (entry.config, entry.repo_tags or [], entry.layers or [])
                    for entry in listed_images(data, "the document")
                ]
    except FormatError:
        return None


def _facts_of(entry: Descriptor) -> Any:
    platform = entry.platform and (entry.platform.os, entry.platform.architecture, list(entry.platform.os_features))
    return entry.media_type, str(entry.digest), entry.size, dict(entry.annotations), platform


def _of_config(data: bytes) -> Any:
    config = parse_config(data, "the document")
    run = config.run
    return {
        "os": (config.platform.os, config.platform.architecture),
        "diff_ids": [str(each) for each in config.diff_ids],
        "author": config.author,
        "User": run.user,
        "Env": run.env,
        "Entrypoint": list(run.entrypoint),
        "Cmd": list(run.cmd),
        "WorkingDir": run.working_dir,
        "Labels": dict(run.labels),
        "StopSignal": run.stop_signal,
        "ArgsEscaped": run.args_escaped,
        "ExposedPorts": sorted(run.exposed_ports),
        "Volumes": sorted(run.volumes),
    }


def same_facts(kind: Kind, reported: Any) -> Any:
    """What Go has read, in the form of `read_by_us`."""
    match kind:
        case "manifest":
            layers = [_descriptor(each) for each in reported["layers"] or []]
            annotations = reported.get("annotations", {})
            return {"config": _descriptor(reported["config"]), "layers": layers, "annotations": annotations}
        case "index":
            manifests = [_descriptor(each) for each in reported["manifests"] or []]
            return {"manifests": manifests, "annotations": reported.get("annotations", {})}
        case "list":
            return [(each["Config"], each["RepoTags"] or [], each["Layers"] or []) for each in reported]
        case "config":
            run = reported.get("config", {})
            words = {name: run.get(name) or [] for name in ("Entrypoint", "Cmd")}
            texts = {name: run.get(name, "") for name in ("User", "WorkingDir", "StopSignal")}
            sets = {name: sorted(run.get(name) or {}) for name in ("ExposedPorts", "Volumes")}
            return {
                "os": (reported["os"], reported["architecture"]),
                "diff_ids": reported["rootfs"]["diff_ids"] or [],
                "author": reported.get("author", ""),
                "Env": dict(each.split("=", 1) for each in run.get("Env") or []),
                "Labels": run.get("Labels") or {},
                "ArgsEscaped": run.get("ArgsEscaped", False),
                **words, **texts, **sets,
            }  # fmt: skip


def _descriptor(reported: Any) -> Any:
    platform = reported.get("platform")
    listed = platform and (platform["os"], platform["architecture"], platform.get("os.features") or [])
    return (
        oci.media_type(reported.get("mediaType", "")),
        reported["digest"],
        reported["size"],
        reported.get("annotations", {}),
        listed,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_what_go_reads(kind: Kind, go_reader: Path) -> None:
    chance = random.Random(f"{kind} 1")
    outcomes: Counter[str] = Counter()
    for _ in range(0, _COUNT, 500):
        documents = [document(kind, chance) for _ in range(500)]
        for data, theirs in zip(documents, read_by_go(go_reader, kind, documents), strict=True):
            ours = read_by_us(kind, data)
            outcomes["refused by us" if ours is None else "read"] += 1
            if ours is not None:
                assert theirs is not None, f"Go refuses {data.decode()}"
                assert ours == same_facts(kind, theirs), data.decode()
    assert outcomes["read"] > _COUNT / 5  # so much is honest
    assert outcomes["refused by us"] > _COUNT / 5


LAYER = gzip.compress(packed(tree("f 0644 0:0 /a 'a'")), mtime=0)


def layout_of(folder: Path, chance: random.Random) -> None:
    """A layout of one layer, in which one of the three documents has a change or two, and all digests are right."""
    (folder / "blobs/sha256").mkdir(parents=True)
    which = chance.choice(("config", "manifest", "index"))

    def add(data: bytes) -> dict[str, Any]:
        digest = Digest.of(data)
        (folder / "blobs/sha256" / digest.hex).write_bytes(data)
        return {"digest": str(digest), "size": len(data)}

    def made(kind: str, plain: dict[str, Any]) -> bytes:
        return changed(plain, chance, chance.randrange(1, 3) if kind == which else 0)

    diff_id = str(Digest.of(gzip.decompress(LAYER)))
    config = {**honest("config"), "rootfs": {"type": "layers", "diff_ids": [diff_id]}}
    del config["history"]
    of_config = {"mediaType": oci.CONFIG, **add(made("config", config))}
    of_layer = {"mediaType": oci.LAYER_GZIP, **add(LAYER)}
    manifest = {**honest("manifest"), "config": of_config, "layers": [of_layer]}
    annotations = {"org.opencontainers.image.ref.name": "1"}
    entry = {"mediaType": oci.MANIFEST, **add(made("manifest", manifest)), "annotations": annotations}
    index = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": [entry]}
    (folder / "index.json").write_bytes(made("index", index))
    (folder / "oci-layout").write_bytes(oci.LAYOUT)


def test_what_is_read_is_what_skopeo_reads(tmp_path: Path) -> None:
    """The whole way from index.json to the configuration, as podman and buildah go it too."""
    chance = random.Random("skopeo 1")
    skopeo, read = need("skopeo"), 0
    for number in range(_COUNT // 20):
        layout_of(tmp_path / f"{number}", chance)
        try:
            [ours] = read_layout(tmp_path / f"{number}", "1")
        except ImageError:
            continue
        reported = subprocess.run(
            [skopeo, "inspect", f"oci:{tmp_path / str(number)}:1"], capture_output=True, check=False
        )
        assert reported.returncode == 0, (number, reported.stderr)
        theirs = json.loads(reported.stdout)
        read += 1
        assert theirs["Layers"] == [str(layer.digest) for layer in ours.layers], number
        assert (theirs["Architecture"], theirs["Os"]) == (ours.platform.architecture, ours.platform.os), number
        assert dict(each.split("=", 1) for each in theirs["Env"] or []) == ours.config.env, number
        assert (theirs["Labels"] or {}) == ours.config.labels, number
    assert read > _COUNT / 100
