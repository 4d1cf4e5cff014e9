"""Packages installed by apt itself: in an overlay over a chroot that is made once, with no service started."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.installed.comparison import Installed
from tests.installed.listing import Listing, of_folder

_INSTALL = ["apt-get", "-qq", "-y", "--no-install-recommends", "-o", "APT::Sandbox::User=root", "install"]
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
    "LC_ALL": "C",
}

# Mounts what packages' scripts expect below the root $0, and runs the rest of the words in it.
_ENTER = """
mount -t proc proc "$0/proc" && mount -t tmpfs -o mode=755 dev "$0/dev" && ln -s /proc/self/fd "$0/dev/fd" || exit 1
for name in null zero full random urandom tty; do
    : > "$0/dev/$name" && mount --bind "/dev/$name" "$0/dev/$name" || exit 1
done
exec chroot "$0" "$@"
"""


def made_base(folder: Path, suite: str, sources: Sequence[str]) -> Path:
    """A chroot with the Essential packages and apt, in `folder/base`; made if it is not there.

    `sources` are lines of sources.list. Needs root and mmdebstrap.
    """
    base = folder / "base"
    if not base.exists():
        making = folder / "making"
        making.mkdir(parents=True)
        words = ["mmdebstrap", "--mode=root", "--variant=apt", "--include=ca-certificates"]
        subprocess.run([*words, suite, str(making), *sources], check=True, capture_output=True)
        _chrooted(making, ["apt-get", "-qq", "update"])
        policy = making / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        (making / "etc/dpkg/dpkg.cfg.d").mkdir(exist_ok=True)
        (making / "etc/dpkg/dpkg.cfg.d/unsynced").write_text("force-unsafe-io\n")
        making.rename(base)
    return base


def installed(base: Path, packages: Sequence[str], scratch: Path) -> Installed:
    """What apt makes of the base when it installs the packages without what they recommend."""
    before = _listed(base)
    with tempfile.TemporaryDirectory(dir=scratch) as folder, _overlay(base, Path(folder)) as root:
        _chrooted(root, [*_INSTALL, *packages])
        return Installed(before=before, after=of_folder(root, before, Path(folder, "upper")), owners=_owners(root))


@cache
def _listed(base: Path) -> Listing:
    return of_folder(base)


@contextmanager
def _overlay(base: Path, folder: Path) -> Iterator[Path]:
    """`base` to be changed, without being changed; the changes are in `folder/upper`."""
    upper, work, root = folder / "upper", folder / "work", folder / "root"
    for place in (upper, work, root):
        place.mkdir(mode=0o755)
    options = f"lowerdir={base},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", str(root)], check=True)


def _chrooted(root: Path, words: Sequence[str]) -> None:
    """Run a command in the root, in namespaces of its own which end with it."""
    unshare = ["unshare", "--pid", "--mount", "--uts", "--ipc", "--fork", "--kill-child", "sh", "-c", _ENTER, str(root)]
    subprocess.run([*unshare, *words], check=True, capture_output=True, stdin=subprocess.DEVNULL, env=_ENVIRONMENT)


def _owners(root: Path) -> dict[str, set[str]]:
    """The packages of each path, as dpkg has them."""
    owners: dict[str, set[str]] = {}
    for record in (root / "var/lib/dpkg/info").glob("*.list"):
        for path in record.read_text(errors="replace").splitlines():
            owners.setdefault(path, set()).add(record.name.removesuffix(".list").partition(":")[0])
    return owners
