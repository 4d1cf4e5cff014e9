"""The state of one shell: variables, functions, options, descriptors; a subshell has a copy of it."""

import copy
from collections.abc import Callable, Mapping, Sequence

from fromscratch.formats.shell import syntax
from fromscratch.transforms.shell.bounds import PATH_LENGTH, VALUE, Budget, TooMuch
from fromscratch.transforms.shell.machine import Call, Machine, Result
from fromscratch.transforms.shell.standard_input import Input
from fromscratch.transforms.shell.streams import Output
from fromscratch.transforms.shell.values import Doubt, Doubtful, Fault, Status, Value

PROCESS = "1000"
"""What `$$` gives: names of temporary files are made of it."""


_UNKNOWN_END = Doubt("it is not known how the command before ended")


class Hooks:
    """What builtins need of the interpreter, which imports them: it fills this in."""

    evaluate: Callable[["Shell", syntax.Sequence], Status]
    """Runs commands in this shell."""
    read: Callable[[str], syntax.Sequence]
    """Parses a script. Raises FormatError."""
    words: Callable[["Shell", list[Value]], Status]
    """Runs a command that is given by its words."""
    script: Callable[["Shell", str, Call], Result | None]
    """Interprets a script of the tree; None for what is not one of a shell."""


class Shell:
    """`name` is `$0`; `bash` says whose rules hold where dash and bash differ."""

    def __init__(
        self, machine: Machine, budget: Budget, hooks: Hooks, name: str, arguments: Sequence[str], *, bash: bool
    ) -> None:
        self.machine, self.budget, self.hooks, self.name, self.bash = machine, budget, hooks, name, bash
        self.variables: dict[str, Value] = {}
        self.exported: set[str] = set()
        self.readonly: set[str] = set()
        self.positional: list[Value] = list(arguments)
        self.functions: dict[str, syntax.Command] = {}
        self.sourced: set[str] = set()
        self.options: set[str] = set()
        self.folder: Value = "/"
        self.umask = 0o022
        self.status: Status = 0
        self.traps: dict[str, str] = {}
        self.descriptors: dict[int, Output | Input] = {0: Input(), 1: Output(), 2: Output()}
        self.scopes: list[dict[str, tuple[Value | None, bool]]] = []
        self.protected = 0
        self.loops = 0
        self.substituting = False
        """Whether the output of this subshell becomes a word: a failure in it is the failure of the whole command."""
        self.lines_known = True
        """Whether lines are those of the script of the package, and not of a file that it reads."""
        self.complete = True
        """Whether all functions are known: false once a file of functions could not be read."""
        self.substituted: Status = 0
        self.uncertain = ""
        """`loop`, `function` or `script`: what may have ended in a branch of which nobody knows whether it is taken."""
        self.uncertain_why = ""
        self.option_at = 0

    def subshell(self) -> "Shell":
        """A copy, whose changes of variables and the like do not come back."""
        other = copy.copy(self)
        for name in ("variables", "exported", "readonly", "positional", "functions", "options", "descriptors"):
            setattr(other, name, copy.copy(getattr(self, name)))
        other.scopes = [dict(scope) for scope in self.scopes]
        other.traps = {}
        return other

    def get(self, name: str) -> Value | None:
        """The value of a parameter, None if it is not set."""
        if name in self.variables:
            return self.variables[name]
        if name.isdigit():
            number = int(name) if len(name) < 8 else len(self.positional) + 1
            if not number:
                return self.name
            return self.positional[number - 1] if number <= len(self.positional) else None
        match name:
            case "#":
                return str(len(self.positional))
            case "?":
                return (
                    Doubt("it is not known how the command before ended") if self.status is None else str(self.status)
                )
            case "$":
                return PROCESS
            case "!":
                return PROCESS
            case "-":
                return "".join(sorted(self.options))
            case "LINENO":
                return str(self.machine.line)
            case "RANDOM" | "SECONDS" | "HOSTNAME" | "PPID" if self.bash or name == "PPID":
                return Doubt(f"${name} is the running machine's")
            case "UID" | "EUID" if self.bash:
                return "0"
            case "BASH_VERSION" if self.bash:
                return "5.2.0(1)-release"
        return None

    def text(self, name: str) -> str:
        """The value of a variable, empty if it is not set. Raises Doubtful."""
        value = self.get(name)
        if isinstance(value, Doubt):
            raise Doubtful(value)
        return value or ""

    def set(self, name: str, value: Value) -> None:
        """Give a variable a value. Raises Fault for one that is read-only."""
        if name in self.readonly:
            raise Fault(f"{name}: is read only")
        if isinstance(value, str) and len(value) > VALUE:
            raise TooMuch(f"${name} grows beyond {VALUE} characters")
        self.variables[name] = value
        if name == "OPTIND":
            self.option_at = 0
        if "a" in self.options:
            self.exported.add(name)

    def unset(self, name: str) -> None:
        """Raises Fault for one that is read-only."""
        if name in self.readonly:
            raise Fault(f"{name}: is read only")
        self.variables.pop(name, None)
        self.exported.discard(name)

    def save(self, name: str) -> None:
        """Let the function that runs now have a variable of its own: it has its value back when the function ends."""
        scope = self.scopes[-1]
        if name not in scope:
            scope[name] = (self.variables.get(name), name in self.exported)

    def restore(self, scope: dict[str, tuple[Value | None, bool]]) -> None:
        """Give variables back the values that they had."""
        for name, (value, exported) in scope.items():
            if value is None:
                self.variables.pop(name, None)
            else:
                self.variables[name] = value
            (self.exported.add if exported else self.exported.discard)(name)

    def environment(self) -> dict[str, str]:
        """The exported variables whose value is known."""
        values = ((name, self.variables.get(name)) for name in sorted(self.exported))
        return {name: value for name, value in values if isinstance(value, str)}

    def place(self) -> str:
        """The working directory. Raises Doubtful."""
        if isinstance(self.folder, Doubt):
            raise Doubtful(self.folder)
        return self.folder

    def path(self, word: str) -> str:
        """A word as an absolute path. Raises Doubtful, also for one that is longer than Linux has."""
        if len(word) > PATH_LENGTH or len(self.place()) > PATH_LENGTH:
            raise Doubtful(Doubt(f"a path of more than {PATH_LENGTH} characters"))
        return word if word.startswith("/") else f"{self.place().rstrip('/')}/{word}"

    def output(self, descriptor: int = 1) -> Output:
        """Where a descriptor writes to; what is closed or only read loses everything."""
        stream = self.descriptors.get(descriptor)
        return stream if isinstance(stream, Output) else Output()

    def input(self, descriptor: int = 0) -> Input:
        """Where a descriptor reads from; what is closed has nothing."""
        stream = self.descriptors.get(descriptor)
        return stream if isinstance(stream, Input) else Input()


class Invocation:
    """One call of a builtin: the shell, the words after its name, and what a declaration gives variables."""

    def __init__(self, shell: Shell, name: str, words: list[Value], assigned: Mapping[str, Value]) -> None:
        self.shell, self.name, self.words, self.assigned = shell, name, words, assigned

    def texts(self) -> list[str]:
        """The words. Raises Doubtful if one of them is in doubt."""
        for word in self.words:
            if isinstance(word, Doubt):
                raise Doubtful(word)
        return [word for word in self.words if isinstance(word, str)]


Builtin = Callable[[Invocation], Status]
