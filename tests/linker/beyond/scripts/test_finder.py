"""Scripts: who reads them, as the kernel and env(1) would have it; the kernel itself is asked too."""

import os
import platform
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fromscratch.linker.beyond.scripts import finder as scripts
from fromscratch.linker.beyond.scripts import shell
from fromscratch.linker.beyond.scripts.shebang import MAX_DEPTH, Shebang, programs, shebang
from fromscratch.linker.beyond.scripts.shell import commands
from fromscratch.paths import encode
from tests.linker.beyond.scenes import listing, paths_needed, scene, settled
from tests.steps import check_growth
from tests.trees import text

SYSTEM = """
    l 0777 0:0 /bin -> usr/bin
    f 0755 0:0 /usr/bin/dash '\\x7fELF'
    f 0755 0:0 /usr/bin/env '\\x7fELF'
    f 0755 0:0 /usr/bin/perl '\\x7fELF'
    f 0644 0:0 /usr/bin/notes '\\x7fELF'
    f 0755 0:0 /usr/local/bin/python3 '\\x7fELF'
    f 0755 0:0 /usr/bin/python3 '\\x7fELF'
    f 0755 0:0 /usr/bin/sed '\\x7fELF'
    l 0777 0:0 /usr/bin/sh -> dash
"""


def says(script: str, *, mode: str = "0755", commands: bool = False) -> str:
    place = scene(SYSTEM + f"f {mode} 0:0 /usr/bin/it {script!r}", "/usr/bin/it")
    return listing(scripts.find(place, commands=commands))


@pytest.mark.parametrize(
    ("line", "findings"),
    [
        ("#!/bin/sh\n", "/bin/sh"),
        ("#! /bin/sh -e \n", "/bin/sh"),
        ("#!/usr/bin/env perl\n", "/usr/bin/env /usr/bin/perl"),
        ("#!/usr/bin/env python3\n", "/usr/bin/env /usr/local/bin/python3"),
        ("#!/usr/bin/env -S -i LANG=C perl -w\n", "/usr/bin/env /bin/perl"),
        ("#!/usr/bin/env -S PATH=/usr/bin python3 -u\n", "/usr/bin/env /usr/bin/python3"),
        ("#!/usr/bin/env -iS python3 '-u\n", "/usr/bin/env /bin/python3"),
        ("#!/usr/bin/env -vS -u HOME --chdir=/ -- /usr/bin/perl -T\n", "/usr/bin/env /usr/bin/perl"),
        ("#!/usr/bin/env A=b\n", "/usr/bin/env"),
        ("#!/usr/bin/env\n", "/usr/bin/env"),
        ("# !/bin/sh\n", ""),
        ("plain text", ""),
    ],
)
def test_a_script_wants_its_interpreter_and_the_program_that_env_starts(line: str, findings: str) -> None:
    it = scene(SYSTEM + f"f 0755 0:0 /usr/bin/it {line!r}", "/usr/bin/it")
    assert " ".join(paths_needed(scripts.find(it))) == findings


def test_the_reason_is_the_line_as_it_stands() -> None:
    assert says("#! /bin/sh -e\n") == "interpreter certain /bin/sh interpreter of /usr/bin/it (#!/bin/sh -e)"


def test_what_is_nowhere_on_the_path_is_wanted_by_the_place_of_a_command_and_tells_where_it_was_looked_for() -> None:
    assert says("#!/usr/bin/env ruby\n").splitlines()[1] == (
        "interpreter certain /usr/bin/ruby interpreter of /usr/bin/it (#!/usr/bin/env ruby; looked for in"
        " /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)"
    )
    assert says("#!/usr/bin/env notes\n").splitlines()[1].startswith("interpreter certain /usr/bin/notes")
    assert says("#!/usr/bin/env perl -w\n").endswith("; env splits its argument only with -S)")


def test_a_line_that_ends_in_cr_lf_names_a_program_that_ends_in_cr() -> None:
    assert says("#!/bin/sh\r\n") == (
        "interpreter certain /bin/sh\r interpreter of /usr/bin/it ('#!/bin/sh\\r': the line ends in CR LF, and"
        " Linux takes the CR for a part of the name)"
    )


def test_an_interpreter_by_a_relative_path_is_told_and_not_looked_for() -> None:
    assert says("#!bin/sh\n") == (
        "warning interpreter /usr/bin/it begins with '#!bin/sh': where bin/sh lies depends on the folder it is"
        " started in"
    )


def test_what_nobody_may_execute_counts_only_when_it_alone_was_asked_for_and_may_do_without() -> None:
    assert says("#!/bin/sh\n", mode="0644") == (
        "interpreter likely optional /bin/sh interpreter of /usr/bin/it (#!/bin/sh)"
    )
    assert not list(scripts.find(scene("f 0644 0:0 /srv/it '#!/bin/sh'", "/srv")))


