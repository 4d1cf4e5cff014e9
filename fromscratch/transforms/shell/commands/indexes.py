"""Commands with nothing left to do: an image does without what they index or compile to be read faster.

What programs cannot do without, the bundle of authorities and ld.so.cache, is made of the finished tree.
"""

from fromscratch.transforms.shell.commands.services import nothing
from fromscratch.transforms.shell.machine import Command

_NOTHING = (
    "install-docs", "install-info", "install-sgmlcatalog", "ldconfig", "mandb", "py3clean", "py3compile", "pyclean",
    "pycompile", "pypy3clean", "pypy3compile", "update-app-install", "update-ca-certificates",
    "update-desktop-database", "update-info-dir", "update-menus", "update-motd",
)  # fmt: skip

COMMANDS = {
    **{name: Command(nothing, "cache") for name in _NOTHING},
    # The bundle is there already: transforms.scripted.certificates makes it of the same files.
    "update-ca-certificates": Command(nothing, "content"),
}
