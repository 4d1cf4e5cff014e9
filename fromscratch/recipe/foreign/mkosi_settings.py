"""The settings of a file in mkosi's form, and those of which recipes have no part."""

import re
from collections.abc import Iterator

from msgspec import Struct, structs


class Setting(Struct, frozen=True, kw_only=True):
    """`text` is the value as it is, `values` are those of a list."""

    line: int
    last: int
    section: str
    key: str
    text: str

    @property
    def values(self) -> list[str]:
        parts = re.split(r"[\n,]" if "," in self.text or "\n" in self.text else r"\s+", self.text)
        return [part.strip() for part in parts if part.strip()]


def settings(text: str) -> Iterator[Setting]:
    """The settings of a text; lines that are none have an empty key."""
    section = ""
    found: list[Setting] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        if head := re.fullmatch(r"\[(\w+)\]\s*", line):
            section = head[1]
        elif line[0].isspace() and found:
            before = found.pop()
            joined = f"{before.text}\n{line.strip()}".lstrip("\n")
            found.append(structs.replace(before, last=number, text=joined))
        else:
            key, _, value = line.partition("=")
            name = key.strip().lstrip("@")
            found.append(Setting(line=number, last=number, section=section, key=name, text=value.strip()))
    return iter(found)


# What a Debian system always has, which mkosi installs before all else; an index that lacks one has it in another.
ESSENTIAL = (
    "base-files", "base-passwd", "bash", "bsdutils", "coreutils", "dash", "debianutils", "diffutils", "dpkg",
    "findutils", "grep", "gzip", "hostname", "init-system-helpers", "libc-bin", "ncurses-base", "ncurses-bin",
    "perl-base", "sed", "sysvinit-utils", "tar", "util-linux",
)  # fmt: skip

_OF_MACHINES = ("only a machine that boots needs this", False)
_OF_BUILDS = ("no recipe runs build steps", False)
_OF_MKOSI = ("this says how mkosi itself works", True)

# Settings, and sections in brackets, that no recipe has; those that lose nothing of the image are remarks.
IN_OTHER_WAYS: dict[str, tuple[str, bool]] = {
    "[Build]": _OF_MKOSI,
    "[Runtime]": _OF_MKOSI,
    "[Host]": _OF_MKOSI,
    "[Config]": _OF_MKOSI,
    "[Validation]": _OF_MACHINES,
    "[UKIProfile]": _OF_MACHINES,
    "[Include]": ("files that are included are not read", False),
    **dict.fromkeys(
        (
            "Output", "OutputDirectory", "OutputMode", "OutputExtension", "ManifestFormat", "Seed", "CompressLevel",
        ),
        _OF_MKOSI,
    ),
    "BuildPackages": ("packages for building are not in the image", True),
    "CleanPackageMetadata": ("records that scanners read stay; package-records under trim: takes them out", True),
    "PackageDirectories": ("folders of packages are not read", False),
    "Bootable": _OF_MACHINES,
    **dict.fromkeys(
        (
            "Bootloader", "BiosBootloader", "ShimBootloader", "UnifiedKernelImages", "UnifiedKernelImageFormat",
            "UnifiedKernelImageProfiles", "Initrds", "InitrdProfiles", "InitrdPackages", "InitrdVolatilePackages",
            "MicrocodeHost", "Devicetrees", "Splash", "KernelCommandLine", "KernelModules", "KernelModulesInclude",
            "KernelModulesExclude", "KernelModulesIncludeHost", "KernelModulesInitrd", "KernelModulesInitrdInclude",
            "KernelModulesInitrdExclude", "KernelInitrdModules", "KernelModulesInitrdIncludeHost", "FirmwareInclude",
            "FirmwareExclude", "FirmwareFiles", "Autologin", "MakeInitrd", "Ssh", "SELinuxRelabel", "SplitArtifacts",
            "RepartDirectories", "SectorSize", "Overlay", "ElTorito", "VolatilePackages", "OutputSize",
        ),
        _OF_MACHINES,
    ),
    **dict.fromkeys(
        (
            "SyncScripts", "PrepareScripts", "BuildScripts", "PostInstallationScripts", "FinalizeScripts",
            "PostOutputScripts", "CleanScripts", "ConfigureScripts",
        ),
        _OF_BUILDS,
    ),
}  # fmt: skip
