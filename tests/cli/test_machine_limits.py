"""What this machine does not allow is told as that: files, memory, threads, and room on the disk that is full."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import Answer, Desk
from tests.cli.test_bad_input import _PROGRAM, nothing_half_written, one_message_one_hint
from tests.engines import missing


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    (made.folder / "root").mkdir(parents=True)
    (made.folder / "root/large").write_bytes(os.urandom(3_000_000))
    for number in range(100):
        (made.folder / f"root/{number}").touch()
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{directory: root}]\n")
    return made


def limited(desk: Desk, option: str, limit: int, *words: str) -> Answer:
    return desk.call(*words, program=("prlimit", f"--{option}={limit}", *_PROGRAM))


@pytest.mark.slow
def test_too_few_open_files_are_told_as_that_or_are_enough(desk: Desk) -> None:
    refused = 0
    for limit in range(5, 12):
        answer = limited(desk, "nofile", limit, "build", "--output", f"build/{limit}")
        if answer.code and "Traceback" not in answer.err:
            one_message_one_hint(answer, 1, "Too many open files", "ulimit -n")
            refused += 1
        elif answer.code:
            assert "fromscratch/" not in answer.err.splitlines()[-2], "Python itself could not start"
    assert refused
    nothing_half_written_of_failures(desk)
    for place in (desk.folder / "build").glob("*"):
        desk.answer("build", "--output", str(place))  # sweeps what could not be removed without a free descriptor
        assert sorted(path.name for path in place.iterdir()) == ["Dockerfile", "evidence.json", "oci"]


@pytest.mark.slow
def test_too_little_memory_is_told_as_that_or_is_enough(desk: Desk) -> None:
    codes = set()
    for megabytes in range(20, 140, 8):
        answer = limited(desk, "as", megabytes << 20, "build", "--output", f"build/{megabytes}")
        if answer.code == 1 and answer.err.startswith("error: "):
            one_message_one_hint(answer, 1, "ulimit -v")
        codes.add(answer.code)
    assert {0, 1} <= codes
    nothing_half_written_of_failures(desk)


def nothing_half_written_of_failures(desk: Desk) -> None:
    for place in (desk.folder / "build").glob("*"):
        whole = (place / "evidence.json").exists()
        assert whole or not (place / "oci").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user who has no process yet")
def test_where_no_thread_can_be_started_the_work_is_done_without(desk: Desk) -> None:
    """RLIMIT_NPROC counts the threads of a user; root has no such limit."""
    for folder in (desk.folder, desk.folder / "root", desk.folder.parent):
        folder.chmod(0o777)
    script = (
        "import resource, sys\n"
        "from fromscratch.host.process import perturb\n"
        "perturb.become(61317)\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))\n"
        "from fromscratch.cli.main import main; sys.exit(main(['build']))"
    )
    answer = desk.call(program=(sys.executable, "-c", script))
    assert (answer.code, answer.err.count("Traceback")) == (0, 0), answer.err


def private_mounts() -> list[str]:
    private = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*private, "true"], check=False, capture_output=True).returncode:
        missing("this kernel gives no namespace to mount a small disk in")
    return private


def test_the_full_disk_is_named_and_the_store_only_where_it_lies_on_it(desk: Desk) -> None:
    (desk.folder / "build").mkdir()
    for mounted, about_store in (("build", False), (desk.store, True)):
        desk.store.mkdir(exist_ok=True)
        script = f'mount -t tmpfs -o size=1m none "{mounted}" && exec "$@"'
        program = (*private_mounts(), "sh", "-c", script, "sh", *_PROGRAM)
        words = ("build",) if mounted == "build" else ("fetch", "--recipe", str(local_tarball(desk)))
        answer = desk.call(*words, program=program)
        place = desk.folder / mounted
        one_message_one_hint(answer, 1, "No space left on device", f"free some room on the one at {place}")
        assert ("the store lies there too" in answer.err) is about_store, answer.err
    nothing_half_written(desk)


def local_tarball(desk: Desk) -> Path:
    subprocess.run(["tar", "-cf", desk.folder / "root.tar", "-C", desk.folder, "root"], check=True)
    return desk.write("tarball.yaml", "name: other\nrootfs: [{tarball: root.tar}]\n")
