"""Commands with nothing left to do: an image does without what they index or compile to be read faster.

What programs cannot do without, the bundle of authorities and ld.so.cache, is made of the finished tree.
"""

from fromscratch.transforms.shell.commands.services import nothing
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_NOTHING = (
    "fc-cache", "gtk-update-icon-cache", "gtk-update-icon-cache-3.0", "gtk4-update-icon-cache", "install-docs",
    "install-info", "install-sgmlcatalog", "journalctl", "ldconfig", "mandb", "py3clean", "py3compile", "pyclean",
    "pycompile", "pypy3clean", "pypy3compile", "systemd-hwdb", "update-app-install", "update-ca-certificates",
    "update-desktop-database", "update-icon-caches", "update-info-dir", "update-menus", "update-motd",
)  # fmt: skip
_PYTHONS = ("python3", *(f"python3.{number}" for number in range(7, 16)))
_COMPILERS = ("compileall", "compileall.py", "py_compile", "py_compile.py")


def python(machine: Machine, call: Call) -> Result:
    """Byte code is not made, since Python does without; nothing else that a program in Python does is followed."""
    if any(word.rpartition("/")[2] in _COMPILERS for word in call.arguments):
        return Result()
    raise NotUnderstood(f"{call.name} is a program, and programs are not run")


COMMANDS = {
    **{name: Command(nothing, "cache") for name in _NOTHING},
    **{name: Command(python, "program") for name in _PYTHONS},
}
