"""What the programs of one interpreter load, each file once, in the order in which it was found."""

import re
from collections.abc import Iterable, Iterator
from posixpath import normpath

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.formats.elf.headers import MAGIC
from fromscratch.linker.beyond.constant_data.kinds import start_of
from fromscratch.linker.beyond.contract import Confidence, FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.linker.beyond.rodata import texts
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File
from fromscratch.paths import TreePath

SMALL = 2 << 20
"""A folder up to this size is not worth a question: it is taken whole."""


class Loading:
    """What one interpreter, or the library that has it, needs. `kind` is the language, as findings have it."""

    def __init__(self, scene: Scene, interpreter: TreePath, kind: str) -> None:
        self.scene, self.interpreter, self.kind = scene, interpreter, kind
        self._needed: dict[str, NeededFile] = {}
        self._others: dict[Finding, None] = {}

    def need(self, path: str, by: str, detail: str, confidence: Confidence = "declared") -> bool:
        """Take a file, a shared object with what it is linked with; False if it is taken already or not there."""
        path = normpath(path)
        if path in self._needed or not is_file(self.scene, path):
            return False
        library = ".so" in paths.name(TreePath(path)) and _is_object(self.scene, path)
        place = self.interpreter
        if not library and by != place:
            place = views.place(self.scene.view, by) or place
        self._needed[path] = NeededFile(
            path, place, f"{by} ({detail})", self.kind, confidence, library=library, optional=True
        )
        return True

    def need_folder(self, folder: str, by: str, detail: str, *, spared: str = "") -> list[str]:
        """Take the files of a folder and below, but for names that match `spared`; returns those that are new."""
        return [path for path in files(self.scene, folder, spared) if self.need(path, by, detail)]

    def need_empty(self, folder: str, by: str, detail: str) -> None:
        """Take a folder without what is in it."""
        if is_folder(self.scene, folder):
            place = views.place(self.scene.view, by) or self.interpreter
            self._needed[folder] = NeededFile(folder, place, f"{by} ({detail})", self.kind, "declared", optional=True)

    def offer(self, folder: str, what: str, confidence: Confidence = "possible", *, spared: str = "") -> None:
        """Offer a folder, or a file."""
        size = total(self.scene, folder, spared)
        if size:
            setting = Setting("plugins", folder)
            self._others[Offer(f"{folder}, {what}", setting, self.kind, size, confidence)] = None

    def warn(self, text: str) -> None:
        self._others[FinderWarning(text, self.kind)] = None

    def findings(self) -> Iterator[Finding]:
        yield from self._needed.values()
        yield from self._others


def is_file(scene: Scene, path: str) -> bool:
    return isinstance(views.look(scene.view, path), File)


def is_folder(scene: Scene, path: str) -> bool:
    return isinstance(views.look(scene.view, path), Directory)


def files(scene: Scene, path: str, spared: str = "") -> Iterator[str]:
    """A file, or all files of a folder and below, but for those whose name or folder's name matches `spared`."""
    if is_file(scene, path):
        yield path
        return
    left_out = re.compile(spared or r"(?!)")
    yield from below(scene, path, without=lambda name: left_out.fullmatch(name) is not None)


def total(scene: Scene, folder: str, spared: str = "") -> int:
    """The bytes of all files of a folder that the image does not have yet."""
    return sum(scene.size(path) for path in files(scene, folder, spared) if not scene.has(path))


def folders_in_data(scene: Scene, place: TreePath, pattern: re.Pattern[bytes]) -> tuple[str, ...]:
    """The folders that the constant data of an object names by this pattern of bytes, as far as they are there."""
    return tuple(each for each in texts(scene, place, pattern) if is_folder(scene, each))


def first_file(scene: Scene, candidates: Iterable[str]) -> str | None:
    return next((path for path in candidates if is_file(scene, path)), None)


def _is_object(scene: Scene, path: str) -> bool:
    entry = views.look(scene.view, path)
    return isinstance(entry, File) and start_of(entry) == MAGIC
