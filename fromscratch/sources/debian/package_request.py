"""A package as a recipe asks for it: a name, perhaps with a version, suite or architecture."""

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.lazy_regex import lazy_regex

_FORM = lazy_regex(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::(?P<architecture>[a-z0-9-]+))?(?:=(?P<version>[A-Za-z0-9.+:~-]+)|/(?P<suite>[A-Za-z0-9][A-Za-z0-9.+~_/-]*))?"
)


class PackageRequest(Struct, frozen=True):
    """A package that was asked for, as it was written: `name`, `name=version`, `name/suite`, `name:architecture`."""

    text: str
    name: str
    version: str = ""
    architecture: str = ""
    suite: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether only this version will do."""
        return bool(self.version or self.suite)


def parse_package_request(text: str) -> PackageRequest:
    """The request that a text of `packages:` stands for. Raises UsageError."""
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise UsageError(
            f"{text!r} is not a package of Debian",
            "write its name, as in jq, or with a version or suite, as in jq=1.6-2.1 or jq/bookworm-backports",
        )
    return PackageRequest(
        text.strip(), found["name"], found["version"] or "", found["architecture"] or "", found["suite"] or ""
    )
