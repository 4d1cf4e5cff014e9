"""What programs need, and images of them: against ldd, a plain reader of ELF, and the builders of images.

Every answer of the same group is of the same programs, found before anything is timed.
"""

import atexit
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from shlex import quote
from typing import Any

from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from benchmarks.runner import Case, Group
from fromscratch.cli.main import main
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.linker.closure import Linker
from fromscratch.model.rootfs import Rootfs

_OURS = f"{quote(sys.executable)} -m fromscratch"
_FOLDER = Path("/usr/bin")
_ONE = "/usr/bin/git"
_TIMES = 10  # calls of a case that are measured as one: a single one takes milliseconds
_PATIENCE = 60.0


def groups(_tree: Rootfs, _folder: Path, scratch: Path) -> list[Group]:
    programs = list(elf_programs(_FOLDER))
    names = scratch / "programs"
    names.write_text("".join(f"{quote(name)}\n" for name in programs))
    return [_all(programs, quote(str(names))), _one(), _image(scratch)]


def elf_programs(folder: Path) -> Iterator[str]:
    """The ELF files of a folder with a loader, by their places: one of several names of a file counts."""
    for place in sorted({path.resolve() for path in folder.iterdir() if path.is_file()}):
        opened = MachineRoot().file(str(place))
        if opened is not None and opened.elf is not None and opened.elf.interpreter:
            yield str(place)


def _all(programs: list[str], names: str) -> Group:
    return Group(
        "closures of all programs of /usr/bin",
        [
            Case("ldd, a loop", f"xargs -n 1 ldd < {names} > /dev/null", needs=("ldd", "xargs")),
            Case("pyelftools, plain use", lambda: plainly(programs)),
            Case("fromscratch, a function", lambda: ours(programs)),
            Case("fromscratch closure", f"xargs {_OURS} closure < {names} > /dev/null"),
        ],
        f"{len(programs)} programs; ldd executes their loader, which no other row does; the two in the middle are "
        "forks without Python's start, and read a library once for all that need it",
        units=len(programs),
        unit="program",
    )


def _one() -> Group:
    def repeated(command: str) -> str:
        return f"for time in $(seq {_TIMES}); do {command} > /dev/null; done"

    python = quote(sys.executable)
    return Group(
        f"one closure, of {_ONE}, {_TIMES} times",
        [
            Case("ldd", repeated(f"ldd {_ONE}"), needs=("ldd",)),
            Case("python -c pass", repeated(f"{python} -c pass")),
            Case("fromscratch closure", repeated(f"{_OURS} closure {_ONE}")),
        ],
        "what is ours is the last row less the one above it",
        units=_TIMES,
        unit="call",
    )


def ours(programs: list[str]) -> int:
    linker = Linker([MachineRoot()])
    return sum(len(linker.program(path).nodes) for path in programs)


