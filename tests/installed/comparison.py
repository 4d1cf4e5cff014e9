"""Where a tree of ours differs from the same packages installed by apt, and which of that is as it should be."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from fromscratch.paths import TreePath, matcher
from tests.installed.listing import Item, Listing

Verdict = Literal["never wanted", "made for the start", "left out and told", "unexplained"]

NEVER_WANTED: Mapping[str, Sequence[str]] = {
    "state of dpkg and apt": (
        *("/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt", "/var/cache/debconf", "/etc/apt"),
        *("/var/lib/ucf", "/var/lib/pam", "/etc/dpkg", "/usr/sbin/policy-rc.d"),
    ),
    "which services a machine starts when it boots": (
        *("/etc/systemd/system", "/etc/systemd/user", "/etc/rc[0-6S].d"),
        "/var/lib/systemd",
    ),
    "what has been enabled by whom, for upgrades": ("/var/lib/apache2/[cms]*/enabled_by_*", "/var/lib/emacsen-common"),
    "logs of the installation": (
        *("/var/log/dpkg.log", "/var/log/apt", "/var/log/alternatives.log", "/var/log/*tmp", "/var/log/bootstrap.log"),
        *("/var/log/faillog", "/var/log/lastlog", "/var/log/fontconfig.log"),
    ),
    "the identity of one machine": (
        *("/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/ssh/ssh_host_*", "/etc/hostname", "/etc/hosts"),
        *("/etc/resolv.conf", "/etc/mailname", "/etc/mtab", "/etc/ssl/private/ssl-cert-snakeoil.key"),
        "/etc/ssl/certs/ssl-cert-snakeoil.pem",
    ),
    "caches that programs make again": (
        *("__pycache__", "/var/cache/ldconfig", "/var/cache/man", "/var/cache/fontconfig"),
        *("/usr/share/info/dir*", "/etc/.pwd.lock", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"),
        *("/etc/subuid*", "/etc/subgid*", "/run/adduser"),
        "/etc/ld.so.cache",
    ),
    "compared account by account": ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"),
}
_ONLY_OURS = "not there when installed"
_WORD = re.compile(r"[^\s'\"=:;,()]+")
_NEVER = [(reason, matcher(list(patterns))) for reason, patterns in NEVER_WANTED.items()]


class Installed(Struct, frozen=True, kw_only=True):
    """A root in which packages have been installed: before and after, and which packages each path is of."""

    before: Listing
    after: Listing
    owners: Mapping[str, Collection[str]]


class Difference(Struct, frozen=True):
    """One difference: `what` says how ours is, and how the installed one is."""

    path: str
    what: str
    verdict: Verdict
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" + (f" ({self.reason})" if self.reason else "")


def differences(
    ours: Listing, installed: Installed, packages: Collection[str], notes: Sequence[str] = ()
) -> Iterator[Difference]:
    """Every difference, in order of path; `packages` are those of our tree, `notes` what its build said it left out.

    What belongs to packages that our tree does not have, and what was there before any of them, is not looked at.
    """
    for path in sorted({*ours, *installed.after}):
        one, two = ours.get(path), installed.after.get(path)
        if one is None and not _concerns(path, installed, packages):
            continue
        what = _difference(one, two)
        if what:
            yield _judged(path, what, notes)


def _concerns(path: str, installed: Installed, packages: Collection[str]) -> bool:
    if installed.before.get(path) == installed.after[path]:
        return False
    owners = installed.owners.get(path, ())
    return not owners or any(owner in packages for owner in owners)


def _difference(ours: Item | None, installed: Item | None) -> str:
    if ours is None:
        return f"missing: {_described(installed)}"
    if installed is None:
        return f"{_ONLY_OURS}: {_described(ours)}"
    if ours.kind != installed.kind:
        return f"{_described(ours)}, installed {_described(installed)}"
    found = []
    if ours.mode != installed.mode:
        found.append(f"mode {ours.mode:04o}, installed {installed.mode:04o}")
    if (ours.owner, ours.group) != (installed.owner, installed.group):
        found.append(f"{ours.owner}:{ours.group}, installed {installed.owner}:{installed.group}")
    if ours.detail != installed.detail:
        found.append(_contents(ours, installed))
    return "; ".join(found)


def _described(item: Item | None) -> str:
    assert item is not None
    if item.kind in ("user", "group", "symlink"):
        return f"{item.kind} {item.detail}".rstrip()
    return f"{item.kind} {item.mode:04o} {item.owner}:{item.group}"


def _contents(ours: Item, installed: Item) -> str:
    if ours.kind != "file":
        return f"{ours.detail}, installed {installed.detail}"
    lines = difflib.unified_diff(ours.text.splitlines(), installed.text.splitlines(), n=0, lineterm="")
    changed = (
        [line for line in lines if not line.startswith(("---", "+++", "@@"))] if ours.text and installed.text else []
    )
    return "other content" + (f" ({' | '.join(line[:80] for line in changed[:4])})" if changed else "")


def _judged(path: str, what: str, notes: Sequence[str]) -> Difference:
    for reason, of in _NEVER:
        if of(TreePath(path)):
            return Difference(path, what, "never wanted", reason)
    if path.startswith("/run/") and what.startswith(_ONLY_OURS):
        return Difference(path, what, "made for the start", "a unit or tmpfiles.d makes it when a machine starts")
    names = {path.removeprefix("user ").removeprefix("group "), *_parents(path)}
    for note in notes:
        if names & set(_WORD.findall(note)):
            return Difference(path, what, "left out and told", note)
    return Difference(path, what, "unexplained")


def _parents(path: str) -> Iterator[str]:
    """The folders above a path that are more than a place where everybody's files are, such as /var/lib."""
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(4, len(parts)))
