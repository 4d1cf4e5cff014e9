"""Indexes read into packages, and what is damaged."""

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.alpine.index import Package, parse_index

JQ = """
C:Q1abcd=
P:jq
V:1.6-r1
A:x86_64
S:100
I:4096
T:A JSON processor
U:https://example.org
L:MIT
o:jq
m:Somebody <one@example.org>
t:1647977252
c:0123
k:5
D:so:libonig.so.5 so:libc.musl-x86_64.so.1
p:cmd:jq=1.6-r1
i:json shell
"""


def test_every_field() -> None:
    assert list(parse_index(JQ, "the index")) == [
        Package(
            name="jq",
            version="1.6-r1",
            architecture="x86_64",
            checksum="Q1abcd=",
            size=100,
            installed_size=4096,
            depends="so:libonig.so.5 so:libc.musl-x86_64.so.1",
            provides="cmd:jq=1.6-r1",
            install_if="json shell",
            provider_priority=5,
            description="A JSON processor",
            url="https://example.org",
            license="MIT",
            origin="jq",
            maintainer="Somebody <one@example.org>",
            built="1647977252",
            commit="0123",
        )
    ]


def test_an_empty_index() -> None:
    assert list(parse_index("\n", "the index")) == []


def test_a_field_in_upper_case_that_is_not_known_makes_it_impossible_to_install() -> None:
    [old, new] = [next(parse_index(f"{JQ.strip()}\n{line}", "x")) for line in ("z:new", "Z:new")]
    assert (old.is_installable, new.is_installable) == (True, False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("P:jq", "P:../jq", "'../jq' '1.6-r1' is not a package's name and version"),
        ("V:1.6-r1", "V:1/6", "'jq' '1/6' is not a package's name and version"),
        ("S:100", "S:1e3", "the package jq has no usable size or checksum"),
        ("C:Q1abcd=", "C:abcd", "the package jq has no usable size or checksum"),
        ("A:x86_64", "A x86_64", "has a damaged line: 'A x86_64'"),
    ],
)
def test_damage(old: str, new: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        list(parse_index(JQ.replace(old, new), "the index"))
    assert message in caught.value.message
