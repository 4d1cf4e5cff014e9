"""The links that update-alternatives(1) makes, as far as scripts of packages ask for them in plain words."""

from collections.abc import Mapping

from fromscratch.formats.debian.alternatives import Alternative, alternatives
from fromscratch.model.entry import Entry, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, tree_path
from fromscratch.transforms.scripted.missing import with_missing


def with_alternatives(tree: Rootfs, scripts: Mapping[str, bytes], label: str, script: str) -> Rootfs:
    """The links of update-alternatives(1) in automatic mode, from the `script` of each package by its name.

    Of the choices for a name that are in the tree, the one of the highest priority counts, of equals
    the first by package name. Nothing is put where something is.
    """
    best: dict[str, tuple[Alternative, str]] = {}
    for package in sorted(scripts):
        for one in alternatives(decode(scripts[package])):
            name = one.master.name
            if tree.find(one.master.path) is not None and (name not in best or one.priority > best[name][0].priority):
                best[name] = one, package
    made: dict[TreePath, Entry] = {}
    for one, package in best.values():
        origin = Origin(label, "made by", f"update-alternatives, run by the {script} of {package}")
        for choice in (one.master, *one.followers):
            link = tree_path(choice.link)
            if tree.find(choice.path) is not None and tree.locate(link) not in tree:
                held = f"/etc/alternatives/{choice.name}"
                made[link] = Symlink(Meta(0o777), held, (origin,))
                made[TreePath(held)] = Symlink(Meta(0o777), choice.path, (origin,))
    return with_missing(tree, made)
