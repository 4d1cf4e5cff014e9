"""The commands of a script, one after the other, on the state of a shell: XCU 2.9."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import assert_never

from fromscratch.errors import ImageError
from fromscratch.formats.shell.syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Loop,
    Pipeline,
    Sequence,
    Simple,
    Unknown,
)
from fromscratch.transforms.shell import patterns
from fromscratch.transforms.shell.calling import leave, run_simple
from fromscratch.transforms.shell.command_kinds import is_external, only_tests, unknown_condition
from fromscratch.transforms.shell.expansion import Expansion
from fromscratch.transforms.shell.external import matter_of
from fromscratch.transforms.shell.leaving_out import Survey
from fromscratch.transforms.shell.redirection import redirected
from fromscratch.transforms.shell.standard_input import Input
from fromscratch.transforms.shell.state import Shell
from fromscratch.transforms.shell.streams import Capture
from fromscratch.transforms.shell.values import (
    Break,
    Doubt,
    Doubtful,
    Exit,
    Failed,
    Fault,
    Leaving,
    Return,
    Status,
    Value,
    first_doubt,
    text,
)


def run_sequence(shell: Shell, node: Sequence) -> Status:
    """Run commands in order. A command after one that may have ended the script is left out."""
    for number, item in enumerate(node.items):
        if shell.uncertain:
            leave_rest(shell, node, number, shell.uncertain_why)
            return None
        try:
            shell.status = _and_or(shell, item)
        except Failed as failed:
            if shell.lines_known:  # a script of the tree may fail: its caller sees to that
                leave_rest(shell, node, number + 1, failed.why)
            raise
    return shell.status


def leave_rest(shell: Shell, node: Sequence, begin: int, why: str) -> None:
    """Leave out what follows in a sequence."""
    survey = Survey(shell)
    for item in node.items[begin:]:
        survey.and_or(item)
    leave(shell, survey, why)


def _and_or(shell: Shell, node: AndOr) -> Status:
    last = len(node.rest)
    status = _pipeline(shell, node.first, protected=bool(last))
    for number, (operator, pipeline) in enumerate(node.rest, 1):
        if status is None:
            status = _in_doubt(shell, operator, pipeline)
        elif (operator == "&&") == (status == 0):
            status = _pipeline(shell, pipeline, protected=number < last)
        shell.status = status
    return 0 if node.background else status


def _in_doubt(shell: Shell, operator: str, pipeline: Pipeline) -> Status:
    """What follows `&&` or `||` when it is not known how the command before ended.

    A test that is known decides: nothing and false is false, anything or true is true.
    """
    command = pipeline.commands[-1]
    if len(pipeline.commands) == 1 and isinstance(command, Simple) and only_tests(command):
        status = _pipeline(shell, pipeline, protected=True)
        return status if status is not None and (operator == "||") == (status == 0) else None
    survey = Survey(shell)
    survey.pipeline(pipeline)
    leave(shell, survey, "it is not known how the command before it ends")
    if operator == "&&":
        return None
    if survey.fails and not survey.ends:
        return 0  # a good installation does not fail
    name = command.words[0].literal if isinstance(command, Simple) and command.words else None
    return 0 if name in ("true", ":", "echo", "printf") and not pipeline.negated else None


def _pipeline(shell: Shell, node: Pipeline, *, protected: bool) -> Status:
    shell.protected += protected or node.negated
    try:
        status = _piped(shell, node) if len(node.commands) > 1 else run_command(shell, node.commands[0])
    finally:
        shell.protected -= protected or node.negated
    shell.status = status
    if node.negated:
        return None if status is None else int(not status)
    if not status or protected or shell.protected or "e" not in shell.options:
        return status
    checked = node.commands[-1]
    if len(node.commands) > 1 or isinstance(checked, Simple | Group):
        return _failure(shell, checked, status)
    return status


def _failure(shell: Shell, command: Command, status: int) -> Status:
    """A command has failed under `set -e`, and nothing looks at it: the shell ends.

    No good installation fails, so one outside the shell lacked something here: it is left out, and the script goes on.
    """
    text = command.text if isinstance(command, Simple) else "a group of commands"
    line = shell.machine.line
    if shell.substituting or not isinstance(command, Simple) or not is_external(shell, command):
        raise Failed(status, f"the script ends with status {status} at line {line}: {text[:80]}")
    shell.machine.leave_out(text, f"it fails on this tree, with status {status}", matter_of(command))
    return None


def _piped(shell: Shell, node: Pipeline) -> Status:
    """Each command in a subshell, with the output of the one before as its input."""
    status: Status = 0
    source: bytes | Doubt | None = None
    for number, command in enumerate(node.commands):
        inner = shell.subshell()
        if source is not None:
            inner.descriptors[0] = Input(source)
        capture = Capture(shell.budget)
        if number < len(node.commands) - 1:
            inner.descriptors[1] = capture
        status = in_subshell(inner, partial(run_command, inner, command))
        source = capture.value()
    return status


def in_subshell(inner: Shell, run: Callable[[], Status]) -> Status:
    """What the shell that runs these commands ends with."""
    inner.budget.enter()
    try:
        return finished(inner, run)
    finally:
        inner.budget.leave()


def finished(shell: Shell, run: Callable[[], Status]) -> Status:
    """Run all that a shell has to, and what it traps at its end."""
    status: Status
    try:
        status = run()
    except (Exit, Return) as ending:
        status = ending.status
    except Fault:
        status = 2
    except Leaving:
        status = 0
    if shell.uncertain:
        shell.uncertain = ""
        status = None
    if "EXIT" in shell.traps:
        shell.status = status
        try:
            shell.hooks.evaluate(shell, shell.hooks.read(shell.traps.pop("EXIT")))
        except Exit as exiting:
            status = exiting.status
        except (Fault, Leaving, ImageError):
            pass
    return status


def substituted(shell: Shell, body: Sequence) -> Value:
    """What commands print, without the newlines at its end: XCU 2.6.3."""
    inner = shell.subshell()
    capture = Capture(shell.budget)
    inner.descriptors[1] = capture
    inner.protected = 0
    inner.substituting = True
    if shell.bash:
        inner.options.discard("e")
    shell.substituted = in_subshell(inner, lambda: run_sequence(inner, body))
    value = capture.value()
    if isinstance(value, Doubt):
        return value
    return text(value).rstrip("\n")


def run_command(shell: Shell, node: Command) -> Status:
    """Run one command with its redirections."""
    match node:
        case Simple():
            return run_simple(shell, node, Expansion(shell, substituted), run_command)
        case Function():
            shell.functions[node.name] = node.body
            return 0
        case Unknown():
            _at(shell, node.line)
            shell.machine.leave_out(node.text, node.why, "content")
            return None
        case _:
            _at(shell, node.line)
            expansion = Expansion(shell, substituted)
            try:
                with redirected(shell, node.redirections, expansion):
                    return _compound(shell, node)
            except Doubtful as unknown:
                return _leave_whole(shell, node, unknown.doubt.why)
            except ImageError as error:
                return _leave_whole(shell, node, str(error))


def _at(shell: Shell, line: int) -> None:
    if shell.lines_known:
        shell.machine.line = line


def _leave_whole(shell: Shell, node: Command, why: str) -> Status:
    survey = Survey(shell)
    survey.command(node)
    leave(shell, survey, why)
    return None


def _compound(shell: Shell, node: Group | If | For | Case | Loop) -> Status:
    match node:
        case Group():
            if not node.subshell:
                return run_sequence(shell, node.body)
            inner = shell.subshell()
            return in_subshell(inner, lambda: run_sequence(inner, node.body))
        case If():
            return _if(shell, node)
        case For():
            return _for(shell, node)
        case Case():
            return _case(shell, node)
        case Loop():
            return _loop(shell, node)
        case _ as never:
            assert_never(never)


@contextmanager
def _protected(shell: Shell) -> Iterator[None]:
    shell.protected += 1
    try:
        yield
    finally:
        shell.protected -= 1


def _condition(shell: Shell, node: Sequence) -> Status:
    with _protected(shell):
        return run_sequence(shell, node)


def _if(shell: Shell, node: If) -> Status:
    for number, (condition, body) in enumerate(node.branches):
        status = _condition(shell, condition)
        if status is None:
            rest = If(node.line, ((Sequence(), body), *node.branches[number + 1 :]), node.final)
            return _leave_whole(shell, rest, unknown_condition(condition, node.line))
        if status == 0:
            return run_sequence(shell, body) if body.items else 0
    if node.final is not None:
        return run_sequence(shell, node.final)
    return 0


def _for(shell: Shell, node: For) -> Status:
    words = list(shell.positional) if node.words is None else Expansion(shell, substituted).fields(node.words)
    if (doubt := first_doubt(words)) is not None:
        return _leave_whole(shell, node, doubt.why)
    status: Status = 0
    for word in words:
        shell.budget.command()
        shell.set(node.name, word)
        status, ended = _turn(shell, node.body)
        if ended:
            break
    return _after_loop(shell, status)


def _turn(shell: Shell, body: Sequence) -> tuple[Status, bool]:
    """One turn of a loop: its status, and whether the loop ends."""
    shell.loops += 1
    try:
        status = run_sequence(shell, body)
    except Break as leaving:
        if leaving.levels > 1 and shell.loops > 1:
            raise Break(leaving.levels - 1, leaving.again) from None
        return 0, not leaving.again
    finally:
        shell.loops -= 1
    return status, bool(shell.uncertain)


def _after_loop(shell: Shell, status: Status) -> Status:
    if shell.uncertain == "loop":
        shell.uncertain = ""
        return None
    return status


def _loop(shell: Shell, node: Loop) -> Status:
    status: Status = 0
    while True:
        shell.budget.command()
        shell.loops += 1
        try:
            condition = _condition(shell, node.condition)
        except Break as leaving:
            if leaving.levels > 1 and shell.loops > 1:
                raise Break(leaving.levels - 1, leaving.again) from None
            if leaving.again:
                continue
            return 0
        finally:
            shell.loops -= 1
        if condition is None:
            rest = Loop(node.line, Sequence(), node.body)
            return _leave_whole(shell, rest, unknown_condition(node.condition, node.line))
        if (condition == 0) == node.until:
            return status
        status, ended = _turn(shell, node.body)
        if ended:
            return _after_loop(shell, status)


def _case(shell: Shell, node: Case) -> Status:
    expansion = Expansion(shell, substituted)
    subject = expansion.single(node.subject)
    fallen = False
    status: Status = 0
    for choices, body, end in node.branches:
        if fallen or any(patterns.matches(expansion.pattern(each), subject, shell.budget) for each in choices):
            status = run_sequence(shell, body) if body.items else 0
            if end != ";&":
                return status
            fallen = True
    return status


def evaluate(shell: Shell, node: Sequence) -> Status:
    """Run commands in this shell, for a builtin."""
    shell.budget.enter()
    try:
        return run_sequence(shell, node) if node.items else 0
    finally:
        shell.budget.leave()
