"""awk."""

from contextlib import suppress

from fromscratch.paths import decode, encode
from fromscratch.transforms.shell.commands.files.reading import read_operands
from fromscratch.transforms.shell.commands.text.awk_program import Record, Rule, parse_program
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import parse_options


def awk(machine: Machine, call: Call) -> Result:
    """awk(1)."""
    options = parse_options(call.arguments, "F:v:", "field-separator=F assign=v", anywhere=False)
    if not options.operands or any("=" in word for word in options.operands[1:]):
        raise NotUnderstood("the program of awk is not in the call")
    variables: dict[str, str] = {}
    for given in options.values("v"):
        name, equals, value = given.partition("=")
        if not equals or "\\" in value or name in ("FS", "OFS", "RS", "ORS", "NF", "NR"):
            raise NotUnderstood(f"the variable {given} of awk is not followed")
        variables[name] = value
    separator = options.value("F") or " "
    separator = {"\\t": "\t", "t": "\t"}.get(separator, separator)
    if separator == "\\" or (len(separator) == 2 and separator[0] == "\\"):
        separator = separator[-1]
    rules = parse_program(options.operands[0])
    record = Record(variables, separator)
    reads = any(rule.at != "BEGIN" for rule in rules)
    status, found = read_operands(machine, call, options.operands[1:]) if reads else (0, [])
    return Result(2 if status else 0, encode("".join(_printed(rules, record, [decode(data) for data in found]))))


class _Exit(Exception):
    """The program ends, but for what it does at its end."""


def _printed(rules: list[Rule], record: Record, texts: list[str]) -> list[str]:
    lines = (line for text in texts if text for line in text.removesuffix("\n").split("\n"))
    rows: list[str] = []
    with suppress(_Exit):
        _do(rules, record, "BEGIN", rows)
        for line in lines:
            record.take(line)
            _do(rules, record, "", rows)
    with suppress(_Exit):
        _do(rules, record, "END", rows)
    return rows


def _do(rules: list[Rule], record: Record, at: str, rows: list[str]) -> None:
    for rule in rules:
        if rule.at != at or (rule.condition is not None and not rule.condition(record).holds):
            continue
        for word, values in rule.steps:
            if word == "next":
                return
            if word == "exit":
                raise _Exit
            rows.append(" ".join(value(record).text for value in values) + "\n" if values else f"{record.line}\n")


COMMANDS = {"awk": Command(awk, "content"), "mawk": Command(awk, "content")}
