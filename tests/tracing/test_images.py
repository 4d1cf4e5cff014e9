"""Images: what their commands use is recorded, as root and as an ordinary user, and nothing of them is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fromscratch.cli.main import main
from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Trace
from fromscratch.host.process import run
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.tracing.choice import choose
from tests.engines import need
from tests.host.container.callers import HERE, Caller
from tests.host.container.test_private_root import ARM64_EXITS_WITH_7
from tests.hosttree import host_tree
from tests.tracing.test_command import processes, until

pytestmark = pytest.mark.slow

SLEEPS = RunConfig(cmd=("sleep", "1000"), env={"PATH": "/bin"})
RECORDS = """
from fromscratch.formats.trace import text
from fromscratch.tracing.choice import choose
from fromscratch.tracing.recording import Recording
recorder = choose(None, "image").recorder
recording = Recording(recorder.name, "here", "sha256:0")
with recorder.watch(recording) as watch, running(invocation, watch) as container:
{}
found = recording.finished()
print(text.write(found.trace).decode(), end="")
assert not found.lost, found.lost
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A root with busybox in it."""
    root = tmp_path / "image"
    for folder in ("bin", "etc", "www"):
        (root / folder).mkdir(parents=True)
    (root / "bin/busybox").write_bytes(Path(need("busybox")).read_bytes())
    (root / "bin/busybox").chmod(0o755)
    for applet in ("sh", "cat", "ls", "httpd", "sleep"):
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    (root / "www/index.html").write_text("welcome\n")
    (root / "www/script.sh").write_text("#!/bin/sh\necho ok\n")
    (root / "www/script.sh").chmod(0o755)
    return root


def traced(image: Path, *words: str, code: int = 0) -> Trace:
    place = image.parent / "found.trace"
    assert main(["trace", "--quiet", "--output", str(place), "--image", f"dir:{image}", *words]) == code
    return text.read(place.read_bytes())


def uses(trace: Trace, run: int | None = None) -> set[tuple[str, str]]:
    return {(event.kind, event.path) for event in trace.events if run in (None, event.run)}


def test_each_command_is_a_run_of_its_own(caller: Caller) -> None:
    script = RECORDS.format('    container.exec(["cat", "/etc/passwd"])\n    container.exec(["ls", "/nowhere"])')
    config = RunConfig(cmd=("sh", "-c", "exec sleep 1000"), env={"PATH": "/bin"})
    printed = caller.ask(host_tree("sh", "cat", "ls", "sleep"), script, config=config)
    trace = text.read("".join(f"{line}\n" for line in printed).encode())
    assert [run.command for run in trace.runs] == [
        ("sh", "-c", "exec sleep 1000"),
        ("cat", "/etc/passwd"),
        ("ls", "/nowhere"),
    ]
    assert {run.image for run in trace.runs} == {"sha256:0"}
    assert {("exec", "/bin/sh"), ("exec", "/bin/sleep")} <= uses(trace, 1)
    assert {("exec", "/bin/cat"), ("open", "/etc/passwd")} <= uses(trace, 2)
    assert {("exec", "/bin/ls"), ("missing", "/nowhere")} <= uses(trace, 3)
    assert {event.process for event in trace.events} == {"", "/bin/sh", "/bin/sleep", "/bin/cat", "/bin/ls"}


def test_as_root_what_the_kernel_loads_is_seen_too(caller: Caller) -> None:
    tree = host_tree("cat", "sleep")
    interpreter = next(str(path) for path in tree if "/ld-" in path)
    printed = caller.ask(tree, RECORDS.format('    container.exec(["cat", "/etc/passwd"])'), config=SLEEPS)
    seen = f"open\t{interpreter}\t" in "\n".join(printed) or f"exec\t{interpreter}\t" in "\n".join(printed)
    assert seen == (caller.name == "root" and choose(None, "image").recorder.name == "notification+fanotify")


@pytest.mark.skipif(run.find("qemu-aarch64-static") is None, reason="qemu-aarch64-static is not on this machine")
@pytest.mark.skipif(HERE.architecture == "arm64", reason="arm64 is not foreign here")
def test_an_emulator_is_not_among_the_programs_of_the_image(caller: Caller) -> None:
    tree = Rootfs({tree_path("/exit7"): File(Meta(0o755), Inline(ARM64_EXITS_WITH_7))})
    script = RECORDS.format("    container.wait(60)")
    printed = caller.ask(tree, script, config=RunConfig(cmd=("/exit7",)), platform=Platform("linux", "arm64"))
    trace = text.read("".join(f"{line}\n" for line in printed).encode())
    assert ("exec", "/exit7") in uses(trace)
    assert {event.process for event in trace.events} <= {"", "/exit7"}


def test_a_server_is_asked_and_stopped(image: Path) -> None:
    exercise = ["--http-get", "http://localhost:8080/index.html", "--expect", "welcome", "--exec", "cat /etc/passwd"]
    trace = traced(image, *exercise, "--", "busybox", "httpd", "-f", "-p", "8080", "-h", "/www")
    assert ("open", "/www/index.html") in uses(trace, 1)
    assert ("open", "/etc/passwd") in uses(trace, 2)
    assert {run.recorder for run in trace.runs} == {choose(None, "image").recorder.name}


def test_a_script_of_the_machine_uses_the_image(image: Path, tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text(
        f"#!{sys.executable}\nimport time, urllib.request\n"
        "for _ in range(1200):\n    try:\n        urllib.request.urlopen('http://localhost:8080/script.sh'); break\n"
        "    except OSError:\n        time.sleep(0.05)\n"
    )
    script.chmod(0o755)
    trace = traced(image, "--script", str(script), "--", "busybox", "httpd", "-f", "-p", "8080", "-h", "/www")
    assert ("open", "/www/script.sh") in uses(trace)


def test_a_recipes_build_under_its_checks(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(image.parent)
    recipe = "name: web\nrootfs: [{directory: {path: image}}]\nchecks: [cat /etc/passwd]\n"
    Path("web.yaml").write_text(f"{recipe}image: {{cmd: [/bin/sleep, '1000'], env: {{PATH: /bin}}}}\n")
    assert main(["build", "--quiet", "--recipe", "web.yaml", "--store-dir", "store"]) == 0
    words = ["trace", "--quiet", "--recipe", "web.yaml", "--output", "t", "--exec", "ls /www", "--store-dir", "store"]
    assert main(words) == 0
    commands = [run.command for run in text.read(Path("t").read_bytes()).runs]
    assert commands == [("/bin/sleep", "1000"), ("cat", "/etc/passwd"), ("ls", "/www")]


def test_a_check_that_fails_leaves_the_trace_and_says_why(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = traced(image, "--http-get", "http://localhost:8080/", "--", "cat", "/nowhere", code=1)
    assert ("missing", "/nowhere") in uses(trace)
    assert "http://localhost:8080/" in capsys.readouterr().err


def test_a_container_that_ends_at_once_is_recorded(image: Path) -> None:
    trace = traced(image, "--", "cat", "/etc/passwd")
    assert ("open", "/etc/passwd") in uses(trace)


def test_an_image_without_the_command_says_so(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = image.parent / "t"
    assert main(["trace", "--output", str(place), "--image", f"dir:{image}", "--", "nope"]) == 127
    assert "there is no such program" in capsys.readouterr().err
    assert not place.exists()


def test_by_hand_until_an_interruption(image: Path) -> None:
    place = image.parent / "t"
    mark = f"30{os.getpid()}"
    script = f"trap 'cat /etc/passwd; exit' TERM; sleep {mark} & wait"
    words = ["trace", "--output", str(place), "--image", f"dir:{image}", "--", "sh", "-c", script]
    with subprocess.Popen([sys.executable, "-m", "fromscratch", *words], stderr=subprocess.PIPE, text=True) as recorder:
        assert recorder.stderr is not None
        while "use it now" not in recorder.stderr.readline():
            pass
        until(lambda: processes(mark) != [])
        recorder.send_signal(signal.SIGINT)
        said = recorder.stderr.read()
        assert recorder.wait(30) == 0, said
    assert "root:x:0:0:root:/:/bin/sh" in said
    assert ("open", "/etc/passwd") in uses(text.read(place.read_bytes()))


def test_a_recorder_that_is_killed_leaves_nothing(image: Path) -> None:
    mark = f"20{os.getpid()}"
    words = ["trace", "--output", str(image.parent / "t"), "--image", f"dir:{image}", "--", "sleep", mark]
    with subprocess.Popen([sys.executable, "-m", "fromscratch", *words], stderr=subprocess.PIPE, text=True) as recorder:
        assert recorder.stderr is not None
        while "use it now" not in recorder.stderr.readline():
            pass
        recorder.kill()
    until(lambda: processes(mark) == [])
