"""A project with an external tree, edited as people edit it: each edit rebuilds what it must, as a fresh build has it.

Minutes; needs a real tree as a folder, see test_real.py. FROMSCRATCH_EVERY_EDIT=1 compares each edit with a build from
the start, and not only every fourth.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import MissingTool
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.source import BuildrootSource
from fromscratch.sources.contract import Context
from tests.sameness import archive_of

pytestmark = [pytest.mark.slow, pytest.mark.buildroot]

_COMPARED = 1 if os.environ.get("FROMSCRATCH_EVERY_EDIT") else 4
_PACKAGE = """\
@NAME@_VERSION = 1
@NAME@_SITE = $(@NAME@_PKGDIR)/src
@NAME@_SITE_METHOD = local
"""
FILES = {
    "external.desc": "name: BOX\ndesc: a project\n",
    "external.mk": "include $(sort $(wildcard $(BR2_EXTERNAL_BOX_PATH)/package/*/*.mk))\n",
    "Config.in": "".join(
        f'source "$BR2_EXTERNAL_BOX_PATH/package/{name}/Config.in"\n' for name in ("hello", "greet", "spare")
    ),
    "configs/box_defconfig": """\
BR2_INIT_NONE=y
BR2_PACKAGE_BUSYBOX=y
# BR2_PACKAGE_IFUPDOWN_SCRIPTS is not set
BR2_ROOTFS_OVERLAY="$(BR2_EXTERNAL_BOX_PATH)/board/box/overlay"
BR2_ROOTFS_USERS_TABLES="$(BR2_EXTERNAL_BOX_PATH)/board/box/users"
BR2_ROOTFS_DEVICE_TABLE="system/device_table.txt $(BR2_EXTERNAL_BOX_PATH)/board/box/devices"
BR2_ROOTFS_POST_BUILD_SCRIPT="$(BR2_EXTERNAL_BOX_PATH)/board/box/post-build.sh"
BR2_GLOBAL_PATCH_DIR="$(BR2_EXTERNAL_BOX_PATH)/patches"
BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES="$(BR2_EXTERNAL_BOX_PATH)/board/box/busybox.config"
BR2_PACKAGE_OVERRIDE_FILE="$(BR2_EXTERNAL_BOX_PATH)/local.mk"
BR2_PACKAGE_HELLO=y
BR2_PACKAGE_SPARE=y
""",
    "board/box/overlay/etc/motd": "welcome\n",
    "board/box/overlay/etc/issue.net": "soon gone\n",
    "board/box/users": "web 300 web 300 ! /srv - - a server\n",
    "board/box/devices": "/etc/motd f 600 0 0 - - - - -\n",
    "board/box/post-build.sh": "#!/bin/sh\necho built >> $1/etc/motd\n",
    "board/box/busybox.config": "# CONFIG_VI is not set\n",
    "local.mk": "# nothing yet\n",
    "patches/README": "",
    "package/hello/Config.in": 'config BR2_PACKAGE_HELLO\n\tbool "hello"\n\tselect BR2_PACKAGE_GREET\n',
    "package/hello/src/hello.c": '#include <greet.h>\nint main(void) { return puts(GREETING "1" MORE) < 0; }\n',
    "package/hello/hello.mk": _PACKAGE.replace("@NAME@", "HELLO")
    + """\
HELLO_DEPENDENCIES = greet
HELLO_MORE = ""
define HELLO_BUILD_CMDS
\t$(TARGET_CC) $(TARGET_CFLAGS) '-DMORE=$(HELLO_MORE)' -o $(@D)/hello $(@D)/hello.c
endef
define HELLO_INSTALL_TARGET_CMDS
\t$(INSTALL) -D -m 755 $(@D)/hello $(TARGET_DIR)/usr/bin/hello
endef
$(eval $(generic-package))
""",
    "package/greet/Config.in": 'config BR2_PACKAGE_GREET\n\tbool "greet"\n',
    "package/greet/src/greet.h": '#include <stdio.h>\n#define GREETING "hello"\n',
    "package/spare/Config.in": 'config BR2_PACKAGE_SPARE\n\tbool "spare"\n',
    "package/spare/src/spare.h": "/* spare */\n",
}
for _name in ("greet", "spare"):
    FILES[f"package/{_name}/{_name}.mk"] = (
        _PACKAGE.replace("@NAME@", _name.upper())
        + f"""\
{_name.upper()}_INSTALL_STAGING = YES
define {_name.upper()}_INSTALL_STAGING_CMDS
\t$(INSTALL) -D -m 644 $(@D)/{_name}.h $(STAGING_DIR)/usr/include/{_name}.h
endef
define {_name.upper()}_INSTALL_TARGET_CMDS
\t$(INSTALL) -D -m 644 $(@D)/{_name}.h $(TARGET_DIR)/usr/share/{_name}
endef
$(eval $(generic-package))
"""
    )
_PATCH = """\
--- a/applets/applets.c
+++ b/applets/applets.c
@@ -1,2 +1,3 @@
 /* vi: set sw=4 ts=4: */
