"""The configuration of a container for an OCI runtime: config.json of runtime-spec v1.0, as engines write it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from fromscratch.formats.glibc.passwd import Identity
from fromscratch.formats.oci_runtime import seccomp

# docker's default less CAP_MKNOD, as podman's: no image that starts has a use for it.
# Their numbers are those of linux/capability.h.
CAPABILITIES: Mapping[str, int] = MappingProxyType(
    {
        "CAP_CHOWN": 0,
        "CAP_DAC_OVERRIDE": 1,
        "CAP_FOWNER": 3,
        "CAP_FSETID": 4,
        "CAP_KILL": 5,
        "CAP_SETGID": 6,
        "CAP_SETUID": 7,
        "CAP_SETPCAP": 8,
        "CAP_NET_BIND_SERVICE": 10,
        "CAP_NET_RAW": 13,
        "CAP_SYS_CHROOT": 18,
        "CAP_AUDIT_WRITE": 29,
        "CAP_SETFCAP": 31,
    }
)
# MaskedPaths and ReadonlyPaths of moby's oci/defaults.go.
MASKED = (
    *("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats"),
    *("/sys/devices/virtual/powercap", "/sys/firmware"),
)
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
PROCESSES = 2048  # podman's default
INIT = "/dev/init"


class Start(Struct, frozen=True, kw_only=True):
    """The process to run. `owner` is the user and group of the machine that own all files; None if run by root.

    `init` is a static program of the machine that passes signals on and reaps; `group` the control group, for root.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    who: Identity
    hostname: str
    architecture: str
    terminal: bool
    no_new_privileges: bool
    owner: tuple[int, int] | None = None
    init: str = ""
    group: str = ""


def config_json(start: Start) -> dict[str, Any]:
    """The document; the root is `rootfs` beside it."""
    return {
        "ociVersion": "1.0.2",
        "process": _process(start),
        "root": {"path": "rootfs", "readonly": False},
        "hostname": start.hostname,
        "mounts": _mounts(start),
        "linux": _linux(start),
    }


def _process(start: Start) -> dict[str, Any]:
    root, who = start.who.uid == 0, start.who
    groups = [] if start.owner else list(who.groups)
    of_root = list(CAPABILITIES) if root else []
    return {
        "terminal": start.terminal,
        "user": {"uid": who.uid, "gid": who.gid, "additionalGids": groups},
        "args": [*([INIT, "--"] if start.init else []), *start.argv],
        "env": [f"{name}={value}" for name, value in start.env.items()],
        "cwd": start.cwd,
        "capabilities": {
            "bounding": list(CAPABILITIES),
            "effective": of_root,
            "permitted": of_root,
            "inheritable": [],
            "ambient": [],
        },
        "rlimits": [{"type": "RLIMIT_CORE", "hard": 0, "soft": 0}],
        "noNewPrivileges": start.no_new_privileges,
    }


def _mounts(start: Start) -> list[dict[str, Any]]:
    shut = ["nosuid", "noexec", "nodev"]
    mounts = [
        ("proc", "/proc", "proc", shut),
        ("tmpfs", "/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        ("devpts", "/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        ("shm", "/dev/shm", "tmpfs", [*shut, "mode=1777", "size=65536k"]),
        ("mqueue", "/dev/mqueue", "mqueue", shut),
        ("sysfs", "/sys", "sysfs", [*shut, "ro"]),
    ]
    if start.init:
        mounts.append((start.init, INIT, "bind", ["bind", "ro", "nosuid", "nodev"]))
    return [
        {"source": source, "destination": target, "type": kind, "options": options}
        for source, target, kind, options in mounts
    ]


def _linux(start: Start) -> dict[str, Any]:
    kinds = ["pid", "network", "ipc", "uts", "mount", "cgroup"]
    fields: dict[str, Any] = {
        "namespaces": [{"type": kind} for kind in (kinds if start.owner is None else [*kinds, "user"])],
        "maskedPaths": list(MASKED),
        "readonlyPaths": list(READ_ONLY),
        "seccomp": seccomp.oci_fields(start.architecture),
        "sysctl": {"net.ipv4.ip_unprivileged_port_start": "0"},  # as in the containers of engines
    }
    if start.owner is not None:
        uid, gid = start.owner
        fields["uidMappings"] = [{"containerID": start.who.uid, "hostID": uid, "size": 1}]
        fields["gidMappings"] = [{"containerID": start.who.gid, "hostID": gid, "size": 1}]
        return fields
    fields["cgroupsPath"] = start.group
    fields["resources"] = {"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": PROCESSES}}
    return fields
