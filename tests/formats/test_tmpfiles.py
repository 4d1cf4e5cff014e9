"""What a system makes at its start, in tmpfiles.d(5)."""

import pytest

from fromscratch.formats.tmpfiles import Line, parse


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("d /var/lib/x 0750 svc mail -", Line("d", "/var/lib/x", 0o750, "svc", "mail")),
        ("d /run/x", Line("d", "/run/x")),
        ("q /var/tmp 1777 root root 30d", Line("d", "/var/tmp", 0o1777, "root", "root")),
        ("f /etc/x 0644 - - - two\\nlines and more", Line("f", "/etc/x", 0o644, argument="two\nlines and more")),
        ("L+ /etc/mtab - - - - ../x", Line("L", "/etc/mtab", argument="../x", replaces=True)),
        ("C /etc/nsswitch.conf", Line("C", "/etc/nsswitch.conf")),
        ('d "/var/a b" ~755 - -', Line("d", "/var/a b", 0o755, masked=True)),
        ("d /var/100%% - - -", Line("d", "/var/100%")),
        ("d %t/x :0700 root :root", Line("d", "/run/x", 0o700, "root", "root", when_new="mg")),
        ("z /var/log/x-*.log 640 svc adm", Line("z", "/var/log/x-*.log", 0o640, "svc", "adm")),
        ("Z /var/lib/x - svc", Line("Z", "/var/lib/x", user="svc")),
        ("p /run/fifo 0600", Line("p", "/run/fifo", 0o600)),
        ("w /etc/x - - - - text", Line("w", "/etc/x", argument="text")),
    ],
)  # fmt: skip
def test_a_line(text: str, line: Line) -> None:
    assert parse(
        f"# comment\n{text}\nx /tmp/keep\na /var - - - - u:x:r\nd! /boot/only\nf^ /etc/motd - - - - login.motd\n"
    ).lines == (line,)


@pytest.mark.parametrize("text", ["d", "d relative", "d /x 9", "d /home/%u", "? /x", "d '/x"])
def test_a_line_that_cannot_be_read_is_a_fault(text: str) -> None:
    assert parse(text).faults == (f"line 1: {text!r}",)
