"""A tree of this machine's own programs: enough of a system to run commands in, without any download."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from fromscratch.model.content import HostFile, Inline
from fromscratch.model.entry import Entry, File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from tests.engines import missing

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nweb:x:65532:65533:web:/srv:/bin/sh\n"
GROUP = b"root:x:0:\nweb:x:65533:\nextra:x:7000:other,web\n"


def host_tree(*programs: str) -> Rootfs:
    """These programs (names looked for on PATH), what they are linked with, /etc/passwd and /etc/group."""
    entries: dict[TreePath, Entry] = {
        tree_path("/etc/passwd"): File(Meta(0o644), Inline(PASSWD)),
        tree_path("/etc/group"): File(Meta(0o644), Inline(GROUP)),
    }
    for program in programs:
        for path in _closure(program):
            entries[tree_path(path)] = _host_file(Path(path))
    return Rootfs(entries)


@cache
def _closure(program: str) -> tuple[str, ...]:
    found = shutil.which(program)
    if found is None:
        missing(f"{program} is not on this machine", program)
    reported = subprocess.run(["ldd", found], capture_output=True, text=True, check=False).stdout
    libraries = re.findall(r"(/\S+) \(0x", reported)
    place = f"/bin/{program}"
    _PLACES[place] = found
    return (place, *libraries)


_PLACES: dict[str, str] = {}


def _host_file(path: Path) -> File:
    real = Path(_PLACES.get(str(path), path)).resolve()
    return File(Meta(0o755), HostFile.of(real, real.stat()))
