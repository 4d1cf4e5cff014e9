"""Trying again until there is an answer: what ends it, and what is said then."""

import pytest

from fromscratch.checks.patience import GaveUp, NotYet, answered


class Server:
    """Answers at the attempt with this number; `attempts` counts them."""

    def __init__(self, answers_at: int) -> None:
        self.answers_at, self.attempts = answers_at, 0

    def ask(self, seconds: float) -> str:
        assert seconds > 0
        self.attempts += 1
        if self.attempts < self.answers_at:
            raise NotYet("port 80 refused the connection")
        return "here I am"


def test_what_answers_at_last_has_answered() -> None:
    server = Server(answers_at=4)
    assert answered(server.ask, lambda: True, 60) == "here I am"
    assert server.attempts == 4


def test_the_time_that_it_took_is_said_when_it_is_over() -> None:
    server = Server(answers_at=10**9)
    with pytest.raises(GaveUp, match=r"^port 80 refused the connection for 0\.\d seconds$"):
        answered(server.ask, lambda: True, 0.2)
    assert server.attempts > 1


def test_after_the_end_of_the_command_it_is_not_tried_for_long() -> None:
    with pytest.raises(GaveUp, match=r"^port 80 refused the connection after the image's own command had ended$"):
        answered(Server(answers_at=10**9).ask, lambda: False, 1e9)


def test_what_a_command_left_behind_may_still_answer_after_its_end() -> None:
    assert answered(Server(answers_at=3).ask, lambda: False, 60) == "here I am"
