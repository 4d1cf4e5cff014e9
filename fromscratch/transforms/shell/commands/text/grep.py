"""grep, egrep and fgrep."""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from fromscratch.errors import ImageError
from fromscratch.model.entry import Directory, File
from fromscratch.paths import decode, encode
from fromscratch.transforms.shell.commands.files.reading import read_operand
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.posix_regex import Regex, posix_regex

_LETTERS = "EFGPe:f:iyvwxcLlm:oqshHnrRabTzUA:B:C:I"
_NAMES = (
    "extended-regexp=E fixed-strings=F basic-regexp=G perl-regexp=P regexp=e file=f ignore-case=i no-ignore-case"
    " invert-match=v word-regexp=w line-regexp=x count=c files-without-match=L files-with-matches=l max-count=m"
    " only-matching=o quiet=q silent=q no-messages=s no-filename=h with-filename=H line-number=n recursive=r text=a"
    " color:: colour:: line-buffered null-data=z include: exclude: exclude-dir:"
)
Find = Callable[[str, int], tuple[int, int] | None]
"""Where a line has the first match from a position on."""


class _Read(Struct, frozen=True):
    name: str
    data: bytes


def grep(machine: Machine, call: Call) -> Result:
    """grep(1)."""
    options = parse_options(call.arguments, _LETTERS, _NAMES)
    for each in ("P", "A", "B", "C", "b", "T", "z", "no-ignore-case", "include", "exclude", "exclude-dir"):
        if options.has(each):
            raise NotUnderstood(f"the option {each} of grep is not followed")
    words = options.operands
    patterns = [*options.values("e")]
    try:
        for name in options.values("f"):
            patterns += decode(read_operand(machine, call, name)).removesuffix("\n").split("\n")
    except ImageError:
        return Result(2)
    if not options.has("e", "f"):
        if not words:
            return Result(2)
        patterns, words = [words[0]], words[1:]
    find = _finder(call.name, options, [line for pattern in patterns for line in pattern.split("\n")])
    recursive = options.has("r", "R")
    status, files = _files(machine, call, words or (("." if recursive else "-"),), recursive)
    naming = options.last("h", "H")
    with_name = naming == "H" or (naming is None and (len(words) > 1 or recursive))
    return _answer(options, find, files, with_name, status)


def _finder(name: str, options: Options, patterns: list[str]) -> Find:
    kind = options.last("E", "F", "G") or {"egrep": "E", "fgrep": "F"}.get(name, "G")
    ignore_case = options.has("i", "y")
    whole = options.has("x")
    finders = [_one(pattern, kind, ignore_case, whole) for pattern in patterns]
    word = options.has("w")

    def find(line: str, start: int) -> tuple[int, int] | None:
        found = [span for each in finders for span in _spans(each, line, start, word and not whole)]
        return min(found, key=lambda span: (span[0], -span[1])) if found else None

    return find


def _one(pattern: str, kind: str, ignore_case: bool, whole: bool) -> Find:
    if kind == "F":
        regex = Regex(re.compile(re.escape(pattern), re.IGNORECASE if ignore_case else 0), 0, False)
    else:
        regex = posix_regex(pattern, extended=kind == "E", ignore_case=ignore_case)
    if whole:
        return lambda line, start: None if start else _span(regex.fullmatch(line))
    return lambda line, start: _span(regex.search(line, start))


def _span(found: re.Match[str] | None) -> tuple[int, int] | None:
    return found.span() if found else None


def _spans(find: Find, line: str, start: int, word: bool) -> Iterator[tuple[int, int]]:
    """The first match that counts: of whole words, where that is asked for."""
    while (span := find(line, start)) is not None:
        if not word or not (_is_word(line, span[0] - 1) or _is_word(line, span[1])):
            yield span
            return
        start = span[0] + 1
        if start > len(line):
            return


def _is_word(line: str, place: int) -> bool:
    return 0 <= place < len(line) and (line[place].isalnum() or line[place] == "_")


def _files(machine: Machine, call: Call, words: tuple[str, ...], recursive: bool) -> tuple[int, list[_Read]]:
    status = 0
    found: list[_Read] = []
    for word in words:
        try:
            if recursive and word != "-" and isinstance(machine.tree.find(call.path(word)), Directory):
                found += _below(machine, call, word)
            else:
                found.append(_Read("(standard input)" if word == "-" else word, read_operand(machine, call, word)))
        except ImageError:
            status = 2
    return status, found


def _below(machine: Machine, call: Call, word: str) -> Iterator[_Read]:
    top = machine.tree.resolve(call.path(word))
    for place in machine.tree.within(top):
        if isinstance(machine.tree.find(place, follow_last=False), File):
            name = f"{word.rstrip('/')}/{place[len(top) :].lstrip('/')}"
            yield _Read(name, read_operand(machine, call, place))


def _answer(options: Options, find: Find, files: list[_Read], with_name: bool, status: int) -> Result:
    most = options.value("m")
    if most is not None and not re.fullmatch("[0-9]{1,9}", most):
        raise NotUnderstood("the greatest count is not a number")
    parts: list[str] = []
    selected = False
    for read in files:
        rows, count = _rows(options, find, read, int(most) if most is not None else None)
        selected = selected or bool(count)
        prefix = f"{read.name}:" if with_name else ""
        if options.has("l", "L"):
            if bool(count) == (options.last("l", "L") == "l"):
                parts.append(f"{read.name}\n")
                selected = True
            elif options.last("l", "L") == "L":
                selected = False
        elif options.has("c"):
            parts.append(f"{prefix}{count}\n")
        else:
            parts += [f"{prefix}{row}\n" for row in rows]
    if options.has("q"):
        return Result(0 if selected else status or 1)
    return Result(status or (0 if selected else 1), encode("".join(parts)))


def _rows(options: Options, find: Find, read: _Read, most: int | None) -> tuple[list[str], int]:
    if b"\0" in read.data and not options.has("a") and not options.has("q", "l", "L", "c"):
        raise NotUnderstood(f"{read.name} is not a text")
    text = decode(read.data)
    rows: list[str] = []
    count = 0
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        if most is not None and count >= most:
            break
        span = find(line, 0)
        if (span is None) != options.has("v"):
            continue
        count += 1
        prefix = f"{number}:" if options.has("n") else ""
        if not options.has("o"):
            rows.append(prefix + line)
        while options.has("o") and span is not None and not options.has("v"):
            if span[1] > span[0]:
                rows.append(prefix + line[span[0] : span[1]])
            span = find(line, max(span[1], span[0] + 1)) if span[0] < len(line) else None
    return rows, count


COMMANDS = {name: Command(grep, "content") for name in ("egrep", "fgrep", "grep")}
