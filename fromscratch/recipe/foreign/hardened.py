"""Definitions of the Docker Hardened Images catalogue (YAML, `# syntax=dhi.io/build:2-…`): Debian or Alpine packages.

Follows the catalogue's own schema. Packages are taken from the distribution's archive: the catalogue's needs a login.
"""

import re
from collections.abc import Mapping
from typing import Any

from fromscratch.formats.yaml import document as yaml
from fromscratch.model.reference import slug
from fromscratch.recipe.foreign import hardened_contents
from fromscratch.recipe.foreign.contract import Reading, Surroundings
from fromscratch.recipe.foreign.draft import Draft
from fromscratch.recipe.foreign.ledger import Ledger, Node
from fromscratch.recipe.foreign.ports import port_numbers

_LABEL = "com.docker.dhi."
_OS_RELEASE = (
    "name", "id", "id-like", "version-id", "version-codename", "pretty-name", "home-url", "bug-report-url",
)  # fmt: skip
_VARIABLE = re.compile(r"\$\{([^${}]*)\}")


def recognises(name: str, text: str) -> bool:
    """Whether a text is a definition of an image, by the frontend that it names or by its keys."""
    if not re.search(r"(?m)^image:", text):
        return False
    if re.match(r"#\s*syntax=dhi\.io/build", text):
        return True
    try:
        value = yaml.load(text, name).value
    except Exception:  # whatever it is, it is no definition
        return False
    return isinstance(value, Mapping) and {"image", "contents", "os-release"} <= {*value}


def read(text: str, surroundings: Surroundings) -> Reading:
    """The draft of a recipe that says the same, as far as it needs no build step."""
    ledger = Ledger(yaml.load(text, surroundings.name), text)
    draft = Draft()
    root = _Expanded(ledger.root)
    _Definition(draft, root, surroundings).read()
    root.leave_unused()
    return draft, ledger.entries


