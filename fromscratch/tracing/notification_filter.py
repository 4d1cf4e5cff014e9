"""The seccomp filter that lets a supervisor see each system call that names files: classic BPF, seccomp(2).

All other calls are allowed at once, and for those the kernel keeps a list, so that they cost nothing.
"""

import struct
from functools import cache

from fromscratch.formats.oci_runtime import seccomp
from fromscratch.tracing import calls

# linux/bpf_common.h, linux/seccomp.h
_LOAD, _EQUAL, _ANY_BIT, _JUMP, _RETURN = 0x20, 0x15, 0x45, 0x05, 0x06
_ALLOW, _NOTIFY, _ERROR = 0x7FFF0000, 0x7FC00000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # struct seccomp_data
_ENOSYS = 38


@cache
def filter_program(architecture: str) -> bytes:
    """The filter for programs of this machine's architecture and its 32-bit kin: an array of struct sock_filter.

    io_uring_setup is answered with ENOSYS: what is opened through such a queue is seen by nobody, and programs that
    use one do without it on older kernels. Raises MissingTool for an architecture that we have no numbers of.
    """
    blocks = [(seccomp.audit_number(name), _block(name)) for name in seccomp.runs(architecture)]
    program, ahead = [_statement(_LOAD, _ARCH)], 2 * len(blocks) + 1
    for index, (audit, block) in enumerate(blocks):
        program += [_statement(_EQUAL, audit, 0, 1), _statement(_JUMP, ahead - 2 * index - 2)]
        ahead += len(block)
    program.append(_statement(_RETURN, _ALLOW))
    return b"".join([*program, *(line for _, block in blocks for line in block)])


def _block(architecture: str) -> list[bytes]:
    """The answer to each number of one architecture."""
    empty = calls.may_be_empty(architecture)
    numbers = [number for number in sorted(calls.path_calls(architecture)) if number not in empty]
    checks = [_unless_empty(argument, architecture) for argument in empty.values()]
    # The tests, each of which jumps to one of the answers behind them.
    tests = [calls.io_uring_setup(architecture), *empty, *numbers]
    ends = [_statement(_RETURN, answer) for answer in (_ALLOW, _ERROR | _ENOSYS, _NOTIFY)]
    answers = [1, *(3 + sum(map(len, checks[:index])) for index in range(len(checks))), *(2 for _ in numbers)]
    lines = [_statement(_LOAD, _NUMBER)]
    for index, (number, answer) in enumerate(zip(tests, answers, strict=True)):
        lines.append(_statement(_EQUAL, number, len(tests) - index - 1 + answer, 0))
    return [*lines, *ends, *(line for check in checks for line in check)]


def _unless_empty(argument: int, architecture: str) -> list[bytes]:
    low = _ARGUMENTS + 8 * argument + (4 if architecture == "s390x" else 0)
    return [
        _statement(_LOAD, low),
        _statement(_ANY_BIT, calls.AT_EMPTY_PATH, 0, 1),
        _statement(_RETURN, _ALLOW),
        _statement(_RETURN, _NOTIFY),
    ]


def _statement(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
