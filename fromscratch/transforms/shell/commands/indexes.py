"""Commands that index manual pages, menus and the like, or compile them to be read faster: an image does without."""

from fromscratch.transforms.shell.commands.services import nothing
from fromscratch.transforms.shell.machine import Command

_NOTHING = (
    "install-docs", "install-info", "install-sgmlcatalog", "mandb", "py3clean", "py3compile", "pyclean", "pycompile",
    "pypy3compile", "pypy3clean", "update-app-install", "update-desktop-database", "update-info-dir", "update-menus",
    "update-motd",
)  # fmt: skip

COMMANDS = {
    **{name: Command(nothing, "cache") for name in _NOTHING},
    # The bundle is there already: transforms.scripted.certificates makes it of the same files.
    "update-ca-certificates": Command(nothing, "content"),
}
