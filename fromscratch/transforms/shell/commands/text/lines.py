"""head, tail, cut, tr, sort, uniq, wc, paste, tac and rev."""

import re
from collections.abc import Callable

from fromscratch.errors import ImageError
from fromscratch.paths import decode, encode
from fromscratch.transforms.shell.commands.files.reading import read_operand, read_operands
from fromscratch.transforms.shell.commands.text.character_sets import expanded, translation
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.tree_files import write_file


def split_lines(data: bytes) -> list[bytes]:
    """The lines without their ends; a last one without its end counts."""
    return data.removesuffix(b"\n").split(b"\n") if data else []


def joined(lines: list[bytes]) -> bytes:
    """Lines, each with its end."""
    return b"".join(line + b"\n" for line in lines)


def _ends(machine: Machine, call: Call, take: Callable[[bytes, Options], bytes]) -> Result:
    """head and tail: both take their count as `-5` too."""
    arguments = list(call.arguments)
    if arguments and (old := re.fullmatch(r"-([0-9]+)", arguments[0])):
        arguments[:1] = ["-n", old[1]]
    options = parse_options(arguments, "n:c:qvz", "lines=n bytes=c quiet=q silent=q verbose=v")
    if options.has("v", "z"):
        raise NotUnderstood("the names of files are not printed")
    status, found = read_operands(machine, call, options.operands)
    if len(options.operands) > 1 and not options.has("q"):
        raise NotUnderstood("it prints the names of files")
    return Result(status, b"".join(take(data, options) for data in found))


def _count(options: Options) -> tuple[str, int]:
    text = options.value("n", "c") or "10"
    found = re.fullmatch(r"([-+]?)([0-9]{1,9})", text)
    if not found:
        raise NotUnderstood(f"{text} is not a count")
    return found[1], int(found[2])


def _pieces(data: bytes, options: Options) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))] if options.last("n", "c") == "c" else data.splitlines(True)


def head(machine: Machine, call: Call) -> Result:
    """head(1)."""

    def take(data: bytes, options: Options) -> bytes:
        sign, count = _count(options)
        pieces = _pieces(data, options)
        return b"".join(pieces[: max(0, len(pieces) - count)] if sign == "-" else pieces[:count])

    return _ends(machine, call, take)


def tail(machine: Machine, call: Call) -> Result:
    """tail(1)."""

    def take(data: bytes, options: Options) -> bytes:
        sign, count = _count(options)
        pieces = _pieces(data, options)
        return b"".join(pieces[max(0, count - 1) :] if sign == "+" else pieces[max(0, len(pieces) - count) :])

    return _ends(machine, call, take)


def cut(machine: Machine, call: Call) -> Result:
    """cut(1)."""
    options = parse_options(
        call.arguments,
        "b:c:d:f:ns",
        "bytes=b characters=c delimiter=d fields=f only-delimited=s output-delimiter: complement",
    )
    listed = options.value("b", "c", "f")
    if listed is None or options.has("complement"):
        raise NotUnderstood("what it cuts is not known")
    ranges = [_range(each) for each in re.split("[, ]", listed)]
    delimiter = encode(options.value("d") or "\t")
    if len(delimiter) != 1:
        raise NotUnderstood("the delimiter is not one character")
    between = options.value("output-delimiter")
    status, found = read_operands(machine, call, options.operands)
    lines: list[bytes] = []
    for line in (line for data in found for line in split_lines(data)):
        if not options.has("f"):
            lines.append(b"".join(line[at : at + 1] for at in range(len(line)) if _within(ranges, at + 1)))
        elif delimiter in line:
            fields = [field for at, field in enumerate(line.split(delimiter), 1) if _within(ranges, at)]
            lines.append((delimiter if between is None else encode(between)).join(fields))
        elif not options.has("s"):
            lines.append(line)
    return Result(status, joined(lines))


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{0,9})(-?)([0-9]{0,9})", text)
    if not found or not (found[1] or found[3]) or int(found[1] or 1) < 1:
        raise NotUnderstood(f"{text} is not a range of fields")
    first = int(found[1] or 1)
    return first, int(found[3]) if found[3] else (1 << 40 if found[2] else first)


def _within(ranges: list[tuple[int, int]], place: int) -> bool:
    return any(first <= place <= last for first, last in ranges)


def tr(machine: Machine, call: Call) -> Result:
    """tr(1), byte by byte."""
    options = parse_options(
        call.arguments, "cCdst", "complement=c delete=d squeeze-repeats=s truncate-set1=t", anywhere=False
    )
    sets = [expanded(each) for each in options.operands]
    deletes, squeezes = options.has("d"), options.has("s")
    if options.has("t") or len(sets) != (1 if deletes != squeezes and (deletes or len(sets) == 1) else 2):
        raise NotUnderstood("the sets of tr are not known")
    first = bytes(sorted(set(range(256)) - set(sets[0]))) if options.has("c", "C") else sets[0]
    data = call.read()
    if deletes:
        data = data.translate(None, first)
    elif len(sets) == 2:
        data = data.translate(translation(first, sets[1]))
    if squeezes:
        data = re.sub(b"([" + b"".join(re.escape(bytes([each])) for each in sets[-1]) + b"])\\1+", rb"\1", data)
    return Result(0, data)


