"""COPY and ADD: files of the project become `paths:`, archives tarballs, and files of other stages parts of images."""

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from fromscratch.formats.docker import instructions
from fromscratch.formats.docker.instructions import Heredoc, Instruction
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.dockerfile_variables import Variables
from fromscratch.recipe.foreign.draft import Draft
from fromscratch.recipe.foreign.lines import Lines, Place

_ARCHIVE = re.compile(r".*\.(tar|tgz|tbz2|txz|tar\.(gz|xz|bz2|zst))$")
_ADDRESS = re.compile(r"(https?|git|ssh)://|git@|.*\.git(#|$)")
_WILD = re.compile(r"[*?\[]")
_KNOWN = ("from", "chown", "chmod", "link", "checksum")


class StageImage(Struct, frozen=True):
    """The image that a stage begins with, and its platform, if that is not the one that is built."""

    name: str
    platform: str = ""


class Copies:
    """Makes items of a draft. Copies from one image that follow each other become one item."""

    def __init__(
        self,
        draft: Draft,
        lines: Lines,
        variables: Variables,
        surroundings: Surroundings,
        image_of: Callable[[str], StageImage | None],
    ) -> None:
        self._draft, self._lines, self._variables = draft, lines, variables
        self._surroundings, self._image_of = surroundings, image_of
        self._last: dict[str, Any] = {}
        self._sources: set[str] = set()
        self._item: tuple[str | int, ...] = ()
        self._folders: Place | None = None

    def copy(self, instruction: Instruction, folder: str) -> None:
        words = self._words(instruction)
        if words is None:
            return
        *sources, destination = words
        destination = _destination(folder, destination)
        into = len(sources) > 1 or destination.endswith("/")
        if name := instruction.flag("from"):
            name = self._variables.expanded(name, instruction) or ""
            self._from_image(instruction, name, sources, destination, into=into)
            return
        documents = {each.name: each for each in instruction.heredocs}
        for source in sources:
            if source.startswith("<<"):
                self._document(instruction, documents[source.strip("<-\"'")], destination, into=into)
            else:
                self._from_project(instruction, source, destination, into=into)

    def add(self, instruction: Instruction, folder: str) -> None:
        words = self._words(instruction)
        if words is None:
            return
        *sources, destination = words
        where = _destination(folder, destination)
        place = self._lines.place(instruction)
        into = len(sources) > 1 or where.endswith("/")
        for source in sources:
            if _ADDRESS.match(source):
                self._from_address(instruction, source, where, into=into)
            elif _ARCHIVE.fullmatch(source) and not _WILD.search(source):
                found = self._surroundings.find(posixpath.normpath(source.lstrip("/")))
                path = found[0] if found else posixpath.normpath(source.lstrip("/"))
                options = {"path": path, "into": where.rstrip("/") or "/"}
                if owner := self._owner(instruction, numbers=True):
                    options["owner"] = owner
                self._draft.item("tarball", options, place, replace=True)
                self._last = {}
                self._remark_absent(place, source, found)
                place.take()
            else:
                self._from_project(instruction, source, where, into=into)

    def finish(self) -> None:
        """Remark what holds for all folders that were copied."""
        if self._folders and self._surroundings.read(".dockerignore") is not None:
            self._folders.leave_out("what .dockerignore excludes is copied too: delete it under paths", remark=True)

    def _words(self, instruction: Instruction) -> list[str] | None:
        """The sources and the destination, variables in place; None, and left out, where they are not known."""
        place = self._lines.place(instruction)
        unknown = [flag for flag, _ in instruction.flags if flag not in _KNOWN]
        if unknown:
            place.leave_out(f"the flag {unknown[0]} is not one that recipes can follow")
            return None
        words = instruction.words
        if words is None:
            words = tuple(instructions.split(instruction.rest, self._variables.escape))
        if len(words) < 2:
            place.leave_out("this names no source, or no destination")
            return None
        found = [
            word
            if word.startswith("<<")
            else self._variables.expanded(word, instruction, quotes=instruction.words is None)
            for word in words
        ]
        return [each for each in found if each is not None] if None not in found else None

    def _from_image(
        self, instruction: Instruction, name: str, sources: list[str], destination: str, *, into: bool
    ) -> None:
        place, image = self._lines.place(instruction), self._image_of(name) if name else StageImage("")
        if image is None or not image.name:
            place.leave_out("the stage is empty" if image is None else "this names no stage and no image")
            return
        options: dict[str, Any] = {"from": image.name}
        if image.platform:
            options["platform"] = image.platform
        if owner := self._owner(instruction, numbers=True):
            options["owner"] = owner
        if options != self._last or self._sources & {*sources}:
            self._item = self._draft.item("image", options, place, replace=True)
            self._last, self._sources = options, set()
        self._sources.update(sources)
        mode = instruction.flag("chmod")
        for source in sources:
            absolute = posixpath.normpath(posixpath.join("/", source))
            target = f"{destination.rstrip('/')}/{posixpath.basename(absolute)}" if into else destination
            self._draft.put((*self._item, "copy", absolute), destination if into else target, place)
            if mode:
                change = {"path": target, "type": "permissions", "mode": mode, "recursive": True}
                self._draft.add(("paths",), change, place)
        place.take()

    def _from_project(self, instruction: Instruction, source: str, destination: str, *, into: bool) -> None:
        place = self._lines.place(instruction)
        name = posixpath.normpath(source.lstrip("/")) if source.strip("/") else "."
        found = list(self._surroundings.find(name))
        if not found and _WILD.search(name):
            place.leave_out(f"no file that {source} means is here")
            return
        for path in found or [f"{name}/" if source.endswith("/") or name == "." else name]:
            self._project_path(instruction, path, destination, into=into or len(found) > 1)
        self._remark_absent(place, source, found)
        place.take()

    def _remark_absent(self, place: Place, source: str, found: Sequence[str]) -> None:
        if not found:
            place.leave_out(f"{source} is not here yet; it is taken from there when the image is built", remark=True)

    def _project_path(self, instruction: Instruction, path: str, destination: str, *, into: bool) -> None:
        place = self._lines.place(instruction)
        is_folder = path.endswith("/")
        source = path.rstrip("/")
        target = f"{destination.rstrip('/')}/{posixpath.basename(source)}" if into and not is_folder else destination
        change: dict[str, Any] = {"path": target.rstrip("/") or "/", "type": "directory" if is_folder else "file"}
        change |= {"source": source, "replace": True} | self._rights(instruction)
        if is_folder:
            self._folders = place
            change |= {"recursive": True} if {"mode", "owner"} & {*change} else {}
        self._draft.add(("paths",), change, place)

    def _document(self, instruction: Instruction, document: Heredoc, destination: str, *, into: bool) -> None:
        place, content = self._lines.place(instruction), document.text
        if document.expanded:
            expanded = self._variables.expanded(content, instruction, quotes=False)
            if expanded is None:
                return
            content = expanded
        path = f"{destination.rstrip('/')}/{document.name}" if into else destination
        file = {"path": path, "type": "file", "content": content, "replace": True}
        self._draft.add(("paths",), file | self._rights(instruction), place)
        place.take()

    def _from_address(self, instruction: Instruction, source: str, destination: str, *, into: bool) -> None:
        self._lines.place(instruction).leave_out(
            "bring this into the project, and name it under paths, as the source of a file"
        )

    def _rights(self, instruction: Instruction) -> dict[str, str]:
        owner, mode = self._owner(instruction, numbers=False), instruction.flag("chmod")
        return ({"owner": owner} if owner else {}) | ({"mode": mode} if mode else {})

    def _owner(self, instruction: Instruction, *, numbers: bool) -> str | None:
        """The owner that --chown gives; names where they can be looked up."""
        text = self._variables.expanded(instruction.flag("chown"), instruction)
        if not text:
            return None
        user, _, group = text.partition(":")
        group = group or (user if user.isdigit() else "")
        if numbers and not (user.isdigit() and group.isdigit()):
            self._lines.place(instruction).leave_out("the owner is a name; write its numbers")
            return None
        return f"{user}:{group}" if group else user


def _destination(folder: str, text: str) -> str:
    """The absolute path of a destination, with "/" behind it where it is a folder for certain."""
    path = posixpath.normpath(posixpath.join(folder, text))
    path = f"/{path.lstrip('/')}"
    is_folder = text in (".", "..") or text.endswith(("/", "/."))
    return path if path == "/" or not is_folder else f"{path}/"
