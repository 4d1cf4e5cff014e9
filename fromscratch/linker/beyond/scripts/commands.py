"""Finder of what shell scripts call: absolute commands, the files that they source, and those that they hand on."""

from collections.abc import Iterator, Sequence

from fromscratch.advice import Setting
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Confidence, FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.scripts.calls import Call, Calls, Files, calls
from fromscratch.linker.beyond.scripts.shebang import PATH, lookup
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

KIND = "commands"
_LARGE = 1 << 20
"""Bytes of a file from which on it is offered only, where a script can do without."""
_READERS = lazy_regex(
    r"(python|perl|ruby|tclsh|wish|lua|guile|php|racket|gawk|mawk|node|nodejs|mono|dotnet|java)[0-9.]*(-[a-z0-9.]+)?"
    r"|(ba|da|k|mk|a)?sh|Rscript|escript|sed|awk|ocamlrun|wine"
)
"""Programs whose arguments name files that are programs too."""
_OF_THE_MACHINE = lazy_regex(r"/(dev|proc|sys|run|tmp|var|home|root|boot|mnt|media)(/.*)?")
_CONFIGURATION = lazy_regex(r"/etc(/.*)?")


def find(scene: Scene, place: TreePath, *, path: Sequence[str] = PATH, select: bool = False) -> Iterator[Finding]:
    """What the shell script at a place calls.

    A command by its path is taken, but for a large one that the script looks for first. Plain names along `path` are
    offered; with `select` both are taken.
    """
    raw = scene.read(place)
    if raw is None or place in scene.speculative:
        return
    found = calls(raw, place, _files(scene))
    offered: dict[TreePath, Call] = {}
    selected: set[TreePath] = set()
    for call in found.calls:
        end = _end(scene, place, call)
        if end is None:
            if call.replaces and call.certain and not call.tested and call.role == "command" and call.word[0] == "/":
                yield FinderWarning(f"{place} ends in {call.word}, which is not here", KIND)
        elif _is_taken(scene, call, end, select=select):
            selected.add(end)
            yield _needed(place, call, call.word)
        elif call.role == "command":
            offered.setdefault(end, call)
    yield from _plain(scene, place, found, path, offered, selected, select=select)
    for folder in found.folders:
        if folder not in path and (names := views.names(scene.view, folder)):
            size = sum(scene.size(f"{folder}/{name}") for name in names)
            counted = "1 file" if len(names) == 1 else f"{len(names)} files"
            what = f"{folder} ({counted}), which {place} puts into PATH"
            yield Offer(what, Setting("plugins", folder), KIND, size, "likely")


def _files(scene: Scene) -> Files:
    return Files(
        read=scene.read,
        resolve=lambda path: views.place(scene.view, path) or path,
        matching=lambda pattern: list(views.glob(scene.view, pattern)),
    )


def _end(scene: Scene, script: TreePath, call: Call) -> TreePath | None:
    """The place of the file that an absolute path of a script leads to; None for any other word."""
    if not call.word.startswith("/") or "\0" in call.word:
        return None
    end = views.place(scene.view, call.word)
    entry = scene.view.get(end) if end is not None else None
    if end == script or not isinstance(entry, File):
        return None
    return end if call.role != "command" or entry.meta.mode & 0o111 else None


def _is_taken(scene: Scene, call: Call, end: TreePath, *, select: bool) -> bool:
    """Whether a file is taken without a word, by its size and by how it is used."""
    if _OF_THE_MACHINE.fullmatch(call.word) or _OF_THE_MACHINE.fullmatch(end):
        return False
    if call.role == "command":
        return select or not call.tested or scene.size(end) <= _LARGE
    if _CONFIGURATION.fullmatch(call.word) and (call.tested or not call.certain):
        return False  # a setting of this machine, which the script can do without
    if call.role == "source":
        return True
    entry = scene.view.get(end)
    readable = isinstance(entry, File) and bool(entry.meta.mode & 0o004)
    return readable and (call.replaces or _READERS.fullmatch(call.by) is not None)


def _needed(script: TreePath, call: Call, path: str) -> NeededFile:
    words = {"command": "command", "source": "reads", "argument": f"{call.by} of"}
    is_sure = call.certain and not call.tested and call.role == "command" and call.word.startswith("/")
    confidence: Confidence = "certain" if is_sure else "likely"
    return NeededFile(path, script, f"{script} ({words[call.role]} {call.word})", KIND, confidence, optional=True)


def _plain(
    scene: Scene,
    script: TreePath,
    found: Calls,
    path: Sequence[str],
    offered: dict[TreePath, Call],
    selected: set[TreePath],
    *,
    select: bool,
) -> Iterator[Finding]:
    """The programs that a script calls by plain names, and those of `offered`, which are not taken either."""
    searched = [*found.folders, *path]
    spelled = {end: call.word for end, call in offered.items()}
    for call in found.calls:
        if call.role != "command" or "/" in call.word:
            continue
        program = lookup(scene, call.word, searched)
        end = None if program.searched else views.place(scene.view, program.path)
        if end is None or end in spelled or end in selected:
            continue
        if select or any(program.path == f"{folder}/{call.word}" for folder in found.folders):
            yield _needed(script, call, program.path)
        elif not (end in scene.files or end in scene.objects):
            spelled[end], offered[end] = program.path, call
    if offered:
        sizes = sum(scene.size(each) for each in spelled)
        names = " ".join(sorted(each.rpartition("/")[2] for each in spelled.values()))
        likely = any(call.certain and not call.tested for call in offered.values())
        what = f"commands that {script} seems to call: {names}"
        yield Offer(what, Setting("commands", "true"), KIND, sizes, "likely" if likely else "possible")
