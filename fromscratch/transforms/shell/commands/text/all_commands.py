"""All commands on text, by name."""

from collections.abc import Mapping

from fromscratch.transforms.shell.commands.text import grep, lines
from fromscratch.transforms.shell.commands.text.awk import command as awk
from fromscratch.transforms.shell.commands.text.sed import command as sed
from fromscratch.transforms.shell.machine import Command

COMMANDS: Mapping[str, Command] = {
    **awk.COMMANDS,
    **grep.COMMANDS,
    **lines.COMMANDS,
    **sed.COMMANDS,
}
