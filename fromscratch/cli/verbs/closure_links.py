"""The answer of `closure`: for each file what it needs, as a tree or for a program, and what is missing."""

# pathlib alone would cost as much as most closures do:
# ruff: noqa: PTH109, PTH110, PTH112, PTH113, PTH114, PTH118
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.elf.platform import architecture_of
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.linker.closure import Linker, Missing, Program
from fromscratch.linker.root import NOT_ELF, UNLOADED, UNREADABLE, Root
from fromscratch.linker.search import Node
from fromscratch.linker.symbol_versions import MissingVersion, Versions
from fromscratch.named_tuple import TYPE_CHECKING
from fromscratch.paths import shown

if TYPE_CHECKING:
    from typing import Any


def question(
    files: Sequence[str], root: str, search: Sequence[str], preload: Sequence[str]
) -> tuple[Linker, list[str], bool]:
    """The files to look at, by their paths in a root, and whether all of them are ELF files.

    Raises UsageError for what is not there, and for a damaged ELF file.
    """
    if not os.path.isdir(root):
        raise UsageError(f"there is no folder {root}", "name a root filesystem with --root")
    for folder in search:
        if not folder.startswith("/") or ":" in folder:
            raise UsageError(
                f"--search {folder} is not an absolute path of a folder", f"say --search {os.getcwd()}/DIR"
            )
    outside = {file: os.path.realpath(file) for file in files if _is_outside(file, root)}
    roots: list[Root] = [_beside(outside.values())] if outside else []
    linker = Linker([*roots, MachineRoot(root)], library_path=search, preload=preload)
    paths = [outside.get(file) or _inside(file, root) for file in files]
    linked = [_is_elf(linker, path, root) for path in paths]  # every one of them is looked at
    return linker, paths, all(linked)


def check(missing: Sequence[Missing], missing_versions: Sequence[MissingVersion]) -> None:
    """Raises ImageError if something is not there, or too old."""
    if missing:
        names = ", ".join(dict.fromkeys(shown(each.name) for each in missing))
        raise ImageError(f"not found: {names}", "name the folder that holds it with --search, or another --root")
    if missing_versions:
        first = missing_versions[0]
        raise ImageError(
            f"{first.by} needs {first.version} of {first.library}, which is older",
            "build it for that library, or look in another --root",
        )


class Answer:
    """Of programs that are linked, and nothing beyond that."""

    def __init__(self, programs: Sequence[Program]) -> None:
        versions = Versions()
        self._programs = programs
        self.missing = tuple(dict.fromkeys(each for program in programs for each in program.missing))
        self.missing_versions = tuple(dict.fromkeys(each for program in programs for each in versions.missing(program)))

    @cached_property
    def facts(self) -> dict[str, "Any"]:
        """For a program to read."""
        return {
            "objects": list(objects(self._programs).values()),
            "missing": [missing_facts(each) for each in self.missing],
            "unmet": [each._asdict() for each in self.missing_versions],
        }

    @cached_property
    def text(self) -> str:
        """For a person."""
        return "\n".join(line for program in self._programs for line in program_lines(program))


def objects(programs: Sequence[Program]) -> dict[str, dict[str, "Any"]]:
    """What `--json` says of every object, by its path."""
    found: dict[str, dict[str, Any]] = {}
    seen: set[tuple[object, ...]] = set()
    for program in programs:
        for node in program.nodes:
            if node.path not in found:
                found[node.path] = {
                    "path": node.path,
                    "soname": node.elf.soname,
                    "kind": kind(node, program),
                    "needed_by": [],
                    "confidence": "certain",
                }
        for link in program.links:
            if link.to in found and link not in seen:
                seen.add(link)
                need = {"path": link.by, "name": link.name, "rule": link.rule, "found_by": link.found_by}
                found[link.to]["needed_by"].append(need)
    return found


def missing_facts(missing: Missing) -> dict[str, "Any"]:
    return {
        "soname": missing.name,
        "needed_by": missing.by,
        "rule": missing.rule,
        "searched": list(missing.searched),
        "fault": missing.fault,
    }


def kind(node: Node, program: Program) -> str:
    """The word for an object: program, static, library, loader."""
    if node.is_main:
        return "static" if node.elf.is_static else "program" if node.elf.is_program else "library"
    return "loader" if node.path == program.nodes[0].elf.interpreter else "library"


def program_lines(program: Program) -> Iterator[str]:
    """A program as a tree: what each object needs below it, the first time that it comes."""
    root = program.nodes[0]
    yield f"{shown(root.path)}  ({_about(program)})"
    needs: dict[str, list[tuple[str, str | None]]] = {}
    for link in program.links:
        needs.setdefault(link.by, []).append((link.name, link.to))
    for missing in program.missing:
        needs.setdefault(missing.by, []).append((missing.name, None))
    seen = {root.path}
    pending = [(1, name, to) for name, to in reversed(needs.get(root.path, []))]
    while pending:
        depth, name, to = pending.pop()
        end = "not found" if to is None else shown(to)
        yield "  " * depth + (shown(name) if name == to else f"{shown(name)} => {end}")
        if to is not None and to not in seen:
            seen.add(to)
            pending += [(depth + 1, *need) for need in reversed(needs.get(to, []))]
    for missing in program.missing:
        yield f"  missing: {lack(missing)}"