class Plain:
    """A closure as one writes it with pyelftools: each object is read once, and looked for by the usual rules."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[list[str], list[str], str | None]] = {}
        self._directories = [line for line in _configured(Path("/etc/ld.so.conf")) if Path(line).is_dir()]
        self._directories += ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"]

    def closure(self, program: str) -> list[str]:
        _, _, loader = self._facts(program)
        found = [program, *([loader] if loader else [])]
        names = {Path(path).name for path in found}
        for path in found:
            needed, search, _ = self._facts(path)
            origin = str(Path(path).parent)
            for name in needed:
                if name in names:
                    continue
                names.add(name)
                folders = [each.replace("$ORIGIN", origin).replace("${ORIGIN}", origin) for each in search]
                places = (f"{folder}/{name}" for folder in (*folders, *self._directories))
                found += [next(place for place in places if Path(place).exists())]
        return found

    def _facts(self, path: str) -> tuple[list[str], list[str], str | None]:
        """Names needed, folders of its own, and the loader."""
        if path in self._read:
            return self._read[path]
        needed, search, loader = [], [], None
        with open(path, "rb") as stream:
            for segment in ELFFile(stream).iter_segments():
                if isinstance(segment, InterpSegment):
                    loader = segment.get_interp_name()
                elif isinstance(segment, DynamicSegment):
                    tags: Iterable[Any] = segment.iter_tags()
                    for tag in tags:
                        if tag.entry.d_tag == "DT_NEEDED":
                            needed.append(tag.needed)
                        elif tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH"):
                            search += (tag.runpath if tag.entry.d_tag == "DT_RUNPATH" else tag.rpath).split(":")
        self._read[path] = needed, search, loader
        return self._read[path]


def plainly(programs: list[str]) -> int:
    plain = Plain()
    return sum(len(plain.closure(path)) for path in programs)


def _configured(path: Path) -> Iterator[str]:
    """The folders of an ld.so.conf."""
    for line in path.read_text().splitlines() if path.exists() else ():
        words = re.sub("#.*", "", line).split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                for each in sorted(path.parent.glob(pattern.removeprefix(f"{path.parent}/"))):
                    yield from _configured(each)
        else:
            yield from words


def _image(scratch: Path) -> Group:
    """The files are the same: the builders get them laid out beside a Dockerfile, `bundle` finds them by itself."""
    busybox = shutil.which("busybox") or "busybox"
    place = quote(str(scratch))
    ours = f"cd {place} && export FROMSCRATCH_STORE={place}/store && rm -rf image && {_OURS} bundle {busybox}"
    context = scratch / "context"
    if shutil.which("busybox"):
        (context / "root").mkdir(parents=True)
        first = f"{ours} --output image --to tar:root.tar --quiet && tar -xf root.tar -C context/root"
        subprocess.run(["/bin/bash", "-c", first], check=True)
        entry = f'ENTRYPOINT ["{busybox}"]\nUSER 65532:65532\n'
        (context / "Dockerfile").write_text(f"FROM scratch\nCOPY root/ /\n{entry}")
    buildah = (
        f"cd {place} && rm -rf buildah && c=$(buildah from scratch) && buildah copy -q $c context/root / > /dev/null "
        f"&& buildah config --entrypoint '[\"{busybox}\"]' --user 65532:65532 $c > /dev/null 2>&1 "
        f"&& buildah commit -q --rm $c oci:buildah:x > /dev/null"
    )
    umoci = (
        f"cd {place} && rm -rf umoci && umoci init --layout umoci > /dev/null && umoci new --image umoci:x > /dev/null "
        f"&& umoci insert --image umoci:x context/root / > /dev/null 2>&1"
    )
    return Group(
        "busybox and what it needs into an image",
        [
            Case(
                "docker build, COPY",
                f"{docker_command()} build --no-cache --quiet --tag bundling {place}/context > /dev/null 2>&1",
                needs=("docker", "busybox"),
            ),
            Case("buildah copy, commit", buildah, needs=("buildah", "busybox")),
            Case("umoci init, new, insert", umoci, needs=("umoci", "busybox")),
            Case("fromscratch bundle", f"{ours} --output image --quiet > /dev/null", needs=("busybox",)),
            Case("fromscratch bundle, begun", begun(busybox, scratch), needs=("busybox",)),
        ],
        "the first three are given the files that ours finds; docker keeps the image to itself, the others write "
        "an OCI layout. The last is a fork of a process that has bundled before: no start of Python, nothing loaded",
    )


def begun(busybox: str, scratch: Path) -> Callable[[], None]:
    """`bundle` as a function, after one call."""

    def bundle() -> None:
        output = scratch / "begun"
        shutil.rmtree(output, ignore_errors=True)
        os.environ["FROMSCRATCH_STORE"] = str(scratch / "store")
        with open(os.devnull, "w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
            main(["bundle", busybox, "--output", str(output), "--quiet"])

    if shutil.which(busybox):
        bundle()
    return bundle


def docker_command() -> str:
    """The command for a daemon of our own until this process ends, if we may start one; else for the one there is."""
    if os.geteuid() != 0 or not (shutil.which("docker") and shutil.which("dockerd")):
        return "docker"
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-docker-"))
    address = f"unix://{folder}/docker.sock"
    argv = ["dockerd", "--iptables=false", "--bridge=none", f"--data-root={folder}/data", f"--host={address}"]
    argv += [f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid", "--log-level=warn"]
    with open(folder / "log", "wb") as log:
        daemon = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    atexit.register(_end, daemon, folder)
    command = ["docker", "-H", address]
    end = time.monotonic() + _PATIENCE
    while subprocess.run([*command, "version"], capture_output=True, check=False).returncode:
        if daemon.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"dockerd does not start: {(folder / 'log').read_text()[-500:]}")
        time.sleep(0.1)
    return " ".join(command)


def _end(daemon: "subprocess.Popen[bytes]", folder: Path) -> None:
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(_PATIENCE)
    shutil.rmtree(folder)
