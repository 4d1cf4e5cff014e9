"""Single paths of a finished tree, made, changed or deleted as `paths:` of a recipe says, one after the other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, ImageError, NotInTree, UsageError
from fromscratch.formats import capabilities
from fromscratch.formats.glibc import passwd
from fromscratch.model.content import Content, Inline
from fromscratch.model.entry import Directory, Entry, File, HardLink, Meta, Origin, Symlink, also_from, kind_of
from fromscratch.model.invariants import add_parents, inode_of, unlink
from fromscratch.model.merge import described, equal_but_for_time
from fromscratch.model.resolution import locate, walk
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import ROOT, TreePath
from fromscratch.transforms.modes import ModeChange
from fromscratch.transforms.owners import Owner, owner_of
from fromscratch.transforms.placement import placed

PathType = Literal["directory", "file", "symlink", "hardlink", "permissions", "delete"]
_SHOWN = 10


class PathChange(Struct, frozen=True, kw_only=True):
    """One item of `paths:`; `origin` names it in messages and as the reason of what it makes.

    `content` is of a file, and `mode_of_source` the mode that it has unless `mode` says otherwise; `contents` is what a
    directory gets to hold; `target` is what a link leads to. `capabilities` are in the form of the attribute; empty
    ones are taken away. What is None, or empty, stays as it is.
    """

    origin: Origin
    path: TreePath
    type: PathType
    content: Content = Inline(b"")
    mode_of_source: int = 0o644
    contents: Rootfs | None = None
    target: str = ""
    mode: ModeChange | None = None
    owner: str = ""
    capabilities: bytes | None = None
    recursive: bool = False
    replace: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.origin.detail} ({self.path})"


def with_paths(
    tree: Rootfs, changes: Sequence[PathChange], trimmed: Mapping[TreePath, str]
) -> tuple[Rootfs, dict[TreePath, str]]:
    """The tree with the changes made in their order, and the paths that they deleted, each with the change.

    `trimmed` are paths that are gone already, with the rule that took them, for messages. Raises Conflict, naming both
    sides, for everything that would replace something else without `replace`; NotInTree for a path that is not there,
    and UsageError for an owner that the image does not know.
    """
    if not changes:
        return tree, {}
    editor = _Editor(dict(tree), trimmed)
    for change in changes:
        try:
            editor.make(change)
        except ImageError as error:
            raise type(error)(f"{change.name}: {error.message}", error.hint) from error
    if editor.conflicts:
        raise _conflict(editor.conflicts)
    return Rootfs(editor.entries), editor.deleted


class _Editor:
    def __init__(self, entries: dict[TreePath, Entry], trimmed: Mapping[TreePath, str]) -> None:
        self.entries, self.trimmed = entries, trimmed
        self.deleted: dict[TreePath, str] = {}
        self.conflicts: list[tuple[str, str]] = []

    def make(self, change: PathChange) -> None:
        owner = self.owner(change.owner)
        match change.type:
            case "directory":
                self.directory(change, owner)
            case "file":
                meta = _with_capabilities(Meta(_mode(change), owner.uid or 0, owner.gid or 0), change)
                self.put(self.locate(change.path), File(meta, change.content, (change.origin,)), change)
            case "symlink":
                meta = Meta(0o777, owner.uid or 0, owner.gid or 0)
                self.put(self.locate(change.path), Symlink(meta, change.target, (change.origin,)), change)
            case "hardlink":
                self.hard_link(change, owner)
            case "permissions":
                self.change_all(self.find(change.path), change, owner)
            case "delete":
                self.delete(change)
            case _:
                assert_never(change.type)

    def owner(self, text: str) -> Owner:
        if not text:
            return Owner()
        users, groups = passwd.users(self.file("/etc/passwd")), passwd.groups(self.file("/etc/group"))
        return owner_of(text, users, groups)

    def file(self, path: str) -> Entry | None:
        try:
            place = walk(self.entries, path, follow_last=True, must_exist=True)
        except NotInTree:
            return None
        return inode_of(self.entries, self.entries[place])

    def locate(self, path: TreePath) -> TreePath:
        return locate(self.entries, path)

    def find(self, path: str, *, follow_last: bool = True) -> TreePath:
        """Where an existing path leads. Raises NotInTree, saying what is near or what has taken it."""
        try:
            return walk(self.entries, path, follow_last=follow_last, must_exist=True)
        except NotInTree as error:
            raise self.missing(paths.tree_path(path), error) from error

    def missing(self, path: TreePath, error: NotInTree) -> NotInTree:
        for above in (path, *paths.ancestors(path)):
            if above in self.trimmed:
                text = f"{path} is not there: trim {self.trimmed[above]!r} has taken it"
                return NotInTree(text, "take the item out of paths:, or keep the file with a rule '!…' under trim:")
            if above in self.deleted:
                return NotInTree(f"{path} is not there: {self.deleted[above]} has deleted it", "change their order")
        same = [each for each in self.entries if paths.name(each) == paths.name(path)]
        near = sorted(same, key=len)[:3] or nearest(path, self.entries, count=2)
        return NotInTree(error.message, f"did you mean {' or '.join(near)}?" if near else error.hint)

    def directory(self, change: PathChange, owner: Owner) -> None:
        place = walk(self.entries, change.path, follow_last=True, must_exist=False)
        present = self.entries.get(place)
        if not isinstance(present, Directory):
            made = Directory(Meta(0o755), (change.origin,))
            if not self.put(place, made, change):
                return
        if change.contents is not None:
            self.fill(place, change.contents, change, owner)
        self.change_all(place, change, owner)

    def fill(self, place: TreePath, contents: Rootfs, change: PathChange, owner: Owner) -> None:
        """Put what a folder of the project holds into a directory; directories that are there merge."""
        for path, entry in placed(contents, place).items():
            if not paths.is_within(path, place) or path == place:
                continue
            meta = replace(entry.meta, uid=owner.uid or 0, gid=owner.gid or 0)
            where = self.locate(path)
            if isinstance(entry, Directory):
                where = walk(self.entries, path, follow_last=True, must_exist=False)
                if isinstance(present := self.entries.get(where), Directory):
                    self.entries[where] = also_from(present, entry)
                    continue
            self.put(where, replace(entry, meta=meta, origins=(change.origin,)), change)

    def hard_link(self, change: PathChange, owner: Owner) -> None:
        target = self.find(change.target, follow_last=False)
        present = self.entries[target]
        inode = present.target if isinstance(present, HardLink) else target
        if isinstance(self.entries[inode], Directory):
            raise UsageError(f"{change.target} is a directory, which has one name only", "make it a symlink")
        place = self.locate(change.path)
        if place not in (inode, target):
            link = HardLink(self.entries[inode].meta, inode, (change.origin,))
            if not self.put(place, link, change):
                return
        self.change_all(place, change, owner)

    def delete(self, change: PathChange) -> None:
        place = self.find(change.path, follow_last=False)
        gone = set(self.within(place)) - {ROOT}
        unlink(self.entries, gone)
        self.deleted.update(dict.fromkeys(gone, change.origin.detail))

    def put(self, place: TreePath, entry: Entry, change: PathChange) -> bool:
        """Put an entry where nothing is, or what is alike, or what may be replaced; False for a conflict, noted."""
        present = self.entries.get(place)
        if present is not None:
            if self.same(present, entry):
                self.entries[place] = also_from(present, entry)
                return True
            full = isinstance(present, Directory) and any(True for _ in self.below(place))
            if not change.replace or full:
                what = f"{place}: {described(present)} against {described(entry)}"
                self.conflicts.append((change.origin.detail, what + (", and it is not empty" if full else "")))
                return False
            unlink(self.entries, {place})
        self.entries[place] = entry
        if place != ROOT:
            add_parents(self.entries, place, entry)
        return True

    def same(self, present: Entry, entry: Entry) -> bool:
        if isinstance(entry, HardLink):
            return isinstance(present, HardLink) and present.target == entry.target
        return equal_but_for_time(inode_of(self.entries, present), entry)

    def within(self, top: TreePath) -> Iterator[TreePath]:
        return (path for path in [*self.entries] if paths.is_within(path, top))

    def below(self, top: TreePath) -> Iterator[TreePath]:
        return (path for path in self.within(top) if path != top)

    def change_all(self, top: TreePath, change: PathChange, owner: Owner) -> None:
        """Give mode, owner and capabilities to a path; with `recursive` the first two to all below it as well."""
        self.change(top, change, owner, is_top=True)
        if change.recursive:
            for path in self.below(top):
                self.change(path, change, owner, is_top=False)

    def change(self, path: TreePath, change: PathChange, owner: Owner, *, is_top: bool) -> None:
        entry = self.entries[path]
        place = entry.target if isinstance(entry, HardLink) else path
        inode = self.entries[place]
        meta = inode.meta
        if owner.uid is not None:
            meta = replace(meta, uid=owner.uid)
        if owner.gid is not None:
            meta = replace(meta, gid=owner.gid)
        if change.mode is not None and not isinstance(inode, Symlink):
            meta = replace(meta, mode=change.mode.of(meta.mode, is_directory=isinstance(inode, Directory)))
        if is_top and change.capabilities is not None:
            if not isinstance(inode, File):
                raise UsageError(f"{path} is a {kind_of(inode)}, and only a file has capabilities", "name the program")
            meta = _with_capabilities(meta, change)
        if meta != inode.meta or (is_top and change.origin not in entry.origins):
            self.entries[place] = replace(inode, meta=meta, origins=_added(inode.origins, change.origin))
            if place != path:
                self.entries[path] = replace(entry, meta=meta, origins=_added(entry.origins, change.origin))


def _mode(change: PathChange) -> int:
    mode = change.mode_of_source
    return mode if change.mode is None else change.mode.of(mode, is_directory=False)


def _added(origins: tuple[Origin, ...], origin: Origin) -> tuple[Origin, ...]:
    return origins if origin in origins else (*origins, origin)


def _with_capabilities(meta: Meta, change: PathChange) -> Meta:
    if change.capabilities is None:
        return meta
    xattrs = {name: value for name, value in meta.xattrs if name != capabilities.ATTRIBUTE}
    if change.capabilities:
        xattrs[capabilities.ATTRIBUTE] = change.capabilities
    return replace(meta, xattrs=tuple(sorted(xattrs.items())))


def _conflict(found: list[tuple[str, str]]) -> Conflict:
    names = list(dict.fromkeys(name for name, _ in found))
    lines = [f"{name}: {text}" for name, text in found[:_SHOWN]]
    if len(found) > len(lines):
        lines.append(f"and {len(found) - len(lines)} more")
    nonempty = any(text.endswith("not empty") for _, text in found)
    subject = names[0] if len(names) == 1 else f"{len(names)} of paths:"
    hint = f"say 'replace: true' in {' and '.join(names[:3])}, or leave it out"
    if nonempty:
        hint = "a directory with content is not replaced: delete it first, with an item of type delete"
    return Conflict(f"{subject} would replace what is there:\n  " + "\n  ".join(lines), hint)
