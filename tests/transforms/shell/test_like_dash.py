"""Scripts of builtins alone: the interpreter prints and ends as dash does; for those of bash, as bash does."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.transforms.shell.interpreting import interpret, written

HERE = Path(__file__).parent
ARGUMENTS = ("one", "two words", "")


def scripts(file: str) -> list[str]:
    return [each for each in (HERE / file).read_text().split("\n----\n") if each.strip()]


def ran(shell: str, script: str) -> tuple[str, int]:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [program, "-c", script, "demo", *ARGUMENTS],
        capture_output=True,
        env={"PATH": "", "HOME": "/root"},
        cwd="/",
        timeout=10,
    )
    return done.stdout.decode("utf-8", "surrogateescape"), done.returncode


def interpreted(script: str) -> tuple[str, int | None]:
    status, where = interpret(script, arguments=ARGUMENTS)
    assert [each for each in where.left_out if each.command != "the rest of the script"] == []
    return written(where, "/etc/printed"), status


@pytest.mark.parametrize("script", scripts("scripts.txt"))
def test_a_script_prints_and_ends_as_in_dash(script: str) -> None:
    assert interpreted("exec > /etc/printed\n" + script) == ran("dash", script)


@pytest.mark.parametrize("script", scripts("scripts_of_bash.txt"))
def test_a_script_of_bash_prints_and_ends_as_in_bash(script: str) -> None:
    assert interpreted("#!/bin/bash\nexec > /etc/printed\n" + script) == ran("bash", script)
