"""An image into a registry of this machine and out of it again, against skopeo; Python's start is part of ours."""

import atexit
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from shlex import quote

from benchmarks.runner import Case, Group
from fromscratch.formats.packing.codec import CodecName
from fromscratch.host.images.layout import LayoutWriter
from fromscratch.model.image import Image, Platform, RunConfig
from fromscratch.model.rootfs import Rootfs

_OURS = f"{quote(sys.executable)} -m fromscratch"
_NEEDS = ("docker-registry", "skopeo")
_PATIENCE = 10.0


def groups(tree: Rootfs, _folder: Path, scratch: Path) -> list[Group]:
    if not all(map(shutil.which, _NEEDS)):
        return [Group("push", [Case("nothing", "true")], "this needs docker-registry and skopeo")]
    plain, packed = _layout(tree, scratch, "none"), _layout(tree, scratch, "gzip")
    storage, host = scratch / "registry", _registry(scratch)
    there = Path(storage, "docker/registry/v2/repositories")

    def forget(repository: str) -> str:
        """The registry has never heard of the repository, and so can mount nothing out of it."""
        return f"rm -rf {quote(str(there / repository))}"

    def pushing(title: str, layout: Path, repository: str, first: str, note: str = "") -> Group:
        name = f"{host}/{repository}:1"
        theirs = f"skopeo copy -q --preserve-digests --dest-tls-verify=false oci:{layout}:1 docker://{name}"
        ours = f"{_store(scratch)} {_OURS} push {name} --image oci:{layout}:1 --quiet > /dev/null"
        return Group(
            title, [Case("skopeo copy", f"{first} && {theirs}"), Case("fromscratch push", f"{first} && {ours}")], note
        )

    size = sum(path.stat().st_size for path in plain.rglob("*") if path.is_file())
    small = sum(path.stat().st_size for path in packed.rglob("*") if path.is_file())
    return [
        pushing(f"push an image of {size / 1e6:.0f} MB", plain, "plain", forget("plain"), "one layer, not compressed"),
        pushing(f"push an image of {small / 1e6:.0f} MB", packed, "packed", forget("packed"), "one layer, gzip"),
        pushing("push what is there already", plain, "again", "true"),
        _pulling(f"pull an image of {size / 1e6:.0f} MB", f"{host}/again:1", scratch),
    ]


def _pulling(title: str, name: str, scratch: Path) -> Group:
    place = quote(str(scratch / "pulled"))
    theirs = f"rm -rf {place} && skopeo copy -q --preserve-digests --src-tls-verify=false docker://{name} oci:{place}:1"
    blobs = quote(str(scratch / "store/blobs"))
    ours = f"rm -rf {place} {blobs} && {_store(scratch)} {_OURS} pull {name} --output {place} --quiet > /dev/null"
    note = "ours keeps the layer in the store as well, and waits until it is on the disk"
    return Group(title, [Case("skopeo copy", theirs), Case("fromscratch pull", ours)], note)


def _store(scratch: Path) -> str:
    return f"FROMSCRATCH_STORE={quote(str(scratch / 'store'))}"


def _layout(tree: Rootfs, scratch: Path, codec: CodecName) -> Path:
    place = scratch / f"layout-{codec}"
    with LayoutWriter(place) as writer:
        layer, _ = writer.pack(tree, codec=codec)
        image = Image(layers=(layer,), config=RunConfig(), platform=Platform.of_this_machine())
        writer.finish([image], tag="1")
    return place


def _registry(scratch: Path) -> str:
    """HOST:PORT of a registry that is ended when we are."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{asked.getsockname()[1]}"
    config = scratch / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nhttp: {{addr: '{host}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{scratch}/registry'}}}}\n"
    )
    with open(scratch / "registry.log", "wb") as log:
        serving = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
    atexit.register(_end, serving)
    address, _, port = host.rpartition(":")
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and serving.poll() is None:
        try:
            socket.create_connection((address, int(port)), 1.0).close()
            return host
        except OSError:
            time.sleep(0.05)
    raise SystemExit("docker-registry does not start: " + (scratch / "registry.log").read_text())


def _end(serving: "subprocess.Popen[bytes]") -> None:
    serving.terminate()
    serving.wait()
