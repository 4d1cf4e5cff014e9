"""A TCP port: whether a connection is accepted, and whether what comes back after something was sent is right."""

import time

from fromscratch.checks.contract import Answer, TcpCheck
from fromscratch.checks.http import MOST, Connect
from fromscratch.checks.patience import NotYet
from fromscratch.checks.verdict import matches

_PIECE = 1 << 16


def ask_tcp(check: TcpCheck, connect: Connect, seconds: float) -> Answer:
    """What the port sent, read until it matches, ends, or the time is over. Raises NotYet while nothing listens."""
    end = time.monotonic() + seconds
    received = bytearray()
    try:
        with connect(check.host, check.port, seconds) as stream:
            stream.settimeout(max(0.01, end - time.monotonic()))
            stream.sendall(check.send)
            while check.expect and not matches(check.expect, bytes(received)) and len(received) < MOST:
                stream.settimeout(max(0.01, end - time.monotonic()))
                piece = stream.recv(_PIECE)
                if not piece:
                    break
                received += piece
    except TimeoutError:
        if not received:
            return Answer(problem=f"nothing was sent back within {check.timeout:g} seconds")
    except ConnectionRefusedError as error:
        raise NotYet(f"port {check.port} refused the connection") from error
    except ConnectionError as error:
        if not received:
            raise NotYet(f"port {check.port} closed the connection") from error
    if check.expect and not received:
        raise NotYet(f"port {check.port} closed the connection without a word")
    return Answer(output=bytes(received))
