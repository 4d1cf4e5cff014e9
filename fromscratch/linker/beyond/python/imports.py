"""The imports of a Python source, read from the code that Python's own compiler makes of it. Nothing of it runs.

The compiler gives each import as an instruction (`IMPORT_NAME`) with its level and names as constants.
Instructions tell besides what a line reader cannot know for certain: whether a `try` stands around it,
whether it is in a function, and whether it stands under a condition that is false on Linux or for a
module that is imported. Follows the documentation of CPython's `dis` and, for the table of handlers,
Objects/exception_handling_notes.txt.
"""

import dis
import hashlib
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType
from typing import NamedTuple

from fromscratch.errors import FormatError

MAX_SOURCE = 2 << 20
_MAX_BODIES = 10_000  # the compiler compares all code objects that look alike with each other
MAX_SOURCES = 8192
_FUNCTION = 1  # CO_OPTIMIZED
_SILENT = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN", "PRECALL", "PUSH_NULL", "RESUME", "TO_BOOL"})
_IMPORTERS = frozenset({"__import__", "import_module"})
_WATCHED = frozenset({"idna", "popen", "strptime"})
_IMPORT = dis.opmap["IMPORT_NAME"]


class Import(NamedTuple):
    """`name` is dotted, and empty for `from . import x`; `level` counts the dots before it.

    `names` are those of a `from`, each perhaps a submodule. `sure` is True for an import that runs whenever the
    module is imported, with no `try` or `with` around it; `lazy` one that is in a function; `branch` one that stands
    under a condition.
    """

    name: str
    level: int = 0
    names: tuple[str, ...] = ()
    sure: bool = True
    lazy: bool = False
    branch: bool = False

    @property
    def certain(self) -> bool:
        """Whether nothing of the module works where this import finds nothing."""
        return self.sure and not self.branch


class Source(NamedTuple):
    """`uses` are names in the source that hint at imports made in C: `strptime`."""

    imports: tuple[Import, ...]
    uses: frozenset[str]


BY_HAND = "add the modules that it imports by hand"

_SOURCES: dict[bytes, Source] = {}  # by digest, for each round of finders reads the same files again


def source(text: bytes, *, main: bool = False) -> Source:
    """The imports of one source file, in order. With `main` what stands under `__name__ == "__main__"` counts.

    Raises FormatError for what this Python cannot compile.
    """
    key = hashlib.sha256(text).digest() + bytes([main])
    known = _SOURCES.get(key)
    if known is None:
        if len(_SOURCES) >= MAX_SOURCES:
            _SOURCES.clear()
        known = _SOURCES[key] = _source(_compiled(text), main)
    return known


def _compiled(text: bytes) -> CodeType:
    if len(text) > MAX_SOURCE:
        raise FormatError(f"it has {len(text)} bytes, more than a source of Python has", BY_HAND)
    if sum(map(text.count, (b"def ", b"class ", b"for ", b"lambda"))) > _MAX_BODIES:
        raise FormatError(f"it has more than {_MAX_BODIES} functions and classes", BY_HAND)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(text, "<module>", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        problem = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deeply"
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise FormatError(f"Python cannot compile it: {problem}{line}", BY_HAND) from error


def _source(module: CodeType, main: bool) -> Source:
    found: dict[Import, None] = {}
    uses: set[str] = set()
    pending = [(module, False)]
    while pending:
        code, lazy = pending.pop()
        lazy = lazy or bool(code.co_flags & _FUNCTION)
        names = frozenset(code.co_names)
        uses |= names & _WATCHED
        if _IMPORT in code.co_code[::2] or names & _IMPORTERS:
            found.update(dict.fromkeys(_imports(code, lazy, main)))
        inner = [each for each in code.co_consts if isinstance(each, CodeType)]
        pending += [(each, lazy) for each in reversed(inner)]
        uses.update(each for each in code.co_consts if isinstance(each, str) and each in _WATCHED)
    return Source(tuple(found), frozenset(uses))


def _imports(code: CodeType, lazy: bool, main: bool) -> Iterator[Import]:
    edges = _edges(_handled(code.co_exceptiontable))
    before: list[dis.Instruction] = []
    resume = 0  # where the next branch begins that may run
    branches = 0  # where the code ends that runs under a condition
    for step in dis.get_instructions(code):
        if step.opname in _SILENT or step.offset < resume:
            continue
        if "JUMP" in step.opname:
            if step.opname.startswith("POP_JUMP") and step.opname.endswith("IF_FALSE") and _never(before, main):
                resume = step.argval
            elif not _is_main(before) and (branches > step.offset or step.opname != "JUMP_FORWARD"):
                branches = max(branches, step.argval)
        elif step.opcode == _IMPORT:
            sure = not lazy and not bisect_right(edges, step.offset) % 2
            yield _import(step, before, sure, lazy)._replace(branch=sure and step.offset < branches)
        elif step.opname == "LOAD_CONST" and before and before[-1].argval in _IMPORTERS and _is_name(step.argval):
            name = step.argval.lstrip(".")
            yield Import(name, len(step.argval) - len(name), sure=False, lazy=lazy)
        before = [*before[-3:], step]


def _import(step: dis.Instruction, before: Sequence[dis.Instruction], sure: bool, lazy: bool) -> Import:
    level, names = (each.argval for each in before[-2:]) if len(before) > 1 else (0, None)
    return Import(
        str(step.argval),
        level if isinstance(level, int) else 0,
        tuple(map(str, names)) if isinstance(names, tuple) else (),
        sure,
        lazy,
    )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and all(part.isidentifier() for part in value.lstrip(".").split("."))


def _is_main(before: Sequence[dis.Instruction]) -> bool:
    """Whether the condition just computed is whether the module is the program, which is no question then."""
    return len(before) > 2 and before[-3].argval == "__name__" and before[-2].argval == "__main__"


def _never(before: Sequence[dis.Instruction], main: bool) -> bool:
    """Whether the condition just computed is false: for type checkers, for another system, for a program."""
    last = before[-1].argval if before else None
    if last == "TYPE_CHECKING":
        return True
    if len(before) < 3 or before[-1].opname != "COMPARE_OP" or last != "==":
        return False
    subject, value = before[-3].argval, before[-2].argval
    if subject == "__name__":
        return value == "__main__" and not main
    system = {"platform": "linux", "name": "posix"}.get(subject)  # sys.platform, os.name
    return system is not None and before[-3].opname == "LOAD_ATTR" and isinstance(value, str) and value != system


def _edges(spans: Iterable[tuple[int, int]]) -> list[int]:
    """Where the union of the spans begins and ends, by turns: an odd number of edges lies before what is in it."""
    edges: list[int] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if edges and start <= edges[-1]:
            edges[-1] = max(edges[-1], end)
        else:
            edges += [start, end]
    return edges


def _handled(table: bytes) -> Iterator[tuple[int, int]]:
    """The spans of offsets that an exception handler stands behind."""
    numbers: list[int] = []
    value = 0
    for byte in table:
        value = value << 6 | byte & 63
        if not byte & 64:
            numbers.append(value)
            value = 0
    for start, length, _, _ in zip(*[iter(numbers)] * 4, strict=False):
        yield start * 2, (start + length) * 2