def lack(missing: Missing) -> str:
    """What is missing, for whom, and where it was looked for."""
    where = missing.fault or f"looked in {', '.join(map(shown, missing.searched)) or 'no folder at all'}"
    if missing.searched == (missing.name,):
        where = missing.fault or "there is no such file"
    return f"{shown(missing.name)}, needed by {shown(missing.by)}: {where}"


def _about(program: Program) -> str:
    root = program.nodes[0]
    found = architecture_of(root.elf)
    platform = "/".join(("linux", *filter(None, found))) if found else f"machine {root.elf.machine}"
    word = kind(root, program)
    if word != "program":
        return f"{platform}, {word}"
    loader = root.elf.interpreter or ""
    whose = ", the loader of Android" if loader.startswith(("/system/bin/linker", "/apex/")) else ""
    return f"{platform}, started by {shown(loader)}{whose}"


def _inside(file: str, root: str) -> str:
    """The path in the root of what a person names, as it stands there or as a path of this machine into it."""
    if root == "/":
        full = os.path.join(os.getcwd(), file)
        return full if ".." in file.split("/") else os.path.normpath(full)  # with .. a symlink may come before it
    top = os.path.realpath(root)
    if file.startswith("/") and not file.startswith(f"{top}/"):
        return file
    real = os.path.realpath(file)
    if not real.startswith(f"{top}/"):
        raise UsageError(f"{file} is not below {root}", "name it by its path inside the root")
    return real[len(top) :]


def _is_outside(file: str, root: str) -> bool:
    """Whether it is a file of this machine that is to be looked at with the libraries of another root."""
    if root == "/" or file.startswith("/"):
        return False
    return os.path.isfile(file) and not os.path.realpath(file).startswith(f"{os.path.realpath(root)}/")


def _beside(places: Iterable[str]) -> Root:
    """These files of this machine alone, as a root."""
    from fromscratch.host.machine.view import MachineView
    from fromscratch.linker.tree_root import TreeRoot
    from fromscratch.model.rootfs import Rootfs
    from fromscratch.paths import tree_path

    machine = MachineView()
    found = ((place, machine.get(place)) for place in map(tree_path, places))
    return TreeRoot(Rootfs({place: entry for place, entry in found if entry is not None}))


def _is_elf(linker: Linker, path: str, root: str) -> bool:
    """Raises UsageError for what is not there, is a damaged ELF file, or one that nothing loads."""
    found = linker.file(path)
    where = path if root == "/" else _on_the_machine(linker, path, root)
    if found is None or (found[1].elf is None and not os.path.isfile(where)):
        raise _absent(path, where)
    elf, fault = found[1].elf, found[1].fault
    if elf is None and fault.startswith(UNREADABLE):
        raise ImageError(f"{shown(path)}: {fault}", "run it as a user who may read that")
    if elf is None and fault == NOT_ELF:
        return False
    if elf is None or elf.type in UNLOADED or elf.os_abi or not elf.dynamic:
        from fromscratch.formats.elf.kinds import unloaded_kind  # few files need it

        with found[0].reading(path) as read:
            kind = unloaded_kind(read)
        if kind:
            raise UsageError(f"{shown(path)} is {kind}", "name a program or a shared library")
    if elf is None:
        raise UsageError(f"{shown(path)}: {fault}", "name a program or a shared library that is whole")
    return True


def _on_the_machine(linker: Linker, path: str, root: str) -> str:
    """Where a path of the root lies, or would lie; nothing if its folder leads nowhere inside the root."""
    loader_root, (folder, _, name) = linker.roots[0], path.rpartition("/")
    place, above = loader_root.place(path), loader_root.place(folder or "/")
    if place is None and above is None:
        return ""
    return os.path.realpath(root) + (place or f"{(above or '').rstrip('/')}/{name}")


def _absent(path: str, where: str) -> UsageError:
    """What is wrong with a path that leads to no regular file."""
    if os.path.isdir(where):
        return UsageError(f"{shown(path)} is a folder", "name the files in it")
    if os.path.exists(where):
        return UsageError(f"{shown(path)} is not a regular file", "name a program or a shared library")
    if os.path.islink(where):
        return UsageError(f"{shown(path)} is a symlink that leads to no file", "fix the link, or name another file")
    from fromscratch.nearest import nearest

    folder, _, name = where.rpartition("/")
    try:
        near = nearest(name, sorted(os.listdir(folder or "/"))) if where else []
    except OSError:
        near = []
    above = path.rpartition("/")[0]
    hint = f"did you mean {shown(f'{above}/{near[0]}')}?" if near else "see whether the path is right"
    return UsageError(f"there is no file {shown(path)}", hint)