def test_modules_of_a_language_are_not_started_even_where_their_mode_says_so() -> None:
    tree = """
        f 0755 0:0 /usr/lib/python3.11/base64.py '#!/usr/bin/env python3'
        f 0644 0:0 /usr/lib/python3.11/abc.py ''
        f 0755 0:0 /usr/lib/node_modules/npm/bin/npm '#!/usr/bin/env node'
        f 0755 0:0 /usr/lib/node_modules/npm/bin/npx ''
    """
    base64, abc = "/usr/lib/python3.11/base64.py", "/usr/lib/python3.11/abc.py"
    npm, npx = "/usr/lib/node_modules/npm/bin/npm", "/usr/lib/node_modules/npm/bin/npx"
    assert not list(scripts.find(scene(tree, "/usr/lib")))
    assert paths_needed(scripts.find(scene(tree, base64, abc, npm, npx))) == ["/usr/bin/env", "/usr/bin/node"]
    assert paths_needed(scripts.find(scene(tree, base64, npx))) == ["/usr/bin/env", "/usr/bin/python3"]


def chain(length: int) -> str:
    lines = [f"f 0755 0:0 /s{one} '#!/s{one + 1}'" for one in range(length)]
    return "\n".join([*lines, f"f 0755 0:0 /s{length} '\\x7fELF'"])


def test_interpreters_that_are_scripts_are_followed_as_far_as_linux_follows_them() -> None:
    end, findings = settled(scene(chain(MAX_DEPTH), "/s0"), scripts.find)
    assert list(end.objects) == ["/s5"]
    assert paths_needed(findings) == ["/s1", "/s2", "/s3", "/s4", "/s5"]
    _, findings = settled(scene(chain(MAX_DEPTH + 1), "/s0"), scripts.find)
    assert "warning interpreter /s0 cannot start" in listing(findings)
    circle = scene("f 0755 0:0 /a '#!/b'\nf 0755 0:0 /b '#!/a'", "/a")
    assert listing(settled(circle, scripts.find)[1]).count("cannot start") == 2


SHELL = """#!/bin/sh
# perl in a comment
set -e
X=1 sed -n "$(perl -e 1)" <<END >perl
notes
END
if ! [ -e x ]; then exec env sed; fi
case x in y) echo perl;; esac
"""


def test_the_plain_commands_of_a_shell_script_are_offered_and_taken_only_if_asked_for() -> None:
    assert says(SHELL).splitlines()[1:] == ["offer commands commands that /usr/bin/it seems to call: env perl sed"]
    assert says(SHELL, commands=True) == text("""
        interpreter certain /bin/sh interpreter of /usr/bin/it (#!/bin/sh)
        commands likely optional /usr/bin/perl opened by /usr/bin/it (command perl)
        commands likely optional /usr/bin/sed opened by /usr/bin/it (command sed)
        commands likely optional /usr/bin/env opened by /usr/bin/it (command env)
    """)


def test_the_patterns_of_a_case_are_no_commands() -> None:
    script = b"""
        case "$1" in
            init|sync) one; case $x in (split) two;; top) three | four;; esac; five ;;
            kill) ;;
            *) six ;& w) seven
        esac
        case $(eight in) in in) nine;; esac; if ten; then case y in z) eleven;; esac; fi; echo case
        twelve
    """
    numbers = "one two three four five six seven eight nine ten eleven twelve"
    assert commands(script) == numbers.split()


@given(st.binary(max_size=400).map(lambda raw: raw.replace(b"q", b"${").replace(b"z", b"<<E\n").replace(b"x", b"`")))
def test_any_bytes_are_read_as_a_shell_script_without_an_exception(raw: bytes) -> None:
    commands(raw)


@pytest.mark.parametrize("piece", [b"'", b'"', b"${", b"$(", b"`", b"<<a\n", b"<<a ", b'"$(`', b"\\\n", b"(", b"a#"])
def test_the_work_of_reading_grows_with_the_size_only(piece: bytes) -> None:
    check_growth(lambda size: commands(piece * (size // len(piece))), 500, shell)


LINES = st.lists(
    st.sampled_from([b"/bin/echo", b" ", b"\t", b"a", b"\0", b"\r", b"\n", b"/" * 240, b"/" * 4, b" " * 230, b"b" * 9]),
    max_size=9,
).map(b"".join)


@pytest.mark.skipif(platform.system() != "Linux", reason="Linux reads these lines")
def test_linux_reads_first_lines_as_we_do(tmp_path: Path) -> None:
    script = tmp_path / "script"

    @settings(max_examples=150, deadline=None)
    @given(LINES)
    def reads(rest: bytes) -> None:
        script.write_bytes(b"#!" + rest)
        script.chmod(0o755)
        line = shebang(b"#!" + rest)
        if line is not None and line.interpreter.lstrip("/") != "bin/echo":
            return
        try:
            said = subprocess.run([script], capture_output=True, check=True).stdout
        except OSError:
            assert line is None
            return
        assert line is not None
        words = [] if not line.argument else [encode(line.argument)]
        assert said.lstrip(b" ") == b" ".join([*words, os.fsencode(script)]) + b"\n"

    reads()


@given(st.binary(max_size=600))
def test_any_first_line_is_read_without_an_exception(raw: bytes) -> None:
    for head in (raw, b"#!" + raw, b"#!/usr/bin/env " + raw, b"#!/usr/bin/env -S" + raw):
        found = shebang(head)
        assert found is None or isinstance(found, Shebang)
        it = scene("d 0755 0:0 /bin", "/bin")
        if found is not None:
            programs(it, found)
