"""apko's image configurations (YAML): packages of Alpine or Wolfi, accounts, paths, and how the image runs.

Follows `ImageConfiguration` of apko 1.x. A file that it includes is read beside it, and what the includer says counts.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping

from fromscratch.formats.yaml import document as yaml
from fromscratch.recipe.foreign.contract import LeftOut, Reading, Surroundings
from fromscratch.recipe.foreign.draft import Draft
from fromscratch.recipe.foreign.ledger import Ledger, Node

_KEYS = frozenset({
    "contents", "entrypoint", "cmd", "stop-signal", "work-dir", "accounts", "archs", "environment", "paths", "vcs-url",
    "annotations", "include", "volumes", "layering", "format", "certificates",
})  # fmt: skip
_CONTENTS = frozenset({"packages", "repositories", "build_repositories", "runtime_repositories", "keyring"})
_INCLUDES = 10
_ARCHITECTURES = {
    "x86": "386", "x86_64": "amd64", "aarch64": "arm64", "armhf": "arm/v6", "armv7": "arm/v7", "loongarch64": "loong64",
}  # fmt: skip
_ALL = ("386", "amd64", "arm64", "arm/v6", "arm/v7", "loong64", "ppc64le", "riscv64", "s390x")
# What apko sets where the configuration does not.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
}


def recognises(name: str, text: str) -> bool:
    """Whether a text has apko's contents, or a file to include and nothing but apko's keys."""
    try:
        value = yaml.load(text, name).value
    except Exception:  # whatever it is, it is no configuration of apko
        return False
    if not isinstance(value, Mapping):
        return False
    contents = value.get("contents")
    # A misspelled key beside such contents is for the list of what is left out.
    if isinstance(contents, Mapping) and {*contents} & _CONTENTS:
        return True
    return bool({"contents", "include"} & {*value}) and {*value} <= _KEYS


def read(text: str, surroundings: Surroundings) -> Reading:
    """The draft of a recipe that says the same."""
    ledgers = list(_included(Ledger(yaml.load(text, surroundings.name), text), surroundings, 0))
    draft = Draft()
    _Reader(draft, [ledger.root for ledger in reversed(ledgers)], surroundings).read()

    def entries() -> list[LeftOut]:
        return [entry for ledger in ledgers for entry in ledger.entries()]

    return draft, entries


def _included(ledger: Ledger, surroundings: Surroundings, depth: int) -> Iterator[Ledger]:
    """The file itself, then those that it includes."""
    yield ledger
    include = ledger.root.child("include")
    if not include:
        return
    text = surroundings.read(str(include.value)) if depth < _INCLUDES else None
    if text is None:
        include.leave_out("this file is not here; what it says is not in the recipe")
        return
    name = include.text()
    yield from _included(Ledger(yaml.load(text, name), text, name), surroundings, depth + 1)


class _Reader:
    """Reads the same keys of several files; those of a later file count over those of an earlier one."""

    def __init__(self, draft: Draft, roots: list[Node], surroundings: Surroundings) -> None:
        self._draft, self._roots, self._surroundings = draft, roots, surroundings

    def read(self) -> None:
        self._base()
        self._packages()
        self._accounts()
        self._paths()
        self._certificates()
        self._image()
        self._rest()

    def _one(self, *keys: str) -> Node:
        """The value that counts; those that it stands in place of are noted."""
        found = [node for root in self._roots if (node := root.child(*keys))]
        for node in found[:-1]:
            node.leave_out("the file that includes this one says something else", remark=True)
        return found[-1] if found else self._roots[-1].child(*keys)

    def _each(self, *keys: str) -> list[Node]:
        """The items of all lists."""
        return [item for root in self._roots for item in root.child(*keys).items()]

    def _base(self) -> None:
        image, index = self._one("contents", "baseimage", "image"), self._one("contents", "baseimage", "apkindex")
        if image:
            self._draft.item("image", {"from": f"oci:{image.text()}"}, image)
        if index:
            index.leave_out("the packages of a base are read from the base itself", remark=True)

    def _packages(self) -> None:
        packages, place = self._each("contents", "packages"), self._roots[-1].child("contents")
        services = self._one("entrypoint", "services")
        if not packages and not services:
            return
        item = self._draft.item("alpine", {}, place)
        self._requests(item, packages)
        if services and self._one("entrypoint", "type").value == "service-bundle":
            self._draft.add((*item, "packages"), "s6", services)
        repositories = [*self._each("contents", "build_repositories"), *self._each("contents", "repositories")]
        self._list(item, "repositories", repositories, self._place)
        self._list(item, "keys", self._each("contents", "keyring"), self._place)
        in_image = [*self._each("contents", "repositories"), *self._each("contents", "runtime_repositories")]
        self._files(in_image)

    def _requests(self, item: tuple[str | int, ...], packages: list[Node]) -> None:
        """The packages, as far as an index has them."""
        repositories = [*self._each("contents", "build_repositories"), *self._each("contents", "repositories")]
        options = {
            "packages": ["x"],
            "repositories": [self._place(node.text()) for node in repositories],
            "keys": [self._place(node.text()) for node in self._each("contents", "keyring")],
        }
        texts = [node.text() for node in packages]
        lacking = self._surroundings.missing("alpine", options, [text for text in texts if text[:1] != "!"])
        for text, node in zip(texts, packages, strict=True):
            if lacking and text in lacking:
                node.leave_out("no index at hand has a package of this name")
            else:
                self._draft.add((*item, "packages"), text, node)

    def _list(
        self, item: tuple[str | int, ...], key: str, nodes: list[Node], change: Callable[[str], str] = str
    ) -> None:
        for node in nodes:
            self._draft.add((*item, key), change(node.text()), node)

    def _place(self, text: str) -> str:
        """An address as it is, and a path as it is from the recipe."""
        tag, at, place = text.rstrip("/").rpartition(" ")
        if "://" in place:
            return f"{tag}{at}{place}"
        found = self._surroundings.find(place)
        return f"{tag}{at}{found[0].rstrip('/') if len(found) == 1 else place}"

    def _files(self, repositories: list[Node]) -> None:
        """What apko writes for the package manager in the image."""
        if repositories:
            content = "".join(f"{node.text().rstrip('/')}\n" for node in repositories)
            self._file("/etc/apk/repositories", content, repositories[0])
        for key in self._each("contents", "runtime_keyring"):
            self._file(f"/etc/apk/keys/{key.child('name').text()}", key.child("content").text(), key)

    def _file(self, path: str, content: str, place: Node, mode: str = "0644") -> None:
        file = {"path": path, "type": "file", "content": content, "mode": mode, "replace": True}
        self._draft.add(("paths",), file, place)

    def _accounts(self) -> None:
        for user in self._each("accounts", "users"):
            name, uid, gid = user.child("username").text(), user.child("uid").number(), user.child("gid").number()
            line = {"name": name, "uid": uid or 0} | ({} if gid is None else {"gid": gid})
            home = {"home": user.child("homedir").text(f"/home/{name}"), "shell": user.child("shell").text("/bin/sh")}
            self._draft.add(("accounts", "users"), line | home, user)
        for group in self._each("accounts", "groups"):
            members = group.child("members").texts()
            line = {"name": group.child("groupname").text(), "gid": group.child("gid").number() or 0}
            self._draft.add(("accounts", "groups"), line | ({"members": members} if members else {}), group)
        run_as = self._one("accounts", "run-as")
        self._draft.put(("image", "user"), run_as.text(), run_as)

    def _paths(self) -> None:
        for node in self._each("paths"):
            if change := _path_change(node):
                self._draft.add(("paths",), change, node)
        services = self._one("entrypoint", "services")
        for service in services.children() if services else []:
            self._file(f"/sv/{service.key}/run", f"#!/bin/execlineb\n{service.text()}\n", service, "0755")

    def _certificates(self) -> None:
        for node in self._each("certificates", "additional"):
            certificate = {"name": node.child("name").text(), "content": node.child("content").text()}
            self._draft.add(("certificates",), certificate, node)
        for node in self._each("certificates", "providers"):
            node.leave_out("certificates of packages that provide this are not put into the bundle")

    def _image(self) -> None:
        draft = self._draft
        fragment, command = self._one("entrypoint", "shell-fragment"), self._one("entrypoint", "command")
        kind = self._one("entrypoint", "type")
        if kind and kind.text() == "service-bundle":
            draft.put(("image", "entrypoint"), ["/bin/s6-svscan", "/sv"], kind)
        elif fragment:
            draft.put(("image", "entrypoint"), ["/bin/sh", "-c", fragment.text()], fragment)
        if command and not fragment and kind.value != "service-bundle":
            draft.put(("image", "entrypoint"), _words(command), command)
        cmd = self._one("cmd")
        draft.put(("image", "cmd"), _words(cmd), cmd)
        self._environment()
        for key, ours in (("work-dir", "workdir"), ("stop-signal", "stop_signal")):
            node = self._one(key)
            draft.put(("image", ours), node.text(), node)
        for node in self._each("volumes"):
            draft.add(("image", "volumes"), node.text(), node)
        for key in self._keys("annotations"):
            node = self._one("annotations", key)
            text = node.text()
            draft.put(("image", "annotations", key), text, node)
            draft.put(("image", "labels", key), text, node)

    def _environment(self) -> None:
        for key in [*self._keys("environment"), *_ENVIRONMENT]:
            node = self._one("environment", key)
            self._draft.put(("image", "env", key), node.text(_ENVIRONMENT.get(key, "")), node)

    def _keys(self, key: str) -> list[str]:
        return list(dict.fromkeys(node.key for root in self._roots for node in root.child(key).children()))

    def _rest(self) -> None:
        url = self._one("vcs-url")
        source, separator, commit = url.text().partition("@")
        if separator:
            self._draft.put(("image", "about", "source"), source, url)
            self._draft.put(("image", "about", "revision"), commit, url)
        architectures = self._one("archs")
        self._platforms(architectures)
        budget, strategy = self._one("layering", "budget"), self._one("layering", "strategy")
        if budget:
            self._draft.put(("layers", "budget"), budget.number(), budget)
        if strategy:
            strategy.leave_out("layers are made by how seldom and how much packages change", remark=True)
        layering, form = self._one("layering"), self._one("format")
        if layering and not layering.children():
            layering.take()
        if form and form.value == "tar":
            form.take()
        elif form:
            form.leave_out("layers are tar archives")

    def _platforms(self, architectures: Node) -> None:
        names = [node.value for node in architectures.items()]
        if names == ["host"]:
            architectures.take()
            return
        nodes = architectures.items() * (len(_ALL) if names == ["all"] else 1)
        for node, name in zip(nodes, _ALL if names == ["all"] else names, strict=True):
            platform = f"linux/{_ARCHITECTURES.get(node.text(), name) if names != ['all'] else name}"
            if platform not in self._draft.value().get("platforms", []):
                self._draft.add(("platforms",), platform, node)
        if names == ["all"]:
            architectures.take()


def _words(node: Node) -> list[str]:
    try:
        return shlex.split(node.text())
    except ValueError as error:
        node.leave_out(f"this cannot be split into words: {error}")
        return []


def _path_change(node: Node) -> dict[str, object] | None:
    """An item of `paths`, as a recipe has it."""
    kind, path = node.child("type"), node.child("path").text()
    if kind.value not in ("directory", "empty-file", "hardlink", "symlink", "permissions"):
        node.leave_out(f"{kind.value!r} is not a type of path")
        return None
    change: dict[str, object] = {"path": path, "type": "file" if kind.text() == "empty-file" else kind.text()}
    source, mode = node.child("source"), node.child("permissions").number()
    uid, gid = node.child("uid").number(), node.child("gid").number()
    if kind.value in ("hardlink", "symlink"):
        change["target"] = source.text()
    elif source:
        source.leave_out(f"a path of type {kind.value} has no source", remark=True)
    if mode is not None and kind.value != "symlink":
        change["mode"] = f"{mode:04o}"
    if uid is not None or gid is not None:
        change["owner"] = f"{uid or 0}:{gid or 0}"
    if node.child("recursive").flag():
        change["recursive"] = True
    return change | ({"replace": True} if kind.value == "hardlink" else {})
