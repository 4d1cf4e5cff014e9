"""What dnf and zypper share: repositories in their files, the place of the database, names of architectures."""

from fromscratch.host.container.root_maker import PLACE
from fromscratch.sources.bootstrap.tools.contract import Job, architecture

ARCHITECTURES = {
    "linux/386": "i686",
    "linux/amd64": "x86_64",
    "linux/arm64": "aarch64",
    "linux/ppc64le": "ppc64le",
    "linux/riscv64": "riscv64",
    "linux/s390x": "s390x",
}
LEFTOVERS = (
    "/var/cache/dnf/**",
    "/var/lib/dnf/**",
    "/var/cache/yum/**",
    "/var/cache/libdnf5/**",
    "/usr/lib/sysimage/libdnf5/**",
    "/var/cache/zypp/**",
    "/var/lib/zypp/**",
    "/var/cache/zypper/**",
    "/usr/lib/sysimage/rpm/.rpm.lock",
    "/usr/lib/sysimage/rpm/__db.*",
)
# The tools' own rpm would look for the database in the place of their distribution, Debian's in the home folder; and
# cannot change what is mounted.
MACROS = b"%_dbpath /usr/lib/sysimage/rpm\n%_netsharedpath /sys:/proc:/dev\n"


def rpm_architecture(job: Job, tool: str) -> str:
    return architecture(job.platform, ARCHITECTURES, tool)


def repositories(job: Job, tool: str) -> str:
    """Sections of a .repo file, dnf.conf(5)."""
    signed = "0" if job.options.unsigned else "1"
    keys = " ".join(f"file://{PLACE}/keys/{name}" for name in job.keys)
    return "".join(
        f"[{name}]\nname={name}\nbaseurl={address}\nenabled=1\ngpgcheck={signed}\n"
        + (f"gpgkey={keys}\n" if keys else "")
        + ("autorefresh=1\ntype=rpm-md\nrepo_gpgcheck=0\npkg_gpgcheck=" + signed + "\n" if tool == "zypper" else "")
        for name, address in job.mirrors.items()
    )
