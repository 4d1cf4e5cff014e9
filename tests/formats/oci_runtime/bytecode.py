"""A small interpreter of the kernel's classic BPF, for filters of system calls on every architecture."""

import struct

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
KIN = [("amd64", "386"), ("arm64", "arm"), ("mips64le", "mipsle")]


def answer(filter_program: bytes, machine: str, architecture: int, number: int, *arguments: int) -> int:
    """What a filter for `machine` says to a call, as seccomp(2) describes its input."""
    order = ">" if machine == "s390x" else "<"
    words = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack(f"{order}IIQ6Q", number & 0xFFFFFFFF, architecture, 0, *words)
    program = list(struct.iter_unpack("=HBBI", filter_program))
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
