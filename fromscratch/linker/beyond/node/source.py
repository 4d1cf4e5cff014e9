"""What a source of JavaScript imports, read off its text: `require`, `import` and `export … from` of literals.

Nothing here parses JavaScript, so a comment or a string may look like an import. That costs at most a file too many:
an import is wanted only if it leads to something.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import decode

_MAX_SOURCE = 8 << 20
_QUOTED = r"(?P<quote>[\"'`])(?P<name>[^\"'`\n\\$]{1,300})(?P=quote)"
_CALL = lazy_regex(rf"(?<![\w$.])(?:require(?:\.resolve)?|import)\s{{0,9}}\(\s{{0,99}}{_QUOTED}")
_URL = lazy_regex(rf"new\s{{1,9}}URL\(\s{{0,99}}{_QUOTED}\s{{0,9}},\s{{0,9}}import\.meta\.url")
_STATIC = lazy_regex(rf"(?<![\w$.])(?:import|from)\s{{0,9}}{_QUOTED}")
# The parts of a statement at the start of a line, `import a, {b} from "c"`, in which none of the last ones can stand.
_TOP = lazy_regex(
    rf"(?P<from>^import\s{{0,9}}{_QUOTED}|\bfrom\s{{0,9}}{_QUOTED.replace('quote', 'mark').replace('name', 'source')})"
    r"|(?P<start>^(?:import|export)(?=\s))|[\"'`;()=]",
    re.MULTILINE,
)
_LONGEST = 2000
_SCHEMES = lazy_regex(r"(?:data|https?|blob):")


class Import(NamedTuple):
    """`sure` is True for an `import` that stands at the start of a line, which no program can do without."""

    name: str
    sure: bool = False


def imports(text: bytes) -> tuple[Import, ...]:
    """What one source imports, each once. Any bytes are a source of something."""
    source = decode(text[:_MAX_SOURCE])
    sure = dict.fromkeys(_top(source))
    every = dict.fromkeys(found["name"] for each in (_STATIC, _CALL, _URL) for found in each.finditer(source))
    names = dict.fromkeys((*sure, *every))
    return tuple(Import(name, name in sure) for name in names if not _SCHEMES.match(name))


def _top(source: str) -> Iterator[str]:
    """The names in statements that start a line, in one pass: a line may be the start of one, and there are many."""
    start: int | None = None
    for found in _TOP.finditer(source):
        if found["start"]:
            start = found.start()
            continue
        if found["name"]:
            yield found["name"]
        elif found["source"] and start is not None and found.start() - start <= _LONGEST:
            yield found["source"]
        start = None
