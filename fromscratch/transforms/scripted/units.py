"""The services of a tree: unit files with their drop-ins, where systemd looks for them."""

from collections.abc import Iterator

from msgspec import Struct

from fromscratch.errors import NotInTree
from fromscratch.formats.systemd_unit import Service, parse, service
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import read
from fromscratch.model.entry import File, Origin
from fromscratch.paths import TreePath, decode

FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
PROGRAMS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_SUFFIX = ".service"
_MAX_FILE = 1 << 18


class Found(Struct, frozen=True):
    """A service, the path of its unit file, and why that is there."""

    path: TreePath
    service: Service
    origins: tuple[Origin, ...]


def services(tree: ChangingTree) -> list[Found]:
    """Every service with a file of its own, by name; one that is masked or an alias is none."""
    found: dict[str, Found | None] = {}
    for folder in FOLDERS:
        for name in _children(tree, folder):
            if not name.endswith(_SUFFIX) or name in found:
                continue
            path = TreePath(f"{folder}/{name}")
            entry = tree.find(path, follow_last=False)
            if not isinstance(entry, File):
                found[name] = None
                continue
            texts = [_text(tree, path), *_drop_ins(tree, name)]
            found[name] = Found(path, service(name.removesuffix(_SUFFIX), parse(*texts)), entry.origins)
    return [one for _, one in sorted(found.items()) if one is not None]


def program(tree: ChangingTree, word: str) -> TreePath | None:
    """The program that the first word of a command means, if the tree has it."""
    for path in (word,) if word.startswith("/") else [f"{folder}/{word}" for folder in PROGRAMS]:
        if isinstance(tree.find(path), File):
            return TreePath(path)
    return None


def _drop_ins(tree: ChangingTree, name: str) -> Iterator[str]:
    files: dict[str, TreePath] = {}
    for folder in FOLDERS:
        for each in _children(tree, f"{folder}/{name}.d"):
            if each.endswith(".conf"):
                files.setdefault(each, TreePath(f"{folder}/{name}.d/{each}"))
    for _, path in sorted(files.items()):
        yield _text(tree, path)


def _children(tree: ChangingTree, folder: str) -> list[str]:
    try:
        return tree.children(tree.resolve(folder))
    except NotInTree:
        return []


def _text(tree: ChangingTree, path: TreePath) -> str:
    entry = tree.find(path)
    if not isinstance(entry, File) or entry.content.size > _MAX_FILE:
        return ""
    return decode(read(entry.content))
