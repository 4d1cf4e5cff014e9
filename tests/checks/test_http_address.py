"""Addresses of HTTP checks: what is connected to and asked for, and what is refused."""

import pytest

from fromscratch.checks.http_address import HttpAddress, parse_address


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("http://localhost", ("localhost", 80, "/", "localhost", False)),
        ("http://localhost:8080/a/b?c=d&e#f", ("localhost", 8080, "/a/b?c=d&e", "localhost:8080", False)),
        ("https://localhost/", ("localhost", 443, "/", "localhost", True)),
        ("http://[::1]:81?q", ("::1", 81, "/?q", "[::1]:81", False)),
        ("http://127.0.0.2/", ("127.0.0.2", 80, "/", "127.0.0.2", False)),
    ],
)
def test_an_address_says_where_to_connect_and_what_to_ask_for(
    url: str, parsed: tuple[str, int, str, str, bool]
) -> None:
    assert parse_address(url) == HttpAddress(*parsed)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("localhost:80", "not an address of http or https"),
        ("ftp://localhost/", "not an address of http or https"),
        ("http:///x", "not an address of http or https"),
        ("http://shop.example/", "'shop.example' is not known there: write localhost or an IP address"),
        ("http://localhost/a b", "blanks"),
        ("http://localhost/\r\nHost: x", "blanks"),
        ("http://localhost/é", "escaped"),
        ("http://me:pw@localhost/", "header"),
        ("http://localhost:0/", "not a port"),
        ("http://localhost:65536/", "out of range"),
        ("http://localhost:x/", "Port could not be cast"),
    ],
)
def test_what_no_request_can_be_made_of_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_address(url)
