"""Random layers of whiteouts and what they meet: what we make of them, every engine makes of them."""

import random
from pathlib import Path

import pytest

from fromscratch.errors import ImageError
from fromscratch.formats.tar.header import BLOCK, header
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.layers import root_tree
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_layout import OciLayout
from fromscratch.model.entry import Meta, Origin
from fromscratch.model.image import Image
from fromscratch.model.rootfs import Rootfs
from tests.changesets import facts
from tests.engines import docker, need, need_root, podman
from tests.host.programs import output_of
from tests.made_images import HERE, at, image_of

__all__ = ["docker", "podman"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]
ORIGIN = Origin("test", "found in", "an engine")
END = bytes(2 * BLOCK)
CASES = 120
LOWER = ("lib -> usr", "usr/", "usr/x", "usr/y", "d/", "d/x", "d/y", "d/deep/", "d/deep/x", "file")
FOLDERS = ("lib", "usr", "d", "d/deep", "file", "new")
MARKS = (".wh.x", ".wh.deep", ".wh..wh..opq")


def blocks(top: str, names: list[str]) -> bytes:
    """`a/` is a directory, `a -> b` a symlink, all else a file."""
    made = b""
    for name in names:
        path, _, link = name.partition(" -> ")
        flag = b"2" if link else b"5" if f"{top}{path}".endswith("/") else b"0"
        data = b"" if link or flag == b"5" or ".wh." in path else name.encode()
        block = header(f"{top}{path}".encode(), flag, Meta(0o777, mtime=10**18), size=len(data), link=link.encode())
        made += block + data + bytes(-len(data) % BLOCK)
    return made


def upper(chance: random.Random) -> list[str]:
    """Some directories and links, what is in them, and whiteouts, in any order."""
    names = [
        f"{folder}/" if chance.random() < 0.8 or folder == "usr" else f"{folder} -> usr"
        for folder in FOLDERS
        if chance.random() < 0.4
    ]
    there = [name.rstrip("/") for name in names if name.endswith("/")]
    names += [f"{folder}/x" for folder in there if chance.random() < 0.5]
    # What docker and podman make of a whiteout in a directory that is not there is known: they make it.
    places = [folder for folder in ("lib", "usr", "d", "d/deep") if chance.random() < 0.6] + sorted(there)
    names += [f"{place}/{chance.choice(MARKS)}" for place in dict.fromkeys(places) if chance.random() < 0.7]
    names += [f".wh.{name}" for name in ("usr", "file") if name not in there and chance.random() < 0.2]
    if chance.random() < 0.6:
        chance.shuffle(names)
    return names


def passes_a_link(names: list[str]) -> bool:
    """Where layers lie in folders of their own, as docker's do, a symlink of a lower one is not passed."""
    before = names[: names.index("lib/")] if "lib/" in names else names
    return any(name.startswith("lib/") for name in before)


def leads_somewhere(names: list[str]) -> bool:
    """Whether nothing lies below what is not a directory, or was taken away: programs fail at it in many ways."""
    gone = {name[4:] for name in names if name.startswith(".wh.")} | {n.split(" ")[0] for n in names if " -> " in n}
    gone |= {"d/deep"} if "d/.wh.deep" in names or "d/.wh..wh..opq" in names else set()
    return not any(name.startswith(f"{folder}/") and name != f"{folder}/" for folder in gone for name in names)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Those that we read."""
    chance, chosen = random.Random(20_260_102), dict[str, list[str]]()
    store = Store(tmp_path_factory.mktemp("store"))
    while len(chosen) < CASES:
        names, top = upper(chance), f"cases/{len(chosen)}/"
        if not any(".wh." in name for name in names) or not leads_somewhere(names):
            continue
        try:
            root_tree(image(blocks(top, ["", *LOWER]), blocks(top, ["", *names])), store)
        except ImageError:
            continue
        chosen[top] = names
    return chosen


def image(*layers: bytes) -> Image:
    return image_of(*(layer + END for layer in layers), platform=HERE)


def batch(cases: dict[str, list[str]]) -> Image:
    lower = b"".join(blocks(top, ["", *LOWER]) for top in cases)
    return image(lower, b"".join(blocks(top, ["", *names]) for top, names in cases.items()))


def agrees(found: Rootfs, cases: dict[str, list[str]], folder: Path) -> None:
    expected = root_tree(batch(cases), Store(folder / "store"))
    one, other = _rows(found), _rows(expected)
    assert len(cases) > CASES / 4
    wrong = [(row, _names(row, cases)) for row in sorted(set(one) ^ set(other))]
    assert not wrong, "\n".join(f"{row} after {names}" for row, names in wrong[:20])


def _rows(tree: Rootfs) -> list[str]:
    """Without what is told of directories: above a whiteout they need no entry, and docker makes them anew then."""
    rows = facts(tree, below="/cases/", times_of_directories=False)
    return [f"d - - {row.split(' ')[3]}" if row.startswith("d ") else row for row in rows]


def _names(row: str, cases: dict[str, list[str]]) -> list[str]:
    return cases[f"cases/{row.split('/cases/')[1].split('/')[0].split(' ')[0]}/"]


def test_umoci_agrees(cases: dict[str, list[str]], tmp_path: Path) -> None:
    need_root("unpacking with owners")
    at(OciLayout, tmp_path / "oci").write([batch(cases)], "latest")
    output_of(need("umoci"), "unpack", "--image", f"{tmp_path}/oci:latest", tmp_path / "bundle")
    agrees(scan(tmp_path / "bundle" / "rootfs", ORIGIN), cases, tmp_path)


def test_podman_agrees(cases: dict[str, list[str]], podman: Engine, tmp_path: Path) -> None:
    need_root("mounting with owners")
    at(OciLayout, tmp_path / "oci").write([batch(cases)], "latest")
    name = output_of(*podman.program, "pull", "--quiet", f"oci:{tmp_path}/oci:latest")
    try:
        agrees(scan(Path(output_of(*podman.program, "image", "mount", name)), ORIGIN), cases, tmp_path)
    finally:
        output_of(*podman.program, "image", "unmount", name)
        output_of(*podman.program, "rmi", "--force", name)


def test_docker_agrees(cases: dict[str, list[str]], docker: Engine, tmp_path: Path) -> None:
    given = {top: names for top, names in cases.items() if not passes_a_link(names)}
    name = "fromscratch-test/whiteouts:differential"
    at(DockerArchive, tmp_path / "image.tar").write([batch(given)], name)
    output_of(*docker.program, "load", "--input", tmp_path / "image.tar")
    container = output_of(*docker.program, "create", name, "/none")
    try:
        output_of(*docker.program, "export", "--output", tmp_path / "root.tar", container)
    finally:
        output_of(*docker.program, "rm", container)
        output_of(*docker.program, "rmi", name)
    agrees(read_tree(tmp_path / "root.tar", ORIGIN), given, tmp_path)
