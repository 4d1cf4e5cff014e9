"""The trees of packages laid together as dpkg(1) unpacks them: Debian Policy 6.6 and 7.6.1."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.formats.debian.version import parse_relations
from fromscratch.model.entry import (
    Directory,
    Entry,
    Meta,
    Origin,
    Symlink,
    also_from,
    is_implied,
)
from fromscratch.model.merge import equal_but_for_time
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from fromscratch.transforms.laying import Laying

# The folders whose content lies under /usr in a merged system: file-hierarchy(7), "/usr merge".
_MERGED = ("bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin")
_ALWAYS = frozenset({"bin", "lib", "sbin"})


class Unpacked(Struct, frozen=True):
    """A package's tree; `replaces` is the text of that field."""

    name: str
    version: str
    tree: Rootfs
    replaces: str = ""

    @property
    def shown(self) -> str:
        return f"{self.name} {self.version}"

    def may_overwrite(self, other: "Unpacked") -> bool:
        """Whether its files take the place of the other's: Policy 7.6.1."""
        return any(
            relation.name == other.name and relation.admits(other.version)
            for alternatives in parse_relations(self.replaces)
            for relation in alternatives
        )


def laid_together(packages: Sequence[Unpacked], label: str, *, merged_usr: bool) -> Rootfs:
    """One tree of all packages, whose entries say `shown` of their package in their first origin.

    With `merged_usr` the links /bin -> usr/bin and so on are made where no package has them; what a
    package ships below /bin then lands in /usr/bin. A file in two packages is a conflict, unless
    it is the same, or one package says that it replaces the other. A directory keeps the mode and
    owner that the first package (by name) gives it. Raises Conflict, naming every path and both packages.
    """
    laying = _Laying({package.shown: package for package in packages}, dict(_links(packages, label, merged_usr)))
    for path, link in laying.links.items():
        laying.builder.put(path, link)
    for package in packages:
        laying.lay_tree(package, package.tree)
    return laying.whole()


def _links(packages: Sequence[Unpacked], label: str, merged_usr: bool) -> Iterator[tuple[TreePath, Symlink]]:
    """The symlinks of the top folder: they come first, since the rest is unpacked through them."""
    shipped: dict[TreePath, Symlink] = {}
    for package in packages:
        for name in package.tree.children(ROOT):
            entry = package.tree[TreePath(f"/{name}")]
            if isinstance(entry, Symlink):
                shipped.setdefault(TreePath(f"/{name}"), entry)
    yield from shipped.items()
    for name in _MERGED if merged_usr else ():
        path, below = TreePath(f"/{name}"), TreePath(f"/usr/{name}")
        used = any(path in package.tree or below in package.tree for package in packages)
        if path not in shipped and (used or name in _ALWAYS):
            origin = Origin(label, "made by", "merged /usr, as the script of usrmerge makes it")
            yield path, Symlink(Meta(0o777), f"usr/{name}", (origin,))


class _Laying(Laying[Unpacked]):
    """By dpkg's rules; `links` are the symlinks of the top folder, which were put first."""

    def __init__(self, packages: Mapping[str, Unpacked], links: Mapping[TreePath, Symlink]) -> None:
        super().__init__(packages)
        self.links = links

    def is_laid(self, path: TreePath, entry: Entry) -> bool:
        return path in self.links and isinstance(entry, Symlink)

    def settle(self, path: TreePath, entry: Entry, present: Entry, package: Unpacked) -> Entry | None:
        if isinstance(entry, Directory):
            if isinstance(present, Directory) or self._leads_to_directory(path, present):
                # What a package ships counts more than what we made above a file that came through a link.
                return entry if is_implied(present) else None
        elif isinstance(present, Directory):
            if isinstance(entry, Symlink):
                return None  # dpkg never replaces a directory by a symlink
        elif self._is_itself(path, entry):
            return None  # the link from one half of a merged /usr to the other
        elif self._is_itself(path, present):
            return entry
        elif equal_but_for_time(entry, present):
            return also_from(present, entry)
        else:
            other = self.owner(present)
            if other is not None and (package is other or package.may_overwrite(other)):
                return entry
            if other is not None and other.may_overwrite(package):
                return None
        self.disagree(path, entry, present, package)
        return None

    def _leads_to_directory(self, path: TreePath, present: Entry) -> bool:
        if not isinstance(present, Symlink):
            return False
        try:
            self.builder.get(paths.join(path, "any"))
        except NotInTree:
            return False
        return True

    def _is_itself(self, path: TreePath, entry: Entry) -> bool:
        """Whether a symlink's target is, through the links of the top folder, the link's own place."""
        if not isinstance(entry, Symlink):
            return False
        parts: list[str] = [] if entry.target.startswith("/") else paths.parent(path).split("/")[1:]
        for part in entry.target.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in ("", "."):
                parts.append(part)
        return self._place(TreePath("/" + "/".join(parts))) == self._place(path)

    def _place(self, path: TreePath) -> str:
        top, slash, rest = path[1:].partition("/")
        link = self.links.get(TreePath(f"/{top}"))
        return f"/{link.target.strip('/')}{slash}{rest}" if link else path
