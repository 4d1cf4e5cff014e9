"""What a value of each option is called, which values there are, and a call of each verb: for help and completion."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from fromscratch.images import catalogue

FORMS = catalogue.forms()
ENGINES = catalogue.engines()
RUNNING = (*catalogue.runners(), "crun", "runc", "none")
WAYS = ("import", "load")
ACTIONS = ("path", "check", "prune")
PLATFORMS = (
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/arm/v6",
    "linux/386",
    "linux/riscv64",
    "linux/ppc64le",
    "linux/s390x",
)
_SCHEMES = tuple(line.scheme for line in catalogue.readable())

ROOT = "DIR, a sysroot to look in instead of this machine; for any architecture"
SEARCH = "DIR for LD_LIBRARY_PATH; may be repeated"
OTHER_IMAGE = "another image than the recipe's build: a name, or one with its kind, such as oci:DIR"

IMAGE_NAMES = f"{', '.join(line.usage for line in catalogue.readable())} or a bare name (default: the recipe's build)"


_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "recipe": "RECIPE",
        "store_dir": "DIR",
        "platform": "PLATFORM",
        "output": "DIR",
        "max_expanded": "SIZE",
        "max_entries": "N",
        "tag": "REF",
        "engine": "ENGINE",
        "via": "WAY",
        "image": "IMAGE",
        "to": "FORM",
        "from_": "KIND",
        "path": "PATH",
        "root": "DIR",
        "search": "DIR",
        "preload": "NAME",
        "also_tag": "TAG",
        "mount_from": "PATH",
        "ca": "FILE",
        "chunk_size": "MB",
        "name": "NAME",
        "stage": "DIR",
        "add": "PATH[:/DEST]",
        "plugins": "GLOB",
        "with_": "KIND[=VALUE]",
        "without": "KIND",
        "entrypoint": "WORDS",
        "cmd": "WORDS",
        "user": "UID[:GID]",
        "env": "NAME=VALUE",
        "workdir": "DIR",
        "port": "PORT",
        "volume": "DIR",
        "label": "NAME=VALUE",
        "stop_signal": "SIGNAL",
        "action": "ACTION",
        "older_than": "AGE",
        "keep_size": "SIZE",
    }
)
_OF_VERB: Mapping[tuple[str, str], str] = MappingProxyType(
    {("pack", "output"): "FILE", ("pull", "output"): "FILE", ("bundle", "to"): "FORM:PLACE", ("pack", "tag"): "NAME"}
)

EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "build": "fromscratch fetch build --platform linux/amd64,linux/arm64",
        "bundle": "fromscratch bundle /usr/bin/jq --tag jq:min",
        "clean": "fromscratch clean --store",
        "closure": "fromscratch closure /usr/bin/git --beyond",
        "cmake-dir": "cmake -B build -DFromscratchContainer_DIR=$(fromscratch cmake-dir)",
        "configure": "fromscratch configure --recipe buildroot-busybox --menu",
        "doctor": "fromscratch doctor --json",
        "fetch": "fromscratch fetch --recipe busybox",
        "import": "fromscratch fetch build import --tag hello:1 --engine podman",
        "init": "fromscratch init --from debian",
        "ls": "fromscratch ls docker:debian:trixie --path /etc",
        "pack": "fromscratch fetch build pack --to oci-archive --output hello.tar",
        "pull": "fromscratch pull docker.io/library/busybox:1 --platform linux/arm64",
        "push": "fromscratch fetch build push ghcr.io/me/hello:1 --also-tag latest",
        "run": "fromscratch fetch build run -- /bin/sh -c 'echo hello'",
        "schema": "fromscratch schema > recipe.schema.json",
        "store": "fromscratch store prune --older-than 30d",
        "why": "fromscratch why /bin/sh",
    }
)


def value_name(verb: str, parameter: str) -> str:
    """What the help calls the value of an option."""
    return _OF_VERB.get((verb, parameter)) or _VALUES[parameter]


def fixed(verb: str, parameter: str) -> tuple[str, ...]:
    """All values that an option may have, where there are some few and no others."""
    match parameter:
        case "to" if verb != "bundle":
            return FORMS
        case "engine":
            return RUNNING if verb == "run" else ENGINES
        case "via":
            return WAYS
        case "action":
            return ACTIONS
        case "from_":
            from fromscratch.cli.verbs.init_template import choices

            return tuple(choices())
    return ()


def offered(verb: str, parameter: str) -> list[str]:
    """The values that completion offers for an option or an operand; none where any file or text may stand."""
    found: Mapping[str, Callable[[], list[str]]] = {
        "recipe": _recipes,
        "platform": lambda: list(PLATFORMS),
        "image": _images,
        "to": lambda: [f"{form}:" for form in FORMS],
        "with_": _switches,
        "without": _switches,
    }
    return list(fixed(verb, parameter)) or (found[parameter]() if parameter in found else [])


def _recipes() -> list[str]:
    from fromscratch.host.machine.package_data import shipped

    here = [str(path) for suffix in ("yaml", "yml") for path in Path().glob(f"*.{suffix}")]
    return sorted([*here, *(path.stem for path in shipped("recipes").glob("*.yaml"))])


def _switches() -> list[str]:
    from fromscratch.cli.verbs.bundle_options import KINDS

    return list(KINDS)


def _images() -> list[str]:
    """Those that are built here, and the kinds of names that others have."""
    return [*sorted(path.parent.name for path in Path("build").glob("*/evidence.json")), *_SCHEMES]
