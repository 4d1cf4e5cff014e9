"""What commands of scripts act on instead of a machine: a tree, its packages, and a list of what was left out."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, cast

from msgspec import Struct, field

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.entry import Origin
from fromscratch.transforms.shell.bounds import PATH_LENGTH
from fromscratch.transforms.shell.left_out import LeftOut, Matter
from fromscratch.transforms.shell.standard_input import Input

State = TypeVar("State")


class NotUnderstood(Exception):
    """A command cannot be followed, for this reason: it is left out, and nothing is assumed of it."""


class Package(Struct, frozen=True, kw_only=True):
    """An installed package. `configuration` are its conffiles; `templates` the text of its debconf templates."""

    name: str
    version: str
    architecture: str = ""
    configuration: tuple[str, ...] = ()
    templates: str = ""
    origin: Origin | None = None


class Call(Struct, frozen=True):
    """One call of a command: its words, the first being its name; what it can read; the exported variables."""

    words: tuple[str, ...]
    line: int = 0
    stdin: Input = field(default_factory=Input)
    environment: Mapping[str, str] = {}
    folder: str = "/"
    """The working directory, absolute."""
    umask: int = 0o022

    @property
    def name(self) -> str:
        return self.words[0].rpartition("/")[2]

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.words[1:]

    def read(self) -> bytes:
        """All of the standard input that is left. Raises NotUnderstood when nobody knows what it is."""
        if self.stdin.doubt is not None:
            raise NotUnderstood(self.stdin.doubt.why)
        return self.stdin.rest()

    def path(self, word: str) -> str:
        """A word as an absolute path. Raises NotUnderstood for one that is longer than Linux has."""
        if len(word) + len(self.folder) > PATH_LENGTH:
            raise NotUnderstood(f"a path of more than {PATH_LENGTH} characters")
        return word if word.startswith("/") else f"{self.folder.rstrip('/')}/{word}"


class Result(Struct, frozen=True):
    """How a command ended: 0 is success, None that nobody knows; and what it printed, where None is not known.

    `variables` are those of the shell that it sets, as functions of a sourced library do, such as `RET` of debconf's
    confmodule; the value None is not known.
    """

    status: int | None = 0
    output: bytes | None = b""
    variables: Mapping[str, str | None] = {}


def _not_running(call: Call) -> Result:
    raise NotUnderstood(f"no script is interpreted that could run {call.name}")


class Machine:
    """The state that all scripts of an image share. Commands change `tree`; what else they keep, they keep in `state`.

    `label` is the source's name in origins, `architecture` the distribution's word for it (dpkg's `arm64`).
    """

    def __init__(self, tree: ChangingTree, *, label: str, architecture: str, packages: Iterable[Package]) -> None:
        self.tree, self.label, self.architecture = tree, label, architecture
        self.packages = {package.name: package for package in packages}
        self.left_out: dict[LeftOut, None] = {}
        self.package, self.script, self.line = "", "", 0
        self.run: Callable[[Call], Result] = _not_running
        """Runs a command that another names, such as `xargs`; the interpreter sets it. Raises as `Command.run` does."""
        self._states: dict[type, object] = {}

    def state(self, kind: type[State]) -> State:
        """What the commands of one kind remember, made by `kind()` when first needed."""
        if kind not in self._states:
            self._states[kind] = kind()
        return cast(State, self._states[kind])

    def origin(self, what: str = "") -> Origin:
        """Why an entry is there that the present command makes; `what` is the command when no script has it."""
        package = self.packages.get(self.package)
        detail = f"line {self.line} of the {self.script} of {self.package}" if self.script else what
        return Origin(self.label, "made by", detail, package.origin if package else None)

    def leave_out(self, command: str, why: str, matter: Matter) -> None:
        """Note that a command of the present script was not followed."""
        self.left_out[LeftOut(self.package, self.script, self.line, command[:200], why, matter)] = None


Run = Callable[[Machine, Call], Result]


class Command(Struct, frozen=True):
    """A command that is known; `matter` says what the image lacks if one call of it cannot be followed.

    `run` raises NotUnderstood for a call that it does not know, ImageError for one that would fail.
    """

    run: Run
    matter: Matter
