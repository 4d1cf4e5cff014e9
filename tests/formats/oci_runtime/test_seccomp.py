"""The filter of system calls, run by a small interpreter of the kernel's bytecode, on every architecture."""

import struct

import pytest

from fromscratch.errors import MissingTool
from fromscratch.formats.oci_runtime.seccomp import filter_program, numbers, oci_fields

ARCHES = ("amd64", "386", "arm64", "arm", "riscv64", "ppc64le", "s390x", "loong64", "mips64le", "mipsle")
AUDIT = {  # linux/audit.h
    "amd64": 0xC000003E,
    "386": 0x40000003,
    "arm64": 0xC00000B7,
    "arm": 0x40000028,
    "riscv64": 0xC00000F3,
    "ppc64le": 0xC0000015,
    "s390x": 0x80000016,
    "loong64": 0xC0000102,
    "mips64le": 0xC0000008,
    "mipsle": 0x40000008,
}
ALLOWED, EPERM, ENOSYS = 0x7FFF0000, 0x50001, 0x50026
KIN = [("amd64", "386"), ("arm64", "arm"), ("mips64le", "mipsle")]


def answer(machine: str, architecture: int, number: int, *arguments: int) -> int:
    """What the filter of `machine` says to a call."""
    return answer_of(filter_program(machine), machine, architecture, number, *arguments)


def answer_of(filter_bytes: bytes, machine: str, architecture: int, number: int, *arguments: int) -> int:
    """What a filter says to a call, as seccomp(2) describes its input."""
    order = ">" if machine == "s390x" else "<"
    words = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack(f"{order}IIQ6Q", number & 0xFFFFFFFF, architecture, 0, *words)
    program = list(struct.iter_unpack("=HBBI", filter_bytes))
    place = value = 0
    for _ in range(len(program)):
        code, if_so, if_not, operand = program[place]
        place += 1
        match code:
            case 0x20:
                (value,) = struct.unpack_from(f"{order}I", data, operand)
            case 0x06:
                return int(operand)
            case 0x05:
                place += operand
            case 0x15:
                place += if_so if value == operand else if_not
            case 0x35:
                place += if_so if value >= operand else if_not
            case 0x45:
                place += if_so if value & operand else if_not
            case _:
                raise AssertionError(code)
    raise AssertionError("the program does not end")


@pytest.mark.slow
@pytest.mark.parametrize(("machine", "calls"), [*((one, one) for one in ARCHES), *KIN])
def test_what_the_engines_allow_is_allowed_and_nothing_else(machine: str, calls: str) -> None:
    known, arch = numbers(calls), AUDIT[calls]
    conditional = {known[name] for name in ("clone", "socket", "personality", "ioctl") if name in known}
    refused = {known["keyctl"], known["clone3"]}
    base = {"mips64le": 5000, "mipsle": 4000}.get(calls, 0)
    assert answer(machine, arch, known["clone3"]) == ENOSYS
    for number in range(base, base + 472):
        if number in conditional | refused:
            continue
        expected = ALLOWED if number in known.values() else EPERM
        assert answer(machine, arch, number) == expected, number
    assert {answer(machine, arch, number) for number in (base + 472, 1 << 30, (1 << 32) - 1)} == {ENOSYS}
    assert not {"mount", "unshare", "setns", "bpf", "init_module", "reboot", "io_uring_setup"} & set(known)


@pytest.mark.parametrize("machine", ARCHES)
def test_arguments_decide_where_they_make_the_difference(machine: str) -> None:
    known, arch = numbers(machine), AUDIT[machine]
    user_namespace, thread = 0x10000000, 0x3D0F00
    place = (0,) if machine == "s390x" else ()
    assert answer(machine, arch, known["clone"], *place, thread) == ALLOWED
    assert answer(machine, arch, known["clone"], *place, thread | user_namespace) == EPERM
    inet, alg, vsock = 2, 38, 40
    assert [answer(machine, arch, known["socket"], one) for one in (inet, alg, vsock)] == [ALLOWED, EPERM, EPERM]
    assert [answer(machine, arch, known["personality"], one) for one in (0, 0x400000)] == [ALLOWED, EPERM]
    push = 0x5472 if machine.startswith("mips") else 0x5412
    # The kernel looks at 32 bits of the request, so others must not hide it.
    reported = [answer(machine, arch, known["ioctl"], 0, one) for one in (0x5401, push, push | 1 << 40)]
    assert reported == [ALLOWED, EPERM, EPERM]


def test_programs_of_another_architecture_get_no_call_through() -> None:
    assert answer("amd64", AUDIT["arm64"], numbers("amd64")["read"]) == EPERM


def test_an_architecture_without_a_list_is_no_crash() -> None:
    with pytest.raises(MissingTool, match="no list of system calls for vax"):
        filter_program("vax")


@pytest.mark.parametrize("machine", ARCHES)
def test_a_bundle_says_the_same(machine: str) -> None:
    fields = oci_fields(machine)
    free = set(fields["syscalls"][0]["names"])
    assert {"read", "execve", "ioctl", "chroot"} <= free
    assert not {"clone", "clone3", "socket", "keyctl", "mount"} & free
    assert fields["defaultAction"] == "SCMP_ACT_ERRNO"
