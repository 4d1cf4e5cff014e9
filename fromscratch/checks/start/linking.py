"""Whether the loader inside the image finds everything that a program is linked with, in the versions that it needs."""

from collections.abc import Iterator, Sequence

from fromscratch.checks.start import suggestions
from fromscratch.checks.start.container import EXECUTE, READ, Container
from fromscratch.checks.start.execution import Program
from fromscratch.checks.start.finding import Finding
from fromscratch.errors import FormatError
from fromscratch.formats.elf.platform import same_abi
from fromscratch.linker.closure import Linker, Missing
from fromscratch.linker.search import Node
from fromscratch.linker.symbol_versions import Versions
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.paths import decode, name, shown

_PRELOAD = "/etc/ld.so.preload"
_MAX_PRELOAD = 1 << 16
_SHOWN = 8
_COMPATIBLE = ("musl", "gcompat")  # what stands under the name of GLIBC's loader in a root of musl


class Linking:
    """The loader's view of the programs of one container. `objects` are those that they load, each once."""

    def __init__(self, container: Container) -> None:
        self._container, self._versions = container, Versions()
        env = container.config.env
        library_path = [
            each.rstrip("/") or "/" for each in env.get("LD_LIBRARY_PATH", "").replace(";", ":").split(":") if each
        ]
        preload = [*_words(_preload_file(container)), *_words(env.get("LD_PRELOAD", ""))]
        roots = [container.root]
        self._linker = Linker(roots, library_path=library_path, preload=preload, cache_only=True)
        self._wider = (
            Linker(roots, library_path=[*library_path, *container.library_path], preload=preload, cache_only=True)
            if container.library_path
            else self._linker
        )
        self._done: set[object] = set()
        self._paths_by_name: dict[str, list[str]] | None = None  # the paths of each name, once something is missing
        self.objects: dict[object, Node] = {}
        self.programs: list[Node] = []

    def check(self, program: Program, *, as_requested: bool = False) -> Iterator[Finding]:
        """What is wrong with one program; nothing for one that was looked at already.

        `as_requested` is for what is not the image's command: who starts it may set the folders of its item.
        """
        file = self._container.root.file(program.path)
        if file is None or file.identity in self._done:
            return
        self._done.add(file.identity)
        linked = (self._wider if as_requested else self._linker).program(program.path)
        if not as_requested:
            self.programs.append(linked.nodes[0])
            self.objects.update((node.identity, node) for node in linked.nodes)
        loader = [each for each in linked.missing if each.rule == "PT_INTERP"]
        yield from self._missing(program, loader or linked.missing, as_requested=as_requested)
        if loader:
            return
        if linked.nodes[0].elf.is_static:
            return
        yield from self._unreadable(program, linked.nodes)
        if linked.loader.kind == "musl":
            return
        try:
            lines = [
                f"{shown(each.by)} needs {each.version} of {shown(each.library)}, which is older"
                for each in self._versions.missing(linked)
            ]
        except FormatError as error:
            yield Finding(program.level, program.says(error.message), error.hint)
            return
        if lines:
            yield Finding(program.level, program.says(_joined(lines)), _OLDER)

    def _missing(self, program: Program, missing: Sequence[Missing], *, as_requested: bool) -> Iterator[Finding]:
        lacking: dict[str, list[Missing]] = {}
        for each in missing:
            if each.rule == "PT_INTERP":
                yield Finding(program.level, program.says(self._no_loader(each)), self._loader_hint(each.name))
            elif each.rule == "LD_PRELOAD":
                text = f"{shown(each.name)}, which is to be preloaded, is not found: the loader starts without it"
                yield Finding("note", program.says(text), "bring it, or leave it out")
            elif not self._is_compatible(program):
                lacking.setdefault(each.name, []).append(each)
        allowed = {name for name in lacking if self._container.may_lack(name)}
        if allowed and not as_requested:
            text = (
                f"the recipe allows that {', '.join(map(shown, sorted(allowed)))} is missing: without, it cannot start"
            )
            yield Finding("note", program.says(text), "mount it when the container is started, or bring it")
        rest = {name: each for name, each in lacking.items() if name not in allowed}
        if rest:
            found = {name: "" if each[0].fault else self._elsewhere(name) for name, each in rest.items()}
            lines = [_lack(each, found[name]) for name, each in rest.items()]
            first = next(iter(rest))
            hint = _OTHER_FILE if rest[first][0].fault else self._hint(first, found[first])
            yield Finding(program.level, program.says(_joined(lines)), hint)

    def _is_compatible(self, program: Program) -> bool:
        """Whether the program's loader is musl's in truth, which answers for GLIBC's libraries itself."""
        file = self._container.root.file(program.path)
        loader = file.elf.interpreter if file and file.elf else None
        return (
            loader is not None
            and "musl" not in loader
            and any(word in _last(self._container.inode_path(loader)) for word in _COMPATIBLE)
        )

    def _no_loader(self, missing: Missing) -> str:
        what = missing.fault or self._absence(missing.name)
        return f"{shown(missing.by)} needs the loader {shown(missing.name)}: {what}"

    def _absence(self, path: str) -> str:
        absence = self._container.absence(path)
        return absence.text if absence else f"{shown(path)} is not a file"

    def _loader_hint(self, path: str) -> str:
        absence = self._container.absence(path)
        rule = self._container.rule_that_removed(absence.place) if absence else ""
        if rule and absence:
            return suggestions.removed_by(rule, absence.place)
        other = self._other_libc(path)
        if other:
            return f"the image has {other}: bring a program that was built for it, or take both from one root"
        return "add the C library that the program was built for, or link it statically"

    def _other_libc(self, path: str) -> str:
        """The loader that the image has instead."""
        names = [
            f"{folder}/{each}"
            for folder in ("/lib", "/lib64", "/usr/lib")
            for each in sorted(self._container.root.names(folder))
            if each.startswith(("ld-musl-", "ld-linux", "ld64.so", "ld.so."))
        ]
        others = [each for each in names if ("musl" in each) != ("musl" in path) and self._container.root.file(each)]
        return f"{others[0]}, of {'musl' if 'musl' in others[0] else 'GLIBC'}" if others else ""

    def _elsewhere(self, soname: str) -> str:
        """A file of this name in the image; empty if it has none."""
        if "/" in soname:
            return ""
        if self._paths_by_name is None:
            self._paths_by_name = {}
            for path in self._container.tree:
                self._paths_by_name.setdefault(name(path), []).append(path)
        return next((path for path in self._paths_by_name.get(soname, ()) if self._container.root.file(path)), "")

    def _hint(self, soname: str, found: str) -> str:
        if found:
            folder = found.rpartition("/")[0] or "/"
            return f"set LD_LIBRARY_PATH: {shown(folder)} under image: env:, or put it where the loader looks"
        for path, rule in self._container.removed.items():
            if name(path) == _last(soname):
                several = any(each != path and each.startswith(path) for each in self._container.removed)
                return suggestions.removed_by(rule, f"{path}*" if several else path)  # libz.so.1 and libz.so.1.3
        return "add the package or file that has it under rootfs:"

    def _unreadable(self, program: Program, nodes: Sequence[Node]) -> Iterator[Finding]:
        """The libraries that the process may not read, and a loader that it may not execute."""
        for node in nodes[1:]:
            is_loader = node.path == nodes[0].elf.interpreter
            refusal = self._container.refusal(node.path, EXECUTE if is_loader else READ)
            if refusal:
                hint = "give it the mode 0755 where it comes from (modes:)"
                yield Finding(program.level, program.says(f"{refusal}, which {shown(nodes[0].path)} needs"), hint)
            if is_loader and not same_abi(nodes[0].elf, node.elf):
                text = f"{shown(node.path)}, the loader of {shown(nodes[0].path)}, is for another architecture"
                yield Finding(program.level, program.says(text), "take both from one root")


_OTHER_FILE = "bring the library for this program in its place"
_OLDER = "take the program and its libraries from one root, or build it for the older library"


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _lack(missing: Sequence[Missing], found: str) -> str:
    """A line for one library, and what needs it; `found` is a file of its name elsewhere in the image, or empty."""
    several = list(dict.fromkeys(shown(each.by) for each in missing))
    more = f" and {len(several) - 2} more" if len(several) > 2 else ""
    by = f"{shown(missing[0].name)}, needed by {', '.join(several[:2])}{more}"
    if found:
        return f"{by}, is in the image ({shown(found)}), but its loader would not find it"
    if missing[0].fault:
        return f"{by}: {shown(missing[0].fault)}"
    return f"{by}, is not in the image"


def _joined(lines: list[str]) -> str:
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n  ".join([*lines[:_SHOWN], *more])


def _preload_file(container: Container) -> str:
    entry = container.entry(_PRELOAD)
    return decode(read(entry.content)) if isinstance(entry, File) and entry.content.size <= _MAX_PRELOAD else ""


def _words(text: str) -> list[str]:
    """The objects that a list for preloading names: separated by blanks or colons, ld.so(8)."""
    return text.replace(":", " ").split()
