"""A lock that outlives its holder as long as a program holds it too."""

import os
import subprocess
import sys
from pathlib import Path

from fromscratch.host.storage.inherited_lock import inherited_lock


def test_it_is_free_again_after_the_block(tmp_path: Path) -> None:
    waited: list[str] = []
    for _ in range(2):
        with inherited_lock(tmp_path / "sub" / "lock", lambda: waited.append("waited")):
            pass
    assert waited == []


def test_a_program_that_inherited_it_keeps_it(tmp_path: Path) -> None:
    lived: list[bool] = []
    with inherited_lock(tmp_path / "lock", lambda: None) as descriptor:
        argv = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, pass_fds=(descriptor,))

    def waits() -> None:
        lived.append(process.poll() is None)
        assert process.stdin
        process.stdin.close()

    with inherited_lock(tmp_path / "lock", waits):
        assert process.wait(timeout=20) == 0
    assert lived == [True]


def test_other_programs_do_not_get_it(tmp_path: Path) -> None:
    with inherited_lock(tmp_path / "lock", lambda: None) as descriptor:
        assert not os.get_inheritable(descriptor)
