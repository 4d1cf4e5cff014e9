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
        ('d "/var/a b" ~755 - -', Line("d", "/var/a b", 0o755)),
        ("d /var/100%% - - -", Line("d", "/var/100%")),
    ],
)  # fmt: skip
def test_a_line(text: str, line: Line) -> None:
    assert parse(f"# comment\n{text}\nx /tmp/keep\nZ /var - - - -\nd! /boot/only\n").lines == (line,)


@pytest.mark.parametrize("text", ["d", "d relative", "d /x 9", "d /home/%u", "? /x", "d '/x"])
def test_a_line_that_cannot_be_read_is_a_fault(text: str) -> None:
    assert parse(text).faults == (f"line 1: {text!r}",)
