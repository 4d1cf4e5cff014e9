"""What debootstrap and mmdebstrap share: archives of this machine's apt, keyrings, names of architectures."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.errors import UsageError
from fromscratch.formats.trust import openpgp
from fromscratch.host.machine import apt, signature
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.tools.contract import Job, architecture

KEYRING = "keys.gpg"
# What is written is packed or removed, so dpkg need not wait for the disk with each file: dpkg(1).
QUICK = {"DPKG_FORCE": "unsafe-io"}
_COMPANIONS = ("-updates", "-security")
_ARCHITECTURES = {
    "linux/386": "i386",
    "linux/amd64": "amd64",
    "linux/arm/v5": "armel",
    "linux/arm/v7": "armhf",
    "linux/arm64": "arm64",
    "linux/ppc64le": "ppc64el",
    "linux/riscv64": "riscv64",
    "linux/s390x": "s390x",
}
LEFTOVERS = (
    "/var/cache/apt/**",
    "/var/lib/apt/lists/**",
    "/var/cache/debconf/*-old",
    "/var/lib/dpkg/*-old",
    "/var/lib/dpkg/lock*",
    "/var/lib/apt/daily_lock",
    "/etc/apt/apt.conf.d/99mmdebstrap",
    "/debootstrap",
)


class Archive(Struct, frozen=True):
    """One suite of a repository, which has a name."""

    mirror: str
    address: Address
    suite: str
    components: Sequence[str]


def archives(options: BootstrapOptions) -> list[Archive]:
    """Those of the recipe, else those of this machine's apt with the suite, its updates and its security.

    Raises UsageError when there is none.
    """
    given = options.addresses()
    suites = [options.release, *options.also]
    if given:
        return [Archive(name, one, suite, options.components) for name, one in given.items() for suite in suites]
    usable = [source for source in apt.mirrors() if set(source.components) & set(options.components)]
    if not usable:
        raise UsageError(
            "this machine's apt has no repository with " + " or ".join(options.components),
            "write the address of one under repositories:",
        )
    companions = [*suites, *(f"{options.release}{end}" for end in _COMPANIONS)]
    pairs = [(source.uri, suite) for suite in companions for source in usable if suite in source.suites]
    if options.release not in [suite for _, suite in pairs]:
        pairs = [(usable[0].uri, suite) for suite in suites]
    names = {uri: f"repo{place}" for place, uri in enumerate(dict.fromkeys(uri for uri, _ in pairs))}
    return [
        Archive(names[uri], Address(uri.rstrip("/")), suite, options.components) for uri, suite in dict.fromkeys(pairs)
    ]


def keyrings() -> list[Path]:
    """Those that this machine's apt trusts."""
    return signature.find_keyrings()


def keyring(job: Job) -> bytes:
    """All keys in one keyring, as gpgv reads it. Raises FormatError."""
    return b"".join(one.raw for raw in job.keys.values() for one in openpgp.certificates(raw))


def debian_architecture(job: Job) -> str:
    return architecture(job.platform, _ARCHITECTURES, "Debian")
