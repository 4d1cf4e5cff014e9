"""Commands of which nobody knows whether they would run: what the image lacks without them, what they would set."""

from typing import assert_never

from fromscratch.formats.shell.syntax import (
    AndOr,
    Assignment,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Loop,
    Parameter,
    Pipeline,
    Redirection,
    Sequence,
    Simple,
    Unknown,
    Word,
)
from fromscratch.transforms.shell.builtins.names import BUILTINS, changes_nothing
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.commands.services import nothing
from fromscratch.transforms.shell.left_out import Matter
from fromscratch.transforms.shell.state import Shell

_DEVICES = ("/dev/null", "/dev/stderr", "/dev/stdout", "/dev/tty")
_NESTING = 30


class Survey:
    """What commands would do, read from their words alone. `listed` has line, text and what the image would lack."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.listed: list[tuple[int, str, Matter]] = []
        self.variables: set[str] = set()
        self.ends = ""
        """`loop`, `function` or `script`: the widest that they may end."""
        self.fails = False
        """Whether they end the script or function as failed, which no good installation does."""
        self._seen: set[str] = set()
        self._local: set[str] = set()
        self._depth = 0

    def sequence(self, node: Sequence) -> None:
        for item in node.items:
            self.and_or(item)

    def and_or(self, node: AndOr) -> None:
        self.pipeline(node.first)
        for _, pipeline in node.rest:
            self.pipeline(pipeline)

    def pipeline(self, node: Pipeline) -> None:
        before = set(self.variables)
        for command in node.commands:
            self.command(command)
        if len(node.commands) > 1:  # each in a subshell
            self.variables = before

    def command(self, node: Command) -> None:
        """Whatever would run, without running it."""
        self._depth += 1
        if self._depth <= _NESTING:
            self._command(node)
        self._depth -= 1

    def _command(self, node: Command) -> None:
        match node:
            case Simple():
                self._simple(node)
            case Unknown():
                self.listed.append((node.line, node.text, "content"))
            case Group():
                before, variables = self.ends, set(self.variables)
                self.sequence(node.body)
                if node.subshell:
                    self.ends, self.variables = before, variables
            case If():
                for condition, body in node.branches:
                    self.sequence(condition)
                    self.sequence(body)
                if node.final is not None:
                    self.sequence(node.final)
            case For():
                self.variables.add(node.name)
                self._loop(node.body)
            case Loop():
                self.sequence(node.condition)
                self._loop(node.body)
            case Case():
                for _, body, _ in node.branches:
                    self.sequence(body)
            case Function():
                self._shell.functions.setdefault(node.name, node.body)
            case _ as never:
                assert_never(never)
        if not isinstance(node, Function | Unknown | Simple):
            self._redirections(node.line, "", node.redirections)

    def _loop(self, body: Sequence) -> None:
        before = self.ends
        self.sequence(body)
        if self.ends == "loop":
            self.ends = before

    def _end(self, what: str) -> None:
        order = ("", "loop", "function", "script")
        self.ends = max(self.ends, what, key=order.index)

    def _simple(self, node: Simple) -> None:
        self._redirections(node.line, node.text, node.redirections)
        name = node.words[0].literal if node.words else ""
        arguments = [word.literal for word in node.words[1:]]
        if name == "" and not node.words:
            self._assigned(node.assignments)
        elif name is None:
            self.listed.append((node.line, node.text, "program"))
        elif name in self._shell.functions:
            if name not in self._seen:
                self._seen.add(name)
                self._function(self._shell.functions[name])
        elif name in ("exit", "return"):
            if name == "exit" and arguments and arguments[0] not in ("0", None):
                self.fails = True
            else:
                self._end("script" if name == "exit" else "function")
        elif name in ("break", "continue"):
            self._end("loop")
        elif name in BUILTINS and name not in ("eval", "."):
            self._builtin(name, node)
        else:
            self._external(name, node)

    def _function(self, body: Command) -> None:
        ends, variables, local = self.ends, set(self.variables), self._local
        self._local = set()
        self.command(body)
        self.variables -= (self._local | {"@"}) - variables
        self._local = local
        if self.ends != "script":
            self.ends = ends

    def _external(self, name: str, node: Simple) -> None:
        plain = name.rpartition("/")[2]
        if plain.startswith("db_"):
            self.variables.add("RET")
        command = COMMANDS.get(plain)
        if changes_nothing(plain, [word.literal for word in node.words[1:]]) or (
            command is not None and command.run is nothing
        ):
            return
        self.listed.append((node.line, node.text, command.matter if command is not None else "program"))

    def _builtin(self, name: str, node: Simple) -> None:
        if name in ("export", "readonly", "local", "read", "unset", "getopts", "declare", "typeset"):
            for word in node.words[1:]:
                begin = "".join(getattr(part, "text", "=") for part in word.parts[:1])
                variable = begin.partition("=")[0]
                if variable.isidentifier():
                    self.variables.add(variable)
                    if name == "local":
                        self._local.add(variable)
        if name == "shift" or (name == "set" and any(word.literal == "--" for word in node.words)):
            self.variables.add("@")
        if name == "cd":
            self.variables.add("PWD")

    def _assigned(self, assignments: tuple[Assignment, ...]) -> None:
        for each in assignments:
            self.variables.add(each.name)
            for part in each.value.parts:
                if isinstance(part, Parameter) and part.operator in ("=", ":="):
                    self.variables.add(part.name)

    def _redirections(self, line: int, text: str, redirections: tuple[Redirection, ...]) -> None:
        for each in redirections:
            if each.operator in (">", ">>", ">|", "<>") and each.target.literal not in _DEVICES:
                self.listed.append((line, text or f"{each.operator} {_shown(each.target)}", "content"))
                return


def _shown(word: Word) -> str:
    return "".join(part.text if hasattr(part, "text") else f"${getattr(part, 'name', '…')}" for part in word.parts)
