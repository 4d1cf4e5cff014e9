"""That what counts steps tells work that grows with the size from work that grows with its square."""

import re
import sys
from types import ModuleType

import pytest

from fromscratch.lazy_regex import lazy_regex
from tests.steps import check_growth, steps_of

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


def test_the_way_of_a_lazy_pattern_through_a_text_counts_too() -> None:
    module = ModuleType("patterns")
    vars(module)["PATTERN"] = lazy_regex("x")
    assert steps_of(lambda: vars(module)["PATTERN"].search("y" * 1000), module) >= 1000