def uniq(machine: Machine, call: Call) -> Result:
    """uniq(1)."""
    options = parse_options(call.arguments, "cdui", "count=c repeated=d unique=u ignore-case=i")
    if len(options.operands) > 1:
        raise NotUnderstood("it writes to a file")
    status, found = read_operands(machine, call, options.operands)
    groups: list[list[bytes]] = []
    for line in split_lines(b"".join(found)):
        same = groups and (groups[-1][0].lower() == line.lower() if options.has("i") else groups[-1][0] == line)
        if same:
            groups[-1].append(line)
        else:
            groups.append([line])
    if options.has("d"):
        groups = [group for group in groups if len(group) > 1]
    if options.has("u"):
        groups = [group for group in groups if len(group) == 1]
    rows = [b"%7d %s" % (len(group), group[0]) if options.has("c") else group[0] for group in groups]
    return Result(status, joined(rows))


def sort(machine: Machine, call: Call) -> Result:
    """sort(1), in the order of the bytes."""
    options = parse_options(
        call.arguments,
        "unrfbVk:t:o:szc",
        "unique=u numeric-sort=n reverse=r ignore-case=f version-sort=V key=k field-separator=t output=o stable=s"
        " ignore-leading-blanks=b check=c",
    )
    if options.has("V", "z", "c", "b"):
        raise NotUnderstood("that order is not known")
    status, found = read_operands(machine, call, options.operands)
    key = _sort_key(options)
    lines = [line for data in found for line in split_lines(data)]
    if not options.has("s", "u"):
        lines.sort(reverse=options.has("r"))
    lines.sort(key=key, reverse=options.has("r"))
    if options.has("u"):
        seen: dict[object, bytes] = {}
        for line in lines:
            seen.setdefault(key(line), line)
        lines = [*seen.values()]
    if (output := options.value("o")) is not None:
        write_file(machine, call.path(output), joined(lines), umask=call.umask, what="sort")
        return Result(status)
    return Result(status, joined(lines))


def _sort_key(options: Options) -> Callable[[bytes], bytes | float]:
    keys = options.values("k")
    if len(keys) > 1:
        raise NotUnderstood("it sorts by several keys")
    flags = "".join(letter for letter in "nf" if options.has(letter))
    found = re.fullmatch(r"([0-9]{1,4})(?:,([0-9]{1,4}))?([nf]*)", keys[0]) if keys else None
    if keys and (not found or (found[2] and found[2] != found[1])):
        raise NotUnderstood("the key of the order is not known")
    separator = options.value("t")

    def key(line: bytes) -> bytes | float:
        if found:
            fields = line.split(encode(separator)) if separator else re.findall(rb"[ \t]*[^ \t]+", line)
            chosen = fields[int(found[1]) - 1 : int(found[1]) if found[2] else None]
            line = (encode(separator) if separator else b"").join(chosen)
        if "n" in (flags + found[3] if found else flags):
            digits = re.match(rb"[ \t]*(-?[0-9]{1,18}(?:\.[0-9]{1,9})?)", line)
            return float(digits[1]) if digits else 0.0
        return line.upper() if "f" in (flags + found[3] if found else flags) else line

    return key


def wc(machine: Machine, call: Call) -> Result:
    """wc(1)."""
    options = parse_options(call.arguments, "clmw", "bytes=c lines=l chars=m words=w")
    rows: list[tuple[list[int], str]] = []
    status = 0
    for word in options.operands or ("",):
        try:
            data = read_operand(machine, call, word or "-")
        except ImageError:
            status = 1
            continue
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "m": len(decode(data)), "c": len(data)}
        letters = [letter for letter in counts if options.has(letter)] or ["l", "w", "c"]
        rows.append(([counts[letter] for letter in letters], word))
    single = len(rows) == 1 and len(rows[0][0]) == 1
    if rows and not single and not (len(options.operands) <= 1 and status == 0):
        raise NotUnderstood("it prints a table")
    if not single and rows:
        width = 7 if not options.operands or options.operands == ("-",) else len(str(max(rows[0][0])))
        if options.operands and options.operands != ("-",):
            width = max(width, len(str(len(read_operand(machine, call, options.operands[0])))))
        text = " ".join(f"{count:{width}}" for count in rows[0][0])
    else:
        text = "".join(str(rows[0][0][0])) if rows else ""
    name = f" {rows[0][1]}" if rows and rows[0][1] else ""
    return Result(status, encode(f"{text}{name}\n") if rows else b"")


def paste(machine: Machine, call: Call) -> Result:
    """paste(1)."""
    options = parse_options(call.arguments, "sd:", "serial=s delimiters=d")
    between = options.value("d")
    between = "\t" if between is None else between.replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "")
    if len(between) > 1:
        raise NotUnderstood("it has several delimiters")
    status, found = read_operands(machine, call, options.operands)
    columns = [split_lines(data) for data in found]
    if options.has("s"):
        return Result(status, joined([encode(between).join(column) for column in columns]))
    length = max(map(len, columns), default=0)
    rows = [encode(between).join(column[at] if at < len(column) else b"" for column in columns) for at in range(length)]
    return Result(status, joined(rows))


def tac(machine: Machine, call: Call) -> Result:
    """tac(1)."""
    status, found = read_operands(machine, call, parse_options(call.arguments, "").operands)
    return Result(status, b"".join(b"".join(reversed(data.splitlines(True))) for data in found))


def rev(machine: Machine, call: Call) -> Result:
    """rev(1)."""
    status, found = read_operands(machine, call, parse_options(call.arguments, "").operands)
    lines = [encode(line[::-1]) for data in found for line in decode(data).split("\n")]
    return Result(status, b"\n".join(lines))


COMMANDS = {
    "cut": Command(cut, "content"),
    "head": Command(head, "content"),
    "paste": Command(paste, "content"),
    "rev": Command(rev, "content"),
    "sort": Command(sort, "content"),
    "tac": Command(tac, "content"),
    "tail": Command(tail, "content"),
    "tr": Command(tr, "content"),
    "uniq": Command(uniq, "content"),
    "wc": Command(wc, "content"),
}
