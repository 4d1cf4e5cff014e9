"""A filter for a container that has one user: changes of owners and of identity succeed, and do nothing.

A server that starts as root, gives a folder to its own user and becomes that user would end at the first of these
calls: the other user has no number there. As the only user it may do all that the other might.
"""

import struct

from fromscratch.formats.oci_runtime.seccomp import audit_number, numbers, runs

_OWNERS = ("chown", "fchown", "fchownat", "lchown")
_IDENTITY = ("setgid", "setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid")
_WIDER = tuple(f"{name}32" for name in (*_OWNERS, *_IDENTITY))  # of 32-bit machines
# linux/bpf_common.h, linux/seccomp.h
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _SUCCESS = 0x7FFF0000, 0x00050000  # an error with the number 0
_NUMBER, _ARCH = 0, 4  # struct seccomp_data


def program(architecture: str) -> bytes:
    """The filter for programs of this machine's architecture and its 32-bit kin: an array of struct sock_filter."""
    lines = []
    for name in runs(architecture):
        known = numbers(name)
        calls = [known[call] for call in (*_OWNERS, *_IDENTITY, *_WIDER) if call in known]
        tests = [_statement(_EQUAL, call, len(calls) - index, 0) for index, call in enumerate(calls)]
        block = [_statement(_LOAD, _NUMBER), *tests, _statement(_RETURN, _ALLOW), _statement(_RETURN, _SUCCESS)]
        lines += [_statement(_LOAD, _ARCH), _statement(_EQUAL, audit_number(name), 0, len(block)), *block]
    return b"".join([*lines, _statement(_RETURN, _ALLOW)])


def _statement(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
