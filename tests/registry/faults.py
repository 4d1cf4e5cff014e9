"""What goes wrong between a client and a registry, as actions for the rules of `proxy`."""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator

from tests.registry.proxy import PIECE, Action, Exchange, Gate, Gone, changed, pieces


def status(code: int, body: bytes = b"", **headers: str) -> Action:
    """This answer, after the whole request has come; the registry sees nothing of it."""

    def act(exchange: Exchange) -> None:
        exchange.answer(code, body, **headers)

    return act


def error(code: int, name: str, message: str = "as the test wants it", **headers: str) -> Action:
    """An answer in the form of the distribution specification: spec.md, "Error Codes"."""
    body = b'{"errors":[{"code":"%s","message":"%s"}]}' % (name.encode(), message.encode())
    return status(code, body, Content_Type="application/json", **headers)


def unheard(code: int, **headers: str) -> Action:
    """An answer that does not wait for the body, as of a server that has read enough in the headers."""

    def act(exchange: Exchange) -> None:
        exchange.begin(code, changed([("Content-Length", "0")], headers))
        exchange.linger()

    return act


def once_shown(fault: Action) -> Action:
    """The fault for who shows a name and password, or a token; others are asked for it."""

    def act(exchange: Exchange) -> None:
        if "Authorization" in exchange.seen.headers:
            fault(exchange)
            return
        with exchange.asked() as response:
            exchange.relay(response)

    return act


def cut_request(after: int = 0, *, reset: bool = False) -> Action:
    """The connection ends after so many bytes of the body; the registry sees nothing of it."""

    def act(exchange: Exchange) -> None:
        for _ in exchange.body(after):
            pass
        exchange.hang_up(reset=reset)

    return act


def cut_at_the_registry(after: int) -> Action:
    """The registry has so many bytes of the body when both connections end."""

    def act(exchange: Exchange) -> None:
        def broken() -> Iterator[bytes]:
            yield from exchange.body(after)
            raise Gone("cut")

        try:
            with exchange.asked(body=broken()):
                raise AssertionError("the request was whole before it could be cut")
        except Gone:
            exchange.hang_up()

    return act


def accepted(after: int) -> Action:
    """The connection ends after so many bytes of the body, and those the registry has taken: it can say how many.

    docker-registry itself gives up an upload whose connection breaks in the middle of a request; registries that
    keep what has come answer as it does after this.
    """

    def act(exchange: Exchange) -> None:
        first = b"".join(exchange.body(after))
        begin = (exchange.seen.headers["Content-Range"] or "0-").partition("-")[0]
        span = f"{begin}-{int(begin) + after - 1}" if exchange.seen.headers["Content-Range"] else None
        path = exchange.seen.path.partition("&digest=")[0]
        with exchange.asked(whole=first, method="PATCH", path=path, Content_Range=span) as response:
            assert response.status == 202, (response.status, response.read())
            exchange.moves_on(response.headers["Location"])
            response.read()
        exchange.hang_up()

    return act


def cut_response(after: int, *, reset: bool = False) -> Action:
    """The answer begins, and the connection ends after so many bytes of its body."""

    def act(exchange: Exchange) -> None:
        with exchange.asked() as response:
            exchange.relay(response, _first(pieces(response), after))
            exchange.hang_up(reset=reset)

    return act


def cut_in_the_status(exchange: Exchange) -> None:
    """The registry does what it is asked, but of its answer only the first bytes come."""
    with exchange.asked() as response:
        response.read()
    exchange.send(b"HTTP/1.1 2")
    exchange.hang_up()


def lost_answer(exchange: Exchange) -> None:
    """The registry does what it is asked, but its answer gets lost."""
    with exchange.asked() as response:
        response.read()
    exchange.hang_up()


def refused(exchange: Exchange) -> None:
    """The connection ends before anything is read of the body or said."""
    exchange.hang_up()


def length_off_by(number: int) -> Action:
    """The Content-Length of the answer is wrong by so many bytes."""

    def act(exchange: Exchange) -> None:
        with exchange.asked() as response:
            length = int(response.headers["Content-Length"]) + number
            body = _first(pieces(response), max(length, 0))
            exchange.relay(response, body, Content_Length=str(length))
            exchange.hang_up()

    return act


