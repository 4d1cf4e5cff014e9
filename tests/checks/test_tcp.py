"""Connections to real ports of this machine: what is sent, what comes back, and what never does."""

import socket
import threading

import pytest

from fromscratch.checks.contract import Answer, TcpCheck
from fromscratch.checks.patience import NotYet
from fromscratch.checks.tcp import ask_tcp
from tests.checks.test_http import connect, says, server


def asked(port: int, send: bytes = b"PING\r\n", expect: str = "", seconds: float = 10) -> Answer:
    return ask_tcp(TcpCheck(port=port, host="127.0.0.1", send=send, expect=expect, timeout=seconds), connect, seconds)


def test_what_comes_back_is_read_until_it_matches() -> None:
    over = threading.Event()

    def talk(stream: socket.socket, request: bytes) -> None:
        assert request == b"PING\r\n"
        stream.sendall(b"+PO")
        stream.sendall(b"NG\r\n")
        over.wait()  # as a server does that waits for more

    with server(talk) as port:
        try:
            answer = asked(port, expect=r"^\+PONG$")
        finally:
            over.set()
    assert answer == Answer(output=b"+PONG\r\n")


def test_a_connection_alone_is_enough_where_nothing_is_expected() -> None:
    with server(says()) as port:
        assert asked(port, send=b"") == Answer()


def test_what_does_not_match_is_what_came() -> None:
    with server(says(b"-ERR \xff\0")) as port:
        assert asked(port, expect="PONG") == Answer(output=b"-ERR \xff\0")


def test_a_port_that_says_nothing_is_not_waited_for_beyond_the_time() -> None:
    over = threading.Event()
    with server(lambda _stream, _request: over.wait()) as port:
        try:
            answer = asked(port, expect="PONG", seconds=0.2)
        finally:
            over.set()
    assert answer == Answer(problem="nothing was sent back within 0.2 seconds")


def test_a_port_that_hangs_up_may_answer_later() -> None:
    with server(says()) as port, pytest.raises(NotYet, match=f"port {port} closed the connection"):
        asked(port, expect="PONG")


def test_a_port_where_nothing_listens_may_answer_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotYet, match=f"^port {port} refused the connection$"):
        asked(port)
