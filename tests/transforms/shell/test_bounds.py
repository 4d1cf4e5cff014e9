"""What a script could cause without end is bounded, and what it would have done is left out."""

import pytest

from tests.transforms.shell.interpreting import interpret, left_out, written

_FOREVER = {
    'set -- a b c d; while :; do set -- "$@" "$@"; done': "its expansions give more than",
    'x="a b c d"; while :; do set -- $x $x; x="$*"; done': "its expansions give more than",
    "printf %1000000000d 5": "printf fills more than",
    'printf "%*d" 1000000000 5': "printf fills more than",
    "printf %.1000000000f 5": "printf fills more than",
    "cd /tmp; ln -s . a; ln -s . b; ln -s . c; ln -s . d; echo */*/*/*/*/*/*/*/*/*": "its patterns take too long",
    "#!/bin/bash\nx=aaaaaaaaaaaaaaaa; x=$x$x$x$x$x$x$x$x; x=$x$x$x$x; x=$x$x$x$x$x$x$x$x; y=${x//a/$x}": "grows beyond",
}


@pytest.mark.parametrize("script", _FOREVER)
def test_a_script_that_would_fill_the_memory_ends_early(script: str) -> None:
    status, where = interpret(script)
    assert status is None
    assert _FOREVER[script] in left_out(where)[-1]


@pytest.mark.parametrize(
    "command",
    [
        "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab | grep -E '^a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*$' > /tmp/out",
        "echo x | sed ':a;s/x/xx/;ta' > /tmp/out",
        "echo x > /tmp/$(printf %5000s | tr ' ' x); echo x > /tmp/out; chmod 600 /$(printf %5000s | tr ' ' x)",
    ],
)
def test_a_command_that_takes_too_long_is_left_out(command: str) -> None:
    _, where = interpret(command)
    assert left_out(where)


def test_a_negative_width_and_precision_mean_what_they_do_in_a_shell() -> None:
    _, where = interpret('printf "%*d|%.*d|%-*d" -5 3 -3 5 -4 7 > /etc/out')
    assert written(where, "/etc/out") == "3    |5|7   "
