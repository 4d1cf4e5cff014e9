"""What process 1 of a private root needs to know, as one JSON document: `host.container.inside` reads it."""

import base64
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from fromscratch.formats.glibc.passwd import Identity
from fromscratch.formats.oci_runtime import config as runtime_config
from fromscratch.formats.oci_runtime import seccomp
from fromscratch.host.container.emulator import Emulator
from fromscratch.host.container.preparation import HOSTNAME, gives_privileges
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs

_CAP_SYS_ADMIN = 1 << 21

UserMap = Literal["", "own", "everyone", "range"]
"""Which users a new user namespace has: the caller alone, all under their own numbers, or the caller as user 0 with
their subordinate users; empty: no namespace."""


class Program(Struct, frozen=True):
    """A command: `cwd` is a folder of the image."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    who: Identity

    def fields(self) -> dict[str, Any]:
        who = self.who
        return {
            "argv": list(self.argv),
            "env": dict(self.env),
            "cwd": self.cwd or "/",
            "uid": who.uid,
            "gid": who.gid,
            "groups": list(who.groups),
        }


def user_map(emulator: Emulator | None) -> UserMap:
    """How the users of a container are mapped when this process starts it."""
    if not is_root():
        return "own"
    return "everyone" if emulator else ""  # only in a user namespace can the kernel be given a handler of its own


def document(root: Path, tree: Rootfs, users: UserMap, emulator: Emulator | None) -> dict[str, Any]:
    """All but the command: `root` is the folder where the tree has been written."""
    return {
        "root": str(root),
        "hostname": HOSTNAME,
        "map": users,
        "terminals": [],
        "owners": [],
        "layered": False,
        "binds": [],
        "control": None,
        "network": "private",
        "resolver": "",
        "open_ports": True,
        "one_user": "",
        "parent": os.getpid(),
        **_emulation(emulator),
        **_confinement(tree, users),
    }


def _emulation(emulator: Emulator | None) -> dict[str, Any]:
    if emulator is None:
        return {"emulator": "", "handler": ""}
    return {"emulator": str(emulator.program), "handler": emulator.handler.decode("latin-1")}


def _confinement(tree: Rootfs, users: UserMap) -> dict[str, Any]:
    """What the command may do and see: the same limits that an OCI runtime is given."""
    here = Platform.of_this_machine().architecture
    return {
        "filter": base64.b64encode(seccomp.filter_program(here)).decode(),
        "keyctl": seccomp.numbers(here).get("keyctl"),
        # With one user only, no program can be setuid to another.
        "no_new_privileges": users == "own" or not any(map(gives_privileges, tree.values())),
        "capabilities": list(runtime_config.CAPABILITIES.values()),
        "masked": list(runtime_config.MASKED),
        "read_only": list(runtime_config.READ_ONLY),
        "processes": runtime_config.PROCESSES if users in ("own", "range") and _counts_processes_by_namespace() else 0,
    }


def _counts_processes_by_namespace() -> bool:
    """Whether a limit on a user's processes counts those of a user namespace alone: Linux 5.14."""
    numbers = re.findall(r"\d+", os.uname().release)
    return tuple(map(int, numbers[:2])) >= (5, 14)


def is_root() -> bool:
    """Whether this process may make namespaces without a user namespace, as root outside of containers may."""
    if os.geteuid() != 0:
        return False
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return True  # the call that needs /proc fails with the better message
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    return bool(found and int(found[1], 16) & _CAP_SYS_ADMIN)
