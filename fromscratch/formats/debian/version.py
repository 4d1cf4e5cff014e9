"""Debian version numbers and relations between packages: parsing and comparison.

Versions follow Debian Policy 5.6.12, relations Debian Policy 7.1. Pure functions.
"""

from functools import lru_cache
from typing import Literal, assert_never

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.lazy_regex import lazy_regex

# Upstream may hold a colon only behind an epoch, and a hyphen only before a revision.
_VERSION = lazy_regex(r"(?:(?P<epoch>[0-9]{1,9}):(?P<colons>[A-Za-z0-9.+:~-]+)|(?P<plain>[A-Za-z0-9.+~-]+))")
_PART = lazy_regex(r"([^0-9]*)([0-9]*)")
_NAME = lazy_regex(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_RELATION = lazy_regex(
    r"(?P<name>[^\s:()\[\]<>,|]+)(?::(?P<qualifier>[a-z0-9-]+))?"
    r"\s*+(?:\(\s*+(?P<operator><<|<=|=|>=|>>|<|>)\s*+(?P<version>[^\s()]+)\s*+\))?"
    r"\s*+(?:\[\s*+(?P<architectures>[^\]]*)\])?"
)

Operator = Literal["", "<<", "<=", "=", ">=", ">>"]
# The bare signs are the ancient forms of <= and >=, and still mean these: Policy 7.1.
_OPERATORS: dict[str, Operator] = {"<<": "<<", "<=": "<=", "=": "=", ">=": ">=", ">>": ">>", "<": "<=", ">": ">="}
_Part = tuple[tuple[int, ...], tuple[int, str]]
VersionKey = tuple[int, tuple[_Part, ...], tuple[_Part, ...]]


@lru_cache(maxsize=65536)
def version_key(version: str) -> VersionKey:
    """A value that orders as `version` does. Raises FormatError for what is not a version."""
    found = _VERSION.fullmatch(version)
    if not found or version.endswith((":", "-")):
        raise FormatError(
            f"{version!r} is not a Debian version",
            "a version is [epoch:]upstream[-revision] of letters, digits and . + ~ - (Debian Policy 5.6.12)",
        )
    rest = found["colons"] or found["plain"]
    upstream, hyphen, revision = rest.rpartition("-")
    return int(found["epoch"] or 0), _parts(upstream if hyphen else rest), _parts(revision if hyphen else "")


def compare(left: str, right: str) -> int:
    """-1, 0 or 1 as `left` is earlier than, equal to or later than `right`."""
    one, other = version_key(left), version_key(right)
    return (one > other) - (one < other)


def _parts(text: str) -> tuple[_Part, ...]:
    """The text as runs of non-digits and digits, in a form that tuples compare as Policy says.

    A text that has ended counts as an empty run for ever, and a tilde sorts even before that: so
    every run ends with 0, a tilde is -1, and the last two parts are empty ones (two, since the first
    part of 0~1 is as empty as that of a text that has ended).
    """
    parts = [(_weights(letters), _number(digits)) for letters, digits in _PART.findall(text)]
    while parts and parts[-1] == _EMPTY:
        parts.pop()  # 1.0 and 1. are equal, as are an empty revision and 0
    return (*parts, _EMPTY, _EMPTY)


def _weights(letters: str) -> tuple[int, ...]:
    return (*(-1 if char == "~" else ord(char) if char.isalpha() else ord(char) + 256 for char in letters), 0)


def _number(digits: str) -> tuple[int, str]:
    plain = digits.lstrip("0")  # compared as text of equal length: a number may have thousands of digits
    return len(plain), plain


_EMPTY: _Part = ((0,), (0, ""))


class Relation(Struct, frozen=True):
    """One package that a field names, such as `libc6:any (>= 2.36)`.

    `qualifier` is what follows the colon (`any`, `native` or an architecture). `architectures` is
    the list in brackets, where the relation counts; empty is everywhere.
    """

    name: str
    operator: Operator = ""
    version: str = ""
    qualifier: str = ""
    architectures: tuple[str, ...] = ()

    def admits(self, version: str) -> bool:
        """Whether this version of the named package satisfies the relation."""
        order = compare(version, self.version) if self.operator else 0
        match self.operator:
            case "":
                return True
            case "<<":
                return order < 0
            case "<=":
                return order <= 0
            case "=":
                return order == 0
            case ">=":
                return order >= 0
            case ">>":
                return order > 0
            case _:
                assert_never(self.operator)

    def counts_on(self, architecture: str) -> bool:
        """Whether the relation applies when the package is for `architecture`: Policy 7.1."""
        if not self.architectures:
            return True
        if self.architectures[0].startswith("!"):
            return not any(_matches(entry[1:], architecture) for entry in self.architectures)
        return any(_matches(entry, architecture) for entry in self.architectures)

    def __str__(self) -> str:
        qualifier = f":{self.qualifier}" if self.qualifier else ""
        version = f" ({self.operator} {self.version})" if self.operator else ""
        architectures = f" [{' '.join(self.architectures)}]" if self.architectures else ""
        return f"{self.name}{qualifier}{version}{architectures}"


def _matches(wildcard: str, architecture: str) -> bool:
    # The wildcards any, linux-any and any-CPU of Policy 11.1.1; other systems than Linux have no images.
    return wildcard in (architecture, "any", "linux-any", f"any-{architecture}")


Alternatives = tuple[Relation, ...]


@lru_cache(maxsize=65536)
def parse_relations(text: str) -> tuple[Alternatives, ...]:
    """The alternatives of each comma-separated part of a field such as Depends. Raises FormatError."""
    groups = []
    for group in text.split(","):
        if group.strip():
            groups.append(tuple(parse_relation(one) for one in group.split("|")))
    return tuple(groups)


def parse_relation(text: str) -> Relation:
    """One relation, without alternatives. Raises FormatError."""
    found = _RELATION.fullmatch(text.strip())
    if not found or not _NAME.fullmatch(found["name"]):
        raise FormatError(
            f"{text.strip()!r} is not a relation between packages",
            "a relation is written like: libc6 (>= 2.36), with | between alternatives (Debian Policy 7.1)",
        )
    if found["operator"]:
        version_key(found["version"])
    return Relation(
        name=found["name"],
        operator=_OPERATORS.get(found["operator"] or "", ""),
        version=found["version"] or "",
        qualifier=found["qualifier"] or "",
        architectures=tuple((found["architectures"] or "").split()),
    )


def shown(alternatives: Alternatives) -> str:
    """The alternatives as Policy writes them."""
    return " | ".join(str(relation) for relation in alternatives)
