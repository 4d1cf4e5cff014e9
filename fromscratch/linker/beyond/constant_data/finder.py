"""Finder of the modules, data, configuration and helper programs that objects name in their constant data.

What is taken is what packages show to be the program's own; what only might be is offered.
"""

from collections.abc import Iterable, Iterator

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.constant_data import kinds, names
from fromscratch.linker.beyond.constant_data.choice import Choice, starts, total
from fromscratch.linker.beyond.constant_data.names import Name
from fromscratch.linker.beyond.constant_data.parts import Member, Parts, by_name, parts
from fromscratch.linker.beyond.contract import Confidence, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.glibc import library as glibc
from fromscratch.linker.beyond.package_database.database import Packages
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

KIND = "data"

# Interpreters, and libraries with configuration of their own, which other finders look into.
_OF_OTHER_FINDERS = lazy_regex(
    r"(lib)?(python|perl|ruby|node)[0-9.-].*|(python|perl|ruby|node)|java|lib(jvm|crypto|ssl|p11-kit|systemd|nss).*"
)
_HEADERS = "/usr/include"
_STARTERS = ("execvp", "execvpe", "execlp", "execv", "execve", "posix_spawn", "posix_spawnp", "popen", "system")


def _order(name: Name) -> tuple[bool, int, int]:
    """What is named outright first, and nearest to a program, and a folder before what lies in it."""
    return name.guess, name.depth, len(name.path)


