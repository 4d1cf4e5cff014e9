"""The parser of the command line: verbs in a chain, their options and operands, and the words after `--`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fromscratch.cli.parsing import mistakes
from fromscratch.cli.parsing.records import Option, Verb
from fromscratch.named_tuple import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

_SHORT = {"-h": "--help", "-V": "--version"}


class Request(NamedTuple):
    """One verb to be done, and what it was given: values by the names of options, lists for repeated ones."""

    verb: Verb
    given: dict[str, Any]


class CommandLine(NamedTuple):
    """The verbs to be done in their order, and the words after `--` (None without `--`).

    `question` is one about the command itself, which stands instead of doing anything: the name of its option (`help`,
    `version`, …), and the option's value or nothing.
    """

    requests: tuple[Request, ...]
    words: list[str] | None = None
    question: tuple[str, str] | None = None


def parse(words: Sequence[str], verbs: Mapping[str, Verb], general: Sequence[Option]) -> CommandLine:
    """What the words behind the program's name ask for. Raises UsageError.

    A word that is a verb starts that verb: an image or a path of such a name is written with its kind or its slash
    (`ls oci:build`, `why /build`). A verb that stands twice with the same options is done once.
    """
    end = words.index("--") if "--" in words else len(words)
    reader = _Reader(words[:end], verbs, {option.flag: option for option in general})
    question = reader.read()
    if question is not None:
        return CommandLine((), question=question)
    requests = reader.requests
    after = list(words[end + 1 :]) if end < len(words) else None
    if requests and after is not None and not any(request.verb.takes_words for request in requests):
        raise mistakes.words_after_dashes(requests[0].verb)
    once = [request for place, request in enumerate(requests) if request not in requests[:place]]
    return CommandLine(tuple(once), after)


class _Reader:
    """The words before `--`, one after the other."""

    def __init__(self, words: Sequence[str], verbs: Mapping[str, Verb], general: Mapping[str, Option]) -> None:
        self.requests: list[Request] = []
        self._words, self._verbs, self._general = words, verbs, general
        self._rest = list(reversed(words))

    def read(self) -> tuple[str, str] | None:
        """Fill `requests`; what is asked about the command itself stops that."""
        while self._rest:
            word = self._rest.pop()
            flag, equals, text = word.partition("=") if word.startswith("--") else (_SHORT.get(word, word), "", "")
            value = text if equals else None
            if word in self._verbs:
                self.requests.append(Request(self._verbs[word], {}))
            elif flag in self._general:
                return self._question(self._general[flag], value)
            elif word.startswith("-") and word != "-":
                self._take_option(flag, value)
            else:
                self._take_operand(word)
        return None

    def _question(self, option: Option, value: str | None) -> tuple[str, str]:
        """`--help` is about the verb behind it, else about the one before it, else about the whole command."""
        if option.value and value is None:
            value = self._rest.pop() if self._rest else ""
        if option.name == "help":
            value = value or (self.requests[-1].verb.name if self.requests else "")
            if value and value not in self._verbs:
                raise mistakes.unknown(value, self._verbs)
        elif option.value and not value:
            raise mistakes.without_value(option)
        elif option.choices and value not in option.choices:
            raise mistakes.not_a_choice(option, value or "")
        return option.name, value or ""

    def _take_option(self, flag: str, value: str | None) -> None:
        verb = self.requests[-1].verb if self.requests else None
        flags = verb.flags() if verb else {}
        option = flags.get(flag)
        if option is None:
            raise mistakes.unknown_option(flag, self._words, verb, self._verbs)
        given = self.requests[-1].given
        if not option.value:
            if value is not None:
                raise mistakes.value_of_switch(option, value)
            given[option.name] = True
            return
        if value is None and option.alone and self._no_value_follows():
            given[option.alone] = True
            return
        if value is None:
            value = self._rest.pop() if self._rest else None
            if value is None or value.partition("=")[0] in (*flags, *self._general):
                raise mistakes.without_value(option)
        if option.sequence:
            given.setdefault(option.sequence, []).append((option.name, value))
        elif option.repeated:
            given.setdefault(option.name, []).append(value)
        elif option.name in given:
            raise mistakes.given_twice(option, given[option.name], value)
        else:
            given[option.name] = value

    def _no_value_follows(self) -> bool:
        """Whether the line ends here, or goes on with an option or a verb."""
        return not self._rest or self._rest[-1].startswith("-") or self._rest[-1] in self._verbs

    def _take_operand(self, word: str) -> None:
        verb = self.requests[-1].verb if self.requests else None
        operand = verb.operand if verb else None
        given = self.requests[-1].given if self.requests else {}
        if operand is None or (operand.name in given and not operand.repeated):
            raise mistakes.unknown(word, self._verbs, verb)
        if operand.repeated:
            given.setdefault(operand.name, []).append(word)
        else:
            given[operand.name] = word
