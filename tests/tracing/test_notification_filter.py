"""The filter that recorders listen by: every call that names a file is reported, on every architecture."""

import pytest

from fromscratch.errors import MissingTool
from fromscratch.formats.oci_runtime.seccomp import numbers
from fromscratch.tracing.calls import path_calls
from fromscratch.tracing.notification_filter import filter_program
from tests.formats.oci_runtime.test_seccomp import AUDIT, KIN
from tests.formats.oci_runtime.test_seccomp import answer_of as answer

ALLOWED, REPORTED, ENOSYS = 0x7FFF0000, 0x7FC00000, 0x50026
EMPTY_PATH = 0x1000
# What every architecture has; the older names stand only where there are calls that are called so.
NAMES = "openat openat2 execve execveat statx faccessat readlinkat chdir linkat symlinkat mkdirat unlinkat getxattr"
OLDER = "open creat stat lstat access readlink rename link symlink mkdir rmdir unlink chmod chown utime mknod"


@pytest.mark.parametrize(("machine", "calls"), [*((one, one) for one in AUDIT), *KIN])
def test_calls_with_paths_are_reported_and_all_others_allowed(machine: str, calls: str) -> None:
    program, arch, known = filter_program(machine), AUDIT[calls], numbers(calls)
    listed = path_calls(calls)
    assert {known[name] for name in NAMES.split()} <= set(listed)
    assert {known[name] for name in OLDER.split() if name in known} <= set(listed)
    for number in listed:
        assert answer(program, machine, arch, number) == REPORTED, number
    others = set(known.values()) - set(listed)
    assert {answer(program, machine, arch, number) for number in others} == {ALLOWED}


@pytest.mark.parametrize(("machine", "calls"), [*((one, one) for one in AUDIT), *KIN])
def test_a_queue_that_no_recorder_sees_is_not_had(machine: str, calls: str) -> None:
    base = {"mips64le": 5000, "mipsle": 4000}.get(calls, 0)
    assert answer(filter_program(machine), machine, AUDIT[calls], base + 425) == ENOSYS


@pytest.mark.parametrize("machine", AUDIT)
def test_what_asks_about_an_open_file_is_not_reported(machine: str) -> None:
    program, arch, known = filter_program(machine), AUDIT[machine], numbers(machine)
    assert answer(program, machine, arch, known["statx"], 3, 0, EMPTY_PATH) == ALLOWED
    assert answer(program, machine, arch, known["statx"], 3, 0, 0x100) == REPORTED
    for name in {"newfstatat", "fstatat64"} & set(known):
        assert answer(program, machine, arch, known[name], 3, 0, 0, EMPTY_PATH) == ALLOWED
        assert answer(program, machine, arch, known[name], 3, 0, 0, 0) == REPORTED


def test_programs_of_an_unknown_kind_are_let_alone() -> None:
    assert answer(filter_program("amd64"), "amd64", AUDIT["arm64"], 56) == ALLOWED
    with pytest.raises(MissingTool):
        filter_program("sparc64")
