"""Commands outside the shell: known ones act on the tree, scripts of the tree are interpreted, no program runs."""

from collections.abc import Sequence

from fromscratch.errors import ImageError
from fromscratch.formats.shell.syntax import Simple
from fromscratch.transforms.shell.bounds import OUTSIDE
from fromscratch.transforms.shell.builtins.names import HARMLESS, changes_nothing
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.commands.services import nothing
from fromscratch.transforms.shell.left_out import Matter
from fromscratch.transforms.shell.lookup import PATH, found, is_program
from fromscratch.transforms.shell.machine import Call, Command, NotUnderstood, Result
from fromscratch.transforms.shell.state import Shell
from fromscratch.transforms.shell.streams import TreeFile
from fromscratch.transforms.shell.values import Doubt, Status, Value, first_doubt, known

_NOT_FOUND = 127
_FOLDERS = frozenset(("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"))


def known_command(name: str) -> Command | None:
    """The command of this name, or at this path."""
    folder, _, plain = name.rpartition("/")
    return COMMANDS.get(plain) if not folder or folder in _FOLDERS else COMMANDS.get(name)


def matter_of(command: Simple) -> Matter:
    """What the image lacks without this command."""
    name = command.words[0].literal if command.words else None
    found = known_command(name) if name else None
    return found.matter if found is not None else "content"


def failed(shell: Shell, text: str, why: str, matter: Matter) -> Status:
    """The status of a command that fails on this tree.

    Where the script does not look at it, the command is left out, since no good installation fails.
    """
    if shell.protected:
        return 1
    shell.machine.leave_out(text, f"it would fail: {why}", matter)
    return None


def run_external(shell: Shell, name: str, words: list[Value], text: str) -> Status:
    """Run a command that is not part of the shell; `words` are those after its name."""
    shell.budget.command(OUTSIDE)
    plain = name.rpartition("/")[2]
    command = known_command(name)
    if command is not None and command.run is nothing:
        return 0
    if command is None and shell.protected and shell.complete and not _is_anywhere(shell, name):
        return _NOT_FOUND
    matter: Matter = command.matter if command else "program"
    if not known(words):
        return _leave(shell, plain, words, text, first_doubt(words) or Doubt(""), matter)
    folder = shell.folder if isinstance(shell.folder, str) else None
    if folder is None:
        return _leave(shell, plain, words, text, Doubt("the working directory is not known"), matter)
    call = Call((name, *words), shell.machine.line, shell.input(), shell.environment(), folder, shell.umask)
    try:
        result = run_call(shell, call, command)
    except NotUnderstood as reason:
        return _leave(shell, plain, words, text, Doubt(str(reason)), matter)
    except ImageError as error:
        return 1 if plain in HARMLESS else failed(shell, text, str(error), matter)
    return _finish(shell, plain, result)


def _is_anywhere(shell: Shell, name: str) -> bool:
    """Whether a command is in the tree, or in every installation; what is in a folder that is not known may be."""
    if "/" not in name:
        return found(shell.machine, name, PATH) is not None
    return not isinstance(shell.folder, str) or is_program(shell.machine, shell.path(name))


def _finish(shell: Shell, plain: str, result: Result) -> Status:
    for variable, value in result.variables.items():
        shell.set(variable, Doubt(f"{plain} would tell it") if value is None else value)
    if result.output is None:
        shell.output().write(Doubt(f"{plain} would tell it"))
    elif result.output:
        shell.output().write(result.output)
    return result.status


def _leave(shell: Shell, plain: str, words: Sequence[Value], text: str, doubt: Doubt, matter: Matter) -> Status:
    output = shell.output()
    if not changes_nothing(plain, [word if isinstance(word, str) else None for word in words]):
        if matter == "program" and isinstance(output, TreeFile):
            matter = output.matter
        shell.machine.leave_out(text, doubt.why, matter)
    output.write(doubt)
    if plain.startswith("db_"):
        shell.variables["RET"] = doubt
    return None


def run_call(shell: Shell, call: Call, command: Command | None) -> Result:
    """Run a command of the catalogue, or a script of the tree. Raises as `Command.run` does."""
    if command is not None:
        return command.run(shell.machine, call)
    name = call.words[0]
    path = name if "/" in name else found(shell.machine, name, PATH)
    if path is None:
        raise NotUnderstood(f"{name} is not a command that is known")
    result = shell.hooks.script(shell, path, call)
    if result is None:
        raise NotUnderstood(f"{name.rpartition('/')[2]} is a program, and programs are not run")
    return result
