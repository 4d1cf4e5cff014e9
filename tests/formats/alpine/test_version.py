"""The order of versions, as `apk version -t` of apk-tools 2.14.4 gives it."""

import pytest

from fromscratch.formats.alpine.version import compare, compare_beginning, is_valid

ORDER = """
    0.1_alpha 0.1_alpha2 0.1_beta 0.1_pre1 0.1_rc1 0.1 0.1-r0 0.1-r3 0.1_git20200101 0.1_p1 0.1_p1-r1 0.1a 0.1b
    0.1.0 0.1.1 0.2 0.10 1 1.0 1.0.1 1.1 1.2.3-r10 2.0 10
"""


def test_order() -> None:
    versions = ORDER.split()
    for number, left in enumerate(versions):
        for right in versions[number + 1 :]:
            assert (compare(left, right), compare(right, left)) == (-1, 1), f"{left} before {right}"
        assert compare(left, left) == 0


@pytest.mark.parametrize(
    ("left", "sign", "right"),
    [
        ("1.0", "<", "1.0bc"),  # not valid, and compared as far as it is
        ("1.00", "<", "1.0"),
        ("1.01", "<", "1.1"),
        ("1.010", "<", "1.1"),
        ("4_beta", "<", "23_foo"),
        ("1-r", "=", "1-r0"),
        ("1.", ">", "1"),
        ("1_p", "<", "1_p1"),
        ("1__p", "<", "1_p"),
        ("12345678901234567890", "<", "1"),
    ],
)
def test_odd_ones(left: str, sign: str, right: str) -> None:
    assert {-1: "<", 0: "=", 1: ">"}[compare(left, right)] == sign


def test_a_beginning_is_enough() -> None:
    assert compare_beginning("1.2.3-r4", "1.2") == 0
    assert compare_beginning("1.20", "1.2") == 1
    assert compare_beginning("1.1.9", "1.2") == -1


def test_validity() -> None:
    assert [text for text in ("1", "1.2a_rc1_p2-r3", "20220614", "1.0.", "") if not is_valid(text)] == []
    assert [text for text in ("1bc", "1_foo", "1-1", "1.2-r1.2", "1~2", "1" * 19) if is_valid(text)] == []
