"""Examples: what a user types, the image that comes of it, and what it does without each of its libraries."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fromscratch.flow import evidence as proofs
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.model.entry import Origin
from fromscratch.paths import TreePath, matcher, tree_path
from tests.cli.command import Desk
from tests.examples.rooms import Room, Step, faults

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """An image made by `fromscratch bundle`: its layout, and its root unpacked. `packed` is in bytes."""

    name: str
    words: Sequence[str]
    desk: Desk
    layout: Path
    room: Room
    entries: int
    packed: int
    proof: proofs.ImageEvidence
    entrypoint: Sequence[str]
    env: Mapping[str, str]

    def does(self, step: Step) -> tuple[Room, Step]:
        """The step as the loader of a container would start it."""
        first = self.entrypoint if step.entrypoint is None else (step.entrypoint,)
        env = {"PATH": _PATH, "HOME": "/", **self.env, **step.env}
        return self.room, replace(step, words=(*first, *step.words), entrypoint=None, env=env)

    @property
    def libraries(self) -> list[TreePath]:
        """ELF files that are no programs: what others are linked to, open by name or import, and their loaders."""
        return [path for path in map(tree_path, self.proof.entries) if self._is_library(path)]

    def _is_library(self, path: TreePath) -> bool:
        place = self.room.root / path.lstrip("/")
        if place.is_symlink() or not place.is_file():
            return False
        opened = MachineRoot().file(str(place))
        found = opened.elf if opened else None
        return found is not None and (found.soname is not None or not found.is_program)

    def is_linked(self, path: TreePath) -> bool:
        """Whether a DT_NEEDED or PT_INTERP of another object of the image leads to it."""
        return any(each.reason == "interpreter of" or "(DT_NEEDED " in each.detail for each in self.reasons(path))

    def reasons(self, path: TreePath) -> tuple[Origin, ...]:
        return proofs.origins(self.proof, path)

    def __str__(self) -> str:
        return f"{self.name}: {self.entries} entries, {self.packed / 1e6:.2f} MB packed"


def bundled(desk: Desk, name: str, *words: str) -> Bundled:
    """Made as a user makes it."""
    tar = desk.folder / f"{name}.tar"
    said = desk.answer("bundle", *words, "--name", name, "--to", f"tar:{tar}", "--json", "--quiet")
    (image,) = json.loads(said)["images"]
    proof = proofs.read(desk.folder / "build" / name)
    assert proof is not None
    layout = desk.folder / "build" / name / "oci"
    config = _configuration(layout)
    return Bundled(
        name=name,
        words=words,
        desk=desk,
        layout=layout,
        room=Room.of(tar, desk.folder / f"{name}-root"),
        entries=image["entries"],
        packed=image["size"],
        proof=proof.of(),
        entrypoint=config.get("Entrypoint") or (),
        env=dict(text.split("=", 1) for text in config.get("Env") or ()),
    )


def _configuration(layout: Path) -> Any:
    """What runtimes read from the layout."""

    def blob(digest: str) -> Any:
        return json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())

    (manifest,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    return blob(blob(manifest["digest"])["config"]["digest"])["config"]


@dataclass(frozen=True)
class Removals:
    """What became of the checks when one library after the other was taken away, and what they may do without."""

    needed: Sequence[TreePath]
    spare: Mapping[TreePath, str]


def proven(image: Bundled, *steps: tuple[Room, Step], spare: Mapping[str, str] = MappingProxyType({})) -> Removals:
    """Nothing can be taken away, but for what no object is linked to and `spare` has a glob and a reason for."""
    (fault,) = faults(*steps) or [""]
    assert not fault, fault
    needed, done_without = [], {}
    for path in image.libraries:
        with image.room.without(path):
            if faults(*steps):
                needed.append(path)
                continue
        reason = next((reason for glob, reason in spare.items() if matcher([f"/**/{glob}"])(path)), "")
        assert reason, f"the checks of {image.name} do without {path}"
        assert not image.is_linked(path), f"the checks of {image.name} do without {path}, to which it is linked"
        done_without[path] = reason
    return Removals(needed, done_without)
