"""What the words of a command show before it is run: what kind it is, and how to speak of it."""

from fromscratch.formats.shell.syntax import AndOr, Command, Sequence, Simple, Substitution
from fromscratch.transforms.shell.builtins.names import BUILTINS
from fromscratch.transforms.shell.state import Shell


def last_command(item: AndOr) -> Command:
    """The command whose status is that of the whole list, if it runs."""
    return (item.rest[-1][1] if item.rest else item.first).commands[-1]


def only_tests(command: Simple) -> bool:
    """Whether a command does nothing but test, so that it can be run only to know its status."""
    name = command.words[0].literal if command.words else None
    parts = (part for word in command.words for part in word.parts)
    return name in ("[", "test", "[[", "true", "false", ":") and not (
        command.redirections or any(isinstance(part, Substitution) for part in parts)
    )


def is_external(shell: Shell, command: Simple) -> bool:
    """Whether the status is that of a command outside the shell, or of a substitution."""
    if command.words:
        name = command.words[0].literal
        return name is None or (name not in shell.functions and name not in BUILTINS)
    parts = [part for each in command.assignments for part in each.value.parts if isinstance(part, Substitution)]
    if not parts or not parts[-1].body.items:
        return False
    last = last_command(parts[-1].body.items[-1])
    return isinstance(last, Simple) and is_external(shell, last)


def unknown_condition(condition: Sequence, line: int) -> str:
    """Why the branches of this condition are left out."""
    command = last_command(condition.items[-1]) if condition.items else None
    if isinstance(command, Simple):
        return f"the condition at line {command.line} is not known: {command.text[:60]}"
    return f"the condition at line {line} is not known"
