"""Ways to hinder a run: SIGKILL at any moment, a system call that fails, a disk that is full."""

import ctypes
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.endurance.bench import Bench, Ended, Wrong

WRONG = "went wrong"
_PACKS = (
    ("pack", "--to", "oci-archive", "--output", "image.tar"),
    ("pack", "--to", "docker-archive", "--output", "docker.tar"),
    ("pack", "--to", "tar", "--output", "root.tar"),
    ("pack", "--to", "oci", "--output", "packed", "--tag", "one"),
    ("pack", "--to", "oci", "--output", "packed", "--tag", "two"),
)


@dataclass(frozen=True)
class Kind:
    """Runs of one verb: the words of one, and what has to be there before it."""

    name: str
    words: Callable[[random.Random], tuple[str, ...]]
    ready: Callable[[Bench], None]


def _fetch_ready(bench: Bench) -> None:
    shutil.rmtree(bench.store, ignore_errors=True)


def _build_ready(bench: Bench) -> None:
    bench.must(("fetch",))
    bench.change()


def _build_afresh(bench: Bench) -> None:
    _build_ready(bench)
    for folder in ("derived", "records/packed-layer"):
        shutil.rmtree(bench.store / folder, ignore_errors=True)


def _built(bench: Bench) -> None:
    bench.must(("fetch", "build"))


KINDS = (
    Kind("fetch", lambda chance: ("fetch",), _fetch_ready),
    Kind("build", lambda chance: ("build",), _build_ready),
    Kind("fresh", lambda chance: ("fetch", "build"), _build_afresh),
    Kind("pack", lambda chance: chance.choice(_PACKS), _built),
    Kind("clean", lambda chance: ("clean",), _built),
    Kind("clean-store", lambda chance: ("clean", "--store"), _built),
)


def kills(bench: Bench, count: int, seed: int) -> str:
    """SIGKILL somewhere between the first instruction and a little after the end."""
    chance, said = random.Random(seed), Counter[str]()
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        words = kind.words(chance)
        span = bench.span(words, partial(kind.ready, bench))
        kind.ready(bench)
        child = bench.start(words)
        time.sleep(span * 1.1 * chance.random())
        os.kill(child, signal.SIGKILL)
        ended = bench.end(child)
        said[f"{kind.name}: {'killed' if ended.code == -signal.SIGKILL else 'had ended'}"] += 1
        with _noted(said, f"kill {number} of {' '.join(words)}"):
            _judge(bench, words)
    return _figures(said)


_FAULTS = {
    "openat": ("EMFILE", "EIO", "ENOSPC", "EACCES"),
    "write": ("ENOSPC", "EIO", "EDQUOT"),
    "pwrite64": ("ENOSPC",),
    "read": ("EIO",),
    "rename": ("EIO", "ENOSPC"),
    "renameat2": ("EINVAL", "EIO"),
    "mkdir": ("ENOSPC", "EACCES", "EDQUOT"),
    "unlink": ("EIO", "EBUSY"),
    "rmdir": ("EIO", "EBUSY"),
    "flock": ("ENOLCK", "EAGAIN", "EIO"),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO", "ENOSPC"),
    "link": ("EPERM", "EMLINK"),
    "getdents64": ("EIO",),
    "clone3": ("EAGAIN",),
}


_NEEDED_BY_PYTHON = ("openat", "read", "getdents64")  # if these fail for good, it cannot even say so


def faults(bench: Bench, count: int, seed: int) -> str:
    """One system call, or all from one on, that fails; by strace, which joins when the run begins."""
    chance, said = random.Random(seed), Counter[str]()
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        words = kind.words(chance)
        kind.ready(bench)
        call = chance.choice(list(_FAULTS))
        error, first = chance.choice(_FAULTS[call]), chance.choice((1, 2, 3, 5, 8, 13, 30, 80))
        lasting = call not in _NEEDED_BY_PYTHON and error != "EAGAIN"
        when = f"{first}{chance.choice(('', '', '+')) if lasting else ''}"
        what = f"{call} {error} {when} in {' '.join(words)}"
        with _noted(said, what):
            ended = _hindered(bench, words, f"inject={call}:error={error}:when={when}", call)
            said[f"{kind.name}: exit code {ended.code}"] += 1
            if "error: " in ended.err or call != "write":  # what can write nothing can say nothing
                _check_reported(ended)
            _judge(bench, words)
    return _figures(said)


def _hindered(bench: Bench, words: tuple[str, ...], inject: str, call: str) -> Ended:
    child = bench.start(words, stopped=True)
    os.waitpid(child, os.WUNTRACED)
    log = bench.place / "strace"
    log.write_bytes(b"")
    argv = ["strace", "-f", "-o", str(log), "-e", f"trace={call}", "-e", inject, "-p", str(child)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr
        if "attached" not in (line := tracer.stderr.readline()):
            os.kill(child, signal.SIGKILL)
            raise Wrong(f"strace cannot attach: {line}")
        os.kill(child, signal.SIGCONT)
        ended = bench.end(child)
        tracer.wait()
    return ended


def disks(bench: Bench, count: int, seed: int) -> str:
    """A small disk under the store, the output or the temporary files. In a mount namespace of our own."""
    chance, said = random.Random(seed), Counter[str]()
    _unshare_mounts()
    places = ("store", "desk/build", "desk/packed-files", "tmp")
    for number in range(count):
        kind, place = KINDS[number % len(KINDS)], places[number % len(places)]
        words = kind.words(chance)
        if place == "desk/packed-files":
            form = chance.choice(("oci-archive", "tar"))
            kind, words = KINDS[3], ("pack", "--to", form, "--output", "packed-files/a.tar")
        kind.ready(bench)
        what = f"a small disk at {place} in {' '.join(words)}"
        with _noted(said, what):
            with _small(bench.place / place, chance.randrange(16, 2_400 if place == "store" else 1_200)):
                ended = bench.run(words)
                said[f"{place}: exit code {ended.code}"] += 1
                _check_reported(ended)
                if ended.code and place == "desk/packed-files" and (bench.place / place / "a.tar").exists():
                    raise Wrong("half an archive is there")
            _judge(bench, words)
    return _figures(said)


@contextmanager
def _small(place: Path, kilobytes: int) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def _unshare_mounts() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000):  # CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "no mount namespace")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def _check_reported(ended: Ended) -> None:
    """A failure is one message and one hint, and never a bug."""
    if ended.code not in (0, 1, 2) or "Traceback" in ended.err or (ended.code and ended.err.count("error: ") != 1):
        raise Wrong(f"exit code {ended.code}\n{ended.err}")


def _judge(bench: Bench, words: tuple[str, ...]) -> None:
    """Look at what there is, do the same once more, and look again."""
    bench.check()
    if words[0] in ("build", "pack"):
        bench.must(("fetch",))
        bench.must(("build",))
    bench.must(words)
    bench.check()
    bench.check_tidy()


@contextmanager
def _noted(said: Counter[str], what: str) -> Iterator[None]:
    """Go on after what went wrong, and tell of it at once and at the end."""
    try:
        yield
    except Wrong as wrong:
        print(f"WRONG {what}: {wrong}", flush=True)
        said[WRONG] += 1


def _figures(said: Counter[str]) -> str:
    return "\n".join(f"{count:5}  {what}" for what, count in sorted(said.items()))


BY_NAME = {"kills": kills, "faults": faults, "disks": disks}
