"""What a process of ours can do to its own conditions: each in a child, since none of it can be undone."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fromscratch.host.process import perturb
from tests.engines import missing, need_root

SOMEBODY = 54321


def answer_of(call: str, question: str, *, python: str = sys.executable, **options: Any) -> Any:
    """What a process answers after a call of the module."""
    script = (
        f"from fromscratch.host.process import perturb; perturb.{call}; import os, time, pathlib; print({question})"
    )
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True, **options)
    return ast.literal_eval(done.stdout)


def test_listings_come_backwards_whoever_asks(tmp_path: Path) -> None:
    for name in "abcdef":
        (tmp_path / name).touch()
    forwards = os.listdir(tmp_path)
    assert forwards != forwards[::-1]
    for question in (
        "os.listdir()",
        "[entry.name for entry in os.scandir()]",
        "[path.name for path in pathlib.Path().iterdir()]",
        "[path.name for path in pathlib.Path().glob('*')]",
        "next(os.walk('.'))[2]",
    ):
        assert answer_of("list_backwards()", question, cwd=tmp_path) == forwards[::-1]


def test_a_listing_is_still_a_context() -> None:
    question = "[len(list(found)) > 0 for found in [os.scandir('/').__enter__()]]"
    assert answer_of("list_backwards()", question) == [True]


def test_the_clock_goes_as_fast_as_before() -> None:
    seconds, nanoseconds, ahead = answer_of(
        "put_the_clock_forward(1000)",
        "(time.time() - os.stat('/proc/self').st_mtime, time.time_ns() // 10**9 - int(time.time()), 0)",
    )
    assert 999 < seconds < 1060
    assert (nanoseconds, ahead) == (0, 0)


def test_the_umask_is_told_and_left_as_it_is() -> None:
    before = os.umask(0o027)
    try:
        assert perturb.umask() == 0o027
    finally:
        assert os.umask(before) == 0o027


def test_root_becomes_somebody_who_may_read_but_not_write_what_is_root_s(tmp_path: Path) -> None:
    need_root("becoming another user")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    tmp_path.chmod(0o700)
    question = f"(os.getresuid(), os.getresgid(), os.getgroups(), open({str(tmp_path / 'secret')!r}).read(), "
    question += f"os.access({str(tmp_path / 'secret')!r}, os.W_OK), os.access({str(tmp_path)!r}, os.W_OK))"
    assert answer_of(f"become({SOMEBODY})", question) == ((SOMEBODY,) * 3, (SOMEBODY,) * 3, [], "x", False, False)


def test_a_user_looks_like_somebody_else_in_a_namespace_of_his_own(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    question = f"(os.getresuid(), os.stat({str(tmp_path / 'mine')!r}).st_uid, open({str(tmp_path / 'mine')!r}).read())"
    try:
        found = answer_of(f"appear_as({SOMEBODY})", question)
    except subprocess.CalledProcessError as error:
        if "PermissionError" in error.stderr:
            missing("this kernel gives no user namespaces")
        raise
    assert found == ((SOMEBODY,) * 3, SOMEBODY, "x")


def test_nobody_but_root_becomes_another_user() -> None:
    if os.geteuid() == 0:
        pytest.skip("root may become anybody")
    with pytest.raises(subprocess.CalledProcessError, match="exit status 1"):
        answer_of(f"become({SOMEBODY})", "0")
