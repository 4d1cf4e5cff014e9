"""Removal of files that an image does not need: whole categories by name, or paths by glob."""

from collections.abc import Mapping, Sequence
from itertools import groupby, takewhile
from types import MappingProxyType

from fromscratch import paths
from fromscratch.errors import NotInTree, UsageError
from fromscratch.model.entry import Directory, Entry, File, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import TreePath

UNUSED_LIBRARIES = "unused-libraries"
# A pattern removes what matches and all below it; one that starts with "!" keeps what an earlier one removes.
CATEGORIES: dict[str, tuple[str, ...]] = {
    # Licences bind whoever passes the image on, so the copyright files stay; "licences" takes them too.
    "docs": (
        "/usr/share/doc",
        "/usr/share/man",
        "/usr/share/info",
        "/usr/share/gtk-doc",
        "/usr/share/help",
        "/usr/share/doc-base",
        "/usr/share/lintian",
        "/usr/share/bug",
        "/usr/share/bash-completion",
        "/usr/share/zsh",
        "/usr/share/fish",
        "/usr/local/share/man",
        "!/usr/share/doc/*/copyright",
    ),
    "licences": ("/usr/share/doc/*/copyright", "/usr/share/common-licenses"),
    # C.utf8 is the one locale that programs expect without asking for it.
    "locales": ("/usr/share/locale", "/usr/share/i18n", "/usr/lib/locale", "!/usr/lib/locale/C.utf8"),
    "static-libraries": ("/usr/lib*/**/*.a", "/lib*/**/*.a", "/usr/lib*/**/*.la", "/usr/lib*/**/*.o"),
    "headers": ("/usr/include", "/usr/lib*/**/pkgconfig", "/usr/share/pkgconfig", "/usr/share/aclocal"),
    "caches": (
        "/var/cache/**",
        "/var/log/**",
        "/var/tmp/**",
        "/tmp/**",
        "/var/lib/apt/lists/**",
        "/var/lib/dpkg/*-old",
        # Not /etc/ld.so.cache: without it the loader misses folders that only ld.so.conf names.
    ),
    # Character sets for iconv; UTF-8, Latin-1 and ASCII are inside the C library.
    "gconv": ("/usr/lib*/**/gconv", "/lib*/**/gconv"),
    "package-records": (
        "/var/lib/dpkg",
        "/var/lib/apt",
        "/usr/share/dpkg",
        "/usr/lib/sysimage/rpm",
        "/var/lib/rpm",
        "/lib/apk/db",
        "/var/db/pkg",
    ),
    # Run-time libraries of the toolchain that nothing links or loads: which they are, the tree says.
    UNUSED_LIBRARIES: (),
}
_FOLDERS_STAY = frozenset({"caches"})  # a server finds the folder that its user may write in
_SPECIAL = frozenset("*?[")


def selected(
    tree: Rootfs, rules: Sequence[str], found: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> dict[TreePath, str]:
    """Every path that the rules remove, with the rule; and the symlinks that they leave dangling.

    A rule is a category, a glob that starts with "/" or "*", or "!" and a glob of what to keep. The
    plain folders that a glob starts with may be symlinks: /lib/x is /usr/lib/x where /usr is merged.
    `found` has the globs of categories that depend on the tree. Raises UsageError for a word that is not
    a category, and NotInTree for a plain path that is not there.
    """
    if not rules:
        return {}
    selection: dict[TreePath, str] = {}
    for rule in rules:
        for keep, patterns in groupby(found.get(rule) or _patterns(rule), lambda pattern: pattern.startswith("!")):
            _apply(tree, selection, rule, [pattern.removeprefix("!") for pattern in patterns], keep=keep)
    parents_needed = {above for path in tree if path not in selection for above in paths.ancestors(path)}
    removed = {path: rule for path, rule in selection.items() if path not in parents_needed}
    return {**removed, **_dangling(tree, removed)}


def _patterns(rule: str) -> tuple[str, ...]:
    if rule in CATEGORIES:
        return CATEGORIES[rule]
    if rule.startswith(("/", "*", "!")):
        if not rule.removeprefix("!").strip("/"):
            raise UsageError(f"trim: {rule!r} would be everything", "write which part of it")
        return (rule,)
    near = nearest(rule, CATEGORIES)
    raise UsageError(
        f"trim: {rule!r} is not a category" + (f"; did you mean {near[0]!r}?" if near else ""),
        f"write one of {', '.join(CATEGORIES)}, or a glob that starts with / or *",
    )


def _apply(tree: Rootfs, selection: dict[TreePath, str], rule: str, patterns: Sequence[str], *, keep: bool) -> None:
    matches = paths.matcher([settled(tree, pattern) for pattern in patterns])
    found = [path for path in tree if path != paths.ROOT and matches(path)]
    if rule in _FOLDERS_STAY:
        found = [path for path in found if not _is_place(tree[path])]
    if not found and rule not in CATEGORIES and not keep and not set(rule) & _SPECIAL:
        raise NotInTree(f"trim: there is no {rule}", "ls shows what is there; take the rule out or fix it")
    for path in found:
        if keep:
            selection.pop(path, None)
        else:
            selection.setdefault(path, rule)


def _is_place(entry: Entry) -> bool:
    """Whether it is where a program writes: a folder, or an empty file of a user who could not make it."""
    return isinstance(entry, Directory) or (isinstance(entry, File) and entry.meta.uid != 0 and not entry.content.size)


def settled(tree: Rootfs, pattern: str) -> str:
    """The glob with the symlinks followed that its leading plain folders are."""
    if not pattern.startswith("/"):
        return pattern
    parts = paths.tree_path(pattern)[1:].split("/")
    plain = list(takewhile(lambda part: not set(part) & _SPECIAL, parts[:-1]))
    try:
        folder = paths.parent(tree.locate(TreePath("/" + "/".join([*plain, "any"]))))
    except NotInTree:
        return pattern
    return folder.rstrip("/").replace("[", "[[]") + "/" + "/".join(parts[len(plain) :])


def _dangling(tree: Rootfs, removed: Mapping[TreePath, str]) -> dict[TreePath, str]:
    """The symlinks that no longer lead anywhere, each with the rule that removed their target."""
    rest = tree.without(removed)
    return {
        path: _lost(tree, path, removed)
        for path, entry in rest.items()
        if isinstance(entry, Symlink) and rest.find(path) is None and tree.find(path) is not None
    }


def _lost(tree: Rootfs, path: TreePath, removed: Mapping[TreePath, str]) -> str:
    """The rule that removed the next component on the path of a symlink."""
    while isinstance(entry := tree.inode(path), Symlink):
        below = "" if entry.target.startswith("/") else paths.parent(path)
        path = tree.resolve(f"{below}/{entry.target}", follow_last=False)
        if path in removed:
            return f"{removed[path]}, which takes {path}"
    return "a rule that takes a symlink on its way"
