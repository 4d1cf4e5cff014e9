"""System accounts in sysusers.d(5), and in the commands of scripts."""

import pytest

from fromscratch.formats.sysusers import Line, commands, parse


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("g input -", Line("g", "input")),
        ("g mail 12", Line("g", "mail", "12")),
        ("u svc 970 'The Service' /srv /bin/sh", Line("u", "svc", "970", "The Service", "/srv", "/bin/sh")),
        ("u! svc - - -", Line("u", "svc")),
        ("u app 5:staff", Line("u", "app", "5:staff")),
        ("u app -:staff", Line("u", "app", "-:staff")),
        ("u owner /usr/bin/x", Line("u", "owner")),
        ("m svc mail", Line("m", "svc", "mail")),
    ],
)
def test_a_line(text: str, line: Line) -> None:
    assert parse(f"# a comment\n\n{text}\nr - 500-900\n") == parse(text)
    assert parse(text).lines == (line,)


@pytest.mark.parametrize("text", ["u", "u 7up -", "u svc x!y", "g a:b -", "m svc", "u svc 1 'a:b'", "u 'svc", "z a b"])
def test_a_line_that_cannot_be_read_is_a_fault(text: str) -> None:
    assert parse(f"{text}\nu good 1").faults == (f"line 1: {text!r}",)
    assert parse(f"{text}\nu good 1").lines == (Line("u", "good", "1"),)


def test_commands_of_scripts() -> None:
    script = """
        getent group svc >/dev/null || groupadd -f -g 970 -r svc
        if ! getent passwd svc >/dev/null ; then
            useradd -r -u 970 -g svc -d /var/svc -s /sbin/nologin \\
                -c "The Service" svc 2>/dev/null || :
        fi
        /usr/sbin/useradd --system --gid=mail --groups=a,b other >/dev/null 2>&1
        addgroup -S web && adduser -S -D -H -h /var/www -s /sbin/nologin -G web -g 'the web' web
        addgroup web mail
        echo useradd nothing
        useradd -u $number x
    """
    found = commands(script)
    assert found.lines == (
        Line("g", "svc", "970"),
        Line("u", "svc", "970", "The Service", "/var/svc", "/sbin/nologin"),
        Line("u", "other", "-:mail"),
        Line("m", "other", "a"),
        Line("m", "other", "b"),
        Line("g", "web"),
        Line("u", "web", "", "the web", "/var/www", "/sbin/nologin"),
        Line("m", "web", "mail"),
    )
    assert found.faults == ("useradd -u $number x",)
