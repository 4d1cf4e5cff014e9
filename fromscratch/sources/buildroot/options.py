"""What a recipe may say under `buildroot:`."""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

from fromscratch.formats.kconfig import config as kconfig
from fromscratch.sources.buildroot.releases import NEWEST

SITE = "https://buildroot.org/downloads"

Toolchain = Literal["bootlin", "internal", "host"]


class ExternalToolchain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A GLIBC cross toolchain that lies on this machine: a folder, or an SDK that Buildroot packed."""

    external: Annotated[
        str, Meta(description="the folder that holds bin/PREFIX-gcc, or the archive that make sdk wrote")
    ]
    prefix: Annotated[str, Meta(description="what stands before -gcc in bin; looked up if left out")] = ""
    cplusplus: Annotated[bool, Meta(description="whether it has a C++ compiler; looked up if left out")] = False


class BuildrootOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A root filesystem built from source by Buildroot."""

    version: Annotated[str, Meta(description=f"a release of Buildroot; {NEWEST} if neither this nor tree is said")] = ""
    tree: Annotated[
        str,
        Meta(description="instead of a release: a folder, a tarball, or a git repository (with @REF at its end)"),
    ] = ""
    sha256: Annotated[str, Meta(description="the digest of the release's .tar.xz, or of the tarball under tree:")] = ""
    keyring: Annotated[
        str | list[str], Meta(description="OpenPGP keyrings that may sign the release, when no sha256 is given")
    ] = []
    site: Annotated[str, Meta(description="where releases are downloaded from")] = SITE
    mirror: Annotated[
        str, Meta(description="a folder or URL that packages' sources are looked for in first (BR2_PRIMARY_SITE)")
    ] = ""
    offline: Annotated[bool, Meta(description="take packages' sources from the mirror only")] = False
    config: Annotated[
        str | list[str],
        Meta(description="defconfigs of external trees or of Buildroot and fragments, by name, or files by their path"),
    ] = "busybox-glibc"
    packages: Annotated[list[str], Meta(description="packages to add, such as jq or BR2_PACKAGE_JQ")] = []
    set: Annotated[
        dict[str, str | int | bool], Meta(description="symbols and their values: true, false, a number or text")
    ] = {}
    external: Annotated[str | list[str], Meta(description="folders with packages of your own (BR2_EXTERNAL)")] = []
    busybox: Annotated[
        list[str], Meta(description="changes to BusyBox's configuration: files, or lines such as CONFIG_VI=y")
    ] = []
    toolchain: Annotated[
        Toolchain | ExternalToolchain | None,
        Meta(
            description="bootlin: prebuilt; internal: built first; host: this machine's gcc; or {external: FOLDER}; "
            "left out: what a defconfig under config: says, and bootlin without one"
        ),
    ] = None
    host_tools: Annotated[
        Literal["own", "system"],
        Meta(
            description="own: Buildroot builds fakeroot, patchelf and tar for itself; system: this machine's are used, "
            "which saves downloads and minutes"
        ),
    ] = "own"
    jobs: Annotated[int, Meta(description="how many compilers at a time; 0: as the call says", ge=0)] = 0
    make: Annotated[dict[str, str], Meta(description="further variables for make's command line")] = {}
    ccache: Annotated[
        bool | None,
        Meta(
            description="keep compiled files for later builds; left out: if toolchain is host and ccache is installed"
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.version and self.tree:
            raise ValueError("say either version: (a release) or tree: (a folder, tarball or git repository)")
        if self.offline and not self.mirror:
            raise ValueError("offline: true needs mirror: (where the packages' sources lie)")
        if self.sha256 and not re.fullmatch(r"(sha256:)?[0-9A-Fa-f]{64}", self.sha256):
            raise ValueError("sha256: must have 64 hexadecimal digits")
        if self.tree and self.keyrings:
            raise ValueError("keyring: verifies a release; hold a tarball under tree: to its sha256:")
        for name in self.set:
            if not kconfig.is_symbol(name):
                raise ValueError(f"set: {name!r} is not a symbol; write BR2_ and so on")
        for name in self.make:
            if not name.replace("_", "").isalnum():
                raise ValueError(f"make: {name!r} is not a variable of make")

    @property
    def release(self) -> str:
        """The release that is meant; empty if `tree` says where Buildroot comes from."""
        return self.version or ("" if self.tree else NEWEST)

    @property
    def configs(self) -> list[str]:
        return _several(self.config)

    @property
    def externals(self) -> list[str]:
        return _several(self.external)

    @property
    def keyrings(self) -> list[str]:
        return _several(self.keyring)


def _several(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
