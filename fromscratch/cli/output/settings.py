"""Settings and commands that the library names in hints, warnings and offers, as the command line spells them.

What they are made of is loaded when there is one: every call loads this, and few have anything to spell.
"""

from fromscratch.named_tuple import TYPE_CHECKING

if TYPE_CHECKING:
    from fromscratch.advice import Command, Setting

_OPTIONS = {"platforms": "platform"}


def spelled(text: str) -> str:
    """The text with options and calls of `fromscratch` where the library has settings and commands."""
    if type(text) is str:
        return text
    from fromscratch import advice

    return advice.spelled(text, _spelled)


def _spelled(part: "Setting | Command") -> str:
    from fromscratch.advice import Command

    if isinstance(part, Command):
        return " ".join(["fromscratch", *part.steps, *map(option, part.settings)])
    return f"{part.name} ({option(part)})" if part.in_recipe else option(part)


def option(setting: "Setting") -> str:
    """The option that sets this, such as `--platform linux/arm64` or `--with gconv`."""
    import shlex

    from fromscratch.cli.verbs.bundle.options import switch

    name = _OPTIONS.get(setting.name, setting.name).replace("_", "-")
    value = f" {shlex.quote(setting.value)}" if setting.value else ""
    return switch(setting.name, setting.value) or f"--{name}{value}"
