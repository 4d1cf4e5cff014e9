"""What each program makes of an archive: a line for each entry, or nothing when it refuses it."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from fromscratch.errors import ImageError
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.layers import root_tree
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_layout import OciLayout
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from tests.changesets import facts
from tests.made_images import HERE, at, image_of

ORIGIN = Origin("test", "found in", "an archive")
_MODE = re.compile("(?<=^. )[0-7]+")
Lines = list[str]
Reader = Callable[[bytes, Path], Lines | None]
"""Reads the archive, with an empty folder to do it in."""


def _lines(tree: Rootfs) -> Lines:
    """Programs set the time of a directory in which they wrote last as they like, and Linux the mode of symlinks."""
    rows = facts(tree, times_of_directories=False)
    links = {row.split(" ")[3] for row in rows if row.startswith("l ")}
    return [_MODE.sub("0777", row, count=1) if _name_of(row) in links else row for row in rows]


def _name_of(row: str) -> str:
    """The name of the inode."""
    words = row.split(" ")
    return words[words.index("=>") + 1] if "=>" in words else words[3]


def ours(data: bytes, folder: Path) -> Lines | None:
    try:
        return _lines(root_tree(image_of(data, platform=HERE), Store(folder / "store")))
    except ImageError:
        return None


def of_umoci(data: bytes, folder: Path) -> Lines | None:
    at(OciLayout, folder / "oci").write([image_of(data, platform=HERE)], "latest")
    if not _does("umoci", "unpack", "--image", f"{folder}/oci:latest", folder / "bundle"):
        return None
    return _lines(scan(folder / "bundle" / "rootfs", ORIGIN))


def of_podman(podman: Engine) -> Reader:
    def read(data: bytes, folder: Path) -> Lines | None:
        at(OciLayout, folder / "oci").write([image_of(data, platform=HERE)], "latest")
        name = _output_of(*podman.program, "pull", "--quiet", f"oci:{folder}/oci:latest")
        if name is None:
            return None
        try:
            return _lines(scan(Path(_output_of(*podman.program, "image", "mount", name) or "/none"), ORIGIN))
        finally:
            _output_of(*podman.program, "image", "unmount", name)
            _output_of(*podman.program, "rmi", "--force", name)

    return read


def of_docker(docker: Engine) -> Reader:
    """Where its storage shows the folder of a layer that is read, with attributes; else what it exports has none."""

    def read(data: bytes, folder: Path) -> Lines | None:
        name = "fromscratch-test/readers:latest"
        at(DockerArchive, folder / "image.tar").write([image_of(data, platform=HERE)], name)
        if _output_of(*docker.program, "load", "--input", folder / "image.tar") is None:
            return None
        try:
            place = _output_of(*docker.program, "inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", name) or ""
            if Path(place).is_absolute():
                return _lines(scan(Path(place), ORIGIN))
            return _exported(docker, name, folder)
        finally:
            _output_of(*docker.program, "rmi", "--force", name)

    return read


def _exported(docker: Engine, name: str, folder: Path) -> Lines:
    container = _output_of(*docker.program, "create", name, "/none")
    assert container is not None
    try:
        _output_of(*docker.program, "export", "--output", folder / "root.tar", container)
    finally:
        _output_of(*docker.program, "rm", container)
    return _lines(read_tree(folder / "root.tar", ORIGIN))


def of_gnu_tar(data: bytes, folder: Path) -> Lines | None:
    flags = ("--numeric-owner", "--same-owner", "-p", "--xattrs", "--xattrs-include=*")
    return _unpacked(data, folder, "tar", *flags)


def of_bsdtar(data: bytes, folder: Path) -> Lines | None:
    return _unpacked(data, folder, "bsdtar", "--numeric-owner", "--same-owner", "-p", "--xattrs")


def _unpacked(data: bytes, folder: Path, program: str, *flags: str) -> Lines | None:
    (folder / "x.tar").write_bytes(data)
    (folder / "root").mkdir()
    if not _does(program, "-xf", folder / "x.tar", "-C", folder / "root", *flags):
        return None
    return _lines(scan(folder / "root", ORIGIN))


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _does(*argv: str | Path) -> bool:
    return _output_of(*argv) is not None


def _output_of(*argv: str | Path) -> str | None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, errors="replace")
    return done.stdout.strip() if done.returncode == 0 else None
