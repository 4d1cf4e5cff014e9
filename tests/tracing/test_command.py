"""Commands on this machine: every way of using a file is seen, and nothing is left behind."""

import contextlib
import errno
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fromscratch.cli.main import main
from fromscratch.errors import CannotStart
from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Trace
from fromscratch.paths import decode
from fromscratch.tracing.by_notification import Notification
from fromscratch.tracing.by_strace import Strace
from fromscratch.tracing.observer import Observer
from fromscratch.tracing.recording import Recording
from tests.engines import missing, need
from tests.host.container.callers import Caller
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


def test_strace_sees_the_same(tmp_path: Path, prepared: Path) -> None:
    if refusal := Strace().refusal():
        missing(refusal)
    words = [sys.executable, str(PROGRAM), str(prepared)]
    assert unseen(recorded(tmp_path, *words, recorder="strace"), prepared) == []


RECORDS = """
import sys
from pathlib import Path
from fromscratch.formats.trace import text
from fromscratch.tracing.by_notification import Notification
from fromscratch.tracing.recording import Recording
recording = Recording("notification", "here")
code = Notification().command(sys.argv[2:], recording, print)
found = recording.finished()
Path(sys.argv[1]).write_bytes(text.write(found.trace))
sys.exit(code or (str(found.lost) if found.lost else 0))
"""


def test_an_ordinary_user_records_as_much(caller: Caller) -> None:
    top, interpreter = caller.folder / "work/top", caller.python()
    (caller.folder / "accesses.py").write_bytes(PROGRAM.read_bytes())
    program = [interpreter, "-B", str(caller.folder / "accesses.py"), str(top)]
    subprocess.run([*caller.prefix, "mkdir", str(top)], check=True)
    subprocess.run([*caller.prefix, *program, "prepare"], check=True)
    script = f"import sys; sys.path[0] = {str(caller.package)!r}\n{RECORDS}"
    place = caller.folder / "work/found.trace"
    subprocess.run([*caller.prefix, interpreter, "-B", "-c", script, str(place), *program], check=True)
    blind = set() if caller.name == "root" else {"chroot_inside"}
    assert set(unseen(text.read(place.read_bytes()), top)) == blind
    subprocess.run(["rm", "-r", str(top), str(place)], check=True)


def test_what_a_run_makes_itself_is_missing_first_and_opened_then(tmp_path: Path) -> None:
    made = tmp_path / "made"
    script = f"cat {made}; cat {made}; echo new > {made}; cat {made}; rm {made}; cat {made}; exit 0"
    trace = recorded(tmp_path, "sh", "-c", script)
    seen = [(event.kind, event.process.rpartition("/")[2]) for event in trace.events if event.path == str(made)]
    assert [kind for kind, process in seen if process == "cat"] == ["missing", "open"]
    assert "open" in {kind for kind, process in seen if process != "cat"}


def test_the_exit_code_is_the_commands_and_its_streams_are_the_callers(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "fromscratch", "trace", "--quiet", "--output", str(tmp_path / "t"), "--"]
    done = subprocess.run([*words, "sh", "-c", "cat; exit 3"], input=b"given", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"given", b"")
    killed = subprocess.run([*words, "sh", "-c", "kill -9 $$"], capture_output=True, check=False)
    assert (killed.returncode, killed.stderr) == (137, b"")


@pytest.mark.parametrize("recorder", ["notification", "strace"])
def test_a_command_that_cannot_be_started_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recorder: str
) -> None:
    place = tmp_path / "t"
    assert main(["trace", "--recorder", recorder, "--output", str(place), "--", "no-such-program"]) == 127
    assert "cannot start no-such-program: " in capsys.readouterr().err
    assert not place.exists()


def test_threads_processes_and_what_is_left_running_belong_to_the_run(tmp_path: Path) -> None:
    late = tmp_path / "late"
    late.write_text("x")
    trace = recorded(tmp_path, "sh", "-c", f"(sleep 0.3; setsid cat {late} >/dev/null) & exit 0")
    assert kinds(trace, str(late)) == {"open"}


