"""What a recipe says under `paths:`: single paths that are made, changed or deleted when everything else is there."""

import os
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from fromscratch.errors import ImageError
from fromscratch.formats import capabilities
from fromscratch.host.machine import lookup
from fromscratch.host.machine.scan import fingerprint, scan
from fromscratch.model.content import Content, HostFile, Inline
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, encode, matcher, tree_path
from fromscratch.recipe.composition import GitPart
from fromscratch.recipe.folders import Project
from fromscratch.transforms.layer_rules import BY_RECIPE
from fromscratch.transforms.modes import parse_mode
from fromscratch.transforms.owners import check_owner
from fromscratch.transforms.path_changes import PathChange, PathType
from fromscratch.transforms.placement import check_paths

# Type of an item -> the further keys that it may have.
_KEYS: dict[str, tuple[str, ...]] = {
    "directory": ("source", "exclude", "mode", "owner", "recursive", "replace"),
    "file": ("source", "content", "mode", "owner", "capabilities", "replace"),
    "symlink": ("target", "owner", "replace"),
    "hardlink": ("target", "mode", "owner", "replace"),
    "permissions": ("mode", "owner", "capabilities", "recursive"),
    "delete": (),
}
_WHY_NOT = {
    ("symlink", "source"): "a symlink leads to its target: write target",
    ("hardlink", "source"): "a hard link is a name of its target: write target",
    ("symlink", "mode"): "a symlink has no mode; give it to what it leads to, in an item of type permissions",
}


class PathOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One path of the image to make, change or delete, after everything else, in the order of the list."""

    path: Annotated[str, Meta(description="the path in the image; symlinks above it are followed", min_length=1)]
    type: Annotated[PathType, Meta(description="what to make of it; permissions changes what is there already")]
    source: Annotated[
        str | None, Meta(description="file, directory: what of the project it is a copy of; relative to the recipe")
    ] = None
    exclude: Annotated[list[str], Meta(description="directory: globs of paths inside the source to leave out")] = []
    content: Annotated[str | None, Meta(description="file: its text; empty when there is no source either")] = None
    target: Annotated[str | None, Meta(description="symlink, hardlink: what it leads to in the image")] = None
    mode: Annotated[
        str | None,
        Meta(description='octal, such as "0750", or as chmod has it, such as u=rwX,go=rX (directory 0755, file 0644)'),
    ] = None
    owner: Annotated[
        str | None,
        Meta(description="USER:GROUP, USER or :GROUP, by number or by a name of the image's accounts (0:0)"),
    ] = None
    capabilities: Annotated[
        str | None,
        Meta(description='file, permissions: as setcap has them, such as cap_net_bind_service=ep; "" takes them away'),
    ] = None
    recursive: Annotated[bool, Meta(description="give mode and owner to everything below the path too")] = False
    replace: Annotated[bool, Meta(description="let it take the place of something else that is there")] = False
    folder: Annotated[
        str | GitPart | None, Meta(description="where its source starts, if not at the recipe: that of its part")
    ] = None

    def __post_init__(self) -> None:
        if _path("path", self.path) == ROOT and self.type not in ("permissions", "directory"):
            raise ValueError(f"path: {self.path!r} is the root of the image; write which part of it")
        self._check_keys()
        for key, check in (("mode", parse_mode), ("owner", check_owner), ("capabilities", _check_capabilities)):
            value = getattr(self, key)
            if value is not None:
                try:
                    check(value)
                except ValueError as error:
                    raise ValueError(f"{key}: {error}") from error
        for key in ("target", "source"):
            value = getattr(self, key)
            if value is not None and (not value or "\0" in value):
                raise ValueError(f"{key}: it names nothing")
        if self.type == "hardlink":
            _path("target", self.target or "")

    def _check_keys(self) -> None:
        given = [name for name in self.__struct_fields__ if getattr(self, name) not in (None, False, [])]
        for key in given:
            if key not in ("path", "type", "folder", *_KEYS[self.type]):
                known = ", ".join(_KEYS[self.type]) or "path"
                text = _WHY_NOT.get((self.type, key), f"not a key of type {self.type}, which has {known}")
                raise ValueError(f"{key}: {text}")
        if self.source is not None and self.content is not None:
            raise ValueError("content: there is a source already; write one of the two")
        if self.exclude and self.source is None:
            raise ValueError("exclude: there is no source that anything could be left out of")
        check_paths("exclude", self.exclude)
        if self.type in ("symlink", "hardlink") and self.target is None:
            raise ValueError(f"target: a {self.type} needs one")
        if self.type == "permissions" and not {"mode", "owner", "capabilities"} & {*given}:
            raise ValueError("type: permissions changes nothing here; write mode, owner or capabilities")

    def change(self, project: Project, place: str) -> PathChange:
        """The change that these options describe. Raises UsageError."""
        origin = Origin(BY_RECIPE, "asked for", place)
        content, mode, contents = self._of_project(project, place, origin)
        return PathChange(
            origin=origin,
            path=tree_path(self.path),
            type=self.type,
            content=content,
            mode_of_source=mode,
            contents=contents,
            target=self.target or "",
            mode=parse_mode(self.mode) if self.mode is not None else None,
            owner=self.owner or "",
            capabilities=None if self.capabilities is None else _attribute(self.capabilities),
            recursive=self.recursive,
            replace=self.replace,
        )

    def _of_project(self, project: Project, place: str, origin: Origin) -> tuple[Content, int, Rootfs | None]:
        """What is taken from the project, with the mode that git would keep of a file."""
        if self.source is None:
            return Inline(encode(self.content or "")), 0o644, None
        base, label = project.within(self.folder), f"{place}: source"
        if self.type == "directory":
            path = lookup.folder(base, self.source, label)
            project.own.say(place, path)
            skip = project.own.skip(path, matcher(self.exclude))
            return Inline(b""), 0o644, scan(path, origin, owner=(0, 0), canonical_modes=True, skip=skip)
        path = lookup.file(base, self.source, label)
        facts = path.stat()
        # The file that a symlink of the project leads to.
        return HostFile.of(os.path.realpath(path), facts), 0o755 if facts.st_mode & 0o111 else 0o644, None

    def fingerprint(self, project: Project, place: str) -> str:
        """A text that changes whenever the files of the project do."""
        if self.source is None:
            return ""
        base, label = project.within(self.folder), f"{place}: source"
        if self.type == "directory":
            path = lookup.folder(base, self.source, label)
            return fingerprint(path, skip=project.own.skip(path, matcher(self.exclude)))
        facts = lookup.file(base, self.source, label).stat()
        return f"{facts.st_mode} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns} {facts.st_ino}"


def changes(options: Iterable[PathOptions], project: Project) -> list[PathChange]:
    """The changes of a recipe, in their order."""
    return [each.change(project, f"paths[{index}]") for index, each in enumerate(options)]


def fingerprints(options: Iterable[PathOptions], project: Project) -> str:
    """A text that changes whenever a file of the project does that `paths:` names."""
    return " ".join(each.fingerprint(project, f"paths[{index}]") for index, each in enumerate(options))


def _path(key: str, text: str) -> TreePath:
    try:
        return tree_path(text)
    except ImageError as error:
        raise ValueError(f"{key}: {error.message}") from error


def _attribute(text: str) -> bytes:
    return capabilities.from_text(text) if text else b""


def _check_capabilities(text: str) -> None:
    _attribute(text)
