"""That what counts steps tells work that grows with the size from work that grows with its square."""

import re
import sys

import pytest

from tests.steps import check_growth

PATTERN = re.compile("b")


def test_a_loop_within_a_loop_is_found_out() -> None:
    check_growth(lambda size: [number + 1 for number in range(size)], 100)
    with pytest.raises(AssertionError, match="steps"):
        check_growth(lambda size: [other for number in range(size) for other in range(number)], 100)


def test_a_pattern_that_looks_through_the_rest_each_time_is_found_out() -> None:
    module = sys.modules[__name__]
    check_growth(lambda size: [PATTERN.match("a" * size, place) for place in range(size)], 100, module)
    with pytest.raises(AssertionError, match="steps"):
        check_growth(lambda size: [PATTERN.search("a" * size, place) for place in range(size)], 100, module)
