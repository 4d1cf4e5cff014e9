"""A user's project for Buildroot: an external tree with a board of its own, as Buildroot's manual lays it out."""

from pathlib import Path

DEFCONFIG = """\
BR2_x86_64=y
BR2_TOOLCHAIN_BUILDROOT_CXX=y
BR2_GLOBAL_PATCH_DIR="$(BR2_EXTERNAL_GADGET_PATH)/board/patches"
BR2_TARGET_GENERIC_HOSTNAME="gadget"
BR2_TARGET_GENERIC_ROOT_PASSWD="secret"
BR2_ROOTFS_USERS_TABLES="$(BR2_EXTERNAL_GADGET_PATH)/board/users.txt"
BR2_ROOTFS_DEVICE_TABLE="system/device_table.txt $(BR2_EXTERNAL_GADGET_PATH)/board/devices.txt"
BR2_ROOTFS_OVERLAY="$(BR2_EXTERNAL_GADGET_PATH)/board/overlay"
BR2_ROOTFS_POST_BUILD_SCRIPT="$(BR2_EXTERNAL_GADGET_PATH)/board/post-build.sh"
BR2_ROOTFS_POST_FAKEROOT_SCRIPT="$(BR2_EXTERNAL_GADGET_PATH)/board/post-fakeroot.sh"
BR2_ROOTFS_POST_IMAGE_SCRIPT="$(BR2_EXTERNAL_GADGET_PATH)/board/post-image.sh"
BR2_ROOTFS_POST_SCRIPT_ARGS="$(notdir $(BR2_DEFCONFIG))"
BR2_PACKAGE_OVERRIDE_FILE="$(BR2_EXTERNAL_GADGET_PATH)/local.mk"
BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES="$(BR2_EXTERNAL_GADGET_PATH)/board/busybox.fragment"
BR2_LINUX_KERNEL=y
BR2_LINUX_KERNEL_DEFCONFIG="x86_64"
BR2_TARGET_ROOTFS_EXT2=y
# BR2_TARGET_ROOTFS_TAR is not set
BR2_TARGET_GRUB2=y
BR2_PACKAGE_HOST_GENIMAGE=y
BR2_PACKAGE_GADGET=y
"""
FILES = {
    "external.desc": "name: GADGET\ndesc: A gadget\n",
    "Config.in": 'source "$BR2_EXTERNAL_GADGET_PATH/package/gadget/Config.in"\n',
    "external.mk": "include $(sort $(wildcard $(BR2_EXTERNAL_GADGET_PATH)/package/*/*.mk))\n",
    "configs/gadget_defconfig": DEFCONFIG,
    "local.mk": "GADGET_FLAVOUR = local\n",
    "package/gadget/Config.in": 'config BR2_PACKAGE_GADGET\n\tbool "gadget"\n',
    "package/gadget/gadget.mk": """\
GADGET_VERSION = 1.0
GADGET_SITE = $(BR2_EXTERNAL_GADGET_PATH)/package/gadget/src
GADGET_SITE_METHOD = local
GADGET_LICENSE = MIT
GADGET_FLAVOUR ?= plain
define GADGET_BUILD_CMDS
	$(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) -DFLAVOUR='"$(GADGET_FLAVOUR)"' -o $(@D)/gadget $(@D)/gadget.c
endef
define GADGET_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/gadget $(TARGET_DIR)/usr/bin/gadget
endef
$(eval $(generic-package))
""",
    "package/gadget/src/gadget.c": '#include <stdio.h>\nint main(void) { puts("gadget " FLAVOUR); return 0; }\n',
    "board/users.txt": "app 1200 app 1200 =secret /home/app /bin/sh - The app\n",
    "board/devices.txt": "/etc/gadget.conf f 640 0 1200 - - - - -\n/dev/gadget c 660 0 0 240 0 - - -\n",
    "board/overlay/etc/gadget.conf": "mode=fast\n",
    "board/post-build.sh": '#!/bin/sh\necho "built $2" > "$1/etc/build-id"\n',
    "board/post-fakeroot.sh": '#!/bin/sh\nmkdir -p "$1/var/lib/gadget" && chown 1200:1200 "$1/var/lib/gadget"\n',
    "board/busybox.fragment": "# CONFIG_VI is not set\n",
    "board/patches/busybox/0001-banner.patch": """\
Say whose it is.

Signed-off-by: A User <user@example.org>
--- a/libbb/messages.c
+++ b/libbb/messages.c
@@ -11,7 +11,7 @@
 #define BB_EXTRA_VERSION " ("AUTOCONF_TIMESTAMP")"
 #endif

-const char bb_banner[] ALIGN1 = "BusyBox v" BB_VER BB_EXTRA_VERSION;
+const char bb_banner[] ALIGN1 = "GadgetBox v" BB_VER BB_EXTRA_VERSION;


 const char bb_msg_memory_exhausted[] ALIGN1 = "out of memory";
""",
}


def write(folder: Path) -> Path:
    """The project in this folder, which is its external tree."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name.endswith(".sh") else 0o644)
    return folder
