"""md5sum and its kin, and base64."""

import base64
import binascii
import hashlib
import re
from functools import partial

from fromscratch.errors import ImageError
from fromscratch.paths import decode, encode
from fromscratch.transforms.shell.commands.files.reading import read_operand
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options

_KINDS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_LINE = re.compile(rb"\\?([0-9a-fA-F]{32,128}) [ *](.+)")
_LONG = "binary=b text=t check=c zero=z quiet status strict warn=w ignore-missing"


def _sums(kind: str, machine: Machine, call: Call) -> Result:
    """md5sum(1) and the like."""
    options = parse_options(call.arguments, "btczw", _LONG)
    if options.has("z"):
        raise NotUnderstood("lines that end in a zero byte")
    return _checked(kind, machine, call, options) if options.has("c") else _made(kind, machine, call, options)


def _made(kind: str, machine: Machine, call: Call, options: Options) -> Result:
    status, out = 0, b""
    for word in options.operands or ("-",):
        try:
            digest = hashlib.new(kind, read_operand(machine, call, word)).hexdigest()
        except ImageError:
            status = 1
            continue
        escaped = word.replace("\\", r"\\").replace("\n", r"\n")
        mark = "\\" if escaped != word else ""
        out += encode(f"{mark}{digest} {'*' if options.last('b', 't') == 'b' else ' '}{escaped}\n")
    return Result(status, out)


def _checked(kind: str, machine: Machine, call: Call, options: Options) -> Result:
    """Whether the files that lists name have the digests there. A list without any line in its form is a failure."""
    out, failed, read = b"", False, 0
    for word in options.operands or ("-",):
        for line in read_operand(machine, call, word).splitlines():
            found = _LINE.fullmatch(line)
            if found is None:
                continue
            read += 1
            name = found[2]
            try:
                same = hashlib.new(kind, read_operand(machine, call, decode(name))).hexdigest().encode()
                answer = b"OK" if same == found[1].lower() else b"FAILED"
            except ImageError:
                if options.has("ignore-missing"):
                    continue
                answer = b"FAILED open or read"
            failed = failed or answer != b"OK"
            if not options.has("status") and not (answer == b"OK" and options.has("quiet")):
                out += name + b": " + answer + b"\n"
    return Result(1 if failed or not read else 0, out)


def _base64(machine: Machine, call: Call) -> Result:
    """base64(1)."""
    options = parse_options(call.arguments, "diw:", "decode=d ignore-garbage=i wrap=w")
    data = read_operand(machine, call, (*options.operands, "-")[0])
    if options.has("d"):
        if options.has("i"):
            data = re.sub(rb"[^A-Za-z0-9+/=]", b"", data)
        try:
            return Result(0, base64.b64decode(data.replace(b"\n", b""), validate=True))
        except binascii.Error:
            return Result(1)
    width = options.value("w") or "76"
    if not re.fullmatch("[0-9]{1,9}", width):
        return Result(1)
    text = base64.b64encode(data)
    if not int(width):
        return Result(0, text)
    return Result(0, b"".join(text[at : at + int(width)] + b"\n" for at in range(0, len(text), int(width))))


COMMANDS = {
    **{f"{kind}sum": Command(partial(_sums, kind), "content") for kind in _KINDS},
    "base64": Command(_base64, "content"),
}
