"""Hashes of passwords that come out the same in every build.

Buildroot hashes a password in clear text, of root or of a table of users, by its own mkpasswd, with a random salt. Here
the salt follows from SOURCE_DATE_EPOCH. Who knows the version of Buildroot knows the salt then: a hash that is given
as such is the safer way, and is not touched.
"""

from pathlib import Path

from fromscratch.host.storage import disk

_PROGRAM = r"""#!/bin/sh
# Called by Buildroot as: mkpasswd -m METHOD PASSWORD
salt=$(printf %s "${SOURCE_DATE_EPOCH:-0}" | sha256sum | cut -c1-16)
exec @PROGRAM@ -S "$salt" "$@"
"""
_OVERRIDES = """
define FROMSCRATCH_FIXED_SALT
	mv $(HOST_DIR)/bin/mkpasswd $(HOST_DIR)/bin/mkpasswd-random-salt
	install -m 755 @FOLDER@/mkpasswd $(HOST_DIR)/bin/mkpasswd
endef
HOST_MKPASSWD_POST_INSTALL_HOOKS += FROMSCRATCH_FIXED_SALT
"""
_OF_SYSTEM = """
override HOST_MKPASSWD_DEPENDENCIES =
override HOST_MKPASSWD_EXTRACT_CMDS =
override HOST_MKPASSWD_BUILD_CMDS =
override define HOST_MKPASSWD_INSTALL_CMDS
	install -D -m 755 @FOLDER@/mkpasswd $(HOST_DIR)/bin/mkpasswd
endef
"""


def lay_out(folder: Path, of_system: str | None) -> str:
    """Write the stand-in for mkpasswd; the answer is what the file of overrides says of it.

    `of_system` is this machine's mkpasswd, if Buildroot's own is not to be built.
    """
    program = of_system or '"${0%/*}/mkpasswd-random-salt"'
    text = _PROGRAM.replace("@PROGRAM@", program)
    path = folder / "mkpasswd"
    if not path.is_file() or path.read_text() != text:
        disk.write_atomically(path, text.encode(), 0o755)
    return (_OF_SYSTEM if of_system else _OVERRIDES).replace("@FOLDER@", str(folder))
