"""One step into what a shell is told to run, as far as it is certain; findings here are notes only."""

import re
from collections.abc import Iterator, Sequence

from fromscratch.checks.start import suggestions
from fromscratch.checks.start.container import Container
from fromscratch.checks.start.execution import Program, Run, executed, found_in_path
from fromscratch.checks.start.finding import Finding
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.scripts.shebang import HEAD, shebang
from fromscratch.linker.beyond.scripts.shell import is_built_in
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.paths import decode, shown

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"})
_MAX_SCRIPT = 256 << 10
_WORD = r"(?P<word>[A-Za-z0-9_./+-]+)(?=[ \t\n;&|>]|$)"
_FIRST = lazy_regex(rf"\s*(?:exec[ \t]+)?{_WORD}")
_LAST = lazy_regex(rf"^exec[ \t]+{_WORD}", re.MULTILINE)  # at the left margin, so in no branch of the script
_PASSES_ON = lazy_regex(r'^exec[ \t]+"\$@"[ \t]*(?:#[^\n]*)?$', re.MULTILINE)
_LOOKS_AT_WORDS = lazy_regex(r"\$\{?1|\bset[ \t]+--|\bshift\b|\bPATH=|\bexport[ \t]+PATH\b|<<|\balias\b")


def shell_commands(container: Container, path: str, words: Sequence[str], label: str) -> Iterator[Finding | Program]:
    """The programs that a shell is told to start: by `sh -c TEXT`, or by a script that ends with `exec PROGRAM`."""
    if _is_shell(container, path):
        flags = next((place for place, word in enumerate(words[1:3], 1) if _takes_text(word)), None)
        if flags is None:
            return
        if len(words) == flags + 1:
            hint = "write the text under image: cmd:, or leave it to whoever starts a container"
            yield Finding("note", f"{label}: {words[0]} {words[flags]} lacks the text that it is to run", hint)
            return
        yield from _text(container, words[flags + 1 :], label)
        return
    text = _script(container, path)
    if text is None:
        return
    if _PASSES_ON.search(text) and not _LOOKS_AT_WORDS.search(text) and len(words) > 1:
        yield from _command(container, words[1], f"{label}: {shown(path)} starts its first argument", text)
    elif not _LOOKS_AT_WORDS.search(text) and (found := _LAST.search(text)):
        yield from _command(container, found["word"], f"{label}: {shown(path)} has the line {found[0]!r}", text)


def _is_shell(container: Container, path: str) -> bool:
    return path.rpartition("/")[2] in _SHELLS


def _takes_text(word: str) -> bool:
    """Whether an option of a shell is -c, perhaps together with others as in -ec."""
    return word.startswith("-") and not word.startswith("--") and word.endswith("c")


def _text(container: Container, words: Sequence[str], label: str) -> Iterator[Finding | Program]:
    text, arguments = words[0], words[1:]
    if arguments and not re.search(r"\$[{]?[0-9@*#]", text):
        yield Finding(
            "note",
            f"{label}: of {shown(' '.join(words))!r} the shell runs {shown(text)!r} alone",
            "the text behind -c is one word: write all of it there",
        )
        return
    found = _FIRST.match(text)
    if found is None or _has_alternative(text[found.end() :]):
        return
    yield from _command(container, found["word"], f"{label}: the shell is to run {found[0].strip()!r}", "")


def _has_alternative(rest: str) -> bool:
    """Whether something else is run where the first command cannot be; `|| exit 1` is nothing else."""
    alternative = re.search(r"\|\|\s*(\w+)", rest)
    return alternative is not None and alternative[1] not in ("exit", "false", "return")


def _script(container: Container, path: str) -> str | None:
    """The text of a script for a shell; None for any other file."""
    entry = container.entry(path)
    if not isinstance(entry, File) or entry.content.size > _MAX_SCRIPT:
        return None
    with container.root.reading(path) as read_part:
        line = shebang(read_part(0, HEAD))
    words = f"{line.interpreter} {line.argument or ''}".split() if line else []
    if not any(word.rpartition("/")[2] in _SHELLS for word in words[:3]):
        return None
    return decode(read(entry.content))


def _command(container: Container, word: str, label: str, script: str) -> Iterator[Finding | Program]:
    if (
        is_built_in(word)
        or word.startswith("-")
        or re.search(rf"(?m)^\s*(function\s+)?{re.escape(word)}\s*\(\)", script)
    ):
        return
    if _standalone(container):
        return
    path = container.absolute(word) if "/" in word else found_in_path(container, word)
    if path is None:
        text = f"{label}, and there is no program {word!r} in PATH ({container.path})"
        yield Finding("note", text, suggestions.for_missing_program(container, word, ""))
        return
    yield from executed(container, path, Run(label, "note"))


def _standalone(container: Container) -> bool:
    """Whether the shell may be busybox's, which runs applets that have no name in the image."""
    return "busybox" in container.inode_path("/bin/sh")
