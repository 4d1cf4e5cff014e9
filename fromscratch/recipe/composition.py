"""A recipe put together from its parts: what `extends` and `include` name, under what it says itself."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from fromscratch import regular_file
from fromscratch.errors import FormatError, ImageError, RecipeError
from fromscratch.formats.yaml import decode
from fromscratch.formats.yaml import document as yaml
from fromscratch.host.machine import lookup
from fromscratch.host.machine.package_data import shipped
from fromscratch.lazy_regex import lazy_regex
from fromscratch.nearest import nearest
from fromscratch.recipe.merging import merged
from fromscratch.recipe.nodes import Located, Node, Place, fault, nodes, whole
from fromscratch.recipe.variables import written_out

DEPTH = 16
_PARTS = 200
_LARGEST = 1 << 20
SHIPPED = "shipped:"
"""The folder of the recipes that come with the program, where an item says which folder its files lie in."""
_WITH_FILES = ("rootfs", "paths", "certificates")
"""The lists whose items may name files."""


class GitPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recipe in a git repository, at one commit for ever."""

    git: Annotated[str, Meta(description="the URL of the repository", pattern=r"^[^-\s][^\s]*$")]
    commit: Annotated[str, Meta(description="the full id of the commit: a branch or a tag may change")]
    path: Annotated[str, Meta(description="the file in it, or the folder", min_length=1)] = "fromscratch.yaml"

    def __post_init__(self) -> None:
        if not _COMMIT.fullmatch(self.commit):
            raise ValueError(
                f"commit: {self.commit!r} is not the full id of a commit, 40 hexadecimal digits; "
                f"`git ls-remote {self.git}` tells those of branches and tags"
            )
        if "://" not in self.git and not self.git.startswith("/") and not _SCP.match(self.git):
            raise ValueError(f"git: {self.git!r} is not a URL of a repository, and not an absolute path")


