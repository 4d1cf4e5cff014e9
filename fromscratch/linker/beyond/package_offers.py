"""Finder of packages that those of an image need or recommend, and of which it has nothing yet."""

from collections.abc import Iterator, Sequence

from fromscratch.advice import Setting
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.package_database.database import Packages
from fromscratch.linker.beyond.packages import KIND, NOT_FOR_PROGRAMS, OWNABLE
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import ROOT


class PackageOffers:
    """One for each gathering. `names` are the packages whose files are taken whole."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._files: dict[str, dict[str, int]] = {}

    def find(self, scene: Scene) -> Iterator[Finding]:
        """What the packages of programs recommend is offered, each with what that needs; and what is needed by the
        packages of programs and of the libraries that they link."""
        packages = Packages.of(scene)
        yield from self._whole(scene, packages)
        programs = [place for place in scene.requested if place in scene.objects and OWNABLE.match(place)]
        linked = {soname for place in programs for soname in scene.objects[place].needed}
        libraries = [place for place, elf in scene.objects.items() if elf.soname in linked]
        owners = packages.owners([*programs, *libraries])
        seen = {*self._names, *owners.values()}
        for verb, places in (("recommends", programs), ("needs", [*programs, *libraries])):
            for owner in dict.fromkeys(owners[place] for place in places if place in owners):
                related = packages.related(owner)
                for name in related.recommends if verb == "recommends" else related.needed[1:]:
                    if name not in seen:
                        together = (name, *packages.related(name).needed[1:]) if verb == "recommends" else (name,)
                        new = [each for each in together if each not in seen]
                        yield from self._offered(scene, packages, owner, verb, new)
                        seen.update(together)

    def _whole(self, scene: Scene, packages: Packages) -> Iterator[Finding]:
        for name in self._names:
            files = self._useful(scene, packages, name)
            if not packages.files(name):
                yield FinderWarning(f"there is no package {name} in the root that is taken from", KIND)
            for path in files:
                by = next(iter((*scene.requested, *scene.objects)), ROOT)
                detail = f"{by} (of the package {name}, which was asked for)"
                yield NeededFile(path, by, detail, KIND, "possible", optional=True)

    def _offered(
        self, scene: Scene, packages: Packages, owner: str, verb: str, names: Sequence[str]
    ) -> Iterator[Finding]:
        sizes = {}
        for name in names:
            files = {} if packages.is_everywhere(name) else self._useful(scene, packages, name)
            if files and not any(path in scene.objects or path in scene.files for path in files):
                sizes[name] = sum(files.values())
        if sizes and next(iter(sizes)) == names[0]:
            others = f" and {len(sizes) - 1} that it needs" if len(sizes) > 1 else ""
            what = f"the package {names[0]}{others}, which {owner} {verb}"
            yield Offer(what, Setting("packages", ",".join(sizes)), KIND, sum(sizes.values()))

    def _useful(self, scene: Scene, packages: Packages, name: str) -> dict[str, int]:
        """The sizes of a package's regular files by their paths, less those that are for people to read."""
        if name not in self._files:
            listed = (path for path in packages.files(name) if not NOT_FOR_PROGRAMS.match(path))
            entries = ((path, views.look(scene.view, path)) for path in listed)
            self._files[name] = {path: entry.content.size for path, entry in entries if isinstance(entry, File)}
        return self._files[name]
