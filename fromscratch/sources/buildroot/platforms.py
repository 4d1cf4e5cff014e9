"""The platform of an image that a configuration of Buildroot makes, read from the symbols of its architecture."""

from collections.abc import Iterable, Mapping

from fromscratch.advice import Setting, advice
from fromscratch.errors import UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Value
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.image import Platform

# Those of Buildroot's arch/Config.in that images are built for.
_OF_SYMBOL = {
    "BR2_x86_64": "linux/amd64",
    "BR2_aarch64": "linux/arm64",
    "BR2_i386": "linux/386",
    "BR2_powerpc64le": "linux/ppc64le",
    "BR2_s390x": "linux/s390x",
    "BR2_mips64el": "linux/mips64le",
    "BR2_mipsel": "linux/mipsle",
    "BR2_loongarch64": "linux/loong64",
}
_OTHERS = (
    *("BR2_arcle", "BR2_arceb", "BR2_armeb", "BR2_aarch64_be", "BR2_hppa", "BR2_m68k", "BR2_microblazeel"),
    *("BR2_microblazebe", "BR2_mips", "BR2_mips64", "BR2_or1k", "BR2_powerpc", "BR2_powerpc64", "BR2_sh", "BR2_sparc"),
    *("BR2_sparc64", "BR2_xtensa"),
)
_X86_VARIANT = lazy_regex(r"BR2_x86_\w+")
# The variants of 32-bit ARM, by the names that arch/Config.in.arm has for them and for its processors.
_ARM_VARIANTS = {
    "v8": lazy_regex(r"BR2_ARM_CPU_ARMV[89]A|BR2_cortex_(?:a32|a35|a53|a57|a7[236-9]|x\d).*"),
    "v7": lazy_regex(r"BR2_ARM_CPU_ARMV7[AM]|BR2_cortex_(?:a5|a7|a8|a9|a12|a15|a17)(?:_a7)?|BR2_cortex_m\d+|BR2_pj4"),
    "v6": lazy_regex(r"BR2_ARM_CPU_ARMV6|BR2_arm11\w+"),
}


def architecture_symbol(config: Mapping[str, Value]) -> str | None:
    """The symbol that decides the architecture: of several members of that choice the last, as Kconfig has it."""
    on = [name for name, value in config.items() if value == "y"]
    found = [name for name in on if name in _OF_SYMBOL or name in _OTHERS or name in ("BR2_arm", "BR2_riscv")]
    if found:
        return found[-1]
    # The menu's default is BR2_i386, which savedefconfig leaves out.
    return next(filter(_X86_VARIANT.fullmatch, on), None)


def platform_of(config: Mapping[str, Value]) -> Platform | None:
    """The platform of a defconfig or of a whole .config; None if it does not say which architecture it is for.

    Raises UsageError for an architecture that there are no images of.
    """
    symbol = architecture_symbol(config)
    if symbol == "BR2_arm":
        return Platform("linux", "arm", _arm_variant(name for name, value in config.items() if value == "y"))
    if symbol == "BR2_riscv" and config.get("BR2_RISCV_32") != "y":
        return Platform("linux", "riscv64")
    if symbol in _OTHERS or symbol == "BR2_riscv":
        raise UsageError(
            f"config: {symbol}=y is an architecture that container images have no name for",
            f"build for one of {', '.join(_OF_SYMBOL.values())}, linux/arm or linux/riscv64",
        )
    return Platform.parse(_OF_SYMBOL.get(symbol, "linux/386")) if symbol else None


def merged_platform(settings: Iterable[kconfig.Setting]) -> Platform | None:
    """The same, of settings of which a later one wins."""
    return platform_of({one.name: one.value for one in kconfig.merge(settings).values()})


def runs_on(built: Platform, labelled: Platform) -> bool:
    """Whether what is built for one platform may be called an image for the other."""
    if built.architecture != labelled.architecture:
        return False
    return built.architecture != "arm" or built.variant <= labelled.variant


def check_platform(settings: Iterable[kconfig.Setting], platform: Platform) -> None:
    """Raise UsageError, naming both, for a configuration that is built for another platform than the image is for."""
    merged = kconfig.merge(settings)
    values = {one.name: one.value for one in merged.values()}
    built, symbol = platform_of(values), architecture_symbol(values)
    if built is not None and symbol is not None and not runs_on(built, platform):
        raise UsageError(
            f"{merged[symbol].asked_by}: {symbol}=y builds for {built}, but the image is to be for {platform}",
            advice("leave platforms: out of the recipe, and ", Setting("platform"), " out of the call"),
        )


def _arm_variant(on: Iterable[str]) -> str:
    """Of several that fit, the newest; the menu's default processor, and all older ones, are version 5 or 4."""
    names = list(on)
    return next((variant for variant, pattern in _ARM_VARIANTS.items() if any(map(pattern.fullmatch, names))), "v5")
