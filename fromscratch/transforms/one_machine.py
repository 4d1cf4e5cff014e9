"""What a root that programs have worked in has of one machine, or of one moment, and no image is to have."""

OF_ONE_MACHINE = (
    *("/dev/**", "/proc/**", "/sys/**", "/run/**", "/tmp/**", "/var/tmp/**"),
    *(
        "/etc/machine-id",
        "/var/lib/dbus/machine-id",
        "/etc/hostname",
        "/etc/resolv.conf",
        "/etc/.pwd.lock",
        "/etc/mtab",
    ),
    *("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"),
    *("/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/var/lib/systemd/catalog/database"),
    *("/var/lib/random-seed", "/etc/ssh/ssh_host_*", "/etc/udev/hwdb.bin", "/usr/lib/udev/hwdb.bin"),
    *("/var/cache/ldconfig/**", "/root/.gnupg", "/.keep", "/var/lib/pacman/.keep", "/etc/pacman.d/.keep"),
)
"""Globs. One with ** spares the folder itself, which may be a mount point of every container."""