_COMMIT = lazy_regex(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP = lazy_regex(r"[^/:]+:[^/:]")  # HOST:PATH, the short form of ssh
Reference = str | GitPart


class Head(Struct, frozen=True, kw_only=True):
    """The keys of a recipe that name others."""

    extends: Annotated[Reference | None, Meta(description="the recipe that this one starts from")] = None
    include: Annotated[
        Reference | list[Reference], Meta(description="parts that it is made of, files or shipped recipes")
    ] = []


class Origin(Struct, frozen=True):
    """Where a part lies. `marker` is what an item of another folder than the recipe's says of where its files are."""

    file: Path
    name: str
    marker: Any = None
    within: Path | None = None

    @property
    def folder(self) -> Path:
        return self.file.parent


Checkout = Callable[[str, str], Path]
"""The folder with the files of a git repository, by its URL, at a commit."""


class Composer:
    """Reads parts. What is wrong with them is in `faults`."""

    def __init__(self, top: Path, checkout: Checkout) -> None:
        self.top, self.checkout = top, checkout
        self.faults: list[Located] = []
        self.count = 0

    def read(self, text: str, origin: Origin) -> Node:
        """The document of a part. Raises RecipeError for what is not YAML."""
        try:
            document = yaml.load(text, origin.name)
        except FormatError as error:
            quoted = "; ${{…}} inside [ ] or { } needs quotes" if "${{" in text else ""
            raise RecipeError(error.message, error.hint + quoted) from error
        self.faults += [Located(origin.name, line, path, "this key stands twice") for path, line in document.repeated]
        return nodes(document, origin.name)

    def composed(self, node: Node, origin: Origin, above: tuple[str, ...]) -> Node:
        """A part over what it extends and includes; `above` are the parts that are being read."""
        if not isinstance(node.value, dict):
            return node
        own = self.marked(node.without("extends", "include"), origin, above)
        below: Node | None = None
        for reference, place in self.references(node):
            part = self.part(reference, place, origin, above)
            if part is not None:
                below = part if below is None else merged(below, part)
        return own if below is None else merged(below, own)

    def marked(self, node: Node, origin: Origin, above: tuple[str, ...]) -> Node:
        """What a part says itself, with the folder of their files in its items, and its variants with their parts."""
        made = dict(node.value) if isinstance(node.value, dict) else {}
        if "vars" in made:
            made["vars"] = written_out(made["vars"])
        if origin.marker is not None:
            made |= {key: _in_folder(made[key], origin) for key in _WITH_FILES if key in made}
        if "checks" in made:
            made["checks"] = self.with_scripts(made["checks"], origin)
        variants = made.get("variants")
        if variants is not None and isinstance(variants.value, dict):
            bodies = {name: self.composed(body, origin, above) for name, body in variants.value.items()}
            made["variants"] = Node(bodies, variants.place)
        return Node(made, node.place)

    def with_scripts(self, checks: Node, origin: Origin) -> Node:
        """The checks with their scripts, which run on this machine, named from the recipe's folder."""
        if origin.marker is None or not isinstance(checks.value, list):
            return checks
        made = []
        for check in checks.value:
            script = check.get("script")
            if script is not None and isinstance(script.value, str) and isinstance(check.value, dict):
                if origin.within is not None:
                    text = "a script of a repository is not run here; copy it into the project, and name that"
                    self.faults.append(fault(script, text))
                folder = str(origin.folder) if origin.marker == SHIPPED else str(origin.marker)
                path = os.path.join(folder, script.value)  # noqa: PTH118  messages have it as it is written
                check = Node({**check.value, "script": Node(path, script.place)}, check.place)
            made.append(check)
        return Node(made, checks.place)

    def references(self, node: Node) -> Iterator[tuple[Reference, Node]]:
        """What a part extends and then what it includes, each with where it says so."""
        said = {key: each for key in ("extends", "include") if (each := node.get(key)) is not None}
        made = whole(Node(dict(said), node.place))
        head, faults = decode.decode(made.document.value, made.document, Head)
        self.faults += made.located(faults)
        if head is None or faults:
            return
        if head.extends is not None:
            yield head.extends, said["extends"]
        if isinstance(head.include, list):
            listed = said["include"].value if "include" in said else []
            yield from zip(head.include, listed if isinstance(listed, list) else [], strict=True)
        else:
            yield head.include, said["include"]

    def part(self, reference: Reference, place: Node, user: Origin, above: tuple[str, ...]) -> Node | None:
        """The part that a reference names, with its own parts in it; None, and a fault, if it cannot be had."""
        self.count += 1
        try:
            origin = self.located(reference, user)
            key = os.path.realpath(origin.file)
            if key in above:
                circle = " -> ".join(Path(each).name for each in (*above[above.index(key) :], key))
                raise _refused(f"it includes itself: {circle}")
            if len(above) > DEPTH or self.count > _PARTS:
                raise _refused(f"parts nest deeper than {DEPTH}, or are more than {_PARTS}")
            if origin.file.stat().st_size > _LARGEST:
                raise _refused(f"{origin.name} has more than {_LARGEST >> 20} MB, which no part of a recipe needs")
            text = regular_file.read_text(origin.file)
        except OSError as error:
            self.faults.append(fault(place, f"cannot read {reference}: {error.strerror}"))
            return None
        except UnicodeDecodeError:
            self.faults.append(fault(place, f"{reference} is not UTF-8 text"))
            return None
        except _Refused as error:
            self.faults.append(fault(place, f"{error.message}; {error.hint}" if error.hint else error.message))
            return None
        part = self.read(text, origin)
        if not isinstance(part.value, dict):
            self.faults.append(fault(part, "expected a mapping of keys, as a recipe is one"))
            return None
        return self.composed(part.without("name"), origin, (*above, key))

    def located(self, reference: Reference, user: Origin) -> Origin:
        """Where the part lies that `user` names."""
        if isinstance(reference, GitPart):
            return self.in_repository(reference)
        if user.within is not None:
            return self.beside_in_repository(reference, user)
        if "${{" in reference:
            raise _refused("a variable cannot stand here: parts are read before variables have values")
        known = sorted(each.stem for each in shipped("recipes").glob("*.yaml"))
        if reference in known and not (user.folder / reference).exists():
            file = shipped("recipes") / f"{reference}.yaml"
            return Origin(file, f"{reference}.yaml (shipped)", SHIPPED)
        try:
            file = lookup.file(user.folder, reference, "the part")
        except ImageError as error:
            near = nearest(reference, known)
            raise _refused(error.message, f"did you mean {near[0]}?" if near else error.hint) from error
        name = os.path.normpath(os.path.join(os.path.dirname(user.name), lookup.expanded(reference)))  # noqa: PTH118, PTH120
        if user.marker == SHIPPED:
            return Origin(file, name, SHIPPED)
        folder = os.path.relpath(file.parent, self.top.absolute())
        return Origin(file, name, folder if folder != "." else None)

    def in_repository(self, part: GitPart) -> Origin:
        top = self.checkout(part.git, part.commit)
        file = top / part.path
        if file.is_dir():
            file /= "fromscratch.yaml"
        return _inside(top, file, part.git, part.commit)

    def beside_in_repository(self, reference: str, user: Origin) -> Origin:
        assert user.within is not None  # noqa: S101  what lies in a repository has its top
        return _inside(user.within, user.folder / reference, user.marker["git"], user.marker["commit"])


def _inside(top: Path, file: Path, url: str, commit: str) -> Origin:
    """A file of a repository, which no symlink and no `..` leads out of."""
    real, root = os.path.realpath(file), os.path.realpath(top)
    path = os.path.relpath(real, root)
    if path.startswith(".."):
        raise _refused(f"{file.name} leads out of the repository {url}")
    if not Path(real).is_file():
        near = nearest(path, [os.path.relpath(each, root) for each in Path(root).rglob("*.y*ml")])
        raise _refused(f"there is no {path} in {url} at {commit[:12]}", f"did you mean {near[0]}?" if near else "")
    marker = {"git": url, "commit": commit, "path": os.path.dirname(path) or "."}  # noqa: PTH120
    return Origin(Path(real), f"{url}@{commit[:12]}:{path}", marker, Path(root))


class _Refused(ImageError):
    pass


def _refused(message: str, hint: str = "") -> _Refused:
    return _Refused(message, hint)


def _in_folder(items: Node, origin: Origin) -> Node:
    """The items of a list, each with the folder that its files lie in."""
    if not isinstance(items.value, list):
        return items
    made = [
        Node({**each.value, "folder": _node(origin.marker, each.place)}, each.place)
        if isinstance(each.value, dict) and "folder" not in each.value
        else each
        for each in items.value
    ]
    return Node(made, items.place)


def _node(value: Any, place: Place) -> Node:
    if isinstance(value, dict):
        return Node({key: _node(each, place) for key, each in value.items()}, place)
    return Node(value, place)