class _Expanded:
    """The nodes of a definition, with the variables of `vars` in their texts put in place."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self._vars = {node.key: node for node in root.child("vars").children() if isinstance(node.value, str)}
        self._used: set[str] = set()

    def text(self, node: Node, whole: Node | None = None) -> str | None:
        """A text with its variables; None, and `whole` left out, if one differs by architecture or is not known."""
        found = node.text()
        for name in _VARIABLE.findall(found):
            value = self._vars[name].value if name in self._vars else None
            if value is None or _VARIABLE.search(value):
                (whole or node).leave_out(f"the variable {name} has no value that holds for every architecture")
                return None
            self._used.add(name)
            found = found.replace(f"${{{name}}}", value)
        return found

    def leave_unused(self) -> None:
        """What `vars` is not needed for the recipe: a value that is used is carried over where it stands."""
        unused = "nothing that was carried over refers to this"
        if not self._used:
            self.root.child("vars").leave_out(unused, remark=True)
            return
        for name, node in self._vars.items():
            if name in self._used:
                node.take()
            else:
                node.leave_out(unused, remark=True)


class _Definition:
    def __init__(self, draft: Draft, expanded: _Expanded, surroundings: Surroundings) -> None:
        self._draft, self._expanded, self._surroundings = draft, expanded, surroundings
        self._root = expanded.root
        self._platforms = self._root.child("platforms").texts()

    def read(self) -> None:
        self._names()
        contents = hardened_contents.Contents(self._draft, self._expanded.text, self._surroundings)
        contents.read(self._root.child("contents"), self._root.child("os-release", "version-codename"))
        self._accounts()
        self._os_release()
        for node in self._root.child("paths").items():
            if change := self._path(node):
                self._draft.add(("paths",), change, node)
        self._image()

    def _names(self) -> None:
        root, draft = self._root, self._draft
        image, title = root.child("image"), root.child("name")
        draft.put(("name",), slug(image.text().rpartition("/")[2], self._surroundings.image), image)
        draft.put(("image", "about", "title"), title.text(), title)
        for key in ("variant", "flavor"):
            node = root.child(key)
            draft.put(("image", "labels", _LABEL + key), node.text(), node)
        for node in root.child("dates").children():
            draft.put(("image", "labels", f"{_LABEL}date.{node.key}"), node.text(), node)
        for node, platform in zip(root.child("platforms").items(), self._platforms, strict=False):
            draft.add(("platforms",), platform, node)
        if tags := root.child("tags"):
            tags.leave_out("the names of an image are said where it is imported or pushed", remark=True)

    def _accounts(self) -> None:
        accounts = self._root.child("accounts")
        root = accounts.child("root")
        if root and not root.flag():
            root.leave_out("root is in every image, locked", remark=True)
        for user in accounts.child("users").items():
            name, uid, gid = user.child("name").text(), user.child("uid").number(), user.child("gid").number()
            line: dict[str, Any] = {"name": name, "uid": uid or 0} | ({} if gid is None else {"gid": gid})
            self._draft.add(("accounts", "users"), line | {"home": f"/home/{name}"}, user)
        for group in accounts.child("groups").items():
            members = group.child("members").texts()
            line = {"name": group.child("name").text(), "gid": group.child("gid").number() or 0}
            self._draft.add(("accounts", "groups"), line | ({"members": members} if members else {}), group)
        run_as = accounts.child("run-as")
        self._draft.put(("image", "user"), run_as.text(), run_as)

    def _os_release(self) -> None:
        """The file that says which system this is, in place of the distribution's own."""
        node = self._root.child("os-release")
        lines = [(key, node.child(key)) for key in _OS_RELEASE]
        content = "".join(f"{key.upper().replace('-', '_')}={_quoted(value.text())}\n" for key, value in lines if value)
        if content:
            file = {"path": "/usr/lib/os-release", "type": "file", "content": content, "replace": True}
            link = {"path": "/etc/os-release", "type": "symlink", "target": "../usr/lib/os-release", "replace": True}
            self._draft.add(("paths",), file, node)
            self._draft.add(("paths",), link, node)

    def _path(self, node: Node) -> dict[str, Any] | None:
        """An item of `paths`, as a recipe has it."""
        kind = node.child("type")
        if node.child("if"):
            node.leave_out("this holds under a condition only")
            return None
        platforms = node.child("platforms")
        if platforms and {*platforms.texts()} < {*self._platforms}:
            node.leave_out("this holds for some platforms only")
            return None
        path = self._expanded.text(node.child("path"), node)
        if path is None:
            return None
        change: dict[str, Any] = {"path": path, "type": kind.text().replace("emptyfile", "file")}
        if change["type"] in ("file", "directory", "symlink"):
            change["replace"] = True
        if not self._content(node, change):
            return None
        uid, gid, mode = node.child("uid").number(), node.child("gid").number(), node.child("mode")
        # What is new belongs to root anyway; a directory that a package brings may belong to somebody else.
        if change["type"] != "delete" and (uid or gid or (change["type"] == "directory" and uid is not None)):
            change["owner"] = f"{uid or 0}:{gid or 0}"
        if mode and change["type"] == "symlink":
            mode.leave_out("a symlink has no mode of its own", remark=True)
        elif mode:
            change["mode"] = mode.text().zfill(4)
        if node.child("recursive").flag() and change["type"] in ("directory", "permissions"):
            change["recursive"] = True
        return change

    def _content(self, node: Node, change: dict[str, Any]) -> bool:
        """Put what the path holds into the change; False where it is not there."""
        source, content = node.child("source"), node.child("content")
        if content:
            change["content"] = content.text()
        if not source:
            return True
        text = self._expanded.text(source, node)
        if text is None:
            return False
        if change["type"] == "symlink":
            change["target"] = text
            return True
        found = self._surroundings.find(text)
        if len(found) != 1:
            node.leave_out(f"{text} is not among the files of the definition")
            return False
        change["source"] = found[0].rstrip("/")
        return True

    def _image(self) -> None:
        root, draft = self._root, self._draft
        for key in ("entrypoint", "cmd"):
            for node in root.child(key).items():
                draft.add(("image", key), node.text(), node)
        for node in root.child("ports").items():
            for port in port_numbers(node.text()):
                draft.add(("image", "ports"), port, node)
        for key, ours in (("work-dir", "workdir"), ("stop-signal", "stop_signal")):
            draft.put(("image", ours), root.child(key).text(), root.child(key))
        for node in root.child("environment").children():
            value = self._expanded.text(node) if isinstance(node.value, str) else node.text()
            if value is not None:
                draft.put(("image", "env", node.key), value, node)
        for key in ("annotations", "labels"):
            for node in root.child(key).children():
                draft.put(("image", key, node.key), node.text(), node)
        for node in root.child("tests").items():
            node.leave_out("write it as a check, under checks")
        for key in ("fips-compliant", "stig-certified"):
            if node := root.child(key):
                node.leave_out("what an authority has certified does not hold for another build", remark=True)


def _quoted(value: str) -> str:
    """A value of os-release(5)."""
    if re.fullmatch(r"[A-Za-z0-9._-]*", value):
        return value
    return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'
