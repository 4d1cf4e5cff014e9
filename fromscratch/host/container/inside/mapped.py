"""A process in a new user namespace with several users, which empties folders that those users have filled."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from typing import Any

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.users import mapper


def main() -> None:
    """`sys.argv` ends with the mapping, as `host.container.subordinate` has it, and the folders."""
    map_users: Callable[[], None] = mapper({"map": "range", "mapping": json.loads(sys.argv[2])})
    kernel.call("namespaces", "unshare", kernel.NEWUSER)
    map_users()
    for folder in sys.argv[3:]:
        for entry in os.scandir(folder):
            _remove(entry)


def _remove(entry: os.DirEntry[Any]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)  # noqa: PTH108 - the name may be bytes that are not text
