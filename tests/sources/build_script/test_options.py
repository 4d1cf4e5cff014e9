"""What a recipe may say of a script, and what the output of one tells."""

import msgspec
import pytest

from fromscratch.progress import SILENT
from fromscratch.sources.build_script.log import Log
from fromscratch.sources.build_script.options import BuildScriptOptions, ScriptSource


def test_options_that_make_no_sense_are_refused() -> None:
    for fields, told in (
        ({"script": "x", "needs": ["/usr/bin/gcc"]}, "without a path"),
        ({"script": "x", "owner": "keep"}, "write two numbers"),
        ({"script": "x", "source": {"url": "https://h/f"}}, "a url needs a sha256"),
        ({"script": "x", "source": {"path": "a", "url": "https://h/f", "sha256": "0" * 64}}, "not path: and url:"),
        ({"script": "x", "source": [{}]}, "not none of them"),
        ({"script": "x", "source": {"git": "https://h/r"}}, "belong together"),
        ({"script": "x", "source": {"git": "https://h/r", "commit": "main"}}, "not a whole id"),
        ({"script": "x", "env": {"A B": "c"}}, "not a name of a variable"),
        ({"script": ""}, "length >= 1"),
    ):
        with pytest.raises(msgspec.ValidationError, match=told):
            msgspec.convert(fields, BuildScriptOptions)
    assert BuildScriptOptions(script="x").sources() == []
    assert BuildScriptOptions(script="x", source="a").sources() == [ScriptSource(path="a")]


def log_of(script: str, *lines: str) -> str:
    with SILENT.task("build") as task:
        log = Log(script, None, task)
        for line in lines:
            log.line(f"{line}\n".encode())
        return log.failure("hello", 2, None).message


def test_the_step_that_failed_is_told_with_its_line_where_that_is_certain() -> None:
    script = "cd x\nmake\nmake install\nrun a; run b\nrun c\n"
    assert "exit code 2 at line 2, make:\n  no" in log_of(script, "+ script: cd x", "+ script: make", "no")
    assert "exit code 2 at line 3, make install" in log_of(script, "+ script: make install")
    assert "exit code 2, run b" in log_of(script, "+ script: run b")
    assert "exit code 2, other" in log_of(script, "+ script: other")


def test_a_step_that_fails_in_silence_shows_what_was_written_before_it() -> None:
    said = log_of("x\nfalse", "+ script: x", "some words", "10 %\r20 %\r99 %", "+ script: false")
    assert said.endswith("at line 2, false:\n  some words\n  99 %")
