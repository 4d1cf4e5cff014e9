"""dpkg-realpath: where a path leads inside the root."""

from fromscratch.paths import encode
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result


def realpath(machine: Machine, call: Call) -> Result:
    """dpkg-realpath(1): the path without symlinks. The root is that of the image. Raises NotInTree."""
    words = list(call.arguments)
    end = "\n"
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        root = words.pop(0) if option == "--root" and words else option.partition("=")[2]
        if option in ("-z", "--zero"):
            end = "\0"
        elif not option.startswith(("--root", "--instdir")) or root not in ("", "/"):
            raise NotUnderstood(f"the option {option} of dpkg-realpath is not known")
    if len(words) != 1:
        raise NotUnderstood("dpkg-realpath takes one path")
    return Result(output=encode(machine.tree.place(call.path(words[0])) + end))


COMMANDS = {"dpkg-realpath": Command(realpath, "link")}
