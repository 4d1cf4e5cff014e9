"""The database of apk, asked for the owners of files and for the packages that belong together."""

from collections.abc import Iterable, Sequence

from fromscratch.formats.alpine.installed import controls, installed
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.package_database.merged_usr import to_places
from fromscratch.linker.beyond.package_database.related import Related
from fromscratch.paths import TreePath, decode

_VERSION = "<>=~"


class Apk:
    """Answers are of the packages that are installed."""

    PLACES = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
    tells_relations = True

    def __init__(self, scene: Scene) -> None:
        raw = next((raw for raw in map(scene.read, self.PLACES) if raw is not None), b"")
        to_place = to_places(scene)
        self._listed = {each.package.name: each.files for each in installed(raw)}
        self._files = {name: set(map(to_place, files)) for name, files in self._listed.items()}
        self._fields = {package.name: _fields(text) for package, text in controls(raw)}
        self._providers = {
            word.partition("=")[0]: name
            for name, fields in self._fields.items()
            for word in fields.get("p", "").split()
        }

    def owners(self, places: Iterable[TreePath]) -> dict[TreePath, str]:
        left = set(places)
        return {TreePath(path): name for name, files in self._files.items() for path in left.intersection(files)}

    def related(self, package: str) -> Related:
        """apk has no recommendations: what one builds from the same source is kin."""
        needed = dict.fromkeys([package, *self._needed(package)])
        origin = self._fields.get(package, {}).get("o")
        siblings = [name for name, fields in self._fields.items() if origin is not None and fields.get("o") == origin]
        return Related(tuple(needed), tuple(name for name in siblings if name not in needed))

    def is_everywhere(self, package: str) -> bool:
        return package in ("busybox", "alpine-baselayout", "musl-utils")

    def listed(self, package: str) -> Sequence[str]:
        return self._listed.get(package, ())

    def _needed(self, package: str) -> Iterable[str]:
        for word in self._fields.get(package, {}).get("D", "").split():
            name = word[: next((at for at, char in enumerate(word) if char in _VERSION), len(word))]
            found = name if name in self._files else self._providers.get(name)
            if found is not None:
                yield found


def _fields(text: bytes) -> dict[str, str]:
    return {line[:1]: line[2:] for line in decode(text).split("\n") if line[1:2] == ":"}
