"""awk(1) over files of the tree or the standard input."""

import re

from fromscratch.paths import decode, encode
from fromscratch.transforms.shell.commands.files.reading import read_operands
from fromscratch.transforms.shell.commands.text.awk.parsing import Rule, parse
from fromscratch.transforms.shell.commands.text.awk.state import Exit, Field, Next, State, is_true
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import parse_options

_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\\\": "\\"}


def awk(machine: Machine, call: Call) -> Result:
    """Run a program. Raises NotUnderstood for one that is not simple."""
    options = parse_options(call.arguments, "F:v:", anywhere=False)
    if not options.operands:
        return Result(2)
    program, *words = options.operands
    if any(_ASSIGNED.fullmatch(word) for word in words):
        raise NotUnderstood("variables among the files of awk")
    rules = parse(program)
    state = State(_unescaped(options.value("F") or " "))
    for given in options.values("v"):
        found = _ASSIGNED.fullmatch(given)
        if found is None or found[1] in ("NF", "NR", "RS"):
            raise NotUnderstood(f"-v {given}")
        state.variables[found[1]] = Field(_unescaped(found[2]))
    try:
        _run(rules, "BEGIN", state)
        if any(rule.when != "BEGIN" for rule in rules):
            missing, files = read_operands(machine, call, tuple(words))
            if missing:
                return Result(2)
            for data in files:
                _records(rules, decode(data), state)
            _run(rules, "END", state)
    except Exit as end:
        if any(rule.when == "END" for rule in rules):
            raise NotUnderstood("a program of awk with END after exit") from None
        return Result(end.status, encode(state.printed))
    return Result(0, encode(state.printed))


def _records(rules: list[Rule], text: str, state: State) -> None:
    lines = text.split("\n")
    for line in lines[:-1] if not lines[-1] else lines:
        state.read(line)
        try:
            _run(rules, "", state)
        except Next:
            continue


def _run(rules: list[Rule], when: str, state: State) -> None:
    for rule in rules:
        if rule.when == when and (rule.matches is None or is_true(rule.matches(state))):
            rule.action(state)


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), text)


COMMANDS = dict.fromkeys(("awk", "mawk", "gawk"), Command(awk, "content"))
