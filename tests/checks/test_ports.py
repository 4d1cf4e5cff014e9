"""The ports that a process's network listens at, of this very process."""

import os
import socket

import pytest

from fromscratch.checks.ports import listening


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1"), (socket.AF_INET6, "::")],
)
def test_a_port_is_listed_while_it_is_listened_at(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as listener:
        try:
            listener.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine has no {address}")
        port = str(listener.getsockname()[1])
        assert port not in listening(os.getpid())
        listener.listen()
        assert port in listening(os.getpid())
    assert port not in listening(os.getpid())


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert listening(2**22 + 1) == ()
