"""What the table of verbs is made of: records of verbs and of their options, and how a name in it is loaded."""

from __future__ import annotations

from collections.abc import Callable

from fromscratch.named_tuple import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any


class Option(NamedTuple):
    """An option of a verb, or its operand: the words that stand without an option.

    `value` is what help calls its value; an option without one is a switch. `help` may be a function that returns the
    text. `choices` are all the values that it may
    have, `candidates` some that completion offers besides others; either may be "module:name" of a tuple, or of a
    function that returns one, which is loaded when help or completion needs it.

    Options of one `sequence` are given to the verb together, under that name: pairs of name and value in the order of
    the call. `alone` is the switch that the option stands for where no value follows it.
    """

    name: str
    value: str
    help: str | Callable[[], str]
    default: Any = None
    choices: tuple[str, ...] | str = ()
    candidates: tuple[str, ...] | str = ()
    repeated: bool = False
    is_path: bool = False
    may_be_empty: bool = False
    sequence: str = ""
    alone: str = ""

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def parameter(self) -> str:
        """The parameter of the verb's function: `stop_signal`, and `with_` for a word of Python."""
        name = self.sequence or self.name
        return f"{name}_" if name in ("from", "with", "exec", "all") else name.replace("-", "_")

    @property
    def text(self) -> str:
        """What help says of it."""
        return self.help if isinstance(self.help, str) else self.help()

    @property
    def unset(self) -> Any:
        """What the verb's function gets where the option is not given."""
        if self.default is not None:
            return self.default
        return () if self.repeated else None if self.value else False


class Verb(NamedTuple):
    """A verb of the command line.

    `run` is "module:function", loaded when the verb is called: it gets the call, and each of `options` and the operand
    as a keyword. What `shared` options say, which many verbs have, is in the call. A verb that `delivers` brings an
    image elsewhere, under a name that others will trust; one that `takes_words` is given the words after `--`. One that
    `only_reads` has nothing to clean up: a signal ends it as it ends any program.
    """

    name: str
    run: str
    summary: str
    example: str
    options: tuple[Option, ...] = ()
    shared: tuple[Option, ...] = ()
    operand: Option | None = None
    delivers: bool = False
    takes_words: bool = False
    only_reads: bool = False

    def flags(self) -> dict[str, Option]:
        """Every option by how it is written. An operand that stands once may be written as an option too."""
        every = (*self.options, *self.shared, *((self.operand,) if self.operand and not self.operand.repeated else ()))
        return {option.flag: option for option in every}

    def own(self) -> tuple[Option, ...]:
        """What its function gets: its own options and its operand."""
        return (*self.options, self.operand) if self.operand else self.options


def loaded(place: str) -> Any:
    """What "module:name" names."""
    module, _, name = place.partition(":")
    return getattr(__import__(module, fromlist=[name]), name)  # importlib would be one more module to load


def values(listed: tuple[str, ...] | str) -> tuple[str, ...]:
    """The values of `choices` or `candidates`."""
    if not isinstance(listed, str):
        return listed
    found = loaded(listed)
    return tuple(found() if callable(found) else found)
