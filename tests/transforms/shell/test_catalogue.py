"""The catalogue of commands joins modules that do not know of each other."""

import importlib
import pkgutil
from collections import Counter

from fromscratch.transforms.shell import commands
from fromscratch.transforms.shell.commands.catalogue import COMMANDS

_JOINING = ("all_commands", "catalogue")


def test_every_command_is_defined_once_and_is_in_the_catalogue() -> None:
    modules = [each.name for each in pkgutil.walk_packages(commands.__path__, f"{commands.__name__}.")]
    own = [name for name in modules if not name.endswith(_JOINING)]
    defined = Counter(word for name in own for word in getattr(importlib.import_module(name), "COMMANDS", ()))
    assert [name for name, count in defined.items() if count > 1] == []
    assert set(defined) <= set(COMMANDS)
