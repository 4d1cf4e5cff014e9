"""Imports that are stopped half way: the engine has what it had, or the whole image."""

import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.formats.docker.archive import docker_archive
from fromscratch.host.engines.containerd import Containerd
from fromscratch.host.engines.contract import Engine
from fromscratch.host.storage.store import Store
from fromscratch.images.catalogue import engines
from fromscratch.images.containerd import ContainerdImages
from fromscratch.images.engine import stream_of
from fromscratch.images.engine_choice import images_in
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from tests.cli.command import Desk
from tests.engines import variables
from tests.images.contract import packed
from tests.images.engine_stores import everything_in
from tests.made_images import AMD64, ARM64, HERE, image_of

pytestmark = [pytest.mark.slow, pytest.mark.engine]
NAME = "fromscratch-test/stopped:1"
NOISE = packed(Rootfs({TreePath("/noise"): File(Meta(0o644), Inline(os.urandom(5_000_000)))}))


@pytest.fixture(params=engines())
def of(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


class Interrupted(io.BytesIO):
    """The user loses patience after some megabytes."""

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self.tell() > 3_000_000:
            raise KeyboardInterrupt
        return super().readinto(buffer)

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 3_000_000:
            raise KeyboardInterrupt
        return super().read(size)


def settled(of: Engine, before: list[str]) -> list[str]:
    """What is there more than before, once the engine has tidied up."""
    end = time.monotonic() + 60
    while new := [line for line in everything_in(of) if line not in before]:
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    return new


def await_ends_in(folder: Path) -> None:
    """Wait until no process has this as its current folder."""
    end = time.monotonic() + 60
    while any(current_folder(process) == folder for process in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < end, f"something still runs in {folder}"
        time.sleep(0.05)


def current_folder(process: Path) -> Path | None:
    try:
        return (process / "cwd").readlink()
    except OSError:  # it has ended
        return None


@pytest.mark.parametrize("via", ["import", "load"])
def test_an_interruption_while_bytes_flow_leaves_nothing(via: str, of: Engine, tmp_path: Path) -> None:
    image = image_of(NOISE, platform=HERE)
    layer = image.layers[0]
    with layer.open() as stream:
        blob = stream.read()
    image = replace(image, layers=(replace(layer, open=lambda: Interrupted(blob)),))
    before = everything_in(of)
    with pytest.raises(KeyboardInterrupt):
        images_in(of, Store(tmp_path / "store"), via).write([image], NAME)
    assert settled(of, before) == []
    assert list((tmp_path / "store" / "partial").glob("*")) == []


@pytest.fixture
def desk(of: Engine, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "desk", tmp_path / "store", variables(of, tmp_path))
    made.write(
        "fromscratch.yaml", "name: stopped\nrootfs:\n  - overlay: files\nimage: {env: {A: b}, cmd: [/x]}\ncheck: off\n"
    )
    (made.folder / "files").mkdir()
    (made.folder / "files" / "noise").write_bytes(os.urandom(10_000_000))
    made.answer("build")
    yield made
    forget(of)


def forget(of: Engine) -> None:
    of.forget(NAME if of.kind in ("docker", "containerd") else f"localhost/{NAME}")


def undisturbed(of: Engine, desk: Desk, words: tuple[str, ...]) -> tuple[list[str], list[str], float]:
    """What is in the engine, what an import adds to it that nobody stops, and how many seconds that takes."""
    before, begun = everything_in(of), time.monotonic()
    assert desk.call(*words).code == 0
    took = time.monotonic() - begun
    whole = [line for line in everything_in(of) if line not in before]
    forget(of)
    assert settled(of, before) == []
    return before, whole, took


@pytest.mark.parametrize("via", ["import", "load"])
def test_a_signal_at_any_moment_leaves_nothing_or_the_whole_image(via: str, of: Engine, desk: Desk) -> None:
    words = ("import", "--engine", of.kind, "--via", via, "--tag", NAME)
    before, whole, took = undisturbed(of, desk, words)
    for moment in range(4):
        with desk.process(*words) as process:
            time.sleep(took * (moment + random.random()) / 4)
            process.send_signal(signal.SIGTERM)
            _out, said = process.communicate(timeout=60)
        assert "Traceback" not in said
        new = settled(of, before)
        assert not new or (NAME in " ".join(new) and len(new) == len(whole)), (process.returncode, said)
        forget(of)
    assert settled(of, before) == []


@pytest.mark.parametrize("via", ["import", "load"])
def test_what_a_kill_leaves_is_gone_after_the_next_import(via: str, of: Engine, desk: Desk) -> None:
    words = ("import", "--engine", of.kind, "--via", via, "--tag", NAME)
    before, whole, took = undisturbed(of, desk, words)
    for moment in range(3):
        with desk.process(*words) as process:
            time.sleep(took * (moment + random.random()) / 3)
            process.kill()
        await_ends_in(desk.folder)  # the program that it had started ends by itself
        forget(of)  # or an image that came whole would lose its name to the next one
    assert desk.call(*words).code == 0
    new = [line for line in everything_in(of) if line not in before]
    assert len(new) == len(whole), new


def test_so_it_is_after_the_next_load_of_several_platforms(containerd: Containerd, tmp_path: Path) -> None:
    name = [
        sys.executable,
        "-c",
        "from fromscratch.host.engines.temporary_names import temporary_name; print(temporary_name())",
    ]
    gone = subprocess.run(name, check=True, capture_output=True, text=True).stdout.strip()
    transport = ContainerdImages(engine=containerd, store=Store(tmp_path / "store"), via="load")
    left, both = f"localhost/fromscratch-root:{gone}", [image_of(b"", platform=each) for each in (AMD64, ARM64)]
    with stream_of(docker_archive(both[0], Reference.parse(left))) as archive:
        containerd.bring(archive, platforms=[AMD64])
    assert containerd.image_id(left)
    transport.write(both, NAME)
    forget(containerd)
    assert containerd.image_id(left) is None
