"""The folders of the recipes, overlays and defconfig fragments that are shipped with the package."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]


def shipped(kind: str) -> Path:
    """The folder of `recipes`, `overlays` or `buildroot-configs`: beside the package in a checkout, inside a wheel."""
    inside = _PACKAGE / "data" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind
