"""What an image can do without: whole categories by name, or paths by glob."""

import difflib
from collections.abc import Sequence

from fromscratch import paths
from fromscratch.errors import NotInTree, UsageError
from fromscratch.model.entry import Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

# A pattern takes what matches and all below it; one that starts with "!" keeps what an earlier one took.
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
    "static-libraries": ("/usr/lib/**/*.a", "/lib/**/*.a", "/usr/lib/**/*.la", "/usr/lib/**/*.o"),
    "headers": ("/usr/include", "/usr/lib/**/pkgconfig", "/usr/share/pkgconfig", "/usr/share/aclocal"),
    "caches": (
        "/var/cache/**",
        "/var/log/**",
        "/var/tmp/**",
        "/tmp/**",
        "/var/lib/apt/lists/**",
        "/var/lib/dpkg/*-old",
        "/etc/ld.so.cache",
    ),
    # Character sets for iconv; UTF-8, Latin-1 and ASCII are inside the C library.
    "gconv": ("/usr/lib/**/gconv", "/lib/**/gconv"),
    "package-records": ("/var/lib/dpkg", "/var/lib/apt", "/usr/share/dpkg"),
}


def selected(tree: Rootfs, rules: Sequence[str]) -> dict[TreePath, str]:
    """Every path that the rules take, with the rule that takes it; symlinks left dangling by it too.

    A rule is a category, a glob that starts with "/" or "*", or "!" and a glob to keep after all.
    Raises UsageError for a word that is no category, and NotInTree for a plain path that is not there.
    """
    taken: dict[TreePath, str] = {}
    for rule in rules:
        for pattern in _patterns(rule):
            _apply(tree, taken, rule, pattern)
    dangling = {
        path: f"{taken[target]}, which takes {target}"
        for path, entry in tree.items()
        if isinstance(entry, Symlink) and path not in taken and (target := _target(tree, path)) in taken
    }
    kept_parents = {above for path in tree if path not in taken for above in paths.ancestors(path)}
    return {path: rule for path, rule in {**taken, **dangling}.items() if path not in kept_parents}


def _patterns(rule: str) -> tuple[str, ...]:
    if rule in CATEGORIES:
        return CATEGORIES[rule]
    if rule.startswith(("/", "*", "!")):
        return (rule,)
    near = difflib.get_close_matches(rule, CATEGORIES, 1)
    raise UsageError(
        f"trim: {rule!r} is no category" + (f"; did you mean {near[0]!r}?" if near else ""),
        f"write one of {', '.join(CATEGORIES)}, or a glob that starts with / or *",
    )


def _apply(tree: Rootfs, taken: dict[TreePath, str], rule: str, pattern: str) -> None:
    keep = pattern.startswith("!")
    matches = paths.matcher([pattern.removeprefix("!")])
    found = [path for path in tree if matches(path)]
    if not found and pattern == rule and not keep and not set(rule) & set("*?["):
        raise NotInTree(f"trim: there is no {rule}", "ls shows what is there; take the rule out or mend it")
    for path in found:
        if keep:
            taken.pop(path, None)
        elif path != paths.ROOT:
            taken.setdefault(path, rule)


def _target(tree: Rootfs, link: TreePath) -> TreePath | None:
    try:
        return tree.resolve(link)
    except NotInTree:
        return None
