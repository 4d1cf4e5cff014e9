"""What a recipe may say under `debian:`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from fromscratch.address import Address
from fromscratch.errors import UsageError
from fromscratch.formats.debian import chisel
from fromscratch.lazy_regex import lazy_regex
from fromscratch.sources.debian.package_request import parse_package_request

_SUITE = lazy_regex(r"[A-Za-z0-9][A-Za-z0-9.+~_-]*(/[A-Za-z0-9][A-Za-z0-9.+~_-]*)*")
_SNAPSHOT = lazy_regex(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:T([0-9]{2}):?([0-9]{2}):?([0-9]{2})Z)?")
_MIRROR = lazy_regex(r"(https?|file)://\S+")
_PLACE = "{snapshot}"
DATED = f"/{_PLACE}"
"""The end of the address of a mirror that is asked for a date."""

Mirror = Annotated[
    str | list[str],
    Meta(
        description="the address of a mirror, http, https or file, or several of the same archive, tried in order; "
        "{snapshot} in it stands for the date of snapshot:; this machine's own apt sources when left out"
    ),
]
Keyring = Annotated[
    str | list[str],
    Meta(
        description="files with the keys that may sign the index, relative to the recipe; "
        "when left out, those of the apt source or of this machine"
    ),
]
Components = Annotated[list[str], Meta(description="parts of the archive, such as main or non-free")]


class ExtraSuite(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further suite to take packages from, perhaps on another mirror."""

    suite: Annotated[str, Meta(description="such as bookworm-security")]
    mirror: Mirror = ""
    components: Components = []
    keyring: Keyring = ""

    def __post_init__(self) -> None:
        _check_suite(self.suite)
        _check_mirrors(self.mirror)


class DebianOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Packages of Debian, or of a distribution made like it, with what they depend on. Nothing of them is run."""

    suite: Annotated[str, Meta(description="the release, such as bookworm, trixie or stable")]
    packages: Annotated[
        list[str],
        Meta(
            description="names, such as busybox; jq=1.6-2.1 for a version, jq/bookworm-backports for a suite, "
            "jq [amd64 arm64] for some platforms only, !jq for one that is never taken"
        ),
    ] = []
    slices: Annotated[
        list[str],
        Meta(
            description="slices of packages, or folders of them, relative to the recipe: only what they list of "
            "their packages is taken, and nothing that these packages depend on but what the slices need; with "
            "chisel:, also names of its slices, such as libc6_libs"
        ),
    ] = []
    chisel: Annotated[
        str,
        Meta(
            description="the folder of a checkout of chisel-releases, relative to the recipe, of the branch of the "
            "release: slices: may name the slices that it defines"
        ),
    ] = ""
    any_version: Annotated[bool, Meta(description="take slices of packages in versions that they are not for")] = False
    mirror: Mirror = ""
    components: Components = msgspec.field(default_factory=lambda: ["main"])
    also: Annotated[
        list[str | ExtraSuite],
        Meta(
            description="more suites, such as bookworm-updates, the highest version of all counts; when mirror: is "
            "left out, updates and security of the suite are taken too if this machine's apt has them"
        ),
    ] = []
    companions: Annotated[
        bool,
        Meta(
            description="with mirror:, take updates and security of the suite too, from there or, for security, from "
            "the address with -security behind it, as far as they are there"
        ),
    ] = False
    snapshot: Annotated[
        str,
        Meta(
            description="a moment of the archive, such as 2026-01-31 or 20260131T120000Z; the mirror must have "
            "{snapshot} in it"
        ),
    ] = ""
    keyring: Keyring = ""
    unsigned: Annotated[bool, Meta(description="take an index without looking at its signature")] = False
    expired: Annotated[bool, Meta(description="take an index whose Valid-Until has passed, as a dated one may")] = False
    older: Annotated[bool, Meta(description="take an index that is older than one fetched before from there")] = False
    future: Annotated[bool, Meta(description="take an index whose Date is in the future")] = False
    recommends: Annotated[bool, Meta(description="take recommended packages too")] = False
    essential: Annotated[
        Literal["needed", "minimal", "none", "all"],
        Meta(
            description="what is taken of the Essential packages, which others count on without saying so: needed for "
            "the accounts, os-release, folders and locale of a release, and for the shell and the commands that "
            "something calls; minimal without these programs; none, or all"
        ),
    ] = "needed"
    exclude: Annotated[
        list[str], Meta(description="packages that are never taken; a dependency on them counts as met")
    ] = []
    scripts: Annotated[
        Literal["interpret", "none", "sandbox"],
        Meta(
            description="interpret: read the scripts of packages, run none, and make what they would make; "
            "none: make no more than what can be seen without them; sandbox: let dpkg run them, in namespaces without "
            "a network"
        ),
    ] = "interpret"
    applets: Annotated[bool, Meta(description="link busybox's applets where no package has the name")] = True
    records: Annotated[bool, Meta(description="keep package records in /var/lib/dpkg/status.d for scanners")] = True
    merged_usr: Annotated[bool, Meta(description="make /bin, /sbin and /lib* links into /usr")] = True

    def __post_init__(self) -> None:
        if not self.packages and not self.slices:
            raise ValueError("packages: name at least one, or a slice of one under slices:")
        for name in self.slices:
            if not self.chisel and chisel.KEY.fullmatch(name):
                raise ValueError(
                    f"slices: {name!r} is a slice of chisel; name the folder of its definitions, as in  "
                    "chisel: chisel-releases, or write ./ before the name of a folder"
                )
        try:
            found = [parse_package_request(text) for text in self.packages]
            for text in self.exclude:
                parse_package_request(text)
        except UsageError as error:
            raise ValueError(f"{error.message}: {error.hint}") from error
        if found and all(one.excluded for one in found):
            raise ValueError("packages: all of them are excluded; name at least one that is to be taken")
        if self.scripts == "sandbox" and (self.slices or not self.merged_usr):
            raise ValueError("scripts: sandbox runs those of whole packages; leave out slices: and merged_usr: false")
        _check_suite(self.suite)
        _check_mirrors(self.mirror)
        for extra in self.also:
            if isinstance(extra, str):
                _check_suite(extra)
        if not self.components:
            raise ValueError("components: name at least one, such as main")
        if self.companions and not self.mirror:
            raise ValueError("companions: this machine's apt sources have them anyway; it goes with mirror:")
        self._check_snapshot()

    @property
    def moment(self) -> str:
        """The date of `snapshot` as archives write it, such as 20260131T000000Z; empty without one."""
        found = _SNAPSHOT.fullmatch(self.snapshot)
        year, month, day, *time = found.groups("00") if found else [""] * 6
        return f"{year}{month}{day}T{''.join(time)}Z" if found else ""

    @property
    def assumes(self) -> Literal["needed", "minimal", "none", "all"]:
        """What is taken of the Essential packages: slices alone say themselves what they need."""
        return "none" if self.essential == "needed" and not self.packages else self.essential

    @property
    def slice_files(self) -> list[str]:
        """The slices that are files or folders of them."""
        return [name for name in self.slices if not (self.chisel and chisel.KEY.fullmatch(name))]

    @property
    def chisel_slices(self) -> list[str]:
        """The slices that are named as chisel names them."""
        return [name for name in self.slices if self.chisel and chisel.KEY.fullmatch(name)]

    def _check_snapshot(self) -> None:
        places = [_PLACE in address for address in (*listed(self.mirror), *self._extra_mirrors())]
        if self.snapshot and not _is_date(self.snapshot):
            raise ValueError(f"snapshot: {self.snapshot!r} is not a date; write it as 2026-01-31 or 20260131T120000Z")
        if self.snapshot and not any(places):
            raise ValueError(
                "snapshot: no mirror can be asked for a date; "
                "write one that can, as in  mirror: https://HOST/archive/debian/{snapshot}"
            )
        if any(places) and not self.snapshot:
            raise ValueError("mirror: it has {snapshot} in it; write the date, as in  snapshot: 20260101T000000Z")

    def _extra_mirrors(self) -> Iterator[str]:
        for extra in self.also:
            if isinstance(extra, ExtraSuite):
                yield from listed(extra.mirror)

    def deciding(self) -> str:
        """The options that decide which packages are taken, as text."""
        scripts: Literal["interpret", "sandbox"] = "sandbox" if self.scripts == "sandbox" else "interpret"
        return msgspec.json.encode(
            msgspec.structs.replace(self, applets=True, scripts=scripts, records=True, merged_usr=True),
            order="deterministic",
        ).decode()


def listed(value: str | Sequence[str]) -> list[str]:
    """An option that may be one text or several."""
    return ([value] if value else []) if isinstance(value, str) else list(value)


def _is_date(text: str) -> bool:
    from datetime import datetime

    found = _SNAPSHOT.fullmatch(text)
    if found is None:
        return False
    year, month, day, hour, minute, second = map(int, found.groups("0"))
    try:
        datetime(year, month, day, hour, minute, second)
    except ValueError:  # no such day
        return False
    return True


def addresses(mirror: str | Sequence[str], snapshot: str) -> tuple[Address, ...]:
    """The mirror's addresses, with the date put in."""
    return tuple(Address(address.replace(_PLACE, snapshot).rstrip("/")) for address in listed(mirror))


def is_dated(mirror: str | Sequence[str]) -> bool:
    """Whether the mirror is asked for the date of `snapshot`."""
    return any(_PLACE in address for address in listed(mirror))


def _check_suite(suite: str) -> None:
    if not _SUITE.fullmatch(suite):
        raise ValueError(
            f"suite: {suite!r} is not a suite; write a name from a mirror's dists/ folder, such as bookworm"
        )


def _check_mirrors(mirror: str | Sequence[str]) -> None:
    for address in listed(mirror):
        if not _MIRROR.fullmatch(address):
            raise ValueError(f"mirror: {str(Address(address))!r} is not an address; write it as https://HOST/debian")
