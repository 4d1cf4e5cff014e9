"""File capabilities: their text, cap_from_text(3), and the attribute security.capability, linux/capability.h."""

from struct import Struct as Layout

from fromscratch.errors import FormatError
from fromscratch.lazy_regex import lazy_regex

ATTRIBUTE = "security.capability"
_NAMES = (
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
)  # fmt: skip
_NUMBERS = {f"cap_{name}": number for number, name in enumerate(_NAMES)}
_ALL = (1 << len(_NAMES)) - 1
_CLAUSE = lazy_regex(r"([a-z0-9_,]*)((?:[=+-][eip]*)+)")
_CHANGE = lazy_regex(r"([=+-])([eip]*)")
_LAYOUT = Layout("<IIIII")  # revision and flags; permitted, inheritable: the lower 32 bits of both, then the upper
_REVISION_2, _EFFECTIVE = 0x02000000, 1
_MOST = 4096


def attribute(text: str) -> bytes:
    """The value of the attribute for a text such as `cap_net_bind_service=ep`. Raises FormatError."""
    sets = {"e": 0, "i": 0, "p": 0}
    clauses = text.lower().split()
    if not clauses or len(text) > _MOST:
        raise _wrong(text)
    for clause in clauses:
        found = _CLAUSE.fullmatch(clause)
        if not found:
            raise _wrong(text)
        bits = _bits(found[1], text)
        for change in _CHANGE.finditer(found[2]):
            for each in sets:
                if change[1] == "=" or (change[1] == "-" and each in change[2]):
                    sets[each] &= ~bits
                if change[1] != "-" and each in change[2]:
                    sets[each] |= bits
    permitted, inheritable, effective = sets["p"], sets["i"], sets["e"]
    if effective and effective != permitted | inheritable:
        raise FormatError(
            f"the capabilities {text!r} are effective only in part, which no file can say",
            "give all of them e, or none",
        )
    flags = _REVISION_2 | (_EFFECTIVE if effective else 0)
    low = 0xFFFFFFFF
    return _LAYOUT.pack(flags, permitted & low, inheritable & low, permitted >> 32, inheritable >> 32)


def _bits(names: str, text: str) -> int:
    if names in ("", "all"):
        return _ALL
    bits = 0
    for name in names.split(","):
        if name not in _NUMBERS:
            raise _wrong(text)
        bits |= 1 << _NUMBERS[name]
    return bits


def _wrong(text: str) -> FormatError:
    return FormatError(f"{text[:80]!r} does not name file capabilities", "write them as in cap_net_bind_service=ep")
