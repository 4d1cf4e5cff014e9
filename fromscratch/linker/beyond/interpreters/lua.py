"""Finder for Lua: what programs `require`, along the package.path and package.cpath of the interpreter.

Follows the reference manual of Lua 5.4, 6.3 ("Modules"): `package.searchers`. LuaJIT is Lua 5.1 in this.
"""

from collections.abc import Iterator, Sequence

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.linker.beyond.interpreters.loading import SMALL, Loading, first_file, is_folder, total
from fromscratch.linker.beyond.rodata import texts
from fromscratch.linker.beyond.scripts.shebang import programs_of
from fromscratch.paths import TreePath, decode

KIND = "lua"
_OBJECT = lazy_regex(r"(lib)?lua(jit)?[-\d.]*(\.so[\d.]*)?")
_READER, _OURS = lazy_regex(r"lua(jit)?[-\d.]*"), lazy_regex(r"\.lua$")
_TEMPLATES = lazy_regex(rb"(?<=\0)([!-~]{0,2000}/\?\.(?:lua|so)[!-~]{0,2000})(?=\0)")
_COMMENT = lazy_regex(r"--\[\[.*?\]\]|--[^\n]*")
_REQUIRE = lazy_regex(r"""\brequire\s*\(?\s*(?:"([^"\n]{1,200})"|'([^'\n]{1,200})'|\[\[([^\]\n]{1,200})\]\])""")
_FILE = lazy_regex(r"""\b(?:dofile|loadfile)\s*\(?\s*["']([^"'\n]{1,200})["']""")
_COMPUTED = lazy_regex(r"\brequire\s*\(\s*[A-Za-z_][\w.]*\s*[,.)]")
_BUILT_IN = lazy_regex(
    r"_G|coroutine|debug|ffi|io|jit(\.\w+)?|math|os|package|string(\.buffer)?|table(\.clear|\.new)?|utf8|bit(32)?"
)


def find(scene: Scene) -> Iterator[Finding]:
    """What the Lua programs of the image require; where there is an interpreter and no program, the modules of its
    path: taken if they are small, offered if not."""
    done: set[tuple[str, ...]] = set()
    for place in scene.objects:
        templates = _templates(scene, place)
        if not templates or templates in done:
            continue
        done.add(templates)
        requiring = _Requiring(scene, place, templates)
        programs = list(programs_of(scene, _READER, _OURS))
        if programs:
            requiring.run(programs)
        elif _READER.fullmatch(paths.name(place)) or any(_READER.fullmatch(paths.name(each)) for each in scene.objects):
            requiring.whole()
        yield from requiring.loading.findings()


def _templates(scene: Scene, place: TreePath) -> tuple[str, ...]:
    """package.path and then package.cpath, a template an item."""
    if not _OBJECT.fullmatch(paths.name(place)):
        return ()
    found = [each for text in texts(scene, place, _TEMPLATES) for each in text.split(";") if "?" in each]
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.endswith(".so")))


class _Requiring:
    def __init__(self, scene: Scene, interpreter: TreePath, templates: Sequence[str]) -> None:
        self.loading = Loading(scene, interpreter, KIND)
        self._scene, self._templates = scene, templates

    def run(self, programs: Sequence[TreePath]) -> None:
        for program in programs:
            self._follow(program, program, own=True)

    def whole(self) -> None:
        by = self.loading.interpreter
        folders = dict.fromkeys(each.partition("/?")[0] for each in self._templates if each.startswith("/"))
        there = [folder for folder in folders if is_folder(self._scene, folder)]
        small = sum(total(self._scene, folder) for folder in there) <= SMALL
        for folder in there:
            if small:
                self.loading.need_folder(folder, by, "package.path")
            else:
                self.loading.offer(folder, f"where {by} looks for modules", "likely")

    def _follow(self, file: str, program: str, *, own: bool) -> None:
        text = _COMMENT.sub("", decode(self._scene.read(file) or b""))
        folder = program.rpartition("/")[0]
        for match in _REQUIRE.finditer(text):
            name = next(filter(None, match.groups()))
            found = self._module(name, folder)
            if found and self.loading.need(found, file, f"require {name}") and not found.endswith(".so"):
                self._follow(found, program, own=False)
            elif not found and own and not _BUILT_IN.fullmatch(name):
                self.loading.warn(f"{file} requires {name}, which is not in {';'.join(self._templates)}")
        for path in _FILE.findall(text):
            if self.loading.need(path if path.startswith("/") else f"{folder}/{path}", file, f"dofile {path}"):
                self._follow(path if path.startswith("/") else f"{folder}/{path}", program, own=False)
        if own and _COMPUTED.search(text):
            self.loading.warn(f"{file} requires modules by names that it computes, which are not looked for")

    def _module(self, name: str, folder: str) -> str | None:
        """The file that `require` finds; a template that begins with ./ counts from the folder of the program."""
        inner, outer = name.replace(".", "/"), name.partition(".")[0]
        stem = name.partition("-")[2].replace(".", "/") if "-" in name else ""
        names = dict.fromkeys(filter(None, (inner, stem)))
        own = (f"{folder}/{each}{end}" for each in names for end in (".lua", "/init.lua", ".so"))
        spelled = (each.replace("?", one) for one in names for each in self._templates if each.startswith("/"))
        whole = (each.replace("?", outer) for each in self._templates if each.endswith(".so"))
        return first_file(self._scene, own) or first_file(self._scene, spelled) or first_file(self._scene, whole)
