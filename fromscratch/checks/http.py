"""An HTTP request over a socket that is connected already, since only the container's own network leads there."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable

from fromscratch.checks.contract import Answer, HttpCheck
from fromscratch.checks.http_address import HttpAddress, parse_address
from fromscratch.checks.patience import NotYet

MOST = 1 << 20
"""The bytes of a body that are read; a regular expression is looked for in these."""
_PIECE = 1 << 16
# What a server, or the proxy before it, answers while it starts.
_STARTING = (502, 503, 504)

Connect = Callable[[str, int, float], socket.socket]
"""Connects to a host and port of the container within so many seconds."""


def ask_http(check: HttpCheck, connect: Connect, seconds: float) -> Answer:
    """The answer to one request. Raises NotYet while nothing answers there."""
    address = parse_address(check.url)
    end = time.monotonic() + seconds
    try:
        with connect(address.host, address.port, seconds) as plain:
            plain.settimeout(max(0.01, end - time.monotonic()))
            with _encrypted(plain, address) if address.encrypted else plain as stream:
                answer = _exchange(check, address, stream, end)
    except TimeoutError:
        return Answer(problem=f"there was no answer within {check.timeout:g} seconds")
    except ssl.SSLEOFError as error:
        raise NotYet("the connection was closed") from error
    except ssl.SSLError as error:
        return Answer(problem=f"there is no TLS at port {address.port}: {error.reason or error}")
    except ConnectionRefusedError as error:
        raise NotYet(f"port {address.port} refused the connection") from error
    except (ConnectionError, http.client.IncompleteRead) as error:  # RemoteDisconnected is one
        raise NotYet(f"port {address.port} closed the connection without a full answer") from error
    except http.client.HTTPException as error:
        return Answer(problem=f"what answers at port {address.port} is not HTTP: {type(error).__name__} {error}"[:200])
    if answer.status != check.status and answer.status in _STARTING and time.monotonic() < end:
        raise NotYet(f"it answered with status {answer.status}")
    return answer


def _encrypted(plain: socket.socket, address: HttpAddress) -> ssl.SSLSocket:
    """Not verified: the certificate is made for a name by which others reach the server, not for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=address.host)


def _exchange(check: HttpCheck, address: HttpAddress, stream: socket.socket, end: float) -> Answer:
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.sock = stream
    headers = {"Host": address.authority, "User-Agent": "fromscratch", "Connection": "close", **check.headers}
    connection.request(check.method, address.target, check.body.encode() or None, headers)
    response = connection.getresponse()
    body = bytearray()
    while len(body) < MOST and (piece := response.read1(min(_PIECE, MOST - len(body)))):
        body += piece
        if response.isclosed():  # with its last byte, from Python 3.13 on, and the socket with it
            break
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        stream.settimeout(left)
    if len(body) < MOST and response.length:  # the bytes of it that did not come
        raise http.client.IncompleteRead(bytes(body), response.length)
    return Answer(status=response.status, output=bytes(body))