+/* patched */
 /*
"""


class Project:
    """An external tree and the tree of Buildroot that it is for."""

    def __init__(self, folder: Path, tree: Path, mirror: str) -> None:
        self.folder, self.tree = folder, tree
        self._options = BuildrootOptions(
            tree=str(tree),
            external="external",
            config="box_defconfig",
            mirror=mirror,
            offline=True,
            toolchain="host",
            host_tools="system",
        )
        for name, text in FILES.items():
            self.write(name, text)
        (folder / "external/board/box/post-build.sh").chmod(0o755)

    def write(self, name: str, text: str) -> None:
        path = self.folder / "external" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.folder / "external" / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def build(self, store: Store) -> Digest:
        context = Context(folder=self.folder, place="rootfs[0]", platform=Platform.of_this_machine())
        source = BuildrootSource(self._options, context)
        source.fetch(store)
        return archive_of(source.build(store))


EDITS: Mapping[str, tuple[Callable[[Project], object], set[str]]] = {
    "a file of the overlay": (lambda project: project.write("board/box/overlay/etc/motd", "hello\n"), set()),
    "a package's source": (lambda project: project.replace("package/hello/src/hello.c", '"1"', '"2"'), {"hello"}),
    "the table of users": (
        lambda project: project.write("board/box/users", "db 301 db 301 ! /var/db - - a store\n"),
        set(),
    ),
    "a file of the overlay that is gone": (
        lambda project: (project.folder / "external/board/box/overlay/etc/issue.net").unlink(),
        set(),
    ),
    "a header that another package is built with": (
        lambda project: project.replace("package/greet/src/greet.h", "hello", "good day"),
        {"greet", "hello"},
    ),
    "the table of devices": (
        lambda project: project.write("board/box/devices", "/etc/motd f 640 0 0 - - - - -\n"),
        set(),
    ),
    "the post-build script": (lambda project: project.replace("board/box/post-build.sh", "built", "made"), set()),
    "BusyBox's configuration": (
        lambda project: project.write("board/box/busybox.config", "# CONFIG_VI is not set\n# CONFIG_WGET is not set\n"),
        {"busybox"},
    ),
    "a line of local.mk": (lambda project: project.write("local.mk", 'override HELLO_MORE = "!"\n'), {"hello"}),
    "a patch of one more package": (
        lambda project: project.write("patches/busybox/0001-comment.patch", _PATCH),
        {"busybox"},
    ),
    "a package that is left out, and a name of the host": (
        lambda project: project.replace(
            "configs/box_defconfig", "BR2_PACKAGE_SPARE=y", 'BR2_TARGET_GENERIC_HOSTNAME="box"'
        ),
        set(),
    ),
    "a makefile of Buildroot's own": (
        lambda project: (project.tree / "package/busybox/busybox.mk").open("a").write("\n# mine\n"),
        {"busybox"},
    ),
    "an unknown file beside it": (lambda project: (project.tree / "notes.txt").write_text("mine\n"), set()),
}


def built(store: Store) -> list[str]:
    """The packages that were compiled so far, in order."""
    [log] = store.root.glob("work/buildroot/*/output/build/build-time.log")
    lines = (line.split(":") for line in log.read_text().splitlines())
    return [words[3].strip() for words in lines if words[1].strip() == "start" and words[2].strip() == "build"]


def test_each_edit_rebuilds_what_it_must(tmp_path: Path) -> None:
    tree, mirror = (os.environ.get(f"FROMSCRATCH_BUILDROOT_{name}", "") for name in ("TREE", "MIRROR"))
    if not mirror or not Path(tree, "Makefile").is_file():
        pytest.skip("FROMSCRATCH_BUILDROOT_TREE names no folder, or FROMSCRATCH_BUILDROOT_MIRROR no mirror")
    shutil.copytree(tree, tmp_path / "tree", symlinks=True)
    project = Project(tmp_path / "project", tmp_path / "tree", str(Path(mirror).absolute()))
    store = Store(tmp_path / "store")
    try:
        last = project.build(store)
    except MissingTool as error:
        pytest.skip(error.message)
    for number, (name, (edit, expected)) in enumerate(EDITS.items(), 1):
        before, began = len(built(store)), time.monotonic()
        edit(project)
        archive = project.build(store)
        compiled = built(store)[before:]
        print(f"{name}: {sorted(compiled)} in {time.monotonic() - began:.0f} s")
        assert set(compiled) == expected, name
        assert len(compiled) == len(expected), name
        assert (archive != last) == (
            name not in ("a patch of one more package", "a makefile of Buildroot's own", "an unknown file beside it")
        ), name
        last = archive
        if number % _COMPARED == 0 or number == len(EDITS):
            fresh = tmp_path / f"fresh-{number}"
            assert archive == project.build(Store(fresh)), name
            shutil.rmtree(fresh)
