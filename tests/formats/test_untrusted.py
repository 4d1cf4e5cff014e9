"""Archives, layers, documents and blobs that were changed at random. By hand there are more: python -m tests.fuzz."""

from pathlib import Path

import pytest

from tests import fuzz, fuzz_parsers

CASES = 300


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_changed_bytes_are_read_or_refused_with_a_reason(target: str, tmp_path: Path) -> None:
    outcomes = {fuzz.case(target, number, tmp_path) for number in range(CASES)}
    assert "FormatError" in outcomes
    assert outcomes & {"a tree", "images", "bytes"}


@pytest.mark.parametrize("parser", fuzz_parsers.PARSERS)
def test_every_parser_reads_changed_bytes_or_refuses_them(parser: str, tmp_path: Path) -> None:
    outcomes = {fuzz.case(parser, number, tmp_path) for number in range(30)}
    assert outcomes & {"read", "FormatError"}
