"""The interpreter of a script: its first line, as the kernel reads it, and the program that `env` starts for it.

Follows fs/binfmt_script.c of Linux 5.1 and later, execve(2), and env(1) of GNU coreutils for `-S`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fromscratch import paths
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.requested import Requested
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath, decode

PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
HEAD = 256  # BINPRM_BUF_SIZE
MAX_DEPTH = 5  # scripts that one execve(2) goes through; a sixth is ELOOP

_BLANK = b" \t"
_NO_PATH = ("/bin", "/usr/bin")  # confstr(_CS_PATH), where execvp(3) looks when PATH is not set
_WITH_VALUE = frozenset("uC")


class Shebang(NamedTuple):
    """`interpreter` is the path as it stands there, and `argument` all that follows it, as one word."""

    interpreter: str
    argument: str | None


class Program(NamedTuple):
    """A program by the path that leads to it. `searched` are the folders that were looked into if none held it."""

    path: str
    name: str
    searched: tuple[str, ...] = ()


def shebang(head: bytes) -> Shebang | None:
    """What the first line of a script names; None for what the kernel does not take for a script.

    `head` is the start of the file, of which only 256 bytes count.
    """
    buffer = head[:HEAD].ljust(HEAD, b"\0")
    if buffer[:2] != b"#!":
        return None
    line, newline, _ = buffer.partition(b"\n")
    if not newline or b"\0" in line:
        line = buffer[:-1]
        if not re.search(rb"[^ \t][^ \t\0]*[ \t\0]", buffer[2:]):
            return None  # the interpreter's name may go on behind what the kernel has read
    name, *rest = re.split(rb"[ \t\0]", line[2:].strip(_BLANK), maxsplit=1)
    if not name:
        return None
    separator = line[2:].lstrip(_BLANK)[len(name) : len(name) + 1]
    argument = rest[0].strip(_BLANK).partition(b"\0")[0] if rest and separator != b"\0" else b""
    return Shebang(decode(name), decode(argument) or None)


def head(scene: Scene, place: TreePath) -> bytes:
    """The first bytes of a file, as many as the kernel reads; none of what is not a regular file."""
    entry = views.look(scene.view, place)
    if not isinstance(entry, File):
        return b""
    with entry.content.open() as stream:
        return stream.read(HEAD)


def scripts(scene: Scene) -> Iterator[tuple[TreePath, Shebang]]:
    """The files of the image that somebody may start and that name an interpreter, in order.

    What nobody may execute counts if it is all that was asked for.
    """
    requested = Requested(scene)
    for place in sorted(scene.files, key=paths.sort_key):
        entry = views.look(scene.view, place)
        if not isinstance(entry, File) or not (entry.meta.mode & 0o111 or requested.is_only(place)):
            continue
        if not requested.is_module(place) and (found := shebang(head(scene, place))):
            yield place, found


def programs(scene: Scene, found: Shebang, path: Sequence[str] = PATH) -> list[Program]:
    """What is started for a script: its interpreter, and if that is env, the program that env looks for."""
    first = Program(found.interpreter, found.interpreter.rpartition("/")[2])
    if first.name != "env" or found.argument is None:
        return [first]
    word, searched = env_program(found.argument, path)
    if word is None:
        return [first]
    if "/" in word:
        return [first, Program(word, word.rpartition("/")[2])]
    return [first, lookup(scene, word, searched)]


def lookup(scene: Scene, name: str, path: Sequence[str] = PATH) -> Program:
    """The program of this name along a PATH. One that is nowhere gets a path in /usr/bin, if that is searched."""
    for folder in path:
        entry = views.look(scene.view, f"{folder}/{name}")
        if isinstance(entry, File) and entry.meta.mode & 0o111:
            return Program(f"{folder}/{name}", name)
    folder = "/usr/bin" if "/usr/bin" in path else next(iter(path), "/usr/bin")
    return Program(f"{folder}/{name}", name, tuple(path) or ("nowhere",))


def language(scene: Scene, place: TreePath) -> Program | None:
    """The program that reads the script in the end; None for a file without an interpreter."""
    found = shebang(head(scene, place))
    return programs(scene, found)[-1] if found else None


def programs_of(scene: Scene, reader: re.Pattern[str], source: re.Pattern[str]) -> Iterator[TreePath]:
    """What the user named and is a program of a language, and whatever else its interpreter is started for.

    `reader` matches the whole name of the interpreter, `source` the end of a path of what has no `#!`.
    """
    requested = Requested(scene)
    for place in sorted(scene.files, key=paths.sort_key):
        entry = views.look(scene.view, place)
        if not isinstance(entry, File) or requested.is_module(place):
            continue
        is_requested = requested.covers(place)
        found = language(scene, place) if is_requested or entry.meta.mode & 0o111 else None
        if reader.fullmatch(found.name) if found else is_requested and source.search(place):
            yield place


def env_program(argument: str, path: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The program in env's arguments, None if there is none, and where env looks for it."""
    words = [argument]
    while words and (word := words.pop(0)):
        if word == "--":
            continue
        if word == "-" or word == "--ignore-environment":
            path = _NO_PATH
        elif word.startswith("--split-string="):
            words = [*_split(word.partition("=")[2]), *words]
        elif word.startswith("--"):
            continue
        elif word.startswith("-"):
            words, cleared = _flags(word[1:], words)
            path = _NO_PATH if cleared else path
        elif "=" in word:
            if word.startswith("PATH="):
                path = [folder for folder in word[5:].split(":") if folder]
        else:
            return word, path
    return None, path


def _flags(letters: str, words: list[str]) -> tuple[list[str], bool]:
    """The words left when these short options have taken theirs, and whether the environment is cleared."""
    cleared = False
    for position, letter in enumerate(letters):
        rest = letters[position + 1 :]
        if letter == "S":
            return [*_split(rest), *words], cleared
        if letter in _WITH_VALUE:
            return (words if rest else words[1:]), cleared
        cleared = cleared or letter == "i"
    return words, cleared


def _split(text: str) -> list[str]:
    import shlex  # few scripts need it

    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
