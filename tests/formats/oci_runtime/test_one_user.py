"""The filter for a container with one user: which calls it answers with success, on every architecture."""

import pytest

from fromscratch.formats.oci_runtime.one_user import program
from fromscratch.formats.oci_runtime.seccomp import numbers
from tests.formats.oci_runtime.test_seccomp import ALLOWED, ARCHES, AUDIT, KIN, answer_of

SUCCESS = 0x50000


@pytest.mark.parametrize(("machine", "calls"), [*((one, one) for one in ARCHES), *KIN])
def test_changes_of_owner_and_identity_succeed_and_all_else_is_done(machine: str, calls: str) -> None:
    known = numbers(calls)
    answered = {
        name for name, number in known.items() if answer_of(program(machine), machine, AUDIT[calls], number) == SUCCESS
    }
    assert answered == {
        name
        for name in known
        if name.removesuffix("32")
        in {
            *("chown", "fchown", "fchownat", "lchown"),
            *("setuid", "setgid", "setgroups", "setreuid", "setregid", "setresuid", "setresgid"),
        }
    }
    assert {answer_of(program(machine), machine, AUDIT[calls], number) for number in known.values()} == {
        ALLOWED,
        SUCCESS,
    }


def test_a_call_of_another_architecture_is_left_alone() -> None:
    assert answer_of(program("riscv64"), "riscv64", AUDIT["s390x"], numbers("s390x")["setuid"]) == ALLOWED
