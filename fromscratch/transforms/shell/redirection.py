"""Redirections of commands: XCU 2.7."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fromscratch.errors import ImageError
from fromscratch.formats.shell.syntax import Redirection
from fromscratch.transforms.shell.expansion import Expansion
from fromscratch.transforms.shell.standard_input import Input
from fromscratch.transforms.shell.state import Shell
from fromscratch.transforms.shell.streams import Output, TreeFile, read_file
from fromscratch.transforms.shell.values import Doubtful, raw

_MACHINE = ("/dev/", "/proc/", "/sys/")


@contextmanager
def redirected(shell: Shell, redirections: Sequence[Redirection], expansion: Expansion) -> Iterator[None]:
    """The descriptors of the shell as the redirections say, until the end. Raises ImageError and Doubtful."""
    if not redirections:
        yield
        return
    before = dict(shell.descriptors)
    try:
        for each in redirections:
            apply(shell, each, expansion)
        yield
    finally:
        shell.descriptors = before


def apply(shell: Shell, redirection: Redirection, expansion: Expansion) -> None:
    """Give one descriptor another meaning. Raises ImageError for a file that cannot be opened, and Doubtful."""
    streams, descriptor = shell.descriptors, redirection.descriptor
    if redirection.operator == "<<":
        streams[descriptor] = _document(redirection, expansion)
        return
    target = expansion.single(redirection.target)
    if redirection.operator in ("<&", ">&") and (target == "-" or target.isdigit()):
        if target == "-":
            streams.pop(descriptor, None)
        else:
            _copy(shell, descriptor, int(target[:4]))
        return
    if redirection.operator in ("<", "<>", "<&"):
        streams[descriptor] = _input(shell, target)
        return
    if target in ("/dev/stdout", "/dev/fd/1"):
        _copy(shell, descriptor, 1)
        return
    if target in ("/dev/stderr", "/dev/fd/2"):
        _copy(shell, descriptor, 2)
        return
    if not target:
        raise ImageError("the file that it writes to has an empty name", "see where the name comes from")
    if target.startswith(_MACHINE):
        stream = Output()
    else:
        append = redirection.operator == ">>"
        stream = TreeFile(shell.machine, shell.budget, shell.path(target), append=append, umask=shell.umask)
    streams[descriptor] = stream
    if redirection.operator == ">&":  # of bash: both outputs
        streams[2] = stream


def _copy(shell: Shell, descriptor: int, source: int) -> None:
    if source in shell.descriptors:
        shell.descriptors[descriptor] = shell.descriptors[source]
    elif descriptor != 2 and source > 2:
        raise ImageError(f"descriptor {source} is not open", "see which command of the script opens it")


def _input(shell: Shell, target: str) -> Input:
    if target == "/dev/stdin":
        return shell.input()
    return Input(read_file(shell.machine, shell.path(target)))


def _document(redirection: Redirection, expansion: Expansion) -> Input:
    try:
        return Input(raw(expansion.document(redirection.target)))
    except Doubtful as unknown:
        return Input(unknown.doubt)
