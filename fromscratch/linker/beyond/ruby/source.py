"""What a Ruby source requires, read line by line: `require`, `require_relative`, `load` and `autoload` of literals."""

from collections.abc import Iterator
from typing import NamedTuple

from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import decode

_MAX_SOURCE = 4 << 20
_MAX_LINE = 4_000
_REQUIRE = lazy_regex(
    r"(?<![\w.:@$\"'])(?P<verb>require(?:_relative)?|load|autoload)\b[ \t]{0,9}\(?[ \t]{0,9}"
    r"(?::\w{1,100}\??[ \t]{0,20},[ \t]{0,40})?"
    r"(?:File\.(?:expand_path|join)\([ \t]{0,9}(?:__dir__,[ \t]{0,9})?)?"
    r"(?P<quote>[\"'])(?P<name>[^\"'#\n\\]{1,200})(?P=quote)(?P<rest>[ \t]{0,9},[ \t]{0,9}__(?:dir__|FILE__))?"
)


class Require(NamedTuple):
    """`near` is True for a path from the folder of the file that has it, `top` for one that starts a line."""

    name: str
    near: bool = False
    top: bool = False


def requires(text: bytes) -> tuple[Require, ...]:
    """What one source requires, each once, in order. Any bytes are a source of something."""
    found: dict[Require, None] = {}
    for line in _code(decode(text[:_MAX_SOURCE])):
        for match in _REQUIRE.finditer(line):
            near = match["verb"] == "require_relative" or "__dir__" in match[0] or "__FILE__" in match[0]
            found[Require(match["name"], near, match.start() == 0)] = None
    return tuple(found)


def _code(text: str) -> Iterator[str]:
    """The lines that ruby would read, but for here-documents, which nobody writes imports into."""
    comment = False
    for whole in text.split("\n"):
        line = whole[:_MAX_LINE]
        if comment or line.startswith("=begin"):
            comment = not line.startswith("=end")
        elif line.rstrip() == "__END__":
            return
        elif not line.lstrip().startswith("#"):
            yield line
