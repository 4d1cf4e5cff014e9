"""Finder of time zones: tzset(3) reads /etc/localtime, or the zone that TZ names, and uses UTC without them."""

from collections.abc import Iterator, Sequence

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.glibc import library as glibc
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

KIND = "tzdata"
ALL = "all"
LOCALTIME = "/etc/localtime"
ZONES = "/usr/share/zoneinfo"

_TIMED = ("localtime", "localtime_r", "mktime", "strftime", "tzset", "timelocal", "__localtime64", "__localtime64_r")


def find(scene: Scene, *, localtime: bool = False, zones: Sequence[str] = ()) -> Iterator[Finding]:
    """`localtime` takes /etc/localtime, with the zone that it is a link to; `zones` are names such as
    "Europe/Berlin", or "all". Without either they are offered to programs that use local time."""
    user = next(iter(glibc.users(scene, *_TIMED)), None)
    by = user or next(iter((*scene.requested, *scene.objects)), paths.ROOT)
    if localtime and views.place(scene.view, LOCALTIME) is None:
        yield FinderWarning(f"there is no {LOCALTIME} here: the image has UTC", KIND)
    elif localtime:
        yield NeededFile(LOCALTIME, by, f"{by} (the local time zone)", KIND, "declared")
    folder = next((libc.zones for libc in glibc.found_in(scene)), ZONES)
    for zone in dict.fromkeys(zones):
        yield from _zone(scene, by, folder, zone)
    there = views.place(scene.view, LOCALTIME) is not None and not scene.has(LOCALTIME)
    if user and not localtime and not zones and there:
        size = scene.size(LOCALTIME)
        yield Offer(
            f"{LOCALTIME}, without which the local time of {user} is UTC", Setting("localtime", "true"), KIND, size
        )


def _zone(scene: Scene, by: TreePath, folder: str, zone: str) -> Iterator[Finding]:
    if zone == ALL:
        if views.place(scene.view, folder) is None:
            yield FinderWarning(f"there is no {folder} here: install tzdata", KIND)
        else:
            yield NeededFile(folder, by, f"{by} (all time zones)", KIND, "declared", whole=True)
        return
    path = f"{folder}/{zone}"
    if ".." in zone.split("/") or not isinstance(views.look(scene.view, path), File):
        yield FinderWarning(
            f"there is no time zone {zone} in {folder}: write it as in Europe/Berlin, or install tzdata", KIND
        )
    else:
        yield NeededFile(path, by, f"{by} (the time zone {zone})", KIND, "declared")
