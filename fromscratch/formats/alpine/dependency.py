"""Dependencies of Alpine packages: `name`, `name>=1.2`, `name~1.2`, `!name`, `name@tag`, `name><checksum`.

The same form is used for what a root is to have (/etc/apk/world), and, with `=` alone, for what a package provides.
"""

from functools import lru_cache

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.alpine import version as versions
from fromscratch.lazy_regex import lazy_regex

_FORM = lazy_regex(
    r"(?P<no>!?)(?P<name>[^<>=~@\s]+)(?:@(?P<tag>[^<>=~@\s]+))?(?:(?P<operator>[<>=~]+)(?P<version>\S*))?"
)
_CHECKSUM = "><"


class Dependency(Struct, frozen=True):
    """One condition. `is_conflict`: packages that fit it must not be there. `tag` is that of a repository.

    An empty `operator` admits every version, and a provider without one too.
    """

    text: str
    name: str
    operator: str = ""
    version: str = ""
    is_conflict: bool = False
    tag: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def is_checksum(self) -> bool:
        """Whether `version` is the checksum of the one package that fits."""
        return self.operator in ("><", "<>")

    def admits(self, version: str | None, checksum: str = "") -> bool:
        """Whether what provides the name in this version (None: in no version) satisfies the condition."""
        return self._fits(version, checksum) != self.is_conflict

    def _fits(self, version: str | None, checksum: str) -> bool:
        operator = self.operator
        if not operator:
            return True
        if self.is_checksum:
            return self.version == checksum
        if version is None:
            return False
        if "~" in operator:
            order = versions.compare_beginning(version, self.version)
            return order == 0 or ("<" in operator and order < 0) or (">" in operator and order > 0)
        order = versions.compare(version, self.version)
        return ("=" in operator and order == 0) or ("<" in operator and order < 0) or (">" in operator and order > 0)


@lru_cache(maxsize=65536)
def parse_dependency(text: str) -> Dependency:
    """Raises FormatError."""
    found = _FORM.fullmatch(text)
    operator, version = (found["operator"] or "", found["version"] or "") if found else ("", "")
    dependency = Dependency(
        text,
        found["name"] if found else "",
        operator,
        version,
        bool(found and found["no"]),
        (found and found["tag"]) or "",
    )
    if found is None or (operator and not dependency.is_checksum and not versions.is_valid(version)):
        raise FormatError(
            f"{text!r} is not a dependency of an Alpine package",
            "it is a name, perhaps with a version, as in jq or jq>=1.6 or jq~1.6, and ! in front for a conflict",
        )
    return dependency


def parse_dependencies(text: str) -> tuple[Dependency, ...]:
    """A list of them, separated by spaces. Raises FormatError."""
    return tuple(parse_dependency(word) for word in text.split())
