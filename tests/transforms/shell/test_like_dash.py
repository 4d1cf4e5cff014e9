"""Scripts of builtins alone: what dash prints, and how it ends, are what the interpreter says."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.transforms.shell.interpreting import interpret, written

DASH = shutil.which("dash")
SCRIPTS = [each for each in (Path(__file__).parent / "scripts.txt").read_text().split("\n----\n") if each.strip()]


def interpreted(script: str, *arguments: str) -> tuple[str, int | None]:
    status, where = interpret("exec > /etc/printed\n" + script, arguments=arguments)
    assert [each for each in where.left_out if each.command != "the rest of the script"] == []
    return written(where, "/etc/printed"), status


@pytest.mark.skipif(DASH is None, reason="dash is not installed")
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_prints_and_ends_as_in_dash(script: str, tmp_path: Path) -> None:
    assert DASH is not None
    ran = subprocess.run(
        [DASH, "-c", script, "demo", "one", "two words", ""],
        capture_output=True,
        env={"PATH": "", "HOME": "/root"},
        cwd="/",
        timeout=10,
    )
    printed, status = interpreted(script, "one", "two words", "")
    assert (printed, status) == (ran.stdout.decode("utf-8", "surrogateescape"), ran.returncode)
