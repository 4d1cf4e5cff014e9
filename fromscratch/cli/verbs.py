"""Every verb there is: the modules that hold them, loaded, so that `VERBS` knows all. A new module is one word here."""

from fromscratch.cli import asking, delivering, keeping, linking, making, registries, setting_up
from fromscratch.cli.verb import VERBS

__all__ = ["VERBS", "asking", "delivering", "keeping", "linking", "making", "registries", "setting_up"]