@pytest.mark.parametrize("kind", [Notification, Strace])
def test_a_recorder_that_is_killed_leaves_no_process_behind(tmp_path: Path, kind: type[Notification | Strace]) -> None:
    recorded_by = kind()
    if refusal := recorded_by.refusal():
        missing(refusal)
    mark = f"10{os.getpid()}"
    script = f"sleep {mark} & (setsid sleep {mark} &) ; echo up; wait"
    options = ["--recorder", recorded_by.name, "--output", str(tmp_path / "t")]
    words = [sys.executable, "-m", "fromscratch", "trace", *options, "--", "sh", "-c", script]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as recorder:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == b"up\n"
        recorder.kill()
    until(lambda: processes(mark) == [])


def test_an_interruption_is_the_commands_and_the_trace_is_written(tmp_path: Path) -> None:
    place, program = tmp_path / "t", "import signal, sys; print('up', flush=True); signal.pause()"
    words = [sys.executable, "-m", "fromscratch", "trace", "--output", str(place), "--", sys.executable, "-c", program]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as recorder:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == b"up\n"
        recorder.send_signal(signal.SIGTERM)
        assert recorder.wait(30) == 128 + signal.SIGTERM
    assert text.read(place.read_bytes()).events


def test_a_fault_of_the_recorder_lets_no_program_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Observer, "look", fail)
    recording = Recording("notification", "here")
    with pytest.raises(CannotStart, match="Function not implemented"):
        Notification().command(["true"], recording, id)
    assert recording.lost == {"the recorder itself failed with ZeroDivisionError()": 1}


def test_a_hundred_thousand_files(tmp_path: Path) -> None:
    program = "import os\nfor n in range(100_000): os.access(f'/nowhere/{n}', 0)"
    assert len(recorded(tmp_path, sys.executable, "-c", program).events) > 100_000


def test_a_program_in_a_root_of_its_own_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid():
        pytest.skip("only root mounts without more ado")
    mounted = f"mount -t tmpfs x {tmp_path} && cp {need('busybox')} {tmp_path}/busybox"
    script = f"{mounted} && chroot {tmp_path} /busybox cat /busybox >/dev/null"
    place = tmp_path.with_suffix(".trace")
    words = ["trace", "--output", str(place), "--", "unshare", "-m", "sh", "-c", script]
    assert main(words) == 0
    assert "a root of its own, outside of the recorded one" in capsys.readouterr().err


def test_io_uring_is_answered_as_by_a_kernel_that_has_none(tmp_path: Path) -> None:
    program = (
        "import ctypes, os; l = ctypes.CDLL(None, use_errno=True); l.syscall(425, 8, 0); os._exit(ctypes.get_errno())"
    )
    recorded(tmp_path, sys.executable, "-c", program, code=errno.ENOSYS)


# mov ebx, edi; mov ecx, esi; mov eax, edx; xor edx, edx; int 0x80: a call as a 32-bit program makes it.
OLD_CALL = """
import ctypes, mmap, sys
libc = ctypes.CDLL(None)
libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 4]
low = libc.mmap(None, 4096, 7, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, -1, 0)
ctypes.memmove(low, bytes.fromhex("5389fb89f189d031d2cd805bc3"), 13)
path = sys.argv[1].encode() + bytes(1)
ctypes.memmove(low + 256, path, len(path))
sys.exit(ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_uint] * 3)(low)(low + 256, 0, 5) < 0)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="this machine has no 32-bit calls of i386")
def test_calls_of_32_bit_programs_have_numbers_of_their_own(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    opened.write_text("x")
    assert kinds(recorded(tmp_path, sys.executable, "-c", OLD_CALL, str(opened)), str(opened)) == {"open"}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One outside pytest's own folder, which other users may not look into."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_setuid_program_gives_its_rights_to_its_caller(tmp_path: Path, open_folder: Path) -> None:
    if os.geteuid():
        pytest.skip("an ordinary user's programs get no more rights while they are recorded")
    identity = open_folder / "id"
    identity.write_bytes(Path(need("id")).read_bytes())
    identity.chmod(0o4755)
    words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", str(identity), "-u"]
    place = tmp_path / "t"
    done = subprocess.run(
        [sys.executable, "-m", "fromscratch", "trace", "--output", str(place), "--", *words],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"0\n"
    assert ("exec", str(identity)) in {(event.kind, event.path) for event in text.read(place.read_bytes()).events}


def processes(word: str) -> list[str]:
    """The processes that have this word."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = place.read_bytes().split(b"\0")
            found += [place.parent.name] if word.encode() in words else []
    return found


def until(true: Callable[[], bool]) -> None:
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("it did not come true within a minute")
