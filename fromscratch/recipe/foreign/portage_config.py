"""The config.yaml of the distroless build system with Portage and Buildah: what is built, and the image's name.

portage_mirror: {sync_type: git, uri: https://github.com/gentoo-mirror/gentoo.git}
build: {threads: 12, max_parallel_jobs: 12, global_use_flags: {remove: [X]}}
custom_ebuild_repository: false
target: {container_tag: mycontainers/python, package_atoms: dev-lang/python}
"""

from collections.abc import Mapping

from fromscratch.formats.yaml import document as yaml
from fromscratch.model.reference import slug
from fromscratch.recipe.foreign.contract import Reading, Surroundings
from fromscratch.recipe.foreign.draft import Draft
from fromscratch.recipe.foreign.ledger import Ledger, Node

_KEYS = frozenset(("portage_mirror", "build", "custom_ebuild_repository", "target"))
_FALSE = ("false", "False", "no", "")


def recognises(name: str, text: str) -> bool:
    """Whether a text is a mapping with a target of package atoms."""
    try:
        value = yaml.load(text, name).value
    except Exception:  # whatever it is, it is no such configuration
        return False
    target = value.get("target") if isinstance(value, Mapping) else None
    return isinstance(target, Mapping) and "package_atoms" in target and bool(_KEYS & {*value})


def read(text: str, surroundings: Surroundings) -> Reading:
    """The draft of a recipe that builds the same packages."""
    ledger = Ledger(yaml.load(text, surroundings.name), text)
    draft = Draft()
    root = ledger.root
    target = root.child("target")
    item = draft.item("portage", {}, target)
    for node in _texts(target.child("package_atoms")):
        draft.add((*item, "packages"), node.text(), node)
    _repositories(draft, item, root)
    _build(draft, item, root.child("build"))
    _image(draft, target, surroundings)
    return draft, ledger.entries


def _texts(node: Node) -> list[Node]:
    """The nodes of one text or a list of them."""
    return [node] if isinstance(node.value, str) else node.items()


def _repositories(draft: Draft, item: tuple[str | int, ...], root: Node) -> None:
    mirror, custom = root.child("portage_mirror"), root.child("custom_ebuild_repository")
    kind, uri = mirror.child("sync_type"), mirror.child("uri")
    if uri and kind.value in ("git", "rsync", "local", None):
        word = {"git": "git", "rsync": "rsync", "local": "path"}[kind.text("git")]
        draft.add((*item, "repositories"), {word: uri.text()}, mirror)
    elif mirror:
        mirror.leave_out("the mirror needs a uri, and git, rsync or local for its sync_type")
    if isinstance(custom.value, Mapping):
        address, certificate = custom.child("uri") or custom.child("url"), custom.child("certificate")
        certificate = certificate or custom.child("tls_certificate")
        made = {"git": address.text()} | ({"certificate": certificate.text()} if certificate else {})
        draft.add((*item, "repositories"), made, custom)
    elif custom and custom.value in ("true", "True", "yes"):
        custom.leave_out("its address is not in this file; write it under repositories:, with its certificate")
    elif custom and custom.value in _FALSE:
        custom.take()
    elif custom:
        draft.add((*item, "repositories"), {"git": custom.text()}, custom)


def _build(draft: Draft, item: tuple[str | int, ...], build: Node) -> None:
    for key, ours in (("threads", "threads"), ("max_parallel_jobs", "jobs")):
        draft.put((*item, ours), build.child(key).number(), build.child(key))
    flags = build.child("global_use_flags")
    for node, flag in _flags(flags):
        draft.add((*item, "use"), flag, node)
    for package in build.child("package_use_flags").children():
        for node, flag in _flags(package):
            draft.add((*item, "package_use", package.key), flag, node)
    _take_empty(build)
    _take_empty(build.child("package_use_flags"))


def _flags(node: Node) -> list[tuple[Node, str]]:
    """The USE flags that are switched on, then those that are off, as Portage writes them."""
    if isinstance(node.value, str | list):
        return [(each, each.text()) for each in _texts(node)]
    on = [(each, each.text()) for each in _texts(node.child("add"))]
    off = [(each, f"-{each.text()}") for each in _texts(node.child("remove"))]
    _take_empty(node)
    return [*on, *off]


def _take_empty(node: Node) -> None:
    """Keys with nothing behind them say nothing."""
    for child in node.children() if isinstance(node.value, Mapping) else []:
        if child.value is None:
            child.take()


def _image(draft: Draft, target: Node, surroundings: Surroundings) -> None:
    tag = target.child("container_tag")
    if tag:
        name = tag.text()
        draft.put(("name",), slug(name.rpartition("/")[2].partition(":")[0], surroundings.image), tag)
        tag.leave_out(f"the name {name} is said where the image is imported or pushed", remark=True)
    for key in ("entrypoint", "cmd"):
        for node in _texts(target.child(key)):
            draft.add(("image", key), node.text(), node)
