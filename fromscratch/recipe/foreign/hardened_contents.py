"""What a definition of a Docker Hardened Image says under `contents`: packages, files, images and builds."""

import re
from collections.abc import Callable
from typing import Any

from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.draft import Draft
from fromscratch.recipe.foreign.ledger import Node

_OWN_ARCHIVE = re.compile(r"https?://dhi\.io/")
_DISTRIBUTION = re.compile(r"https?://(deb|security|ftp)\.debian\.org/")
_ENTRY = re.compile(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)")
_APK = re.compile(r"https?://dl-cdn\.alpinelinux\.org/\S+")
# Packages of the catalogue's own archive that split one of the distribution's, by what they hold.
_SAME = {"ca-certificates-bundle": "ca-certificates"}
_ARCHIVE = re.compile(r".*\.(tar|tgz|tbz2|txz|tar\.(gz|xz|bz2|zst|lz4))$")


class Contents:
    """Makes items of the root. `text` gives the text of a node with its variables, or None and leaves it out."""

    def __init__(self, draft: Draft, text: Callable[[Node], str | None], surroundings: Surroundings) -> None:
        self._draft, self._text, self._surroundings = draft, text, surroundings

    def read(self, contents: Node, codename: Node) -> None:
        if any(_APK.search(str(node.value)) for node in contents.child("repositories").items()) or not codename:
            self._alpine(contents)
        else:
            self._debian(contents, codename.text())
        for node in contents.child("artifacts").items():
            self._artifact(node)
        for node in contents.child("files").items():
            self._file(node)
        for node in contents.child("builds").items():
            node.leave_out("build steps are not run; what this one makes is not in the recipe")
        if mappings := contents.child("mappings"):
            mappings.leave_out("this says how a bill of materials names packages", remark=True)

    def _debian(self, contents: Node, suite: str) -> None:
        packages = contents.child("packages").items()
        item = self._draft.item("debian", {"suite": suite}, contents.child("packages"))
        also = [each for node in contents.child("repositories").items() if (each := self._archive(node, suite))]
        for node, extra in also:
            self._draft.add((*item, "also"), extra, node)
        self._keys(contents, [str(extra) for _, extra in also])
        lookup: dict[str, Any] = {"suite": suite, "also": [extra for _, extra in also]}
        self._requests("debian", {key: value for key, value in lookup.items() if value}, item, packages)

    def _requests(self, kind: str, options: dict[str, Any], item: tuple[str | int, ...], packages: list[Node]) -> None:
        """The packages, as far as an index has them, and those that are never taken."""
        texts = [(text, node) for node in packages if (text := self._text(node)) is not None]
        requests = [(text, node) for text, node in texts if not text.startswith("!")]
        asked = {text.partition("=")[0] for text, _ in requests}
        for text, node in texts:
            if text.startswith("!") and text[1:] in asked:
                node.leave_out("the definition asks for this package too", remark=True)
            elif text.startswith("!"):
                self._draft.add((*item, "exclude"), text[1:], node)
        names = dict.fromkeys(name for text, _ in requests for name in (text, text.partition("=")[0], _SAME.get(text)))
        lacking = self._surroundings.missing(kind, options | {"packages": ["x"]}, [name for name in names if name])
        for text, node in requests:
            self._request(text, node, item, lacking)

    def _request(self, text: str, node: Node, item: tuple[str | int, ...], lacking: frozenset[str] | None) -> None:
        known = lacking if lacking is not None else frozenset()
        name = text.partition("=")[0]
        if text in _SAME and item[-1] == "debian" and (lacking is None or text in known):
            node.leave_out(f"the distribution's own archive has it in {_SAME[text]}", remark=True)
            text = name = _SAME[text]
        elif text in known and name not in known:
            node.leave_out("no index at hand has this version; the recipe takes the one that there is")
            text = name
        if text in known:
            node.leave_out("no index at hand has a package of this name")
            return
        self._draft.add((*item, "packages"), text, node)

    def _archive(self, node: Node, suite: str) -> tuple[Node, Any] | None:
        """A line of sources.list: a further suite, or None for the distribution's own archive."""
        text = self._text(node)
        entry = _ENTRY.fullmatch(text) if text else None
        if entry is None:
            if text is not None:
                node.leave_out("this is not a line as sources.list(5) has it")
            return None
        signed, address, name, components = entry.groups()
        if _OWN_ARCHIVE.match(address):
            node.leave_out("packages are taken from the distribution's own archive", remark=True)
            return None
        if _DISTRIBUTION.match(address):
            other = components.split() != ["main"]
            same = name == suite and not other
            return None if same else (node, {"suite": name, "components": components.split()} if other else name)
        extra: dict[str, Any] = {"suite": name, "mirror": address.rstrip("/")}
        key = re.search(r"signed-by=(\S+)", signed or "")
        return node, extra | ({"components": components.split()} if components else {}) | (
            {"keyring": f"keys/{key[1].rpartition('/')[2]}"} if key else {}
        )

    def _keys(self, contents: Node, extras: list[str]) -> None:
        for node in contents.child("keyring").items():
            if _OWN_ARCHIVE.match(str(node.value)):
                node.leave_out("the keys of the distribution's own archive are those of this machine", remark=True)
            else:
                node.leave_out("bring this key, and put it where keyring: of the recipe names it")

    def _alpine(self, contents: Node) -> None:
        item = self._draft.item("alpine", {}, contents.child("packages"))
        places: list[str] = []
        for node in contents.child("repositories").items():
            if _OWN_ARCHIVE.match(str(node.value)):
                node.leave_out("packages are taken from the distribution's own archive", remark=True)
            elif text := self._text(node):
                self._draft.add((*item, "repositories"), text, node)
                places.append(text)
        self._requests("alpine", {"repositories": places}, item, contents.child("packages").items())
        self._keys(contents, [])

    def _artifact(self, node: Node) -> None:
        """Paths of another image."""
        name = node.child("name").text()
        options: dict[str, Any] = {"from": name}
        for key, ours in (("includes", "include"), ("excludes", "exclude")):
            if globs := node.child(key).texts():
                options[ours] = [_from_root(each) for each in globs]
        uid, gid = node.child("uid").number(), node.child("gid").number()
        if uid or gid:
            node.leave_out(f"all of it is to belong to {uid}:{gid}; it keeps its owners")
        if node.child("if"):
            node.leave_out("this holds under a condition only")
            return
        self._draft.item("image", {"include": ["/**"], **options}, node, replace=True)

    def _file(self, node: Node) -> None:
        """A file, or an archive, from an address."""
        address = self._text(node.child("url"))
        if address is None:
            node.leave_out("it is not known for every architecture where this comes from")
            return
        if address.startswith("git+"):
            node.leave_out("check this out into the project, and take it by a directory")
        elif _ARCHIVE.fullmatch(address):
            self._archive_file(node, address)
        else:
            node.leave_out("bring this file into the project, and name it under paths, as the source of a file")

    def _archive_file(self, node: Node, address: str) -> None:
        """An archive whose content lands below a path, if it is verified by a digest and holds for every platform."""
        checksum, path = node.child("checksum"), self._text(node.child("path"))
        algorithm, _, digest = str(checksum.value or "").partition(":")
        if algorithm not in ("sha256", "sha512") or path is None or _ARCHIVE.fullmatch(path):
            node.leave_out("bring this archive, and take it by a tarball with its sha256")
            return
        if node.child("platforms") or node.child("if"):
            node.leave_out("this holds for some platforms only")
            return
        checksum.take()
        options: dict[str, Any] = {"url": address, algorithm: digest, "into": path}
        for key, ours in (("includes", "include"), ("excludes", "exclude")):
            if globs := node.child(key).texts():
                options[ours] = [_from_root(each) for each in globs]
        uid, gid = node.child("uid").number(), node.child("gid").number()
        if uid is not None or gid is not None:
            options["owner"] = f"{uid or 0}:{gid or 0}"
        if spdx := node.child("spdx"):
            spdx.leave_out("this is for a bill of materials", remark=True)
        self._draft.item("tarball", options, node, replace=True)


def _from_root(glob: str) -> str:
    return f"/{glob.strip('/')}"
