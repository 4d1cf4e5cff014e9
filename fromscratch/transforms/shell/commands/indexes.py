"""Commands with nothing left to do: an image does without what they index or compile to be read faster.

What programs cannot do without, the bundle of authorities and ld.so.cache, is made of the finished tree.
"""

from fromscratch.transforms.shell.commands.services import nothing
from fromscratch.transforms.shell.machine import Command

_NOTHING = (
    "fc-cache", "gtk-update-icon-cache", "gtk-update-icon-cache-3.0", "gtk4-update-icon-cache", "install-docs",
    "install-info", "install-sgmlcatalog", "journalctl", "ldconfig", "mandb", "py3clean", "py3compile", "pyclean",
    "pycompile", "pypy3clean", "pypy3compile", "systemd-hwdb", "update-app-install", "update-ca-certificates",
    "update-desktop-database", "update-icon-caches", "update-info-dir", "update-menus", "update-motd",
)  # fmt: skip

COMMANDS = {name: Command(nothing, "cache") for name in _NOTHING}
