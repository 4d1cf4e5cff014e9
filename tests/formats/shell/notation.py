"""Syntax trees of scripts as short text: what was quoted is in double quotes, commands are in angle brackets."""

from fromscratch.formats.shell.syntax import (
    AndOr,
    Arithmetic,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Loop,
    Parameter,
    Part,
    Pipeline,
    Redirection,
    Sequence,
    Simple,
    Substitution,
    Text,
    Unknown,
    Word,
)


def sequence(found: Sequence) -> str:
    return "; ".join(map(and_or, found.items))


def and_or(found: AndOr) -> str:
    rest = "".join(f" {operator} {pipeline(each)}" for operator, each in found.rest)
    return pipeline(found.first) + rest + " &" * found.background


def pipeline(found: Pipeline) -> str:
    return "! " * found.negated + " | ".join(map(command, found.commands))


def command(found: Command) -> str:
    return f"{_command(found)}{''.join(map(redirection, getattr(found, 'redirections', ())))}"


def _command(found: Command) -> str:
    match found:
        case Simple():
            assignments = [f"{each.name}{'+' * each.appended}={word(each.value)}" for each in found.assignments]
            return f"<{' '.join([*assignments, *map(word, found.words)])}>"
        case Group(body=body, subshell=subshell):
            return f"({sequence(body)})" if subshell else f"{{{sequence(body)}}}"
        case If(branches=branches, final=final):
            ways = [f"if {sequence(condition)} then {sequence(body)}" for condition, body in branches]
            return " el".join(ways) + (f" else {sequence(final)}" if final else "") + " fi"
        case For(name=name, words=words, body=body):
            among = "" if words is None else f" in{''.join(f' {word(each)}' for each in words)}"
            return f"for {name}{among} do {sequence(body)} done"
        case Case(subject=subject, branches=branches):
            ways = [f"{'|'.join(map(word, each[0]))}) {sequence(each[1])}{each[2]}" for each in branches]
            return f"case {word(subject)} in {' '.join(ways)} esac"
        case Loop(condition=condition, body=body, until=until):
            return f"{'until' if until else 'while'} {sequence(condition)} do {sequence(body)} done"
        case Function(name=name, body=body):
            return f"{name}() {command(body)}"
        case Unknown(text=text, why=why):
            return f"?{why}: {text}?"


def redirection(found: Redirection) -> str:
    return f" {found.descriptor}{found.operator}{word(found.target)}"


def word(found: Word) -> str:
    return "".join(map(part, found.parts))


def part(found: Part) -> str:
    shown = _part(found)
    return f'"{shown}"' if found.quoted else shown


def _part(found: Part) -> str:
    match found:
        case Text(text=text):
            return text
        case Parameter(name=name, operator=operator, argument=argument):
            return f"${{{name}{operator and ' ' + operator}{' ' + word(argument) if argument else ''}}}"
        case Substitution(body=body):
            return f"$({sequence(body)})"
        case Arithmetic(expression=expression):
            return f"$(({word(expression)}))"