class DataFinder:
    """One for each gathering: what it reads of objects and packages it keeps from one call to the next."""

    def __init__(self) -> None:
        self._names: dict[tuple[TreePath, int], tuple[Name, ...]] = {}
        self._parts: dict[tuple[str, str | None], Parts] = {}
        self._choice = Choice()
        self._followed: dict[TreePath, int] = {}  # found here and looked into as well, each with its distance

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each path is judged once, for the object nearest to a program that names it."""
        depths = self._depths(scene)
        if not depths:
            return
        packages = Packages.of(scene)
        naming = {place: self._paths_of(scene, place, depth) for place, depth in depths.items()}
        owners = packages.owners([place for place in depths if naming[place] or depths[place] == 0])
        programs = {owners[place]: None for place, depth in depths.items() if depth == 0 and place in owners}
        for by in scene.importing(*_STARTERS):
            if depths.get(by) == 0 and by in owners:
                yield from self._commands(scene, packages, by, owners[by])
        seen: set[TreePath] = set()
        every = sorted((name for found in naming.values() for name in found), key=_order)
        for name in every:
            place = views.place(scene.view, name.path)
            if place is not None and place not in scene.requested and not _is_judged(place, seen):
                seen.add(place)
                found = self._found(scene, packages, name, owners.get(name.by), tuple(programs))
                yield from self._judged(scene, name, found)

    def _depths(self, scene: Scene) -> dict[TreePath, int]:
        """How many steps of DT_NEEDED each object is away from a program, without those that are guesses themselves."""
        guesses = scene.speculative - self._followed.keys()
        known = {place: elf for place, elf in scene.objects.items() if place not in guesses}
        by_soname = {elf.soname or paths.name(place): place for place, elf in scene.objects.items()}
        depths = {place: 0 for place, elf in known.items() if elf.interpreter and not elf.soname}
        depths.update({place: depth for place, depth in self._followed.items() if place in known})
        depths.update(dict.fromkeys((place for place in scene.requested if place in known), 0))
        pending = sorted(depths, key=depths.__getitem__)
        for place in pending:  # which grows: the nearest first
            for soname in scene.objects[place].needed:
                needed = by_soname.get(soname)
                if needed is not None and needed not in depths:
                    depths[needed] = depths[place] + 1
                    pending.append(needed)
        return {place: depth for place, depth in depths.items() if self._is_looked_into(scene, place)}

    def _is_looked_into(self, scene: Scene, place: TreePath) -> bool:
        soname = scene.objects[place].soname
        other = glibc.is_part(soname) or _OF_OTHER_FINDERS.fullmatch(paths.name(place))
        return not other and bool(scene.imports(place))  # an object that calls nothing opens nothing

    def _paths_of(self, scene: Scene, place: TreePath, depth: int) -> tuple[Name, ...]:
        key = place, min(depth, 2)
        if key not in self._names:
            whole = names.literal_paths(scene, place)
            telling = [_configuration(path) for path in whole if not kinds.shows_nothing(path)]
            wide = dict.fromkeys([*telling, *_shared(scene, telling)])
            found = [Name(path, place, depth) for path in wide]
            if depth < 2 and whole:  # what names no path at all puts none together either
                folders = [path for path in whole if kinds.shows_nothing(path) and not _is_file(scene, path)]
                more = dict.fromkeys(names.composed(scene, place, folders))
                found += [Name(path, place, depth, guess=True) for path in more if not kinds.shows_nothing(path)]
            if depth == 0:
                more = dict.fromkeys(names.twins(scene, [*wide]))
                found += [Name(path, place, depth, guess=True) for path in more if not kinds.shows_nothing(path)]
            self._names[key] = tuple(found)
        return self._names[key]

    def _found(
        self, scene: Scene, packages: Packages, name: Name, owner: str | None, programs: tuple[str, ...]
    ) -> Parts:
        """What lies there, by its packages."""
        key = name.path, owner
        if key in self._parts:
            return self._parts[key]
        place = views.place(scene.view, name.path)
        assert place is not None  # noqa: S101  named paths exist
        if owner is None:
            found = by_name(scene, name.path, place, [name.by, *scene.requested])
        else:
            related = [packages.related(one) for one in dict.fromkeys((owner, *programs))]
            own = dict.fromkeys((owner, *(each for one in programs for each in packages.related(one).needed)))
            needed = [each for each in related[0].needed if each not in own]
            kin = dict.fromkeys(each for one in related for each in one.siblings)
            if not name.guess:
                kin.update(dict.fromkeys(each for one in related for each in one.recommended))
            # A package with commands is a program of its own, whose files need not belong to a library beside it.
            near = [
                each
                for each in kin
                if each not in own and each not in needed and (name.depth == 0 or not packages.programs(each))
            ]
            found = parts(scene, packages, name.path, own, needed, near)
        self._parts[key] = found
        return found

    def _commands(self, scene: Scene, packages: Packages, by: TreePath, owner: str) -> Iterator[NeededFile]:
        """The commands of needed packages that a program calls by name: gcc needs binutils, and calls `as`."""
        owned = {
            paths.name(TreePath(path)): path
            for one in packages.related(owner).needed[1:]
            for path in packages.programs(one)
        }
        if not owned:
            return
        for name in sorted(owned.keys() & (names.words(scene, by) | names.commands(scene, by))):
            place = views.place(scene.view, owned[name])
            if place is not None and starts(scene, place) and not _OF_OTHER_FINDERS.fullmatch(paths.name(place)):
                self._followed.setdefault(place, 0)
                detail = f"{by} (calls {name}, of a package that it needs)"
                yield NeededFile(owned[name], by, detail, KIND, "likely", optional=True)

    def _judged(self, scene: Scene, name: Name, found: Parts) -> Iterator[Finding]:
        selected = self._choice.chosen(scene, name, found)
        every = (*found.own, *found.needed, *found.kin, *found.others)
        for member in (each for each in every if each in selected):
            if member.kind == "helper":
                self._followed.setdefault(member.place, name.depth)
            elif member.kind == "module" and member not in found.kin:
                self._followed.setdefault(member.place, name.depth and name.depth + 1)  # a program's are part of it
            detail = f"{name.by} (names {name.path} in its data)"
            yield NeededFile(member.path, name.by, detail, KIND, "likely", optional=True)
        own = [each for each in (*found.own, *found.needed) if each not in selected]
        if name.depth < 2:
            kin = [each for each in found.kin if each not in selected]
            yield from _offered(scene, name, [*own, *kin], "likely")
        else:
            yield from _offered(scene, name, own, "possible")
        # Of a module that is looked into, what others have is too far from the program.
        is_near = name.by in scene.requested or scene.objects[name.by].interpreter or own or selected
        if not name.guess and name.path != _HEADERS and name.depth < 2 and is_near:
            others = [each for each in found.others if each not in selected]
            yield from _offered(scene, name, others, "possible")


def _configuration(path: str) -> str:
    """The folder of a program below /etc for what lies in that: configuration names more of itself."""
    steps = path.split("/", 3)
    folder = "/".join(steps[:3])
    return folder if path.startswith("/etc/") and len(steps) > 3 and not kinds.shows_nothing(folder) else path


def _shared(scene: Scene, telling: list[str]) -> Iterator[str]:
    """The folders that hold two or more of those that an object names: it may find more there by relative paths."""
    above: dict[str, set[str]] = {}
    for path in telling:
        below, folder = path, path.rpartition("/")[0]
        while not kinds.shows_nothing(folder) and not _is_file(scene, path):
            above.setdefault(folder, set()).add(below)
            below, folder = folder, folder.rpartition("/")[0]
    yield from (folder for folder, names_below in above.items() if len(names_below) > 1)


def _is_judged(place: TreePath, seen: set[TreePath]) -> bool:
    """Whether it is one of these, or lies in a folder that is."""
    while place != paths.ROOT:
        if place in seen:
            return True
        place = paths.parent(place)
    return False


def _offered(scene: Scene, name: Name, members: Iterable[Member], confidence: Confidence) -> Iterator[Offer]:
    left = [each for each in members if each.place not in scene.files and each.place not in scene.objects]
    if left:
        count = "1 file" if len(left) == 1 else f"{len(left)} files"
        what = f"{name.path} ({count} of {_kinds(left)}), which {name.by} names"
        yield Offer(what, Setting("plugins", name.path), KIND, total(left), confidence)


def _kinds(members: Iterable[Member]) -> str:
    """The kinds of members in plain words, those with the most bytes first."""
    sizes: dict[str, int] = {}
    for each in members:
        sizes[each.kind] = sizes.get(each.kind, 0) + each.size + 1
    plural = {"module": "modules", "helper": "helper programs"}
    return " and ".join(plural.get(kind, kind) for kind in sorted(sizes, key=sizes.__getitem__, reverse=True)[:2])


def _is_file(scene: Scene, path: str) -> bool:
    return isinstance(views.look(scene.view, path), File)
