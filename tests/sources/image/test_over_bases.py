"""One package over each kind of base, from the recipe to the image: nothing that the base has is brought twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fromscratch.flow import assembly
from fromscratch.flow.assembly import Job
from fromscratch.formats.databases.catalogue import records
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline
from fromscratch.model.entry import file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.recipe.schema import parse
from tests.formats.alpine.packages import apk
from tests.made_images import AMD64
from tests.sources.image.images import image, layout

pytest.importorskip("pysequoia", reason="pysequoia is not installed; it signs the archives of these tests")

from tests.sources.alpine import repository as alpine
from tests.sources.debian.mirror import Mirror, package
from tests.sources.rpm.repository import Repository as RpmRepository

pytestmark = pytest.mark.slow

Item = dict[str, Any]
Made = tuple[Item, Item]
"""What the base is made of, and what goes over it."""

LIBRARY, TOOL = b"library", b"#!/lib/library\n"


def debian(folder: Path) -> Made:
    library = {"usr": None, "usr/lib": None, "usr/lib/library": LIBRARY}
    tool = {"usr": None, "usr/bin": None, "usr/bin/tool@755": TOOL}
    mirror = Mirror(folder / "mirror")
    mirror.publish(package("library", library), package("tool", tool, depends="library"))
    where = {"suite": "bookworm", "mirror": mirror.address, "keyring": str(mirror.keyring)}
    return {"debian": {"packages": ["library"], **where}}, {"debian": {"packages": ["tool"], **where}}


def alpine_linux(folder: Path) -> Made:
    library = apk("library", {"usr": None, "usr/lib": None, "usr/lib/library": LIBRARY}, "1-r0")
    tool = apk("tool", {"usr": None, "usr/bin": None, "usr/bin/tool@755": TOOL}, "1-r0", depend=["library"])
    made = alpine.Repository(folder / "repository")
    made.publish(library, tool)
    where = {"repositories": [made.address], "keys": str(made.keys), "older": True}
    return {"alpine": {"packages": ["library"], **where}}, {"alpine": {"packages": ["tool"], **where}}


def rpm(folder: Path) -> Made:
    pytest.importorskip("solv", reason="solv is not installed; it decides which packages of RPM are needed")
    made = RpmRepository(folder / "repository")
    tool = made.package("tool", {"/usr/bin/tool": TOOL}, requires=["library"])
    made.publish(made.package("library", {"/usr/lib/library": LIBRARY}), tool)
    where = {"repositories": [made.address], "keys": str(made.keys)}
    return {"rpm": {"packages": ["library"], **where}}, {"rpm": {"packages": ["tool"], **where}}


def as_made(tree: Rootfs) -> Rootfs:
    return tree


def chiselled(tree: Rootfs) -> Rootfs:
    """The same with the records that chisel would have left."""
    lines = [
        {"jsonwall": "1.0", "schema": "1.0", "count": 4},
        {"kind": "package", "name": "library", "version": "1", "sha256": "0", "arch": "amd64"},
        {"kind": "path", "path": "/usr/lib/library", "mode": "0644", "slices": ["library_libs"], "size": 7},
        {"kind": "slice", "name": "library_libs"},
    ]
    wall = zstandard.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return tree.without([tree_path("/var/lib/dpkg")]).with_entries(
        {tree_path("/var/lib/chisel/manifest.wall"): file(Inline(wall))}
    )


@pytest.mark.parametrize(
    ("items", "change"),
    [(debian, as_made), (debian, chiselled), (alpine_linux, as_made), (rpm, as_made)],
    ids=["distroless", "chiselled", "alpine", "rpm"],
)
def test_one_package_over_a_base_brings_nothing_twice(
    tmp_path: Path, items: Callable[[Path], Made], change: Callable[[Rootfs], Rootfs]
) -> None:
    below, above = items(tmp_path)
    store = Store(tmp_path / "store")
    base = change(built(tmp_path, store, "base", below))
    layout(tmp_path / "base", image(base, platform=AMD64))
    made = built(tmp_path, store, "over", {"image": "oci:base"}, above)
    proof = json.loads((tmp_path / "build/over/evidence.json").read_text())
    pins = proof["images"][0]["sources"][1]["pins"]
    assert [pin["name"] for pin in pins if pin["kind"] == "package"] == ["tool"]
    added = {path for path in set(made) - set(base) if not path.startswith(("/etc/apk", "/var/lib"))}
    assert {"/usr/bin/tool"} <= added
    assert "/usr/lib/library" in base
    assert {each.package.name for each in records(made).installed} == {"library", "tool"}


def built(folder: Path, store: Store, name: str, *items: Item) -> Rootfs:
    """The root of an image of these items, which need not be able to start."""
    recipe = parse(json.dumps({"name": name, "rootfs": list(items), "check": {"start": "off"}}), "recipe")
    job = Job(recipe=recipe, folder=folder, store=store, output=folder / "build" / name, platforms=(AMD64,))
    assembly.fetch(job)
    assembly.build(job)
    (made,) = read_layout(job.layout)
    return root_tree(made, store)
