"""The table in docs/sources.md, which says what each kind of source can do."""

import os
from functools import cache
from pathlib import Path

from msgspec import Struct

from fromscratch.sources.catalogue import word_of

PAGE = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[2])) / "docs/sources.md"


class Row(Struct, frozen=True):
    """What the table says of a kind."""

    source: str
    brings: str
    inputs: str
    architectures: str
    signatures: str
    scripts: str
    records: str


@cache
def rows() -> dict[str, Row]:
    """The rows by the words of the kinds."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| [`")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {each[0].split("`")[1]: Row(*each) for each in cells}


def row_of(options: Struct) -> Row:
    """The row of the kind that has these options."""
    return rows()[word_of(type(options))]
