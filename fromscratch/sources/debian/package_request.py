"""A package as a recipe asks for it: a name, perhaps with a version, suite or architecture."""

from collections.abc import Iterable

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.sources.debian.platforms import architecture_named

_FORM = lazy_regex(
    r"(?P<excluded>!\s*)?(?P<name>[a-z0-9][a-z0-9+.-]*)(?::(?P<architecture>[a-z0-9-]+))?"
    r"(?:=(?P<version>[A-Za-z0-9.+:~-]+)|/(?P<suite>[A-Za-z0-9][A-Za-z0-9.+~_/-]*))?"
    r"(?:\s*\[(?P<only>[^\[\]]*)\])?"
)


class PackageRequest(Struct, frozen=True):
    """A package that was asked for, as it was written: `name`, `name=version`, `name/suite`, `name:architecture`.

    `!name` is `excluded`: it is never to be taken. `name [amd64 arm64]` or `name [!armhf]` is for some architectures
    `only`, as in a relation of Policy 7.1; one that starts with `!` is not among them.
    """

    text: str
    name: str
    version: str = ""
    architecture: str = ""
    suite: str = ""
    excluded: bool = False
    only: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether only this version will do."""
        return bool(self.version or self.suite)

    def is_for(self, architecture: str) -> bool:
        """Whether it counts for an image of this architecture."""
        if self.only and self.only[0].startswith("!"):
            return f"!{architecture}" not in self.only
        return not self.only or architecture in self.only


def parse_package_request(text: str) -> PackageRequest:
    """The request that a text of `packages:` stands for. Raises UsageError."""
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise UsageError(
            f"{text!r} is not a package of Debian",
            "write its name, as in jq, with a version or suite, as in jq=1.6-2.1 or jq/bookworm-backports, "
            "with ! before one that is never to be taken, or as in jq [amd64 arm64] for some platforms only",
        )
    excluded, only = bool(found["excluded"]), _architectures(found["only"], text)
    if excluded and (found["version"] or found["suite"]):
        raise UsageError(
            f"{text!r} excludes one version of a package", f"write !{found['name']}, or ask for the version you want"
        )
    name = found["name"]
    shown = text.strip().partition("[")[0].rstrip()
    return PackageRequest(
        shown, name, found["version"] or "", found["architecture"] or "", found["suite"] or "", excluded, only
    )


def requested(texts: Iterable[str], architecture: str) -> list[PackageRequest]:
    """The packages that texts of `packages:` ask for, in an image of this architecture."""
    found = [parse_package_request(text) for text in texts]
    return [one for one in found if not one.excluded and one.is_for(architecture)]


def exclusions(packages: Iterable[str], exclude: Iterable[str], architecture: str) -> frozenset[str]:
    """The names that `exclude:` and `packages:` exclude from an image of this architecture."""
    found = [one for one in map(parse_package_request, packages) if one.excluded]
    found += map(parse_package_request, exclude)
    return frozenset(one.name for one in found if one.is_for(architecture))


def _architectures(text: str | None, request: str) -> tuple[str, ...]:
    """The names of architectures in brackets, of which all or none begin with an exclamation mark."""
    words = (text or "").replace(",", " ").split()
    found = [f"{word[: word.startswith('!')]}{architecture_named(word.removeprefix('!'))}" for word in words]
    if text is not None and (not words or len({word.startswith("!") for word in words}) > 1):
        raise UsageError(
            f"{request!r} does not say for which platforms it is",
            "write those that it is for, as in jq [amd64 linux/arm64], or those that it is not for, as in jq [!armhf]",
        )
    return tuple(found)
