"""Java as scripts of packages call it: to write the store of trusted certificates that Java itself reads.

java(1) is not run. Two of its uses are known: whether it is there, and the program of ca-certificates-java, which
reads lines such as `+/etc/ssl/certs/ca.pem`, and puts each certificate into the store as `debian:ca.pem`.
"""

from msgspec import Struct

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.trust.java_keystore import written
from fromscratch.formats.trust.x509 import certificates
from fromscratch.paths import TreePath, decode
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.tree_files import make_folders, read_file, write_file

_PROGRAM = "ca-certificates-java.jar"
_STORE = "/etc/ssl/certs/java/cacerts"


class _Trusted(Struct):
    """What the store has so far, by alias. It is written anew by each call, so that no reader of it is needed."""

    certificates: dict[str, bytes] = {}


def java(machine: Machine, call: Call) -> Result:
    """Say that there is a Java, or write the store of certificates."""
    if machine.tree.find("/usr/bin/java") is None:
        return Result(127)
    words = [word for word in call.arguments if not word.startswith("-X")]
    if words == ["-version"]:
        return Result(0, None)
    if len(words) >= 2 and words[0] == "-jar" and paths.name(TreePath(words[1])) == _PROGRAM:
        match words[2:]:
            case []:
                return _store(machine, call, "changeit")
            case ["-storepass", password]:
                return _store(machine, call, password)
    raise NotUnderstood("it is a program of the image, and nothing of an image is run")


def _store(machine: Machine, call: Call, password: str) -> Result:
    trusted = machine.state(_Trusted).certificates
    for line in decode(call.read()).splitlines():
        sign, path = line[:1], line[1:]
        alias = f"debian:{paths.name(TreePath(path))}".lower()
        if sign == "+":
            try:
                found = certificates(read_file(machine, path))
            except FormatError as error:
                raise FormatError(f"{path}: {error.message}", error.hint) from error
            if found:
                trusted[alias] = found[0]
        elif sign == "-":
            trusted.pop(f"debian:{path}".lower(), None)
        else:
            raise NotUnderstood(f"{line[:80]!r} is not a certificate to add or to remove")
    make_folders(machine, _STORE.rpartition("/")[0], 0o755)
    write_file(machine, _STORE, written(trusted, password), umask=call.umask)
    return Result()


COMMANDS = {"java": Command(java, "content")}
