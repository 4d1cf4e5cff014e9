"""Slices: which files of a package an image needs, as a small YAML file that people can read and change.

    package: nginx
    versions: ">= 1.22.1-9, << 1.23~"
    distribution: debian 12 bookworm
    files:
      /usr/sbin/nginx: started by run 1
      /usr/share/nginx/**: 12 files; opened by /usr/sbin/nginx in run 1
    needs: [libc6.yaml]

A path stands for itself; of a folder, for that folder alone. Globs are those of `paths.matcher`. `needs` are the slices
of other packages, relative to the file.
"""

import json
import re
from typing import Annotated, Any

from msgspec import Meta, Struct

from fromscratch.errors import FormatError, RecipeError
from fromscratch.formats.installed import Manager
from fromscratch.formats.yaml import decode, document
from fromscratch.formats.yaml.decode import Fault
from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import encode, shown

# What needs no quotes as a scalar of YAML, wherever it stands.
_PLAIN = lazy_regex(
    r"(?!(?:null|true|false|yes|no|on|off|y|n)\Z)[A-Za-z/](?:[A-Za-z0-9_./+*?@%~(),;=-]| (?! )(?!#)|:(?=\S))*+",
    re.IGNORECASE,
)
_LONGEST_KEY = 1000
_HINT = "fix the slice, or write a new one"


class Slice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`files` has a reason for each path or glob; `versions` are conditions of a relation between packages.

    `not_taken` counts the other files of the package, when the slice was written, in the folders that files are taken
    from; `checks` are those of a recipe.
    """

    package: Annotated[str, Meta(min_length=1)]
    manager: Manager = "dpkg"
    versions: str = ""
    distribution: str = ""
    architecture: str = ""
    files: dict[str, str | None]
    not_taken: Annotated[int, Meta(ge=0)] = 0
    needs: list[str] = []
    checks: list[Any] = []

    @property
    def codename(self) -> str:
        """The release's name in `distribution`, which stands there in brackets."""
        name, bracket, rest = self.distribution.rpartition(" (")
        return rest.removesuffix(")") if name and bracket else ""

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("files: name at least one")
        for path in self.files:
            if not path.startswith("/") or ".." in path.split("/") or "\0" in path:
                raise ValueError(f"files: {path!r} is not a path from the root of an image")


def read(text: str, name: str) -> Slice:
    """The slice in a file of that name. Raises RecipeError with every fault, each at its line."""
    try:
        found = document.load(text, name)
    except FormatError as error:
        raise RecipeError(error.message, error.hint) from error
    faults = [Fault(line, path, "this key stands twice") for path, line in found.repeated]
    if not isinstance(found.value, dict):
        raise RecipeError(f"{name}: this is not a slice, which begins with  package: NAME", _HINT)
    made, more = decode.decode(found.value, found, Slice)
    faults += more
    if faults or made is None:
        faults.sort(key=lambda fault: (fault.line, str(fault.path)))
        raise RecipeError("\n".join(dict.fromkeys(f"{name}:{fault.line}: {fault}" for fault in faults)), _HINT)
    return made


def written(one: Slice, comment: str = "") -> str:
    """The slice as YAML, with one line for each path, so that changes are easy to review."""
    lines = [f"# {line}" for line in comment.splitlines()]
    for key in ("package", "manager", "versions", "distribution", "architecture"):
        if value := getattr(one, key):
            lines.append(f"{key}: {_scalar(value)}")
    lines.append("files:")
    lines += [_entry(path, shown(why or "")) for path, why in one.files.items()]
    if one.not_taken:
        lines.append(f"not_taken: {one.not_taken}")
    for key, values in (("needs", one.needs), ("checks", one.checks)):
        if values:
            lines.append(f"{key}:")
            lines += [f"  - {_scalar(value) if isinstance(value, str) else json.dumps(value)}" for value in values]
    return "\n".join(lines) + "\n"


def glob_of(path: str) -> str:
    """A path as an entry of `files`: what would be a glob in it, or is not UTF-8, is matched as it is."""
    escaped = "".join(f"[{char}]" if char in "*?[" else char for char in path)
    if escaped.isascii():
        return escaped
    return "".join("?" if len(encode(char)) == 1 and not char.isascii() else char for char in escaped)


def _entry(path: str, why: str) -> str:
    """A line of `files`; YAML takes no longer key than 1024 characters without a mark of its own."""
    key, value = _scalar(path), _scalar(why)
    return f"  {key}: {value}" if len(key) < _LONGEST_KEY else f"  ? {key}\n  : {value}"


def _scalar(text: str) -> str:
    """A text as a scalar: JSON's strings are YAML's too, but for what no text file can hold."""
    if _PLAIN.fullmatch(text) and not text.endswith((" ", ":")):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
