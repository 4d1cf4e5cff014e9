"""What happens when a container executes a file: execve(2) of programs, of scripts, and of their interpreters."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fromscratch.checks.start import suggestions
from fromscratch.checks.start.container import EXECUTE, READ, Container
from fromscratch.checks.start.finding import Finding, Level
from fromscratch.formats.elf.headers import ET_DYN, MAGIC, Elf
from fromscratch.formats.elf.platform import EM_MIPS_RS3_LE, EM_X86_64, architecture_of
from fromscratch.linker.beyond.scripts.shebang import HEAD, MAX_DEPTH, Shebang, env_program, shebang
from fromscratch.linker.root import UNLOADED
from fromscratch.model.entry import Directory, File, kind_of
from fromscratch.paths import shown

# What processors run besides their own: 64-bit ones the 32-bit programs of the same family.
_RUNS_TOO = {"amd64": {"386"}, "arm64": {"arm"}, "mips64le": {"mipsle"}}
_MACHINES = {2: "sparc", 8: "MIPS", 20: "32-bit PowerPC", 21: "big-endian PowerPC", 43: "sparc64", 247: "BPF"}
_MACHINES |= {0x9026: "Alpha", 42: "SuperH", 4: "m68k", 50: "IA-64", 15: "PA-RISC", 93: "ARC", 94: "Xtensa"}


class Program(NamedTuple):
    """An ELF program that a container executes, by the path that leads to it; `label` is what asks for it, or empty."""

    path: str
    label: str
    level: Level

    def says(self, text: str) -> str:
        """A message about the program, behind what asks for it."""
        return f"{self.label}: {text}" if self.label else text


class Run(NamedTuple):
    """What leads to a file being executed: `label` begins every message, `level` is how bad it is if that fails.

    `first` is the label of the first script, if it is one whose interpreter is executed.
    """

    label: str
    level: Level
    first: str = ""


def executed(container: Container, path: str, run: Run, depth: int = 0) -> Iterator[Finding | Program]:
    """What is wrong with executing the file at an absolute path, and the ELF programs that are started for it."""
    absence = container.absence(path)
    if absence is not None:
        hint = suggestions.for_missing_program(container, path, absence.place)
        yield Finding(run.level, f"{run.label}: {absence.text}", hint)
        return
    entry = container.entry(path)
    if entry is not None and not isinstance(entry, File):
        text = f"{run.label}: {shown(path)} is a {kind_of(entry)}, not a program"
        yield Finding(run.level, text, _other(container, path))
        return
    refusal = container.refusal(path, EXECUTE)
    if refusal:
        yield Finding(run.level, f"{run.label}: {refusal}", _permission(refusal))
        return
    with container.root.reading(path) as read:
        head = read(0, HEAD)
    if head[:4] == MAGIC:
        yield from _elf(container, path, run)
    elif (line := shebang(head)) is not None:
        yield from _script(container, path, line, run, depth)
    else:
        yield Finding(run.level, f"{run.label}: {shown(path)} {_unknown_form(head)}", _for_form(head))


def _other(container: Container, path: str) -> str:
    if isinstance(container.entry(path), Directory):
        there = suggestions.programs_in(container, path)
        return f"name a program in it, such as {', '.join(map(shown, there))}" if there else "name a program"
    return "name a program"


def _permission(refusal: str) -> str:
    if " enter " in refusal:
        return "give the folder the mode 0755 where it comes from (modes:), or run as its owner (image: user:)"
    return "give the file the mode 0755 where it comes from (modes:, or chmod +x)"


def _unknown_form(head: bytes) -> str:
    if not head:
        return "is empty"
    if head.startswith(b"\xef\xbb\xbf#!"):
        return "begins with a byte order mark, so Linux does not see its #!"
    if head.startswith(b"#!"):
        return f"begins with a #! line that names no interpreter, or one that does not end within {HEAD - 1} bytes"
    return "is neither an ELF program nor a script that begins with #!"


def _for_form(head: bytes) -> str:
    if head.startswith(b"\xef\xbb\xbf"):
        return "save it as UTF-8 without a byte order mark"
    if head.startswith(b"#!"):
        return "write #! and an absolute path into its first line"
    if not head:
        return "see why it has no bytes where it comes from"
    is_text = b"\0" not in head
    return "begin it with a line such as #!/bin/sh" if is_text else "name a program for Linux"


def _elf(container: Container, path: str, run: Run) -> Iterator[Finding | Program]:
    file = container.root.file(path)
    elf = file.elf if file else None
    if elf is None:
        fault = file.fault if file else "it cannot be read"
        text = f"{run.label}: {shown(path)} is damaged: {fault}"
        yield Finding(run.level, text, "build or install it again")
        return
    fault, hint = _wrong_machine(container, elf) or _no_program(elf) or ("", "")
    if fault:
        yield Finding(run.level, f"{run.label}: {shown(path)} is {fault}", hint)
        return
    yield Program(path, run.label, run.level)


def _wrong_machine(container: Container, elf: Elf) -> tuple[str, str] | None:
    architecture = container.platform.architecture
    found = architecture_of(elf)
    if found is None:
        if elf.bits == 32 and elf.machine in (EM_X86_64, EM_MIPS_RS3_LE, 8):  # x32 and n32 have no name among platforms
            return None
        name = _MACHINES.get(elf.machine, f"machine {elf.machine}")
        return f"a program for {name}, not for {container.platform}", f"bring the program for {architecture}"
    if found[0] == architecture or found[0] in _RUNS_TOO.get(architecture, ()):
        return None
    return (
        f"a program for {found[0]}, not for {container.platform}",
        f"bring the program for {architecture}, or build for linux/{found[0]}",
    )


def _no_program(elf: Elf) -> tuple[str, str] | None:
    if elf.type in UNLOADED:
        return UNLOADED[elf.type], "link it to a program, or name another"
    if elf.type == ET_DYN and elf.interpreter is None and not elf.is_static and elf.needed:
        return "a shared library, not a program", "name the program that uses it"
    return None


def _script(container: Container, path: str, line: Shebang, run: Run, depth: int) -> Iterator[Finding | Program]:
    """What is wrong with the interpreter of a script, and that of this one if it is a script itself."""
    spelled = "#!" + line.interpreter + (f" {line.argument}" if line.argument else "")
    begins = f"{run.label}: {shown(path)} begins with {spelled!r}"
    if _ends_in_cr(line):
        text = f"{begins}: its lines end in CR LF, and Linux takes the CR for a part of the line"
        yield Finding(run.level, text, "save it with the line ends of Unix, as `sed -i 's/\\r$//'` does")
        return
    if depth >= MAX_DEPTH:
        text = f"{run.first}: the interpreters are scripts themselves, more than the {MAX_DEPTH} that Linux follows"
        yield Finding(run.level, text, "name a program in its first line")
        return
    refusal = container.refusal(path, READ)
    if refusal:
        yield Finding(run.level, f"{run.label}: {refusal}, so its interpreter cannot either", "give it the mode 0755")
        return
    nested = Run(begins, run.level, run.first or begins)
    interpreter = container.absolute(line.interpreter)
    outcome = list(executed(container, interpreter, nested, depth + 1))
    yield from outcome
    if line.interpreter.rpartition("/")[2] == "env" and line.argument and not _errors(outcome):
        yield from _by_env(container, line.argument, nested, depth)


def _ends_in_cr(line: Shebang) -> bool:
    if line.argument is None:
        return line.interpreter.endswith("\r")
    return line.argument.endswith("\r") and "perl" not in line.interpreter  # Perl passes over it


def _errors(findings: list[Finding | Program]) -> bool:
    return any(isinstance(each, Finding) for each in findings)


def _by_env(container: Container, argument: str, run: Run, depth: int) -> Iterator[Finding | Program]:
    """What is wrong with the program that env(1) starts for a script."""
    word, folders = env_program(argument, container.path.split(":"))
    if word is None:
        return
    path = container.absolute(word) if "/" in word else found_in_path(container, word, folders)
    if path is not None:
        yield from executed(container, path, run, depth + 1)
        return
    text = f"{run.label}: env finds no program {word!r} in PATH ({':'.join(folders)})"
    if " " in word:
        yield Finding(run.level, text, f"env splits its argument only with -S: write #!/usr/bin/env -S {word}")
    else:
        yield Finding(run.level, text, suggestions.for_missing_program(container, word, ""))


def found_in_path(container: Container, name: str, folders: Sequence[str] | None = None) -> str | None:
    """The path of the first file of this name along PATH that may be executed, else of the first that may not."""
    locked = None
    for folder in container.path.split(":") if folders is None else folders:
        path = f"{container.absolute(folder or '.').rstrip('/')}/{name}"
        entry = container.entry(path)
        if not isinstance(entry, File):
            continue
        if not container.refusal(path, EXECUTE):
            return path
        locked = locked or path
    return locked
