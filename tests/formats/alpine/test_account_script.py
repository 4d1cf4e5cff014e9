"""Calls of addgroup and adduser, as scripts of packages have them."""

import pytest

from fromscratch.formats.alpine.account_script import AddGroup, AddUser, accounts_of

NGINX = """#!/bin/sh

addgroup -S -g 82 www-data 2>/dev/null
addgroup -S nginx 2>/dev/null
adduser -S -D -H -h /var/lib/nginx -s /sbin/nologin -G nginx -g 'web server' nginx 2>/dev/null
addgroup nginx www-data >/dev/null 2>&1 || true

exit 0
"""


def test_a_script_of_calls_alone() -> None:
    found = accounts_of(NGINX)
    assert found.is_whole
    assert found.calls == (
        AddGroup("www-data", 82, is_system=True),
        AddGroup("nginx", is_system=True),
        AddUser("nginx", None, True, "nginx", "/var/lib/nginx", False, "/sbin/nologin", "web server"),
        AddGroup("www-data", user="nginx"),
    )


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("adduser -SDH -u100 a", AddUser("a", 100, True, has_home=False)),
        ("adduser a b", AddGroup("b", user="a")),
        ("/usr/sbin/addgroup -g 7 a;", AddGroup("a", 7)),
        ("busybox adduser \\\n  -D a &>/dev/null", AddUser("a")),
    ],
)
def test_forms_of_a_call(line: str, call: AddGroup | AddUser) -> None:
    assert accounts_of(line).calls == (call,)


@pytest.mark.parametrize(
    "line",
    [
        'adduser -S "$USER"',
        "adduser -S $(id -un)",
        "adduser -S a && chown a /b",
        "adduser",
        "adduser -x a",
        "addgroup -g x a",
        "addgroup ../a",
        "adduser -h a:b c",
        "adduser -h /a/../../b c",
        "adduser -h b c",
        "adduser -u 4294967295 a",
        "addgroup -g 99999999999999999999 a",
        "adduser -g 'a",
        "chown root:shadow /etc/shadow",
        "exit 1",
        "adduser a " + " " * 500 + "b",
    ],
)
def test_what_is_not_read(line: str) -> None:
    found = accounts_of(line)
    assert (found.calls, found.is_whole) == ((), False)


def test_calls_among_other_commands() -> None:
    found = accounts_of("addgroup -S a\nif true; then\n\tadduser -S -G a b\nfi\n")
    assert found.calls == (AddGroup("a", is_system=True), AddUser("b", is_system=True, group="a"))
    assert not found.is_whole
