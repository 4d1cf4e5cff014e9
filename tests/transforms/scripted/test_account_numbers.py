"""Numbers out of names."""

from fromscratch.transforms.scripted.account_numbers import SYSTEM, stable_number


def test_a_name_has_the_same_number_in_every_image() -> None:
    assert [stable_number(name, ()) for name in ("redis", "mysql", "postgres")] == [966, 188, 327]


def test_a_used_number_is_not_given_again() -> None:
    first = stable_number("redis", ())
    assert first is not None
    second = stable_number("redis", {first})
    assert second != first
    assert second in SYSTEM


def test_all_numbers_of_a_range_are_found_before_there_is_none() -> None:
    used: set[int] = set()
    for index in range(5):
        number = stable_number(f"a{index}", used, range(100, 105))
        assert number is not None
        used.add(number)
    assert used == {100, 101, 102, 103, 104}
    assert stable_number("more", used, range(100, 105)) is None
