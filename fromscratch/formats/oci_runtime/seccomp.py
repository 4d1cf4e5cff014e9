"""Which system calls a container may make: the engines' default list, for the kernel and for an OCI bundle.

The list is moby's for a container with docker's default capabilities (github.com/moby/profiles, seccomp/default.json).
What it does not name is answered with EPERM, and a call that is newer than the list with ENOSYS, so that programs
fall back to an older one. Added to it: no TIOCSTI, which types into a terminal.
"""

import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from fromscratch.errors import MissingTool

_TABLE = Path(__file__).with_name("syscalls.txt")
_NEWEST = 471  # of the table; from 403 on the numbers are the same everywhere
_EPERM, _ENOSYS = 1, 38

# linux/audit.h, and the first number of the ABI.
_ARCHITECTURES = {
    "amd64": (0xC000003E, 0),
    "386": (0x40000003, 0),
    "arm64": (0xC00000B7, 0),
    "arm": (0x40000028, 0),
    "riscv64": (0xC00000F3, 0),
    "ppc64le": (0xC0000015, 0),
    "s390x": (0x80000016, 0),
    "loong64": (0xC0000102, 0),
    "mips64le": (0xC0000008, 5000),
    "mipsle": (0x40000008, 4000),
}
_ALSO = {"amd64": ("386",), "arm64": ("arm",), "mips64le": ("mipsle",)}
_OCI_NAMES = {
    "amd64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    "386": ["SCMP_ARCH_X86"],
    "arm64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    "arm": ["SCMP_ARCH_ARM"],
    "riscv64": ["SCMP_ARCH_RISCV64"],
    "ppc64le": ["SCMP_ARCH_PPC64LE"],
    "s390x": ["SCMP_ARCH_S390X"],
    "loong64": ["SCMP_ARCH_LOONGARCH64"],
    "mips64le": ["SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL"],
    "mipsle": ["SCMP_ARCH_MIPSEL"],
}
_NAMESPACES = 0x7E020000  # the CLONE_NEW* flags of linux/sched.h
# Address families but for those that have no use in a container and many faults: DECnet, econet, X.25's kin, CAIF, ALG,
# and VSOCK, which leads out of it.
_FAMILIES = (*range(12), *range(13, 19), 21, 22, 24, *range(26, 34), 35, 36, 39, *range(41, 46))
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_CONDITIONAL = {"clone", "socket", "personality", "ioctl"}
_REFUSED = {"clone3", "keyctl"}  # in the table for others; clone3's flags lie where no filter can look

# linux/bpf_common.h, linux/seccomp.h
_LOAD, _EQUAL, _NOT_BELOW, _ANY_BIT, _JUMP, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x05, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # struct seccomp_data


@cache
def numbers(architecture: str) -> Mapping[str, int]:
    """The system calls of the table by their names. Raises MissingTool for an architecture that it does not have."""
    if architecture not in _ARCHITECTURES:
        raise MissingTool(f"there is no list of system calls for {architecture}", "install podman or docker")
    lines = [line.split() for line in _TABLE.read_text().splitlines() if not line.startswith("#")]
    column, base = lines[0].index(architecture), _ARCHITECTURES[architecture][1]
    return {line[0]: base + int(line[column]) for line in lines[1:] if line[column] != "-"}


class _Check(Struct, frozen=True):
    """Return one answer where an argument has one of the values (or any of the bits), and the other where not."""

    argument: int
    values: tuple[int, ...]
    hit: int
    miss: int
    test: int = _EQUAL

    def code(self, architecture: str) -> list[bytes]:
        # The low half of a 64-bit word: the kernel looks at no more of these arguments.
        low = _ARGUMENTS + 8 * self.argument + (4 if architecture == "s390x" else 0)
        tests = [_statement(self.test, value, len(self.values) - index, 0) for index, value in enumerate(self.values)]
        return [_statement(_LOAD, low), *tests, _statement(_RETURN, self.miss), _statement(_RETURN, self.hit)]


