"""Graphviz' list of its plugins, without which `dot` draws nothing: `dot -c`, and Debian's libgvc6-config-update.

The programs are not run: the list is made of the tables in the plugins, for any architecture.
"""

import io
import re

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.graphviz.plugins import Plugin, read_plugin, written
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.tree_files import is_directory, read_file, write_file

_TOP = "/usr/lib"
_LIBRARY = re.compile(r"libgvc\.so\.\d+")
_PLUGIN = re.compile(r"libgvplugin_\w+\.so\.(\d+)")
_CONFIGURATION = re.compile(rb"config\d{1,4}[a-z]?(?![a-z0-9])")
_NAMES = {"6": "config6a"}
"""The name of the configuration by the version of plugins, where it is another than the version says."""


def configure(machine: Machine, call: Call) -> Result:
    """Write the list of plugins beside them. Raises NotUnderstood for anything else that `dot` is asked for."""
    if call.arguments != ("-c",):
        raise NotUnderstood("it is a program of the image, and nothing of an image is run")
    for folder in _folders(machine):
        for name in _names(machine, folder):
            if _LIBRARY.fullmatch(name):
                _configure(machine, f"{folder}/graphviz", read_file(machine, f"{folder}/{name}"), call.umask)
    return Result()


def _folders(machine: Machine) -> list[str]:
    if not is_directory(machine, _TOP):
        return []
    below = [f"{_TOP}/{name}" for name in _names(machine, _TOP)]
    return [folder for folder in (_TOP, *below) if is_directory(machine, f"{folder}/graphviz")]


def _configure(machine: Machine, folder: str, library: bytes, umask: int) -> None:
    files = [(file, found[1]) for file in _names(machine, folder) if (found := _PLUGIN.fullmatch(file))]
    if not files:
        return
    version = max((version for _, version in files), key=int)
    plugins = [_plugin(machine, f"{folder}/{file}") for file, each in files if each == version]
    # Where a compiler has written the name as numbers into code, the library does not say it.
    said = _CONFIGURATION.search(library)
    name = said[0].decode() if said else _NAMES.get(version, f"config{version}")
    write_file(machine, f"{folder}/{name}", written(plugins).encode("utf-8", "surrogateescape"), umask=umask)


def _names(machine: Machine, folder: str) -> list[str]:
    return machine.tree.children(machine.tree.resolve(folder))


def _plugin(machine: Machine, path: str) -> Plugin:
    stream = io.BytesIO(read_file(machine, path))

    def read(offset: int, size: int) -> bytes:
        stream.seek(offset)
        return stream.read(size)

    try:
        return read_plugin(paths.name(TreePath(path)), read)
    except FormatError as error:
        raise FormatError(f"{path}: {error.message}", error.hint) from error


COMMANDS = {"dot": Command(configure, "program"), "libgvc6-config-update": Command(configure, "content")}
