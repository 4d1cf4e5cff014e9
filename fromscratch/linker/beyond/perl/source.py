"""What a Perl source loads, read line by line: `use`, `require`, `do`, and what perl loads by itself for some syntax.

Nothing parses Perl but perl. So this looks only at what begins a statement, outside of POD (perlpod), of
here-documents (perlop) and of what stands behind `__END__`; and what it takes for an import is wanted only if
it is there. Facts about what perl loads by itself are from perlvar, perlfunc, perlop and perlunicode.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import decode

_MAX_SOURCE = 4 << 20
_MAX_LINE = 4_000
_MAX_HERE = 4  # here-documents that begin on one line
_POD = lazy_regex(r"=[A-Za-z]")
_END = lazy_regex(r"__(END|DATA)__\s*$")
_HERE = lazy_regex(r"<<(~?)(?:\"([^\"\n]{1,80})\"|'([^'\n]{1,80})'|([A-Za-z_]\w{0,80}))")
_EVALUATED = lazy_regex(r"\beval\s{0,9}\(?\s{0,9}$")
_STATEMENT = lazy_regex(
    r"(?:^|[;{}(]|\b(?:and|or|if|unless|do|eval|return|BEGIN)\b|\|\||&&"
    r"|\beval\s{0,9}\(?\s{0,9}q{0,2}\s{0,9}[\"'{(])\s*(?P<verb>use|no|require|do)\s*"
    r"(?P<what>(?<=\s)[A-Za-z_]\w{0,100}(?:(?:::|')\w{1,100}){0,20}|(?<=\s)v?\d[\d._]{0,20}|\"[^\"\n$@]{1,200}\"|'[^'\n]{1,200}')"
    r"(?=(?P<rest>[^#\n]{0,500}))"
)
_WORDS = lazy_regex(r"qw\s*[(\[{</|!]\s*([^)\]}>/|!]{0,500})|[\"']([\w:]{1,200})[\"']")
_NAME = lazy_regex(r"[A-Za-z_]\w*(?:(?:::|')\w+)*")
_LIB = lazy_regex(r"(?:^|[;{}])\s*use\s+lib\b\s*(?P<rest>[^#;\n]{1,500})")
_IMPORTED = lazy_regex(r"\s*\(?\s*[\"']([A-Za-z_]\w{0,100}(?:::\w{1,100}){1,20})[\"']")
# Loaded by a name that is given to a function, or to a keyword of Moose, Moo and their kin.
_LOADER_CALL = lazy_regex(
    r"\b(?:use_module|require_module|use_package_optimistically|(?:try_|load_optional_|load_first_existing_)?load_class"
    r"|load_optional_class|load_first_existing_class|can_load|load_module|autoload|load|extends|with)\b"
    r"(?P<rest>[ \t]{0,9}\(?[ \t]{0,9}(?:[\"'{qm]|[A-Z]\w{0,60}::)[^;\n]{1,400})"
)
_DRIVER = lazy_regex(r"(?i:\bdbi):([A-Za-z]\w{0,60})[(:]")
_BARE = lazy_regex(r"^[ \t]{0,9}([A-Z]\w{0,60}(?:::\w{1,60}){1,9})")
_FOLDER = lazy_regex(r"\"([^\"\n]{1,300})\"|'([^'\n]{1,300})'|qw\s*[(\[{<]\s*([^)\]}>]{0,500})")

# What perl loads when it meets this syntax.
_BY_ITSELF: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (lazy_regex(r"%!|\$!\{"), ("Errno",)),
    (lazy_regex(r"\$[+-]\{|%[+-][\s;)]"), ("Tie::Hash::NamedCapture",)),
    (lazy_regex(r"\bglob\b|<[^<>\s=;*?~]{0,100}[*?~][^<>\s=;]{0,100}>"), ("File::Glob",)),
    (lazy_regex(r"\bopen\b[^;\n]{0,200}\\\s{0,9}(my\s{0,9})?[$@({\"']"), ("PerlIO", "PerlIO::scalar")),
    (lazy_regex(r":encoding\("), ("PerlIO", "PerlIO::encoding", "Encode", "encoding")),
    (lazy_regex(r"\\N\{[^U}]"), ("_charnames",)),
    (
        lazy_regex(
            r"->\s*(autoflush|binmode|blocking|close|eof|fileno|format_write|getc|getlines?|input_line_number|opened"
            r"|printf?|printflush|read|say|sync|sysread|syswrite|truncate|ungetc|untaint|write)\b"
        ),
        ("IO::File",),
    ),
    (
        lazy_regex(
            r"\b(sub|my|our|state)\s{1,9}[\w$@%]{0,100}(::\w{1,100}){0,9}\s{0,9}(\([^)]{0,200}\)\s{0,9})?:\s?\w"
        ),
        ("attributes",),
    ),
    (lazy_regex(r"\bdbmopen\b"), ("AnyDBM_File",)),
)


class Load(NamedTuple):
    """`name` is a module, or a file as it stands there if it has a suffix. `sure` is True for a plain `use`."""

    name: str
    sure: bool = False


class Source(NamedTuple):
    """`folders` are what `use lib` names, as it stands there."""

    loads: tuple[Load, ...]
    folders: tuple[str, ...]


def source(text: bytes) -> Source:
    """What one source loads, each once, in order. Raises nothing: any bytes are a source of something."""
    loads: dict[Load, None] = {}
    folders: dict[str, None] = {}
    for line in _code(decode(text[:_MAX_SOURCE])):
        loads.update(dict.fromkeys(_loads(line)))
        if found := _LIB.search(line):
            folders.update(dict.fromkeys(_folders(found["rest"])))
    return Source(tuple(loads), tuple(folders))


def _code(text: str) -> Iterator[str]:
    """The lines that perl would run."""
    lines = text.split("\n")
    # Where a here-document may end: only who knows that it does may look for it.
    last = {line.rstrip("\r"): number for number, line in enumerate(lines)}
    last_indented = {line.rstrip("\r").lstrip(): number for number, line in enumerate(lines)}
    number, pod = 0, False
    while number < len(lines):
        line = lines[number][:_MAX_LINE]
        number += 1
        if pod or _POD.match(line):
            pod = not line.startswith("=cut")
            continue
        if _END.match(line):
            return
        if line.lstrip().startswith("#"):
            continue
        yield line
        for found in islice(_HERE.finditer(line), _MAX_HERE):
            if _EVALUATED.search(line[: found.start()]):
                continue  # it is code, too
            end = found[2] or found[3] or found[4]
            if (last_indented if found[1] else last).get(end, 0) >= number:
                number = _behind(lines, number, end, indented=bool(found[1]))


def _behind(lines: list[str], number: int, end: str, *, indented: bool) -> int:
    """The line after a here-document; the same line if it does not end, for then it was none."""
    for at in range(number, len(lines)):
        line = lines[at].rstrip("\r")
        if (line.lstrip() if indented else line) == end:
            return at + 1
    return number


def _loads(line: str) -> Iterator[Load]:
    for syntax, names in _BY_ITSELF:
        if syntax.search(line):
            yield from (Load(name) for name in names)
    for found in _DRIVER.finditer(line):
        yield Load(f"DBD::{found[1]}")
    for found in _LOADER_CALL.finditer(line):
        rest = found["rest"]
        yield from (Load(name) for words, word in _WORDS.findall(rest) for name in (words or word).split())
        if bare := _BARE.match(rest):
            yield Load(bare[1])
    for found in _STATEMENT.finditer(line):
        verb, what, rest = found["verb"], found["what"], found["rest"]
        if what[0] in "\"'":
            if verb in ("require", "do"):
                yield Load(what[1:-1])
        elif verb == "do":
            continue
        elif re.fullmatch(r"v?\d[\d._]*", what):
            if verb == "use":
                yield from (Load(name) for name in ("feature", "strict", "warnings"))
        elif _NAME.fullmatch(what):
            yield Load(what.replace("'", "::"), verb == "use" and found.start("verb") == 0)
            yield from _loads_of(what, rest)


def _loads_of(what: str, rest: str) -> Iterator[Load]:
    """The modules that a module is told to load: by `parent "A"`, `if $] < 5.1, A => ...`, `Importer "A::B"`."""
    if what in ("parent", "base") and "norequire" not in rest:
        for words, word in _WORDS.findall(rest.partition(";")[0]):
            yield from (Load(name) for name in (words or word).split() if _NAME.fullmatch(name))
    elif what in ("if", "autouse", "aliased", "only"):
        found = re.search(r"(?:,|^)\s*[\"']?([A-Z][\w:]{0,200})", rest.strip())
        if found and _NAME.fullmatch(found[1]):
            yield Load(found[1])
    elif found := _IMPORTED.match(rest):
        yield Load(found[1])


def _folders(rest: str) -> Iterator[str]:
    for double, single, words in _FOLDER.findall(rest):
        yield from words.split() or [double or single]
