"""Values that options may have, where they are not written in the catalogue of verbs: for help and for completion."""

from pathlib import Path

from fromscratch.images import catalogue

FORMS = catalogue.forms()
ENGINES = catalogue.engines()
STARTERS = (*catalogue.runners(), "crun", "runc", "none")
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


def beginnings() -> list[str]:
    """The forms of a file, as a FORM:PLACE begins."""
    return [f"{form}:" for form in FORMS]


def destinations() -> list[str]:
    """The beginnings of all places that images can be written to."""
    return [line.scheme for line in catalogue.TRANSPORTS if line.role]


def recipes() -> list[str]:
    """The recipes of this folder, and those that are shipped."""
    from fromscratch.host.machine.package_data import shipped

    here = [str(path) for suffix in ("yaml", "yml") for path in Path().glob(f"*.{suffix}")]
    return sorted([*here, *(path.stem for path in shipped("recipes").glob("*.yaml"))])


def variants() -> list[str]:
    """The variants of the recipe of this folder."""
    from fromscratch.errors import ImageError
    from fromscratch.formats.yaml import document

    try:
        found = document.load(Path("fromscratch.yaml").read_text("utf-8"), "fromscratch.yaml").value
    except (OSError, UnicodeDecodeError, ImageError):
        return []
    said = found.get("variants") if isinstance(found, dict) else None
    return sorted(said) if isinstance(said, dict) else []


def images() -> list[str]:
    """Those that are built here, and the kinds of names that others have."""
    return [*sorted(path.parent.name for path in Path("build").glob("*/evidence.json")), *_SCHEMES]
