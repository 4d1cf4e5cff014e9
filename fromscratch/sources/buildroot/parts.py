"""What a build is made of besides its configuration, in parts, so that a change of one rebuilds what it can change.

A part has an effect and a name, as one text: `package package/jq` is the folder of the package jq, `all Makefile` is
what can change everything. The value beside it is a digest of its content.
"""

import hashlib
import os
import posixpath
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from fromscratch.host.storage.own_folders import OwnFolders
from fromscratch.host.storage.store import Store
from fromscratch.lazy_regex import lazy_regex
from fromscratch.regular_file import read_text
from fromscratch.sources.buildroot.content import Grouping, content_digest, content_digests
from fromscratch.sources.buildroot.make_paths import Folders

Effect = Literal["all", "package", "symbol", "variable", "skeleton", "image", "last"]
"""What a changed part makes stale:

all: everything; package: the package of that folder; symbol, variable: what owns a symbol or variable of that name;
skeleton: the empty root; image: the target folder is filled again; last: only the last steps, which always run.
"""

_RULES = "1"  # of the groupings below: a change gives every folder its digests anew
_OF_PACKAGES = ("package", "boot", "linux", "toolchain")
_WITHOUT_EFFECT = ("docs", "utils", "board", "configs", "support/testing", "support/docker", "support/misc")
_CORE = ("Makefile", "Makefile.legacy", "arch", "package", "support", "system", "toolchain", "boot", "linux")
_SKELETON, _LAST_STEPS = ("system/skeleton",), ("fs", "system/device_table.txt", "system/device_table_dev.txt")
_ASSIGNED = lazy_regex(r"^(?:override +|define +)?([A-Z][A-Z0-9_]*)(?: *(?:\+|:|\?)?=|$)", 8)  # re.MULTILINE
_IN_EXTERNAL = lazy_regex(r"\$[({]((?:BR2_EXTERNAL_\w+_PATH|TOPDIR|HOME))[)}](/[\w./+@~-]*)?([$*?\[])?")


def part(effect: Effect, name: str) -> str:
    """The text that a part is known by."""
    return f"{effect} {name}"


def of_tree(top: Path, store: Store, besides: Collection[str]) -> dict[str, str]:
    """The parts of a folder that is Buildroot itself."""
    return content_digests(top, store, _tree_grouping, f"tree {_RULES}", besides=besides)


def of_external(top: Path, store: Store, own: OwnFolders, folders: Folders) -> dict[str, str]:
    """The parts of an external tree, with what its packages name outside of their own folders."""
    parts = content_digests(top, store, _external_grouping, f"external {_RULES}", besides=own.names(top))
    for makefile in sorted(_makefiles(top, parts)):
        folder = posixpath.dirname(makefile)
        text = _text(top / makefile)
        for variable in sorted(_foreign_variables(text, posixpath.basename(folder))):
            _add(parts, part("variable", variable), hash_of(text))
        for path in sorted(_named_paths(text, folders)):
            if path.exists() and not path.is_relative_to(top / folder):
                _add(parts, part("package", folder), content_digest(path, store, besides=own.names(path)))
    return {f"{key}\t{top}": digest for key, digest in parts.items()}


def of_overrides(text: str, folders: Folders, store: Store, own: OwnFolders) -> dict[str, str]:
    """The parts of a user's file of overrides, and of the folders of sources that it names."""
    parts: dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if not (plain := line.partition("#")[0].strip()):
            continue
        name, _, value = (each.strip(" :?+") for each in plain.partition("="))
        if not name.replace("_", "").isalnum() or "=" not in plain:
            _add(parts, part("all", "the file of overrides"), hash_of(plain))
            continue
        _add(parts, part("variable", name), hash_of(plain))
        if name.endswith("_OVERRIDE_SRCDIR") and (path := folders.expanded(value)) and path.exists():
            _add(parts, part("variable", name), content_digest(path, store, besides=own.names(path)))
    return parts


def hash_of(*texts: str) -> str:
    """One digest of several texts."""
    whole = hashlib.sha256()
    for text in texts:
        raw = os.fsencode(text)
        whole.update(b"%d\n" % len(raw) + raw)
    return whole.hexdigest()


def _add(parts: dict[str, str], name: str, digest: str) -> None:
    parts[name] = hash_of(parts[name], digest) if name in parts else digest


def package_folders(names: Iterable[str]) -> set[str]:
    """The folders that are packages: those that hold a makefile of their own name."""
    return {
        folder
        for name in names
        if name.endswith(".mk")
        and posixpath.basename(folder := posixpath.dirname(name)) == posixpath.basename(name)[:-3]
    }


def _owner(name: str, folders: set[str]) -> str | None:
    while name:
        if name in folders:
            return name
        name = posixpath.dirname(name)
    return None


def _below(name: str, tops: Iterable[str]) -> bool:
    return any(name == top or name.startswith(f"{top}/") for top in tops)


def _tree_grouping(names: Collection[str]) -> Grouping:
    folders = {each for each in package_folders(names) if _below(each, _OF_PACKAGES)}

    def rule(name: str) -> str | None:
        base = posixpath.basename(name)
        if base.startswith("Config.in"):
            return None  # of menus only what they make of the configuration counts, which is compared as such
        if owner := _owner(name, folders):
            return part("package", owner)
        if _below(name, _WITHOUT_EFFECT) or not _below(name, (*_CORE, *_LAST_STEPS)):
            return None
        if _below(name, _SKELETON):
            return part("skeleton", "system/skeleton")
        if _below(name, _LAST_STEPS):
            return part("last", "fs")
        above = posixpath.dirname(name)
        if name in _CORE[2:] or (above in _OF_PACKAGES[:2] and not base.endswith((".mk", "Makefile.in"))):
            return None
        return part("all", above or name)

    return rule


def _external_grouping(names: Collection[str]) -> Grouping:
    folders = package_folders(names)
    above = {posixpath.dirname(name) for name in names}

    def rule(name: str) -> str | None:
        base = posixpath.basename(name)
        if base.startswith("Config.in") or _below(name, ("configs",)):
            return None
        if owner := _owner(name, folders):
            return part("package", owner)
        if name in above:
            return None
        if name == "external.desc" or base.endswith(".mk"):
            return part("all", name)
        return part("image", "files beside packages")

    return rule


def _makefiles(top: Path, parts: Mapping[str, str]) -> list[str]:
    folders = [key.removeprefix("package ") for key in parts if key.startswith("package ")]
    return [f"{each}/{posixpath.basename(each)}.mk" for each in folders]


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError):
        return ""  # make says what is wrong with it


def symbolic(package: str) -> str:
    """The name of a package as its variables have it: jq-extra -> JQ_EXTRA."""
    return package.upper().replace("-", "_").replace(".", "_").replace("+", "_")


def _foreign_variables(text: str, package: str) -> set[str]:
    """The variables that a package's makefile sets and that are not its own."""
    own = (f"{symbolic(package)}_", f"HOST_{symbolic(package)}_")
    return {name for name in _ASSIGNED.findall(text) if not name.startswith(own)}


def _named_paths(text: str, folders: Folders) -> set[Path]:
    """What a makefile names below the folders that make has variables for; up to the first part that is computed."""
    found = set()
    for variable, below, computed in _IN_EXTERNAL.findall(text):
        fixed = below.rpartition("/")[0] if computed else below
        if variable != "TOPDIR" or ".." in fixed:
            path = folders.expanded(f"$({variable}){fixed}")
            if path is not None:
                found.add(path)
    return found
