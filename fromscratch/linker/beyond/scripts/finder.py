"""Finder for scripts: the programs that run them, and the commands that shell scripts call.

An interpreter that is itself a script is handled in the next round, when it is a file of the image.
"""

from collections.abc import Iterator, Sequence

from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Scene
from fromscratch.linker.beyond.scripts import commands as shell_commands
from fromscratch.linker.beyond.scripts.shebang import (
    MAX_DEPTH,
    PATH,
    Program,
    Shebang,
    head,
    programs,
    scripts,
    shebang,
)
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

KIND = "interpreter"
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh"})


def find(scene: Scene, *, path: Sequence[str] = PATH, commands: bool = False) -> Iterator[Finding]:
    """The interpreter of every script, and the program that `env` starts for it.

    `path` is where the image's PATH leads. What shell scripts call by plain names is offered; with `commands`
    it is taken.
    """
    for place, line in scripts(scene):
        entry = views.look(scene.view, place)
        optional = isinstance(entry, File) and not entry.meta.mode & 0o111
        runs = programs(scene, line, path)
        yield from _interpreters(place, line, runs, optional=optional)
        if _depth(scene, place) > MAX_DEPTH:
            text = f"{place} cannot start: its interpreters are scripts themselves, one behind the other, more than"
            yield FinderWarning(f"{text} the {MAX_DEPTH} that Linux follows", KIND)
        if runs[-1].name in _SHELLS:
            yield from shell_commands.find(scene, place, path=path, select=commands)


def _interpreters(place: TreePath, line: Shebang, runs: list[Program], *, optional: bool) -> Iterator[Finding]:
    """What execve(2) and then env open; a script that nobody may execute is perhaps read by its interpreter alone."""
    spelled = "#!" + line.interpreter + (f" {line.argument}" if line.argument else "")
    for program in runs:
        if not program.path.startswith("/"):
            text = f"{place} begins with {spelled!r}: where {program.path} lies depends on the folder it is started in"
            yield FinderWarning(text, KIND)
            continue
        yield NeededFile(
            path=program.path,
            by=place,
            detail=f"{place} ({_fault(spelled, program)})",
            kind=KIND,
            confidence="likely" if optional else "certain",
            reason="interpreter of",
            optional=optional,
        )


def _fault(spelled: str, program: Program) -> str:
    """The first line, with what is wrong about it where that shows."""
    if program.path.endswith("\r"):
        return f"{spelled!r}: the line ends in CR LF, and Linux takes the CR for a part of the name"
    if not program.searched:
        return spelled
    looked = f"{spelled}; looked for in {':'.join(program.searched)}"
    return f"{looked}; env splits its argument only with -S" if " " in program.name else looked


def _depth(scene: Scene, place: TreePath) -> int:
    """How many scripts start one another from here on, as far as it matters."""
    here: TreePath | None = place
    for depth in range(MAX_DEPTH + 1):
        line = shebang(head(scene, here)) if here is not None else None
        if line is None:
            return depth
        here = views.place(scene.view, line.interpreter)
    return MAX_DEPTH + 1
