"""Names of signals, as images have them."""

import signal

import pytest

from fromscratch.errors import UsageError
from fromscratch.host.container.signals import number_of


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGTERM", 15),
        ("term", 15),
        ("15", 15),
        (" SIGQUIT ", 3),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("RTMAX-1", signal.SIGRTMAX - 1),
        ("64", 64),
    ],
)
def test_every_spelling_of_engines_is_known(name: str, number: int) -> None:
    assert number_of(name) == number


@pytest.mark.parametrize("name", ["", "SIG", "SIGNOPE", "0", "65", "-9", "SIG_IGN", "SIGRTMIN+99", "SIGRTMIN-1", "٩"])
def test_anything_else_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match="is not a signal"):
        number_of(name)
