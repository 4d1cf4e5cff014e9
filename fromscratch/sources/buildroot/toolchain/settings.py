"""The toolchain that Buildroot is to use: its settings, make's variables, and what distinguishes one from another."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, field

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting
from fromscratch.host.machine import lookup
from fromscratch.host.process import run
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.progress import Progress
from fromscratch.sources.buildroot.config import architecture, fragment
from fromscratch.sources.buildroot.content import content_digest
from fromscratch.sources.buildroot.options import BuildrootOptions, ExternalToolchain
from fromscratch.sources.buildroot.toolchain import host, sdk
from fromscratch.sources.buildroot.tree import Tree

_CUSTOM_MENU = "toolchain/toolchain-external/toolchain-external-custom/Config.in.options"
_ASKED_BY = "toolchain:"
_CPLUSPLUS = Setting("BR2_TOOLCHAIN_EXTERNAL_CXX", "y", _ASKED_BY)


class Toolchain(Struct, frozen=True):
    """`variables` go onto make's command line, so that the configuration names no folder of this machine."""

    settings: tuple[Setting, ...]
    identity: str
    variables: dict[str, str] = field(default_factory=dict)


def bring(
    options: BuildrootOptions, tree: Tree, folder: Path, platform: Platform, store: Store, progress: Progress
) -> Toolchain:
    """The toolchain of a recipe; `host` is made if it is not there yet. Raises UsageError, MissingTool, ImageError."""
    match options.toolchain or "bootlin":
        case "bootlin" | "internal" as word:
            name = f"bootlin-{architecture(platform)}" if word == "bootlin" else word
            return Toolchain(tuple(fragment(f"toolchain/{name}")), word)
        case "host":
            launcher = run.find("ccache") if options.ccache is not False else None
            made = host.make(store, host.identify(platform), progress, launcher=launcher)
            found = _installed(tree, made.path, made.prefix, made.gcc, made.headers, f"host\n{made.identity}")
            return _with(found, [*_of_host(platform), *([_CPLUSPLUS] if made.cplusplus else [])])
        case ExternalToolchain() as given:
            return _external(given, tree, folder, store, progress)


def of_defconfig(path: Path | None, store: Store) -> Toolchain:
    """What a defconfig says itself; `path` is the installed toolchain that it names, whose content counts."""
    content = content_digest(path, store) if path and path.is_dir() else ""
    return Toolchain((), "defconfig" + (f"\n{path}\n{content}" if content else ""))


def _external(given: ExternalToolchain, tree: Tree, folder: Path, store: Store, progress: Progress) -> Toolchain:
    top = (folder / lookup.expanded(given.external)).absolute()
    packed = sdk.unpacked(top, store, progress) if top.is_file() else None
    top = packed.path if packed else top
    if top in (Path("/"), Path("/usr")):
        raise UsageError(
            f"toolchain: Buildroot takes no compiler out of {top}",
            "use toolchain: host, which makes one of it, or name one that has a folder of its own",
        )
    compilers = sorted((top / "bin").glob(f"{given.prefix or '*'}-gcc"))
    if not compilers:
        raise UsageError(
            f"toolchain: there is no {given.prefix or 'PREFIX'}-gcc in {top / 'bin'}",
            "name the folder above the toolchain's bin folder",
        )
    compiler = min(compilers, key=lambda path: len(path.name))
    prefix = compiler.name.removesuffix("-gcc")
    said = [run.run([str(compiler), option]).stdout.decode().strip() for option in ("-dumpversion", "-print-sysroot")]
    version, sysroot = said
    header = Path(sysroot or top) / "usr/include/linux/version.h"
    if not header.is_file():
        raise ImageError(f"the toolchain {top} has no kernel headers in {header.parent}", "use one with a sysroot")
    content = str(packed.digest) if packed else f"{top}\n{content_digest(top, store)}"
    identity = hashlib.sha256(f"{prefix}\n{version}\n{content}\n{given.cplusplus}".encode()).hexdigest()
    made = _installed(
        tree, top, prefix, version.partition(".")[0], host.headers_version(header), f"external {identity}"
    )
    # Buildroot refuses a compiler of C++ that the configuration does not name, as well as one that is not there.
    has_cplusplus = given.cplusplus or (top / "bin" / f"{prefix}-g++").exists()
    return _with(made, [_CPLUSPLUS] if has_cplusplus else [])


def _of_host(platform: Platform) -> list[Setting]:
    """What Debian's compiler for a platform makes otherwise than the fragment of that architecture says."""
    return fragment("toolchain/host-armv6") if architecture(platform) == "armv6" else []


def _with(made: Toolchain, more: Sequence[Setting]) -> Toolchain:
    return Toolchain((*made.settings, *more), made.identity, made.variables)


def _installed(tree: Tree, path: Path, prefix: str, gcc: str, headers: tuple[int, int], identity: str) -> Toolchain:
    menu = (tree.path / _CUSTOM_MENU).read_text()
    settings = [
        *fragment("toolchain/installed"),
        Setting("BR2_TOOLCHAIN_EXTERNAL_CUSTOM_PREFIX", kconfig.quoted(prefix), _ASKED_BY),
        Setting(f"BR2_TOOLCHAIN_EXTERNAL_GCC_{gcc}", "y", _ASKED_BY),
        Setting(headers_symbol(menu, headers), "y", _ASKED_BY),
    ]
    if not _has_rpc(path):
        settings.append(Setting("BR2_TOOLCHAIN_EXTERNAL_INET_RPC", kconfig.NOT_SET, _ASKED_BY))
    return Toolchain(tuple(settings), identity, {"BR2_TOOLCHAIN_EXTERNAL_PATH": str(path)})


def headers_symbol(menu: str, headers: tuple[int, int]) -> str:
    """The symbol for a version of the kernel's headers: the newest that this Buildroot knows and that is not newer.

    Raises UsageError if there is none.
    """
    found = re.findall(r"^config (BR2_TOOLCHAIN_EXTERNAL_HEADERS_(\d+)_(\d+))$", menu, re.MULTILINE)
    known = [((int(major), int(minor)), symbol) for symbol, major, minor in found]
    fitting = [one for one in known if one[0] <= headers]
    if not fitting:
        raise UsageError(
            f"this Buildroot knows no kernel headers as old as {headers[0]}.{headers[1]}", "use toolchain: bootlin"
        )
    _, symbol = max(fitting)
    return str(symbol)


def _has_rpc(top: Path) -> bool:
    """Whether the C library brings Sun RPC, which GLIBC dropped in 2.32 and Buildroot takes for granted."""
    places: Sequence[str] = ("sysroot", "*/sysroot", "*/libc")
    return any(any(top.glob(f"{place}/usr/include/rpc/rpc.h")) for place in places)
