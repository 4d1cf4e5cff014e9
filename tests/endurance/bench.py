"""A folder in which whole runs of the command are done, killed and hindered, each in a fork of this process.

What must hold after each: no half-written result under its final name, and the next run of the same goes well and
leaves nothing beside its results.
"""

import contextlib
import gzip
import importlib
import io
import os
import pkgutil
import signal
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import fromscratch
from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.flow.output import finished
from fromscratch.host.images.layout import read_layout

RECIPE = """name: demo
rootfs:
- tarball: {{url: 'file://{upstream}', sha256: '{digest}'}}
- overlay: files
compression: fast
"""
STUCK = 30.0  # seconds, of which each run takes less than one
TAGS = ("one", "two")


class Wrong(AssertionError):
    """What must never be, was."""


@dataclass
class Ended:
    code: int
    err: str


@dataclass
class Bench:
    """The folder `place`, with a store of its own. `serial` makes each build another one."""

    place: Path
    serial: int = 0
    spans: dict[str, float] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.place / "store"

    @property
    def desk(self) -> Path:
        return self.place / "desk"

    def lay_out(self) -> None:
        """Recipe and sources."""
        (self.desk / "files").mkdir(parents=True)
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w") as archive:
            for number in range(40):
                member = tarfile.TarInfo(f"usr/share/file-{number}")
                member.size = 50_000
                archive.addfile(member, io.BytesIO(os.urandom(25_000) * 2))
        data = gzip.compress(whole.getvalue(), 1)
        (self.place / "upstream.tar.gz").write_bytes(data)
        text = RECIPE.format(upstream=self.place / "upstream.tar.gz", digest=Digest.of(data).hex)
        (self.desk / "fromscratch.yaml").write_text(text)
        self.change()

    def change(self) -> None:
        """Let the next build be another one."""
        self.serial += 1
        (self.desk / "files/serial").write_text(str(self.serial))

    def start(self, words: tuple[str, ...], *, stopped: bool = False) -> int:
        """A run of the command in a child; the answer is its pid. `stopped` holds it back until it gets SIGCONT."""
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            os.chdir(self.desk)
            os.environ["FROMSCRATCH_STORE"] = str(self.store)
            os.environ["TMPDIR"] = str(self.place / "tmp")
            out = os.open(self.place / "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            err = os.open(self.place / "err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(err, 2)
            sys.argv = ["fromscratch", *words]
            if stopped:
                os.kill(os.getpid(), signal.SIGSTOP)
            code = _done()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def run(self, words: tuple[str, ...]) -> Ended:
        """A run to its end."""
        return self.end(self.start(words))

    def end(self, child: int) -> Ended:
        give_up = time.monotonic() + STUCK
        while not (found := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() > give_up:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise Wrong("it is stuck")
            time.sleep(0.005)
        status = found[1]
        return Ended(os.waitstatus_to_exitcode(status), (self.place / "err").read_text("utf-8", "replace"))

    def must(self, words: tuple[str, ...]) -> None:
        """A run that has to go well."""
        ended = self.run(words)
        if ended.code:
            raise Wrong(f"{' '.join(words)}: exit code {ended.code}\n{ended.err}")

    def span(self, words: tuple[str, ...], ready: Callable[[], None]) -> float:
        """How long such a run takes here, in seconds."""
        key = " ".join(words)
        if key not in self.spans:
            ready()
            launched = time.monotonic()
            self.must(words)
            self.spans[key] = time.monotonic() - launched
        return self.spans[key]

    def check(self) -> None:
        """Raises Wrong for anything half-written under a final name."""
        for folder in (self.desk / "build/demo/oci", self.desk / "packed"):
            try:
                if folder.exists() and any(folder.iterdir()):
                    for tag in (None,) if folder.name == "oci" else _tags(folder):
                        read_layout(folder, tag, verify=True)
            except ImageError as error:
                raise Wrong(f"{folder}: {error}") from error
        finished(self.desk / "build/demo")
        for archive in self.desk.glob("*.tar"):
            with tarfile.open(archive) as opened:
                names = opened.getnames()
            if archive.read_bytes()[-1024:] != bytes(1024) or not names:
                raise Wrong(f"{archive} is cut")
        for blob in (self.store / "blobs").glob("*/*"):
            with open(blob, "rb") as stream:
                if Digest.of_stream(stream).hex != blob.name:
                    raise Wrong(f"{blob} is not what its name says")

    def check_tidy(self) -> None:
        """Raises Wrong for what a killed or hindered run left, once another has gone well."""
        left = [path for path in self.desk.rglob(".*") if ".new-" in path.name]
        left += list((self.store / "partial").glob(".*"))
        left += list((self.place / "tmp").glob("*"))
        if left:
            raise Wrong(f"left behind: {left}")


def _tags(folder: Path) -> list[str]:
    text = (folder / "index.json").read_text()
    return [tag for tag in TAGS if f'"{tag}"' in text]


def _done() -> int:
    from fromscratch.cli.main import main

    try:
        return main()
    except BaseException:
        import traceback

        traceback.print_exc()
        return 99


def warmed_up() -> None:
    """Load what runs load, so that a fork has it already: a module that cannot be loaded is Python's affair."""
    for name in ("tqdm", "yaml"):
        importlib.import_module(name)
    for module in pkgutil.walk_packages(fromscratch.__path__, "fromscratch."):
        if not module.name.endswith(("__main__", "_child")):
            importlib.import_module(module.name)
