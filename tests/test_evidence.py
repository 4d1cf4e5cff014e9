"""What `evidence.json` holds of a tree."""

from pathlib import Path

from fromscratch import evidence
from fromscratch.evidence import Evidence
from fromscratch.model.content import Inline
from fromscratch.model.entry import Origin, file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode
from tests.images import AMD64


def test_any_name_goes_in_and_comes_out(tmp_path: Path) -> None:
    name = TreePath(decode(b"/caf\xe9 au lait/\n"))
    tree = Rootfs({name: file(Inline(b""), Origin(decode(b"tar \xff"), "shipped in", "é"))})
    part = evidence.gather(AMD64, [], "none", tree, {name: "caches"})
    evidence.write(tmp_path, Evidence(name="x", inputs="", epoch=0, recipe={}, images=[part]))
    found = evidence.read(tmp_path)
    assert found is not None
    assert found.of().removed == {r"/caf\xe9\x20au\x20lait/\x0a": "caches"}
    asked = Origin(r"tar \xff", "shipped in", "é")
    assert evidence.origins(found.of(), name) == (asked,)
    above = TreePath(decode(b"/caf\xe9 au lait"))
    assert evidence.origins(found.of(), above) == (Origin(r"tar \xff", "parent of", "/caf\\xe9 au lait/\n", asked),)
