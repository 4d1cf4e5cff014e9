"""The extended attributes that belong to a file, and those that belong to the machine it is on."""

_OF_THE_MACHINE = frozenset(
    {
        "security.selinux",  # a label by the policy of that machine
        "security.SMACK64",  # the same of another policy
        "security.apparmor",
        "security.evm",  # a checksum keyed to that machine, over its inode
        "security.ima",  # what that machine measured when the file was written
        "system.nfs4_acl",  # the mode bits in the form of that file server
        "system.cifs_acl",
        "system.ntfs_attrib",
        "user.fuseoverlayfs.origin",
    }
)
_FAMILIES_OF_THE_MACHINE = (
    "trusted.overlay.",  # the bookkeeping of a mounted overlayfs
    "user.overlay.",
    "btrfs.",  # properties of that filesystem
    "trusted.glusterfs.",
    "ceph.",
)


def belongs_to_file(name: str) -> bool:
    """Whether an attribute of this name goes with the file into an image.

    What the kernel or a filesystem of one machine made by its own policy would be wrong, and often
    refused, on every other machine.
    """
    return name not in _OF_THE_MACHINE and not name.startswith(_FAMILIES_OF_THE_MACHINE)
