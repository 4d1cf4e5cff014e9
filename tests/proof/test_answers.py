"""Answers of a small image beside those of the full one: what counts as the same."""

import pytest

from fromscratch.checks.contract import Answer, ExecCheck, OwnCommand, Result, Results
from fromscratch.proof.answers import Change, compare, same_output


def results(*outputs: bytes, code: int = 0, own: int | None = None, fault: str = "") -> Results:
    checks = [ExecCheck(argv=(f"show-{number}",)) for number in range(len(outputs))]
    return Results(
        platform="linux/amd64",
        results=tuple(
            Result(check=check, answer=Answer(code=code, output=output), fault=fault)
            for check, output in zip(checks, outputs, strict=True)
        ),
        own=OwnCommand(words=("/serve",), code=own),
    )


@pytest.mark.parametrize(
    ("first", "second", "small", "line", "there", "here"),
    [
        (b"a\n", b"a\n", b"a\n", 0, "", ""),
        (b"a\nb\n", b"a\nb\n", b"a\nc\n", 2, "'b'", "'c'"),
        (b"a\nb", b"a\nb", b"a", 2, "'b'", "not there"),
        (b"pid 17\n", b"pid 23\n", b"pid 9\n", 0, "", ""),
        (b"pid 17\n", b"pid 17\n", b"pid 9\n", 1, "'pid 17'", "'pid 9'"),
        (b"id 3fa9c0de-11\n", b"id deadbeef-ab\n", b"id 0123abcd-00\n", 0, "", ""),
        (b"id 3fa9c0de-11 a\n", b"id deadbeef-ab a\n", b"id 0123abcd-00 b\n", 1, "'id 0 a'", "'id 0 b'"),
        (b"\xff\n", b"\xff\n", b"\xfe\n", 1, r"'\\xff'", r"'\\xfe'"),
    ],
)
def test_output_is_compared_as_far_as_two_runs_of_the_full_image_agree(
    first: bytes, second: bytes, small: bytes, line: int, there: str, here: str
) -> None:
    found = compare(results(first), results(second), results(small))
    text = f"line {line} of its output is {there} in the full image, and {here} in the small one"
    assert [change.text for change in found.changes] == ([text] if line else [])
    assert found.varying == ()


def test_output_that_is_never_the_same_is_not_compared_and_the_comparison_says_so() -> None:
    found = compare(results(b"heads", b"x"), results(b"tails", b"x"), results(b"edge", b"y"))
    assert found.varying == ("exec show-0",)
    assert found.changes == (
        Change("exec show-1", "line 1 of its output is 'x' in the full image, and 'y' in the small one"),
    )


def test_output_that_varies_between_two_runs_of_the_small_image_is_compared_without_its_numbers() -> None:
    full = results(b"size 29 kB\n")
    assert compare(full, full, results(b"size 25 kB\n")).changes
    assert compare(full, full, results(b"size 25 kB\n"), small_again=results(b"size 26 kB\n")).changes == ()
    assert compare(full, full, results(b"size 25 kB\n"), small_again=full).changes == ()
    [same] = compare(full, full, results(b"size 25\n"), small_again=results(b"size 25\n")).changes
    assert same.text == "line 1 of its output is 'size 29 kB' in the full image, and 'size 25' in the small one"
    [other] = compare(full, full, results(b"mass 25 kB\n"), small_again=results(b"mass 26 kB\n")).changes
    assert other.text == "line 1 of its output is 'size 0 kB' in the full image, and 'mass 0 kB' in the small one"


def test_what_the_filter_matches_does_not_count() -> None:
    full, small = results(b"up for 3 days\n"), results(b"up for a year\n")
    assert not same_output(full, small)
    assert same_output(full, small, [r"up for .*$"])
    assert compare(full, full, small, [r"up for .*$"]).changes == ()


def test_another_exit_code_is_a_change_and_so_is_a_failed_check() -> None:
    full = results(b"")
    assert [change.text for change in compare(full, full, results(b"", code=127)).changes] == [
        "exit code 0 in the full image, exit code 127 in the small one"
    ]
    assert [change.text for change in compare(full, full, results(b"", fault="expected 'PONG'")).changes] == [
        "expected 'PONG'"
    ]


def test_a_server_that_ends_early_in_the_small_image_is_a_change() -> None:
    full = results(b"")
    assert compare(full, full, results(b"", own=1)).changes == (
        Change("the image's own command", "runs on in the full image, and ends in the small one with exit code 1"),
    )
    ended = results(b"", own=0)
    assert compare(ended, ended, results(b"", own=0)).changes == ()
