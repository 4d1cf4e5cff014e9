"""What a dependency admits."""

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.alpine.dependency import parse_dependencies, parse_dependency


@pytest.mark.parametrize(
    ("dependency", "admitted", "refused"),
    [
        ("jq", ["1", "0_alpha", None], []),
        ("jq=1.6-r1", ["1.6-r1"], ["1.6", "1.6-r2", None]),
        ("jq>=1.6", ["1.6", "1.6-r1", "2"], ["1.5", None]),
        ("jq>1.6", ["1.6-r1"], ["1.6"]),
        ("jq<1.6", ["1.6_rc1"], ["1.6"]),
        ("jq<=1.6", ["1.6", "1"], ["1.6-r0"]),
        ("jq~1.6", ["1.6", "1.6-r5", "1.6.9"], ["1.60", "1.7", "1.5"]),
        ("jq>~1.6", ["1.6-r5", "1.7"], ["1.5"]),
        ("jq<~1.6", ["1.6.1", "1.5"], ["1.7"]),
        ("!jq", [], ["1", None]),
        ("!jq<2", ["2", None], ["1"]),
    ],
)
def test_versions(dependency: str, admitted: list[str | None], refused: list[str | None]) -> None:
    found = parse_dependency(dependency)
    assert [version for version in admitted if not found.admits(version)] == []
    assert [version for version in refused if found.admits(version)] == []


def test_a_checksum_admits_one_package() -> None:
    found = parse_dependency("jq><Q1abc=")
    assert (found.name, found.admits("1", "Q1abc="), found.admits("1", "Q1xyz=")) == ("jq", True, False)


def test_a_tag() -> None:
    found = parse_dependency("jq@edge>1")
    assert (found.name, found.tag, found.operator, found.version) == ("jq", "edge", ">", "1")


def test_names_of_all_kinds() -> None:
    names = "so:libc.musl-x86_64.so.1=1 cmd:[=1.35.0-r17 pc:gtk+-3.0>=3 /bin/sh py3.10:x"
    assert [one.name for one in parse_dependencies(names)] == [
        "so:libc.musl-x86_64.so.1",
        "cmd:[",
        "pc:gtk+-3.0",
        "/bin/sh",
        "py3.10:x",
    ]


@pytest.mark.parametrize("text", ["", "=1", "jq=1bc", "a b", "@edge", "jq@"])
def test_what_is_not_one(text: str) -> None:
    with pytest.raises(FormatError, match="not a dependency"):
        parse_dependency(text)
