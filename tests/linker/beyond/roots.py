"""Roots that hold a program of this machine, its closure, and what finders add: run there, with nothing else."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from fromscratch.host.container.materialise import materialise
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.linker.beyond.contract import Finder
from fromscratch.linker.closure import Linker
from fromscratch.linker.gather import GatherResult, gather
from fromscratch.model.content import Inline
from fromscratch.model.entry import Entry, File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from tests.engines import need, need_root

_ASKED = Origin("test", "asked for", "in a test")
_NUMBERS = count()


def compiled(folder: Path, source: str, *flags: str) -> Path:
    """A program built from C."""
    number = next(_NUMBERS)
    code, program = folder / f"it{number}.c", folder / f"it{number}"
    code.write_text(source)
    subprocess.run([need("gcc"), "-O1", "-o", program, code, *flags], check=True)
    return program


@dataclass
class Root:
    """What a program of this machine needs, made anew for each run. `files` are written besides, and hold before.

    What is in the folder `upper` hides what this machine has at the same paths.
    """

    folder: Path
    program: Path
    files: Mapping[str, str] = field(default_factory=dict)
    upper: Path | None = None
    last: GatherResult | None = None

    def tree(self, *finders: Finder) -> Rootfs:
        roots = [MachineRoot(folder) for folder in (self.upper, Path("/")) if folder is not None]
        found = gather(Linker(roots), {str(self.program): _ASKED}, finders, "test")
        assert not found.missing
        self.last = found
        written: dict[TreePath, Entry] = {
            tree_path(path): File(Meta(0o644), Inline(text.encode())) for path, text in self.files.items()
        }
        return Rootfs({**found.entries, **written})

    def run(
        self, *finders: Finder, args: tuple[str, ...] = (), env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        need_root("chroot")
        top = self.folder / f"root{next(_NUMBERS)}"
        top.mkdir(mode=0o700)
        materialise(self.tree(*finders), top)
        argv = [need("chroot"), os.fspath(top), os.fspath(self.program), *args]
        return subprocess.run(argv, capture_output=True, text=True, check=False, env=dict(env or {}), timeout=60)
