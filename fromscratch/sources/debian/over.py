"""Packages laid over the tree of the items below: as dpkg would unpack them there, were it run."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, encode
from fromscratch.sources.debian.planning.plan import PlannedPackage
from fromscratch.transforms import merged_usr

_DPKG = TreePath("/var/lib/dpkg")
_STATUS, _INFO, _RECORDS = (paths.join(_DPKG, name) for name in ("status", "info", "status.d"))
_INSTALLED = b"\nStatus: install ok installed\n"


def laid_over(below: Rootfs, tree: Rootfs, *, replace: bool) -> Rootfs:
    """The tree of packages over that of the items below.

    A folder keeps the mode and owner that it has there, as dpkg leaves it, and what we make in place of a script is
    made only where nothing is. Raises Conflict for a file that differs, unless `replace`.
    """
    if len(below) <= 1:
        return below.merged(tree, replace=replace)
    made = [path for path, entry in tree.items() if _is_made(entry) and _stays(below, path)]
    return merged_usr.merged(below, tree.without(made), replace=replace, directories="keep")


def with_status(tree: Rootfs, below: Rootfs, packages: Mapping[str, PlannedPackage], label: str) -> Rootfs:
    """The tree with the records of new packages where dpkg itself looks, if the items below have its database.

    It reads /var/lib/dpkg/status and not status.d, and asks for a list of files of each package.
    """
    status = below.find(_STATUS)
    if not isinstance(status, File) or not status.content.size:
        return tree
    files = _files(tree, {one.shown: one.name for one in packages.values()}, label)
    made: dict[TreePath, Entry] = {}
    gone: list[TreePath] = []
    text = read(status.content).rstrip(b"\n") + b"\n"
    for name in sorted(packages):
        record = tree.find(paths.join(_RECORDS, name))
        if not isinstance(record, File):
            continue  # records: false
        control = read(record.content).strip(b"\n")
        first, _, rest = control.partition(b"\n")
        text += b"\n" + first + _INSTALLED + rest + b"\n"
        qualified = f"{name}:{packages[name].architecture}" if b"\nMulti-Arch: same" in control else name
        listed = encode("".join(f"{path}\n" for path in ["/.", *files.get(name, ())]))
        made[paths.join(_INFO, f"{qualified}.list")] = File(Meta(0o644), Inline(listed), record.origins)
        sums = tree.find(paths.join(_RECORDS, f"{name}.md5sums"))
        if isinstance(sums, File):
            made[paths.join(_INFO, f"{qualified}.md5sums")] = sums
        gone += [paths.join(_RECORDS, f"{name}{suffix}") for suffix in ("", ".md5sums")]
    place = tree.resolve(_STATUS)
    made[place] = replace(status, content=Inline(text), origins=(*status.origins, *_reasons(made)))
    gone += [] if below.find(_RECORDS) else [_RECORDS]
    return tree.without(gone).with_entries(made)


def _stays(below: Rootfs, path: TreePath) -> bool:
    """Whether what the items below have at a path counts more than what we make there: not for a /usr to be merged."""
    return below.find(path, follow_last=False) is not None and not (
        paths.name(path) in merged_usr.NAMES and isinstance(below.get(path), Directory)
    )


def _is_made(entry: Entry) -> bool:
    return not isinstance(entry, Directory) and bool(entry.origins) and entry.origins[0].reason == "made by"


def _files(tree: Rootfs, names: Mapping[str, str], label: str) -> dict[str, list[TreePath]]:
    """The paths that each package has shipped, folders too, by the reasons for them."""
    found: dict[str, list[TreePath]] = {}
    for path, entry in tree.items():
        for origin in entry.origins:
            if origin.source == label and origin.reason == "shipped in" and origin.detail in names and path != "/":
                found.setdefault(names[origin.detail], []).append(path)
    return found


def _reasons(made: Mapping[TreePath, Entry]) -> Iterator[Origin]:
    return iter(dict.fromkeys(origin for entry in made.values() for origin in entry.origins))
