"""The gems of a root: their files, their specifications, and the gems that they depend on."""

import re
from collections.abc import Iterator, Sequence

from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File
from fromscratch.paths import decode

_VERSION = lazy_regex(r"/(\d+\.\d+\.\d+)$")
_RUNTIME = lazy_regex(r"add_runtime_dependency\(%q<([\w.-]{1,100})>")
_DEPENDENCY = lazy_regex(r"add_dependency\(%q<([\w.-]{1,100})>")
_SPARED = lazy_regex(r"ext|test|spec|doc|docs|features|benchmarks?|\.git.*|.*\.(ri|gem)")


class Gems:
    """The gems of a root, each by its folder: TOP/gems/NAME-VERSION."""

    def __init__(self, scene: Scene, include: Sequence[str], tops: Sequence[str]) -> None:
        self._scene = scene
        versions = dict.fromkeys(found[1] for folder in include if (found := _VERSION.search(folder)))
        roots = dict.fromkeys(folder.partition("/ruby/")[0] for folder in include if "/ruby/" in folder)
        choices = [*tops]
        for version in versions:
            choices += [f"{root}/ruby/gems/{version}" for root in roots]
            choices += [f"{root}/rubygems-integration/{version}" for root in roots]
            choices += [f"/var/lib/gems/{version}", f"/usr/share/rubygems-integration/{version}"]
            choices += [f"/usr/local/lib/ruby/gems/{version}"]
        self._tops = [top for top in (*choices, "/usr/share/rubygems-integration/all") if _is_folder(scene, top)]
        self._all = sorted(
            dict.fromkeys(f"{top}/gems/{name}" for top in self._tops for name in self._in(top)),
            key=_by_version,
            reverse=True,
        )

    def _in(self, top: str) -> Iterator[str]:
        """The gems of a folder. Debian has some by their specification only, their files in ruby's own folders."""
        yield from views.names(self._scene.view, f"{top}/gems")
        for name in views.names(self._scene.view, f"{top}/specifications"):
            if name.endswith(".gemspec"):
                yield name.removesuffix(".gemspec")

    def with_version(self, name: str, version: str) -> str | None:
        """The gem of this name and version, for any platform."""
        endings = re.compile(rf"/{re.escape(name)}-{re.escape(version)}(-[\w.-]+)?")
        return next((gem for gem in self._all if endings.fullmatch(f"/{gem.rpartition('/')[2]}")), None)

    def with_file(self, name: str) -> str | None:
        """The newest gem that has the file that this name requires."""
        return next(self._with_file(name), None)

    def instead_of_default(self, name: str) -> str | None:
        """The newest gem that has this file, if it is at least as new as a default gem, part of ruby, of its name."""
        for gem in self._with_file(name):
            own = gem.rpartition("/")[2].rpartition("-")[0]
            places = (f"{top}/specifications/default/{own}-*.gemspec" for top in self._tops)
            defaults = [path.removesuffix(".gemspec") for each in places for path in views.glob(self._scene.view, each)]
            versions = [_by_version(path)[0] for path in defaults if path.rpartition("/")[2].rpartition("-")[0] == own]
            if versions and _by_version(gem)[0] >= max(versions):
                return gem
        return None

    def _with_file(self, name: str) -> Iterator[str]:
        for gem in self._all:
            base = f"{self.library(gem)}/{name}"
            if any(isinstance(views.look(self._scene.view, f"{base}{end}"), File) for end in ("", ".rb", ".so")):
                yield gem

    def with_name(self, name: str) -> str | None:
        """The newest gem of this name."""
        return next((gem for gem in self._all if gem.rpartition("/")[2].rpartition("-")[0] == name), None)

    def library(self, gem: str) -> str:
        return f"{gem}/lib"

    def specification(self, gem: str) -> str:
        name = gem.rpartition("/")[2]
        top = gem.removesuffix(f"/gems/{name}")
        inner = f"{top}/specifications/default/{name}.gemspec"
        return inner if views.place(self._scene.view, inner) else f"{top}/specifications/{name}.gemspec"

    def dependencies(self, gem: str) -> list[str]:
        text = decode(self._scene.read(self.specification(gem)) or b"")
        # Where a specification has both, `add_dependency` is for a RubyGems that does not tell the kinds apart.
        return list(dict.fromkeys(_RUNTIME.findall(text) or _DEPENDENCY.findall(text)))

    def files(self, gem: str) -> Iterator[str]:
        top, name = gem.removesuffix(f"/gems/{gem.rpartition('/')[2]}"), gem.rpartition("/")[2]
        if views.place(self._scene.view, self.specification(gem)):
            yield self.specification(gem)
        yield from below(self._scene, gem, without=lambda each: _SPARED.fullmatch(each) is not None)
        for path in views.glob(self._scene.view, f"{top}/extensions/*/*/{name}"):
            yield from below(self._scene, path)


def _is_folder(scene: Scene, path: str) -> bool:
    return isinstance(views.look(scene.view, path), Directory)


def _by_version(gem: str) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d{1,9}", gem.rpartition("-")[2])], gem
