"""Sizes and numbers as people read them."""


def counted(number: int, one: str, several: str) -> str:
    """1 entry, 2 entries."""
    return f"{number} {one if number == 1 else several}"


def megabytes(size: int) -> str:
    """Bytes in decimal units, as the field's tools write them: 812 B, 1.4 kB, 2.98 MB."""
    for unit, scale in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} B"
