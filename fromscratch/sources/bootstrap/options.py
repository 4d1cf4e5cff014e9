"""What a recipe may say under `bootstrap:`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from fromscratch.address import Address
from fromscratch.lazy_regex import lazy_regex

_WORD = lazy_regex(r"[^\s\0-][^\s\0]*")
_NAME = lazy_regex(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ADDRESS = lazy_regex(r"(https?|file)://\S+")
_VARIANTS = {
    "debootstrap": ("", "minbase", "buildd"),
    "mmdebstrap": (
        "",
        *("extract", "custom", "essential", "apt", "required", "minbase", "buildd"),
        *("important", "debootstrap", "standard", "-"),
    ),
}

ToolName = Literal["debootstrap", "mmdebstrap", "dnf", "zypper", "pacstrap", "apk"]


class BootstrapOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A root made by a distribution's own tool, the scripts of its packages run, in namespaces without a network."""

    tool: Annotated[ToolName, Meta(description="the program that makes it")]
    release: Annotated[
        str,
        Meta(
            description="the suite, such as trixie, or the release that $releasever stands for; not for apk, pacstrap"
        ),
    ] = ""
    variant: Annotated[
        str, Meta(description="for debootstrap and mmdebstrap: which packages beside those named, such as minbase")
    ] = ""
    packages: Annotated[list[str], Meta(description="the packages to install, as the tool takes them")] = []
    exclude: Annotated[
        list[str], Meta(description="packages that are not installed; for debootstrap, dnf and zypper")
    ] = []
    repositories: Annotated[
        str | list[str] | dict[str, str],
        Meta(
            description="addresses of repositories, http, https or file, by their names where the tool needs names "
            "(pacstrap); for Debian, this machine's own apt sources when left out"
        ),
    ] = []
    components: Annotated[list[str], Meta(description="for Debian: parts of the archive, such as main or non-free")] = (
        field(default_factory=lambda: ["main"])
    )
    also: Annotated[list[str], Meta(description="for mmdebstrap: more suites of the same repositories")] = []
    keyring: Annotated[
        str | list[str],
        Meta(
            description="files with the keys that may sign, relative to the recipe; for Debian, those of this machine "
            "when left out; for apk, under the names that packages are signed with"
        ),
    ] = ""
    unsigned: Annotated[bool, Meta(description="take indexes and packages without looking at signatures")] = False
    recommends: Annotated[bool, Meta(description="take recommended packages (weak dependencies) too")] = False
    program: Annotated[
        str, Meta(description="the program of the tool, if it is not in PATH under its usual name, such as apk.static")
    ] = ""

    def __post_init__(self) -> None:
        known = _VARIANTS.get(self.tool, ("",))
        if self.variant not in known:
            names = ", ".join(filter(None, known))
            raise ValueError(
                f"variant: {self.tool} has no variant {self.variant!r}; "
                + (f"write one of {names}" if names else "leave it out")
            )
        for key, words in (("packages", self.packages), ("exclude", self.exclude), ("also", self.also)):
            for word in words:
                if not _WORD.fullmatch(word) or "," in word:
                    raise ValueError(f"{key}: {word!r} is not one name; write one in each item")
        if self.tool in ("debootstrap", "mmdebstrap"):
            if not _NAME.fullmatch(self.release):
                raise ValueError(f"release: {self.release!r} is not a suite; write one, such as trixie")
        elif not self.packages:
            raise ValueError("packages: name at least one")
        self._check_repositories()

    def _check_repositories(self) -> None:
        for name, address in self.addresses().items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"repositories: {name!r} is not a name; write letters, digits, - and _")
            if not _ADDRESS.fullmatch(address.whole):
                raise ValueError(f"repositories: {str(address)!r} is not an address; write it as https://HOST/PATH")
        if self.tool in ("debootstrap", "mmdebstrap"):
            if self.tool == "debootstrap" and len(self.addresses()) > 1:
                raise ValueError("repositories: debootstrap takes one; use mmdebstrap for several")
            return
        if not self.repositories:
            raise ValueError("repositories: write the address of one that you trust")
        if self.tool == "pacstrap" and not isinstance(self.repositories, dict):
            raise ValueError(
                "repositories: pacstrap needs their names, as in  repositories: {core: https://HOST/core/os/x86_64}"
            )
        if not self.keyring and not self.unsigned:
            raise ValueError("keyring: name the files with the keys that sign the packages, or write unsigned: true")

    def addresses(self) -> dict[str, Address]:
        """The repositories by their names."""
        given = self.repositories
        if isinstance(given, Mapping):
            return {name: Address(address.rstrip("/")) for name, address in given.items()}
        every = [given] if isinstance(given, str) and given else list(given)
        return {f"repo{place}": Address(address.rstrip("/")) for place, address in enumerate(every)}

    def keyrings(self) -> list[str]:
        return [self.keyring] if isinstance(self.keyring, str) and self.keyring else list(self.keyring)
