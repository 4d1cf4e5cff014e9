"""A lock that outlives its holder as long as a program holds it too."""

import os
import subprocess
import sys
import time
from pathlib import Path

from fromscratch.host.heritable import heritable_lock


def test_it_is_free_again_after_the_block(tmp_path: Path) -> None:
    waited: list[str] = []
    for _ in range(2):
        with heritable_lock(tmp_path / "sub" / "lock", lambda: waited.append("waited")):
            pass
    assert waited == []


def test_a_program_that_inherited_it_keeps_it(tmp_path: Path) -> None:
    waited: list[float] = []
    with heritable_lock(tmp_path / "lock", lambda: None) as descriptor:
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.5)"], pass_fds=(descriptor,))
    started = time.monotonic()
    with heritable_lock(tmp_path / "lock", lambda: waited.append(time.monotonic())):
        assert process.wait(timeout=1) == 0
    assert len(waited) == 1
    assert time.monotonic() - started > 0.1


def test_other_programs_do_not_get_it(tmp_path: Path) -> None:
    with heritable_lock(tmp_path / "lock", lambda: None) as descriptor:
        assert not os.get_inheritable(descriptor)
