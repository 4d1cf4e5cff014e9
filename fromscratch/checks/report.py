"""What failed checks say: each with what was expected and what came, the image's own command, what the image lacks."""

import shlex
from collections.abc import Iterator

from fromscratch.checks.contract import Answer, Check, HttpCheck, OwnCommand, Results, TcpCheck
from fromscratch.checks.verdict import exit_text
from fromscratch.errors import ImageError
from fromscratch.paths import shown

_LINES, _FEW_LINES, _WIDTH = 10, 3, 200
_LACKS, _OTHERS = 8, 5


class ChecksFailed(ImageError):
    """Checks of an image have failed; `results` are all that were made, and `where` says in which of two images."""

    def __init__(self, results: Results, where: str = "") -> None:
        failed, count = results.failed, len(results.results)
        head = f"{len(failed)} of {count} checks failed" if count > 1 else "the check failed"
        if where:
            head += f" in {where}"
        super().__init__(
            "\n".join([f"{results.platform}: {head}", *failure_lines(results)]),
            _hint(results),
        )
        self.results = results


def failure_lines(results: Results) -> Iterator[str]:
    """Each failed check, then what may be the reason."""
    for result in results.failed:
        yield f"  {result.check.title}: {result.fault}"
        yield from _quoted(_output(result.answer))
    if results.own is not None and _is_telling(results):
        yield f"  the image's own command, {_command(results.own)}, had ended with {exit_text(results.own.code)}"
        yield from _quoted(results.own.output, _LINES if _asks_server(results) else _FEW_LINES)
    yield from _lack_lines(results)


def _lack_lines(results: Results) -> Iterator[str]:
    """What the image lacks, and in one line what it may lack."""
    likely = [lack for lack in results.lacks if lack.is_likely]
    others = [shown(lack.path) for lack in results.lacks if not lack.is_likely]
    for lack in likely[:_LACKS]:
        by = f", which {shown(lack.process)} asked for" if lack.process else ""
        yield f"  the image lacks {shown(lack.path)} ({lack.sort}{by})"
    if len(likely) > _LACKS:
        yield f"  and {len(likely) - _LACKS} more that were asked for"
    if others:
        more = f" and {len(others) - _OTHERS} more" if len(others) > _OTHERS else ""
        yield f"  not found{' either' if likely else ''}, and perhaps needed: {', '.join(others[:_OTHERS])}{more}"


def _hint(results: Results) -> str:
    """What most often helps, by what the image lacks, else by the first check that failed."""
    if results.lacks and results.lacks[0].is_likely:
        return f"bring {shown(results.lacks[0].path)} into the image, or change what asks for it"
    first = results.failed[0]
    if _is_of_a_server(first.check) and first.answer.problem:
        if results.own is None:
            return "the image has no command of its own that could listen: give it one with cmd or entrypoint"
        if results.own.code is not None:
            return "see why the image's own command ended"
        return "see on which address and port the image's own command listens"
    if first.answer.code in (126, 127):
        return "name a program that the image holds; ls shows what that is"
    if results.lacks and not isinstance(first.check, HttpCheck | TcpCheck) and first.answer.code != first.check.code:
        return f"if it needs {shown(results.lacks[0].path)}, bring that into the image; else change what is expected"
    return "change the image, or what is expected of it"


def _is_telling(results: Results) -> bool:
    """Whether the end of the image's own command may be a reason: one that ends well has only to run for servers."""
    own = results.own
    if own is None or own.code is None:
        return False
    return own.code != 0 or _asks_server(results)


def _asks_server(results: Results) -> bool:
    return any(_is_of_a_server(result.check) for result in results.failed)


def _is_of_a_server(check: Check) -> bool:
    return isinstance(check, HttpCheck | TcpCheck)


def _output(answer: Answer) -> bytes:
    parts = [part.rstrip(b"\n") for part in (answer.output, answer.errors) if part.strip()]
    return b"\n".join(parts)


def _command(own: OwnCommand) -> str:
    return shlex.join(own.words)


def _quoted(data: bytes, most: int = _LINES) -> Iterator[str]:
    """The last lines of output, each behind a bar; bytes that are not UTF-8 as \\xNN."""
    lines = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n").rstrip().splitlines()
    if len(lines) > most:
        yield f"    | … {len(lines) - most} lines before"
    for line in lines[-most:]:
        yield f"    | {line[:_WIDTH]}{'…' if len(line) > _WIDTH else ''}"