def with_headers(**headers: str | None) -> Action:
    """The registry's answer with these headers instead of its own; None leaves one out."""

    def act(exchange: Exchange) -> None:
        with exchange.asked() as response:
            exchange.relay(response, None, **headers)

    return act


def with_location(change: Callable[[str], str]) -> Action:
    """The registry's answer with its Location changed."""

    def act(exchange: Exchange) -> None:
        with exchange.asked() as response:
            exchange.relay(response, Location=change(response.headers["Location"]))

    return act


def with_body(change: Callable[[bytes], bytes], **headers: str | None) -> Action:
    """The registry's answer with its body changed, and of the length that it has then."""

    def act(exchange: Exchange) -> None:
        with exchange.asked() as response:
            body = change(response.read())
            exchange.relay(response, [body], Content_Length=str(len(body)), **headers)

    return act


def corrupted(data: bytes) -> bytes:
    """The same number of bytes, one of them another."""
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def with_corrupted_body(exchange: Exchange) -> None:
    with_body(corrupted)(exchange)


def with_swapped_body(data: bytes) -> Action:
    """Other bytes whose Docker-Content-Digest is right: only who knows what was asked for can tell."""
    return with_body(lambda _: data, Docker_Content_Digest=f"sha256:{hashlib.sha256(data).hexdigest()}")


def redirect(address: str, code: int = 307) -> Action:
    """To the address and the request's own path."""

    def act(exchange: Exchange) -> None:
        exchange.answer(code, Location=address + exchange.seen.path)

    return act


def slow(piece: int, pause: float) -> Action:
    """The registry's answer, so many bytes at a time."""

    def act(exchange: Exchange) -> None:
        with exchange.asked() as response:
            exchange.relay(response, _dripping(response.read(), piece, pause))

    return act


def limited_chunks(most: int, code: int, body: bytes) -> Action:
    """A PATCH of more bytes is refused so, and one that is not larger is let through."""

    def act(exchange: Exchange) -> None:
        if int(exchange.seen.headers["Content-Length"] or 0) > most:
            exchange.answer(code, body, Content_Type="application/json")
            return
        with exchange.asked() as response:
            exchange.relay(response)

    return act


def with_range(said: Callable[[int, int], str | None]) -> Action:
    """The registry's answer, but of a chunk of so many bytes, from one byte on, this Range; None leaves it out."""

    def act(exchange: Exchange) -> None:
        begin = int((exchange.seen.headers["Content-Range"] or "0-").partition("-")[0])
        length = int(exchange.seen.headers["Content-Length"] or 0)
        with exchange.asked() as response:
            exchange.relay(response, None, Range=said(begin, length))

    return act


def without_range(exchange: Exchange) -> None:
    """The whole of it, though a part was asked for."""
    with exchange.asked(Range=None) as response:
        exchange.relay(response)


def endless(content_type: str, code: int = 200, most: int = 1 << 30) -> Action:
    """An answer that goes on for as long as the client listens."""

    def act(exchange: Exchange) -> None:
        exchange.drain()
        exchange.begin(code, [("Content-Type", content_type)])
        exchange.send(b'{"schemaVersion":2,"layers":[')
        blank = b" " * PIECE
        for _ in itertools.repeat(None, most // PIECE):
            exchange.send(blank)

    return act


def held(gate: Gate, after: int = 0) -> Action:
    """The request stops after so many bytes of its body until the gate opens; the registry sees it as slow."""

    def act(exchange: Exchange) -> None:
        def halting() -> Iterator[bytes]:
            yield from exchange.body(after)
            gate.stop_here()
            yield from exchange.body()

        with exchange.asked(body=halting()) as response:
            exchange.relay(response)

    return act


def held_answer(gate: Gate, after: int = 0) -> Action:
    """The answer stops after so many bytes of its body until the gate opens."""

    def act(exchange: Exchange) -> None:
        with exchange.asked() as response:
            data = response.read()

            def halting() -> Iterator[bytes]:
                yield data[:after]
                gate.stop_here()
                yield data[after:]

            exchange.relay(response, halting())

    return act


def _first(source: Iterator[bytes], number: int) -> Iterator[bytes]:
    for piece in source:
        yield piece[:number]
        number -= len(piece)
        if number <= 0:
            return


def _dripping(data: bytes, piece: int, pause: float) -> Iterator[bytes]:
    for start in range(0, len(data), piece):
        yield data[start : start + piece]
        time.sleep(pause)
