"""The same commands done by ours, to a tree, and by the real programs, in a folder with the same content."""

import os
import shlex
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fromscratch.errors import ImageError
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Directory, Entry, Fifo, File, HardLink, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.standard_input import Input
from tests import trees

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
MODE_OF_THE_ROOT = 0o755


def machine_of(tree: Rootfs) -> Machine:
    """A machine with this tree, on which commands can run others."""
    machine = Machine(ChangingTree(tree), label="debian", architecture="amd64", packages=())

    def run(call: Call) -> Result:
        if call.name not in COMMANDS:
            raise NotUnderstood(f"{call.name} is not known")
        return COMMANDS[call.name].run(machine, call)

    machine.run = run
    return machine


def done(machine: Machine, words: Sequence[str], given: bytes = b"", umask: int = 0o022) -> Result:
    """One command of ours; 1 is the status of one that fails."""
    try:
        return machine.run(Call(tuple(words), stdin=Input(given), environment=ENVIRONMENT, umask=umask))
    except ImageError:
        return Result(1)


def attempted(machine: Machine, words: Sequence[str], given: bytes = b"", umask: int = 0o022) -> str:
    """How one command of ours ends, and what it prints."""
    try:
        result = done(machine, words, given, umask)
    except NotUnderstood as reason:
        return f"left out: {reason}"
    return f"{outcome(result.status)} {result.output!r}"


def ours(tree: Rootfs, commands: Sequence[Sequence[str]], given: bytes = b"", umask: int = 0o022) -> list[str]:
    """What the commands print and how they end, one entry a command, and then the tree."""
    machine = machine_of(tree)
    said = [attempted(machine, words, given, umask) for words in commands]
    return [*said, listed(machine.tree.finished())]


def outcome(status: int | None) -> str:
    """Success or not: which number a failure has differs among programs, and scripts hardly ever ask."""
    return "unknown" if status is None else "fails" if status else "succeeds"


def real(tree: Rootfs, commands: Sequence[Sequence[str]], given: bytes = b"", umask: int = 0o022) -> list[str]:
    """The same of the real programs."""
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder, "root"), Path(folder, "out")
        out.mkdir()
        write(tree, root)
        (out / "given").write_bytes(given)
        script = "".join(
            f"{shlex.join(words)} <{out}/given >{out}/{number} 2>{out}/errors; echo $? >{out}/{number}.status\n"
            for number, words in enumerate(commands)
        )
        subprocess.run(["/bin/sh"], input=script, text=True, cwd=root, env=ENVIRONMENT, umask=umask, check=False)
        said = [
            f"{outcome(int((out / f'{number}.status').read_text()))} {(out / str(number)).read_bytes()!r}"
            for number in range(len(commands))
        ]
        return [*said, listed(read_back(root))]


def listed(tree: Rootfs) -> str:
    """The tree with the bytes of its files."""
    return "\n".join(
        f"{line} {read(entry.content)!r}" if isinstance(entry, File) else line
        for line, entry in zip(trees.listed(_rooted(tree)).splitlines(), _below(tree), strict=True)
    )


def _rooted(tree: Rootfs) -> Rootfs:
    return tree.with_entries({ROOT: Directory(Meta(MODE_OF_THE_ROOT))})


def _below(tree: Rootfs) -> list[Entry]:
    return [entry for path, entry in tree.items() if path != ROOT]


def write(tree: Rootfs, root: Path) -> None:
    """The tree as a folder of this machine; the owners too, where we may."""
    for path, entry in tree.items():
        place = root / path[1:]
        match entry:
            case Directory():
                place.mkdir()
            case File():
                place.write_bytes(read(entry.content))
            case Symlink():
                place.symlink_to(entry.target)
            case HardLink():
                place.hardlink_to(root / entry.target[1:])
            case Fifo():
                os.mkfifo(place)
    for path, entry in reversed([*tree.items()]):
        place = root / path[1:]
        if os.geteuid() == 0:
            os.chown(place, entry.meta.uid, entry.meta.gid, follow_symlinks=False)
        if not isinstance(entry, Symlink):
            place.chmod(entry.meta.mode)
            if entry.meta.mtime:
                os.utime(place, ns=(entry.meta.mtime, entry.meta.mtime))


def read_back(root: Path) -> Rootfs:
    """A folder of this machine as a tree, without times."""
    entries: dict[TreePath, Entry] = {}
    names: dict[int, TreePath] = {}
    for place in sorted(root.rglob("*"), key=lambda place: place.parts):
        facts = place.lstat()
        path = TreePath("/" + str(place.relative_to(root)))
        owner = (facts.st_uid, facts.st_gid) if os.geteuid() == 0 else (0, 0)
        meta = Meta(stat.S_IMODE(facts.st_mode), *owner)
        if stat.S_ISLNK(facts.st_mode):
            entries[path] = Symlink(meta, str(place.readlink()))
        elif stat.S_ISDIR(facts.st_mode):
            entries[path] = Directory(meta)
        elif stat.S_ISFIFO(facts.st_mode):
            entries[path] = Fifo(meta)
        else:
            entries[path] = File(meta, Inline(place.read_bytes()))
        if not stat.S_ISDIR(facts.st_mode):
            first = names.setdefault(facts.st_ino, path)
            if first != path:
                entries[path] = HardLink(meta, first)
    return Rootfs(entries)
