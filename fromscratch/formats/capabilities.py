"""File capabilities: the text of cap_from_text(3), and the attribute `security.capability` of capabilities(7).

The attribute is `struct vfs_cap_data` of <linux/capability.h>, revision 2, little-endian: flags with the revision, then
permitted and inheritable, the lower 32 bits of both before the upper ones.
"""

import struct
from collections.abc import Iterator, Set
from itertools import takewhile

from fromscratch.nearest import nearest

ATTRIBUTE = "security.capability"
_ALL = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service "
    "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin "
    "sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override "
    "mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
)
NAMES = tuple(_ALL.split())
"""Without `cap_`, in the order of their numbers."""

_REVISION_2 = 0x02000000
_EFFECTIVE = 1
_OPERATORS = "=+-"
_FLAGS = "eip"
_HALF = (1 << 32) - 1


def from_text(text: str) -> bytes:
    """The attribute for text such as `cap_net_bind_service,cap_net_raw=ep`. Raises ValueError."""
    found: dict[str, set[int]] = {flag: set() for flag in _FLAGS}
    clauses = text.split()
    if not clauses:
        raise ValueError("no capability is named; write for example cap_net_bind_service=ep")
    for clause in clauses:
        words = "".join(takewhile(lambda char: char not in _OPERATORS, clause))
        numbers = _numbers(words, clause)
        for operator, flags in _actions(clause[len(words) :], clause):
            _apply(found, operator, flags, numbers)
    granted = found["p"] | found["i"]
    if not granted:
        raise ValueError(f"{text!r} grants nothing: write which capabilities are permitted (p) or inheritable (i)")
    if found["e"] and found["e"] != granted:
        raise ValueError(f"{text!r}: a file has one effective flag for all of its capabilities; give e to all or none")
    head = _REVISION_2 | (_EFFECTIVE if found["e"] else 0)
    permitted, inheritable = (sum(1 << number for number in found[flag]) for flag in "pi")
    return struct.pack("<5I", head, permitted & _HALF, inheritable & _HALF, permitted >> 32, inheritable >> 32)


def _numbers(words: str, clause: str) -> Set[int]:
    if words.lower() in ("", "all"):
        return set(range(len(NAMES)))
    return {_number(word, clause) for word in words.split(",")}


def _number(word: str, clause: str) -> int:
    name = word.lower().removeprefix("cap_")
    if name in NAMES:
        return NAMES.index(name)
    near = nearest(name, NAMES)
    guess = f"; did you mean cap_{near[0]}?" if near else "; capabilities(7) lists them"
    raise ValueError(f"{word!r} in {clause!r} is not a capability{guess}")


def _actions(text: str, clause: str) -> Iterator[tuple[str, str]]:
    """Each operator of a clause with its flags."""
    if not text:
        raise ValueError(f"{clause!r} does not say what is granted; write {clause}=ep")
    while text:
        flags = "".join(takewhile(lambda char: char not in _OPERATORS, text[1:]))
        if set(flags) - set(_FLAGS) or (text[0] != "=" and not flags):
            raise ValueError(f"{text!r} in {clause!r} is not understood; write = + or - and flags out of e, i and p")
        yield text[0], flags
        text = text[1 + len(flags) :]


def _apply(found: dict[str, set[int]], operator: str, flags: str, numbers: Set[int]) -> None:
    for flag in _FLAGS:
        if operator == "=" or (operator == "-" and flag in flags):
            found[flag] -= numbers
        if operator != "-" and flag in flags:
            found[flag] |= numbers
