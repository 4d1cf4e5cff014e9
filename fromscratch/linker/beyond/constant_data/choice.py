"""Which files at a path that an object names are taken: by whose packages they are, their kind and their size."""

from collections.abc import Iterable, Iterator

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.constant_data import names
from fromscratch.linker.beyond.constant_data.kinds import start_of
from fromscratch.linker.beyond.constant_data.modules import additions, fitting
from fromscratch.linker.beyond.constant_data.names import Name
from fromscratch.linker.beyond.constant_data.parts import Member, Parts
from fromscratch.linker.beyond.contract import Scene
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath, decode

_WORD = lazy_regex(r"(?<![\w/.-])\w[\w.-]*")
_LARGE = 1 << 20  # more than this is not taken unless it is the program's own
_MODULES = 6 << 20
_MODULE = 64 << 20
_OF_A_LIBRARY = 32 << 20
_OF_A_LIBRARY_BELOW = 1 << 19
_MOST = 192 << 20
_HELPER = 3 << 19


class Choice:
    """Remembers what modules add to the image as it was when they were first looked at: else what is taken would change
    what is taken next."""

    def __init__(self) -> None:
        self._additions: dict[TreePath, dict[TreePath, int] | None] = {}

    def chosen(self, scene: Scene, name: Name, found: Parts) -> set[Member]:
        """With the configuration that the chosen configuration names: /etc/pam.d/sudo includes common-auth."""
        chosen = self._by_packages(scene, name, found)
        pending = [each for each in chosen if each.kind == "configuration"]
        beside = {each.path: each for each in (*found.own, *found.others) if each.kind == "configuration"}
        while pending:
            member = pending.pop()
            folder = member.path.rpartition("/")[0]
            for word in _WORD.findall((scene.read(member.place) or b"").decode("utf-8", "replace")):
                other = beside.get(f"{folder}/{word}")
                if other is not None and other not in chosen and not other.private:
                    chosen.add(other)
                    pending.append(other)
        return chosen

    def _by_packages(self, scene: Scene, name: Name, found: Parts) -> set[Member]:
        return {
            *self._own(scene, name, found.own, _MOST),
            *self._own(scene, name, found.needed, _OF_A_LIBRARY),
            *self._kin(scene, name, found.kin),
            *_companions(name, found),
        }

    def _own(self, scene: Scene, name: Name, members: tuple[Member, ...], most: int) -> Iterator[Member]:
        """Those of the program's own files that are taken: of a library deep below it what is small and no code."""
        public = [each for each in members if not each.private]
        if name.depth > 1:
            plain = [each for each in public if each.kind in ("data", "configuration")]
            yield from plain if total(plain) <= _OF_A_LIBRARY_BELOW else ()
            return
        helpers = [each for each in public if each.kind == "helper" and starts(scene, each.place)]
        if total(helpers) > _LARGE:
            helpers = list(_called(scene, name, helpers))
        others = [each for each in public if each.kind != "helper"]
        if total(others) <= most:
            yield from (each for each in others if each.kind != "module" or self._loads(scene, each.place))
        yield from helpers

    def _kin(self, scene: Scene, name: Name, members: tuple[Member, ...]) -> Iterator[Member]:
        """Those of related packages that are taken: what is small with the libraries that it needs."""
        if name.depth > 1:
            return
        public = [each for each in members if not each.private]
        plain = [each for each in public if each.kind in ("data", "configuration")]
        yield from plain if total(plain) <= _LARGE else ()
        helpers = [each for each in public if each.kind == "helper" and each.path == name.path]
        loadable = [each for each in (*helpers, *public) if each.kind == "module" or each in helpers]
        chosen = set(fitting({each.place: self._additions_of(scene, each.place) for each in loadable}, _MODULES))
        yield from (each for each in loadable if each.place in chosen)

    def _additions_of(self, scene: Scene, place: TreePath) -> dict[TreePath, int] | None:
        if place not in self._additions:
            self._additions[place] = additions(scene, place)
        return self._additions[place]

    def _loads(self, scene: Scene, place: TreePath) -> bool:
        """Whether a module of the program's own would not bring more libraries than all else."""
        found = self._additions_of(scene, place)
        return found is not None and sum(found.values()) <= _MODULE


def _companions(name: Name, found: Parts) -> Iterator[Member]:
    """The files of related packages that lie beside a file of the program's own and have its name: sources of what is
    compiled, which Emacs looks for at each start."""
    if name.depth == 0:
        stems = {_stem(each.path) for each in found.own}
        beside = [each for each in found.kin if each.kind == "data" and not each.private and _stem(each.path) in stems]
        yield from beside if total(beside) <= _OF_A_LIBRARY else ()


def _stem(path: str) -> str:
    folder, _, last = path.rpartition("/")
    return f"{folder}/{last.partition('.')[0]}"


def starts(scene: Scene, place: TreePath) -> bool:
    """Whether a program is not a script, or one whose interpreter the image has anyway."""
    entry = views.look(scene.view, place)
    if not isinstance(entry, File) or not start_of(entry).startswith(b"#!"):
        return True
    first = (scene.read(place) or b"").partition(b"\n")[0]
    words = decode(first).removeprefix("#!").split()
    return not words or views.place(scene.view, words[0]) in scene.objects


def _called(scene: Scene, name: Name, helpers: list[Member]) -> Iterator[Member]:
    """Those of many helper programs whose names an object has: large ones only if it has command lines of them."""
    by_name = {paths.name(TreePath(each.path)): each for each in helpers}
    begun = by_name.keys() & names.commands(scene, name.by)
    for text in sorted(begun | (by_name.keys() & names.words(scene, name.by))):
        place = by_name[text].place
        if by_name[text].size <= _HELPER or text in begun or place in scene.objects or place in scene.files:
            yield by_name[text]
    yield from (each for each in helpers if each.path == name.path)


def total(members: Iterable[Member]) -> int:
    return sum({each.place: each.size for each in members}.values())
