"""Giving the files of a tree to their owners, as root of a user namespace: outside, an ordinary user could not."""

import os
from contextlib import suppress
from typing import Any


def give(root: bytes, owners: list[dict[str, Any]]) -> None:
    """For each entry of the list (path, uid, gid, mode or None for a symlink, attributes) what the tree says of it.

    The root is as it was written, so that the folders of a path are no symlinks. An owner who has no number in the
    namespace is left out.
    """
    for entry in owners:
        path = root + entry["path"].encode("utf-8", "surrogateescape")
        with suppress(OSError):
            os.chown(path, entry["uid"], entry["gid"], follow_symlinks=False)
        if entry["mode"] is not None:
            with suppress(OSError):
                os.chmod(path, entry["mode"])  # noqa: PTH101 - paths are bytes here
        for name, value in entry["attributes"]:
            with suppress(OSError):
                os.setxattr(path, name.encode("utf-8", "surrogateescape"), bytes.fromhex(value))
