"""Perl, Ruby, Node.js and PHP: what belongs to a module, gem, package or setting that is kept."""

from collections.abc import Iterator

from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.model import view as views
from fromscratch.paths import TreePath
from fromscratch.slimming.families.folder import above, member, members, selected

_PERL_OBJECT = lazy_regex(r"(?s)(.+)/auto/(.+)/[^/]+\.so")
_GEM = lazy_regex(r"(?s)(.+)/gems/([^/]+-\d[^/]*)/.+")
_NODE = lazy_regex(r"(?s).+/node_modules/.+")
_PHP = lazy_regex(r"(?s)(/etc/php/[^/]+/[^/]+|/usr/local/etc/php|/etc/php\d*|/etc/php\d*\.d)/(?:conf\.d/)?[^/]+\.ini")


def perl(scene: Scene) -> Iterator[Finding]:
    """The parts of a module that AutoLoader and XSLoader load, and the module of such a part."""
    for place in selected(scene):
        if place.endswith(".pm"):
            module = place[:-3]
            for folder in above(place):
                inside = module.removeprefix(f"{folder}/")
                for ending in (".so", ".al", ".ix"):
                    yield from members(scene, f"{folder}/auto/{inside}", place, "a part of it", "perl", ending)
            yield from member(scene, f"{module}_heavy.pl", place, "a part of it", "perl")
        if found := _PERL_OBJECT.fullmatch(place):
            yield from member(scene, f"{found[1]}/{found[2]}.pm", place, "the module that it is of", "perl")


def ruby(scene: Scene) -> Iterator[Finding]:
    """The specification of a gem, and the mark that its extensions are built: RubyGems passes over it without."""
    for place in selected(scene):
        found = _GEM.fullmatch(place)
        if found is None:
            continue
        top, gem = found[1], found[2].partition("/")[0]
        for path in (f"{top}/specifications/{gem}.gemspec", f"{top}/specifications/default/{gem}.gemspec"):
            yield from member(scene, path, place, "the specification of its gem", "ruby")
        for path in views.glob(scene.view, f"{top}/extensions/*/*/{gem}/gem.build_complete"):
            yield from member(scene, path, place, "its extensions are built", "ruby")


def node(scene: Scene) -> Iterator[Finding]:
    """The package.json of a module's package and of those around it, which say what a name and a suffix mean."""
    done: set[TreePath] = set()
    for place in selected(scene):
        if not place.endswith((".js", ".cjs", ".mjs", ".json", ".node", ".wasm")):
            continue
        for folder in above(place):
            if folder in done:
                break
            done.add(folder)
            yield from member(scene, f"{folder}/package.json", place, "describes its package", "node")
            if not _NODE.fullmatch(folder) and views.place(scene.view, f"{folder}/package.json") is not None:
                break


def php(scene: Scene) -> Iterator[Finding]:
    """The other settings of the same PHP: it reads all files of the folder, and a run may have looked at some only."""
    for place in selected(scene):
        if found := _PHP.fullmatch(place):
            yield from members(scene, f"{found[1]}/conf.d", place, "settings of the same PHP", "php", ".ini")
