"""Building again what has not changed, or has changed in one small file, of a root of 170 MB in layers."""

import subprocess
import sys
from pathlib import Path
from shlex import quote

from benchmarks.bundling import docker_command
from benchmarks.runner import Case, Group
from benchmarks.sample import HERE
from fromscratch.formats.packing.layer import pack
from fromscratch.host.machine.scan import scan
from fromscratch.model.rootfs import Rootfs

_OURS = f"{quote(sys.executable)} -m fromscratch"
_FILES = 20
_PROCESS = """
import sys
from pathlib import Path
from benchmarks.rebuilding import scan_and_pack
scan_and_pack(Path(sys.argv[1]), Path(sys.argv[2]))
"""
# A recipe, its overlay, and how many layers it makes: of "still" nothing ever changes.
_RECIPES = {"still": ("still", "source"), "source": ("conf", "source"), "one": ("conf", "one")}


def scan_and_pack(folder: Path, out: Path) -> None:
    with open(out, "wb") as stream:
        pack(scan(folder, HERE, canonical_modes=True, owner=(0, 0)), stream)


def groups(tree: Rootfs, folder: Path, scratch: Path) -> list[Group]:
    place = quote(str(scratch))
    ours = f"cd {place} && export FROMSCRATCH_STORE={place}/store && {_OURS} build --quiet --recipe"
    _prepare(ours, folder, scratch)
    change = f"date +%s%N > {place}/conf/etc/app/0.conf"
    alone = f"{quote(sys.executable)} -c {quote(_PROCESS)} {place}/conf {place}/layer"
    again = f"rm -rf {place}/build/source && {ours} source.yaml"
    return [
        Group(
            "an image in two layers, built again",
            [
                Case("packing the overlay's layer alone", f"{change} && {alone}"),
                Case("fromscratch build, nothing changed", f"{ours} still.yaml > /dev/null"),
                Case("fromscratch build, one overlay file changed", f"{change} && {ours} source.yaml > /dev/null"),
                Case("the same with layers: one", f"{change} && {ours} one.yaml > /dev/null"),
                Case("the same, after rm -rf build", f"{again} > /dev/null"),
                _docker(folder, scratch, change),
            ],
            f"{len(tree)} entries, {tree.size / 1e6:.0f} MB, and an overlay of {_FILES} files; with Python's start",
        )
    ]


def _prepare(ours: str, folder: Path, scratch: Path) -> None:
    """What each case finds there already: the builds of before."""
    for name, (overlay, layers) in _RECIPES.items():
        files = scratch / overlay / "etc/app"
        files.mkdir(parents=True, exist_ok=True)
        for number in range(_FILES):
            (files / f"{number}.conf").write_text(f"number = {number}\n" * 50)
        items = f"rootfs: [{{directory: '{folder}'}}, {{overlay: {overlay}}}]\n"
        (scratch / f"{name}.yaml").write_text(f"name: {name}\nlayers: {layers}\n{items}")
    first = " && ".join(f"({ours} {name}.yaml)" for name in _RECIPES)
    # A file that has just been written is not known by its times yet.
    subprocess.run(["/bin/bash", "-c", f"sleep 2.5 && {first} > /dev/null"], check=True)


def _docker(folder: Path, scratch: Path, change: str) -> Case:
    """The same two layers by a Dockerfile, of which the first is in the builder's cache."""
    (scratch / "Dockerfile").write_text(f"FROM scratch\nCOPY {folder.name} /\nCOPY conf /\n")
    (scratch / ".dockerignore").write_text(f"*\n!{folder.name}\n!conf\n")
    build = f"{change} && {docker_command()} build --quiet --tag rebuilding {quote(str(scratch))} > /dev/null 2>&1"
    return Case("docker build, one overlay file changed", build, needs=("docker",))
