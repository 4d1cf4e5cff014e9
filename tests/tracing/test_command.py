"""Commands on this machine: every way of using a file is seen, and nothing is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fromscratch.cli.main import main
from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Trace
from fromscratch.paths import decode
from fromscratch.tracing.by_notification import Notification
from tests.engines import missing
from tests.tracing import accesses

pytestmark = pytest.mark.slow
PROGRAM = Path(accesses.__file__)


@pytest.fixture(autouse=True)
def _can_record() -> None:
    if refusal := Notification().refusal():
        missing(refusal)


def recorded(folder: Path, *words: str, code: int = 0, recorder: str = "notification") -> Trace:
    place = folder / "found.trace"
    assert main(["trace", "--quiet", "--recorder", recorder, "--output", str(place), "--", *words]) == code
    return text.read(place.read_bytes())


def kinds(trace: Trace, path: str) -> set[str]:
    return {event.kind for event in trace.events if event.path == path}


def unseen(trace: Trace, top: Path) -> list[str]:
    """The ways of using a file for which there is no event of the kind that is due."""
    found = {(event.kind, os.path.normpath(event.path)) for event in trace.events}
    places = {name: f"{top}/{decode(accesses.real(name))}" for name in accesses.EXPECTED}
    places["chroot_inside"] = f"{top}/jail/chroot_inside"
    if os.geteuid():
        del places["chroot_inside"]
    return [name for name, place in places.items() if (accesses.EXPECTED[name], place) not in found]


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    top.mkdir()
    accesses_prepare = [sys.executable, str(PROGRAM), str(top), "prepare"]
    subprocess.run(accesses_prepare, check=True)
    return top


def test_every_way_of_using_a_file_is_seen(tmp_path: Path, prepared: Path) -> None:
    assert len(accesses.EXPECTED) >= 70
    assert unseen(recorded(tmp_path, sys.executable, str(PROGRAM), str(prepared)), prepared) == []
