"""Projects of Bundler: the gems that a lock file names, and the folder of the project that they are installed in.

Follows bundler's man pages gemfile(5) and bundle-config(1): the nearest Gemfile above a program is that of its project,
and BUNDLE_PATH in .bundle/config says where its gems are, which is `vendor/bundle` with `--deployment`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath, decode

_FILES = (("Gemfile", "Gemfile.lock"), ("gems.rb", "gems.locked"))
_LOCKED = lazy_regex(r"(?m)^    ([\w.-]{1,100}) \(([\w.-]{1,60})\)$")
_PATH = lazy_regex(r"(?m)^BUNDLE_PATH: [\"']?([^\"'\n]{1,300})[\"']?$")
_MAX_GEMS = 2000


class Project(NamedTuple):
    """`files` are what Bundler reads of it, the lock file first; `gems` the locked ones as (name, version), and `tops`
    the folders of gems that are its own."""

    program: TreePath
    files: tuple[str, ...]
    gems: tuple[tuple[str, str], ...]
    tops: tuple[str, ...]


def projects(scene: Scene, programs: Sequence[TreePath]) -> Iterator[Project]:
    """The projects that programs belong to, each once, if their gems are locked."""
    seen = set[str]()
    for program in programs:
        for folder in map(str, reversed(list(paths.ancestors(program)))):
            project = _project(scene, program, folder.rstrip("/"))
            if project is not None:
                if project.files[0] not in seen:
                    seen.add(project.files[0])
                    yield project
                break


def _project(scene: Scene, program: TreePath, folder: str) -> Project | None:
    for source, lock in _FILES:
        files = [f"{folder}/{lock}", f"{folder}/{source}", f"{folder}/.bundle/config"]
        there = tuple(path for path in files if isinstance(views.look(scene.view, path), File))
        if there[:2] == tuple(files[:2]):
            gems = _LOCKED.findall(decode(scene.read(files[0]) or b""))[:_MAX_GEMS]
            found = _PATH.search(decode(scene.read(files[2]) or b""))
            path = found[1] if found else "vendor/bundle"
            top = path if path.startswith("/") else f"{folder}/{path}"
            return Project(program, there, tuple(gems), tuple(views.glob(scene.view, f"{top}/ruby/*")))
    return None