def filter_program(architecture: str) -> bytes:
    """The filter for programs of this machine's architecture and its 32-bit kin: an array of struct sock_filter."""
    blocks = [(audit_number(name), _block(name)) for name in runs(architecture)]
    program, ahead = [_statement(_LOAD, _ARCH)], 2 * len(blocks) + 1
    for index, (audit, block) in enumerate(blocks):
        program += [_statement(_EQUAL, audit, 0, 1), _statement(_JUMP, ahead - 2 * index - 2)]
        ahead += len(block)
    program.append(_statement(_RETURN, _ERROR | _EPERM))
    return b"".join([*program, *(line for _, block in blocks for line in block)])


def runs(architecture: str) -> tuple[str, ...]:
    """This architecture, and its 32-bit kin whose programs its kernel runs too."""
    return (architecture, *_ALSO.get(architecture, ()))


def audit_number(architecture: str) -> int:
    """AUDIT_ARCH_* of linux/audit.h, by which a filter knows it. Raises MissingTool."""
    numbers(architecture)
    return _ARCHITECTURES[architecture][0]


def _block(architecture: str) -> list[bytes]:
    """The answer to each number of one architecture."""
    checks = {name: check.code(architecture) for name, check in _checks(architecture).items()}
    answers = sorted(_answers(architecture).items())
    # Neighbours with one answer are one step, which ends where the next begins.
    steps = [step for before, step in zip([(-1, None), *answers], answers, strict=False) if before[1] != step[1]]
    size = 1 + 2 * (len(steps) - 1) + 1
    places, end = {}, size
    for name, check in checks.items():
        places[name] = end
        end += len(check)
    block = [_statement(_LOAD, _NUMBER)]
    for index, (_, answer) in enumerate(steps):
        if index + 1 < len(steps):
            block.append(_statement(_NOT_BELOW, steps[index + 1][0], 1, 0))
        here = len(block) + 1
        block.append(
            _statement(_JUMP, places[answer] - here) if isinstance(answer, str) else _statement(_RETURN, answer)
        )
    return [*block, *(line for check in checks.values() for line in check)]


def _answers(architecture: str) -> dict[int, int | str]:
    """What is answered to each number (a check by its name), from 0 to the first that is too new for the table."""
    base = _ARCHITECTURES[architecture][1]
    answers: dict[int, int | str] = dict.fromkeys(range(base + _NEWEST + 1), _ERROR | _EPERM)
    for name, number in numbers(architecture).items():
        answers[number] = name if name in _CONDITIONAL else _ALLOW
        if name in _REFUSED:
            answers[number] = _ERROR | (_ENOSYS if name == "clone3" else _EPERM)
        answers.setdefault(number + 1, _ERROR | _ENOSYS)  # ARM's own lie far above the others
    answers[base + _NEWEST + 1] = _ERROR | _ENOSYS
    return answers


def _checks(architecture: str) -> dict[str, _Check]:
    refused = _ERROR | _EPERM
    flags = 1 if architecture == "s390x" else 0
    push = 0x5472 if architecture.startswith("mips") else 0x5412  # TIOCSTI of asm/ioctls.h
    known = numbers(architecture)
    every = {
        "clone": _Check(flags, (_NAMESPACES,), refused, _ALLOW, _ANY_BIT),
        "socket": _Check(0, _FAMILIES, _ALLOW, refused),
        "personality": _Check(0, _PERSONALITIES, _ALLOW, refused),
        "ioctl": _Check(1, (push, 0x541C), refused, _ALLOW),  # TIOCLINUX pastes, on a virtual console
    }
    return {name: check for name, check in every.items() if name in known}


def _statement(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)


def oci_fields(architecture: str) -> dict[str, Any]:
    """The same list as `linux.seccomp` of a runtime configuration: runtime-spec/config-linux.md, "Seccomp"."""
    flags = 1 if architecture == "s390x" else 0
    free = sorted(set(numbers(architecture)) - _CONDITIONAL - _REFUSED | {"ioctl"})
    masked = {"index": flags, "value": _NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _EPERM,
        "architectures": _OCI_NAMES[architecture],
        "syscalls": [
            {"names": free, "action": "SCMP_ACT_ALLOW"},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [masked]},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS},
            *(_allowed_value("socket", value) for value in _FAMILIES),
            *(_allowed_value("personality", value) for value in _PERSONALITIES),
        ],
    }


def _allowed_value(name: str, value: int) -> dict[str, Any]:
    argument = {"index": 0, "value": value, "op": "SCMP_CMP_EQ"}
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [argument]}
