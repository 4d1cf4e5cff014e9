"""Debian Policy 5.6.12 (versions) and 7.1 (relations)."""

import shutil
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.formats.debian.version import Relation, compare, parse_relation, parse_relations, shown, version_key
from fromscratch.host.process.run import run

EARLIER_TO_LATER = [
    ("1.0~beta1~svn1245", "1.0~beta1"),
    ("1.0~beta1", "1.0"),
    ("~~", "~~a"),
    ("~~a", "~"),
    ("~", "0"),
    ("1.0", "1.0a"),
    ("1.0a", "1.0+"),
    ("1.0a", "1.0.1"),
    ("1.9", "1.10"),
    ("9", "1:0"),
    ("1:9", "2:0"),
    ("1.0-1", "1.0-2"),
    ("1.0-1~bpo12+1", "1.0-1"),
    ("1.0-1", "1.0-1+b1"),
    ("1.0", "1.0-0.1"),
    ("2.36-9+deb12u9", "2.36-9+deb12u10"),
    ("1.0-rc-1", "1.0-rc-2"),
    ("1.2.3", "1.2.3-1"),
    ("0~rc1", "0"),
    ("1.0-0~bpo12+1", "1.0-0"),
    ("1.0-0~exp1", "1.0"),
]
EQUAL = [("1.0", "1.0-0"), ("0:1", "1"), ("1.0", "1.00"), ("1.0", "1."), ("007", "7"), ("1.0-00", "1.0")]


@pytest.mark.parametrize(("earlier", "later"), EARLIER_TO_LATER)
def test_earlier(earlier: str, later: str) -> None:
    assert compare(earlier, later) == -1
    assert compare(later, earlier) == 1


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal(one: str, other: str) -> None:
    assert compare(one, other) == 0
    assert version_key(one) == version_key(other)


@pytest.mark.parametrize("text", ["", "1 0", "a:1", ":1", "1:", "1-", "1_0", "1.0-1_2", "1.0\n", "é1"])
def test_no_version(text: str) -> None:
    with pytest.raises(FormatError, match="is not a Debian version"):
        version_key(text)


def test_number_of_any_length() -> None:
    assert compare("1" + "0" * 10_000, "9" * 10_000) == 1


pieces = st.text(alphabet="019ab.+~", min_size=1, max_size=6)
versions = st.builds(
    lambda epoch, upstream, revision: epoch + upstream + revision,
    st.sampled_from(["", "0:", "1:"]),
    st.builds(lambda first, rest: first + rest, st.sampled_from(string.digits), pieces),
    st.one_of(st.just(""), pieces.map(lambda piece: f"-{piece}")),
)


@given(versions, versions, versions)
def test_total_order(a: str, b: str, c: str) -> None:
    assert compare(a, b) == -compare(b, a)
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg, the oracle, is not on this machine")
@settings(max_examples=40, deadline=None)
@given(versions, versions)
def test_same_as_dpkg(a: str, b: str) -> None:
    operator = {-1: "lt", 0: "eq", 1: "gt"}[compare(a, b)]
    assert run(["dpkg", "--compare-versions", a, operator, b], check=False).returncode == 0


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg, the oracle, is not on this machine")
@pytest.mark.parametrize(("earlier", "later"), EARLIER_TO_LATER)
def test_the_table_is_that_of_dpkg(earlier: str, later: str) -> None:
    assert run(["dpkg", "--compare-versions", earlier, "lt", later], check=False).returncode == 0


def test_relations() -> None:
    assert parse_relations("libc6 (>= 2.36), default-mta | mail-transport-agent,\n python3:any (<< 4)") == (
        (Relation("libc6", ">=", "2.36"),),
        (Relation("default-mta"), Relation("mail-transport-agent")),
        (Relation("python3", "<<", "4", "any"),),
    )


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a", "a"),
        ("a(=1)", "a (= 1)"),
        ("a (< 1)", "a (<= 1)"),
        ("a (> 1)", "a (>= 1)"),
        ("a:arm64 (>> 1:2-3)", "a:arm64 (>> 1:2-3)"),
        ("a (>= 1) [amd64 i386]", "a (>= 1) [amd64 i386]"),
        ("libstdc++6", "libstdc++6"),
    ],
)
def test_one_relation(text: str, meaning: str) -> None:
    assert str(parse_relation(text)) == meaning
    assert shown((parse_relation(text), parse_relation("b"))) == f"{meaning} | b"


@pytest.mark.parametrize(
    "text", ["", "a b", "a (>= )", "a (~ 1)", "a (>= 1", "a [x", "a <!nocheck>", "a (= 1 2)", "/a"]
)
def test_no_relation(text: str) -> None:
    with pytest.raises(FormatError):
        parse_relation(text)


def test_empty_parts_fall_away() -> None:
    assert parse_relations("") == ()
    assert parse_relations("a, , b,") == ((Relation("a"),), (Relation("b"),))


@pytest.mark.parametrize(
    ("relation", "version", "met"),
    [
        ("a (>= 2)", "2", True),
        ("a (>= 2)", "2~rc1", False),
        ("a (<< 2)", "2~rc1", True),
        ("a (>> 2)", "2", False),
        ("a (<= 2)", "2", True),
        ("a (= 2-0)", "2", True),
        ("a", "0~", True),
    ],
)
def test_admits(relation: str, version: str, met: bool) -> None:
    assert parse_relation(relation).admits(version) is met


@pytest.mark.parametrize(
    ("relation", "architecture", "counts"),
    [
        ("a", "amd64", True),
        ("a [amd64 i386]", "i386", True),
        ("a [amd64]", "arm64", False),
        ("a [!amd64]", "arm64", True),
        ("a [!amd64 !i386]", "i386", False),
        ("a [linux-any]", "riscv64", True),
        ("a [any-arm64]", "arm64", True),
    ],
)
def test_architectures(relation: str, architecture: str, counts: bool) -> None:
    assert parse_relation(relation).counts_on(architecture) is counts
