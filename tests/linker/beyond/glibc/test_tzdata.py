"""Time zones: the local one, those that are named, and an offer to who tells the time."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from fromscratch.linker.beyond.glibc import tzdata
from tests.engines import missing
from tests.linker.beyond.objects import LIBC, libc, program, system
from tests.linker.beyond.roots import Root, compiled
from tests.linker.beyond.scenes import listing
from tests.trees import text

ZONES = """
    l 0777 0:0 /etc/localtime -> /usr/share/zoneinfo/Europe/Berlin
    f 0644 0:0 /usr/share/zoneinfo/Europe/Berlin 'TZif2'
    f 0644 0:0 /usr/share/zoneinfo/UTC 'TZif'
    f 0644 0:0 /etc/passwd 'secret'
"""
OBJECTS = {LIBC: libc(), "/usr/bin/it": program("localtime_r")}


def found(*zones: str, localtime: bool = False, block: str = ZONES, imports: str = "localtime_r") -> str:
    objects = {**OBJECTS, "/usr/bin/it": program(imports)}
    return listing(tzdata.find(system(block, objects), zones=zones, localtime=localtime))


def test_local_time_is_offered_to_who_asks_for_it() -> None:
    assert found() == "offer tzdata /etc/localtime, without which the local time of /usr/bin/it is UTC"
    assert found(imports="time") == ""
    assert found(block="") == ""


def test_local_time_and_zones_are_taken_when_asked_for() -> None:
    assert found("UTC", "Europe/Berlin", localtime=True) == text("""
        tzdata declared /etc/localtime opened by /usr/bin/it (the local time zone)
        tzdata declared /usr/share/zoneinfo/UTC opened by /usr/bin/it (the time zone UTC)
        tzdata declared /usr/share/zoneinfo/Europe/Berlin opened by /usr/bin/it (the time zone Europe/Berlin)
    """)
    assert found("all") == "tzdata declared whole /usr/share/zoneinfo opened by /usr/bin/it (all time zones)"


@pytest.mark.parametrize("zone", ["Europe", "Mars/Base", "../../../etc/passwd", ""])
def test_a_zone_that_is_none_is_told(zone: str) -> None:
    assert found(zone).startswith(f"warning tzdata there is no time zone {zone} in /usr/share/zoneinfo")


def test_a_root_without_zones_is_told() -> None:
    assert found("all", localtime=True, block="") == text("""
        warning tzdata there is no /etc/localtime here: the image has UTC
        warning tzdata there is no /usr/share/zoneinfo here: install tzdata
    """)


CLOCK = """
    #include <stdio.h>
    #include <time.h>
    int main(void) {
        time_t summer = 1750000000;
        char told[64];
        strftime(told, sizeof told, "%H:%M %Z", localtime(&summer));
        puts(told);
        return 0;
    }
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zones", "answer"), [(("Asia/Tokyo",), "00:06 JST"), (("all",), "00:06 JST"), ((), "15:06 Asia")]
)
def test_a_clock_of_an_image_shows_the_zone_that_it_has(tmp_path: Path, zones: Sequence[str], answer: str) -> None:
    if not Path("/usr/share/zoneinfo/Asia/Tokyo").exists():
        missing("tzdata is not on this machine")
    root = Root(tmp_path, compiled(tmp_path, CLOCK))
    assert root.run(partial(tzdata.find, zones=zones), env={"TZ": "Asia/Tokyo"}).stdout == f"{answer}\n"


@pytest.mark.slow
def test_a_clock_of_an_image_shows_local_time(tmp_path: Path) -> None:
    if not Path("/usr/share/zoneinfo/Asia/Kolkata").exists():
        missing("tzdata is not on this machine")
    upper = tmp_path / "upper"
    (upper / "etc").mkdir(parents=True)
    shutil.copytree("/usr/share/zoneinfo/Asia", upper / "usr/share/zoneinfo/Asia", symlinks=True)
    (upper / "etc/localtime").symlink_to("../usr/share/zoneinfo/Asia/Kolkata")
    root = Root(tmp_path, compiled(tmp_path, CLOCK), upper=upper)
    assert root.run().stdout == "15:06 UTC\n"
    assert root.run(partial(tzdata.find, localtime=True)).stdout == "20:36 IST\n"
