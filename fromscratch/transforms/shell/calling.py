"""Simple commands: XCU 2.9.1. Functions, builtins, commands outside the shell; what cannot be followed is left out."""

from collections.abc import Callable

from fromscratch.errors import ImageError
from fromscratch.formats.shell.syntax import Assignment, Command, Simple, Text, Word
from fromscratch.transforms.shell.builtins.brackets import double_brackets
from fromscratch.transforms.shell.builtins.catalogue import RUN
from fromscratch.transforms.shell.builtins.names import SPECIAL
from fromscratch.transforms.shell.expansion import Expansion
from fromscratch.transforms.shell.external import failed, run_external
from fromscratch.transforms.shell.leaving_out import Survey
from fromscratch.transforms.shell.redirection import apply, redirected
from fromscratch.transforms.shell.state import Invocation, Shell
from fromscratch.transforms.shell.values import Doubt, Doubtful, Failed, Fault, Return, Status, Value

_DECLARING = frozenset(("export", "readonly", "local", "declare", "typeset"))
RunCommand = Callable[[Shell, Command], Status]


def leave(shell: Shell, survey: Survey, why: str) -> None:
    """Leave out what a survey found: it is listed, and whatever it would set is in doubt."""
    machine = shell.machine
    before = machine.line
    for line, text, matter in survey.listed:
        if shell.lines_known:
            machine.line = line
        machine.leave_out(text, why, matter)
    machine.line = before
    for name in survey.variables:
        if name == "@":
            shell.positional = [Doubt(why)]
        elif name not in shell.readonly:
            shell.variables[name] = Doubt(why)
    if "PWD" in survey.variables:
        shell.folder = Doubt(why)
    ends = survey.ends
    if ends == "loop" and not shell.loops:
        ends = ""
    if ends == "function" and not shell.scopes:
        ends = "script"
    if ends and not shell.uncertain:
        shell.uncertain = ends
        shell.uncertain_why = f"a branch that may be taken ends the {ends}: {why}"


def run_simple(shell: Shell, node: Simple, expansion: Expansion, run: RunCommand) -> Status:
    """Run one simple command. A command with a word in doubt is left out."""
    shell.budget.command()
    if shell.lines_known:
        shell.machine.line = node.line
    shell.substituted = 0
    try:
        if node.words and node.words[0].literal == "[[":
            return double_brackets(shell, node.words[1:-1], expansion)
        words, assigned = _words(shell, node, expansion)
        if words[:1] == ["exec"] and len(words) == 1:
            for each in node.redirections:
                apply(shell, each, expansion)
            return 0
        with redirected(shell, node.redirections, expansion):
            return _run(shell, node, words, assigned, expansion, run)
    except Doubtful as unknown:
        survey = Survey(shell)
        survey.command(node)
        leave(shell, survey, unknown.doubt.why)
        return None
    except ImageError as error:
        return failed(shell, node.text, str(error), "content")
    except Fault as fault:
        raise Failed(2, f"the script ends at line {shell.machine.line}: {fault}") from None


def _words(shell: Shell, node: Simple, expansion: Expansion) -> tuple[list[Value], dict[str, Value]]:
    """The fields, and for a command that declares variables what it gives them."""
    name = node.words[0].literal if node.words else None
    if name not in _DECLARING:
        return expansion.fields(node.words), {}
    words: list[Value] = [name]
    assigned: dict[str, Value] = {}
    for word in node.words[1:]:
        first = word.parts[0] if word.parts else None
        variable, equals, rest = first.text.partition("=") if isinstance(first, Text) else ("", "", "")
        if equals and variable.isidentifier() and isinstance(first, Text) and not first.quoted:
            value = Word((*((Text(rest),) if rest else ()), *word.parts[1:]))
            assigned[variable] = _single(expansion, value)
            words.append(variable)
            continue
        for field in expansion.fields((word,)):
            variable, equals, rest = field.partition("=") if isinstance(field, str) else ("", "", "")
            if equals:
                assigned[variable] = rest
            words.append(variable if equals else field)
    return words, assigned


def _single(expansion: Expansion, word: Word) -> Value:
    try:
        return expansion.single(word)
    except Doubtful as unknown:
        return unknown.doubt


def _assign(shell: Shell, each: Assignment, expansion: Expansion) -> None:
    value = _single(expansion, each.value)
    if each.appended:
        before = shell.get(each.name) or ""
        value = before + value if isinstance(before, str) and isinstance(value, str) else Doubt("it is added to")
    shell.set(each.name, value)


def _run(
    shell: Shell, node: Simple, words: list[Value], assigned: dict[str, Value], expansion: Expansion, run: RunCommand
) -> Status:
    if not words:
        for each in node.assignments:
            _assign(shell, each, expansion)
        return shell.substituted
    if isinstance(words[0], str) and words[0] in SPECIAL:
        for each in node.assignments:
            _assign(shell, each, expansion)
        return run_words(shell, words, node.text, run, assigned)
    if not node.assignments:
        return run_words(shell, words, node.text, run, assigned)
    scope: dict[str, tuple[Value | None, bool]] = {}
    for each in node.assignments:
        scope.setdefault(each.name, (shell.variables.get(each.name), each.name in shell.exported))
        _assign(shell, each, expansion)
        shell.exported.add(each.name)
    try:
        return run_words(shell, words, node.text, run, assigned)
    finally:
        shell.restore(scope)


def run_words(
    shell: Shell, words: list[Value], text: str, run: RunCommand, assigned: dict[str, Value] | None = None
) -> Status:
    """Run the command that the words name."""
    name = words[0]
    if isinstance(name, Doubt):
        shell.machine.leave_out(text, name.why, "program")
        shell.output().write(name)
        return None
    if name in shell.functions and name not in SPECIAL:
        return call_function(shell, name, words[1:], run)
    builtin = RUN.get(name)
    if builtin is not None:
        return builtin(Invocation(shell, name, words[1:], assigned or {}))
    return run_external(shell, name, words[1:], text)


def call_function(shell: Shell, name: str, arguments: list[Value], run: RunCommand) -> Status:
    """Call a function: XCU 2.9.5."""
    shell.budget.enter()
    positional, loops = shell.positional, shell.loops
    shell.positional, shell.loops = arguments, 0
    scope: dict[str, tuple[Value | None, bool]] = {}
    shell.scopes.append(scope)
    status: Status
    try:
        status = run(shell, shell.functions[name])
    except Return as returning:
        status = returning.status
    finally:
        shell.scopes.pop()
        shell.restore(scope)
        shell.positional, shell.loops = positional, loops
        shell.budget.leave()
    if shell.uncertain in ("loop", "function"):
        shell.uncertain = ""
        status = None
    return status
