"""What Buildroot's output says about how far it is.

Each step of each package announces itself, `>>> busybox 1.38.0 Building`, in bold on any output.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex
from fromscratch.progress import Task
from fromscratch.sources.buildroot.costs import Costs, Step
from fromscratch.sources.buildroot.pace import Pace

_ESCAPES = lazy_regex(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9])|\x0f")
_MESSAGE = lazy_regex(r">>> (?P<package>\S*) (?P<version>\S*) (?P<step>\S.*)")
_LAST_LINES = 3000

# The steps that every package goes through, by how their messages start.
_STEPS = {
    "Extracting": "extract",
    "Syncing from": "extract",
    "Patching": "patch",
    "Configuring": "configure",
    "Building": "build",
    "Installing to": "install",
}
_ORDER = tuple(dict.fromkeys(_STEPS.values()))
# The stamps by which Buildroot knows that a step is over.
_STAMPS = {
    "extract": ("extracted", "rsynced"),
    "patch": ("patched",),
    "configure": ("configured",),
    "build": ("built",),
    "install": ("installed",),
}
WHOLE = 1000  # what a bar counts to


class Message(Struct, frozen=True):
    """A step that begins; package and version are empty for what belongs to the whole."""

    package: str
    version: str
    step: str


class Package(Struct, frozen=True):
    """What `make show-info` says of one package, as far as it matters here. `folder` is below the output folder."""

    name: str
    version: str
    dependencies: tuple[str, ...]
    in_staging: bool
    is_image: bool
    folder: str


def plain(line: bytes) -> str:
    """A line of output without colours and line ends."""
    return _ESCAPES.sub("", line.decode("utf-8", "replace")).rstrip("\r\n")


def message(text: str) -> Message | None:
    """The step that a plain line announces."""
    found = _MESSAGE.fullmatch(text)
    return Message(found["package"], found["version"], found["step"].strip()) if found else None


def read_packages(info: Mapping[str, object]) -> dict[str, Package]:
    """The packages of a configuration, from the JSON of `make show-info`."""
    packages = {}
    for name, said in info.items():
        if not isinstance(said, dict):
            continue
        packages[name] = Package(
            name=name,
            version=str(said.get("version") or ""),
            dependencies=tuple(sorted(said.get("dependencies") or ())),
            in_staging=bool(said.get("install_staging")),
            is_image=said.get("type") == "rootfs",
            folder=str(said.get("stamp_dir") or ""),
        )
    return packages


def source_files(info: Mapping[str, object]) -> list[str]:
    """Where the sources of all packages lie below the download folder."""
    return [
        f"{said['dl_dir']}/{one['source']}"
        for said in info.values()
        if isinstance(said, dict)
        for one in said.get("downloads") or ()
    ]


def unfinished(packages: Iterable[Package], output: Path) -> list[Step]:
    """The steps of packages that an output folder does not show as done."""
    return [
        (one.name, kind)
        for one in packages
        if not one.is_image and not _has_stamp(one, "install", output)
        for kind in _ORDER
        if not _has_stamp(one, kind, output)
    ]


def _has_stamp(package: Package, kind: str, output: Path) -> bool:
    return bool(package.folder) and any((output / package.folder / f".stamp_{name}").exists() for name in _STAMPS[kind])


class Watcher:
    """Reads the lines of a build: moves a task on, keeps the last lines, and knows what runs at the moment.

    `waiting` are the steps that are still to be done; `clock` tells the time in seconds.
    """

    def __init__(
        self,
        task: Task,
        waiting: Iterable[Step] = (),
        costs: Costs | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lines: deque[str] = deque(maxlen=_LAST_LINES)
        self.json = ""
        self.current: Message | None = None
        self._task, self._clock = task, clock
        steps = list(waiting)
        self._pace = Pace(steps, costs or Costs(), clock()) if steps else None
        self._shown = 0
        if self._pace is not None:
            task.expect(WHOLE)

    def line(self, raw: bytes) -> None:
        """The next line of output."""
        text = plain(raw)
        if text.startswith('{ "'):
            self.json = text
            return
        self.lines.append(text)
        if found := message(text):
            self.current = found
            self._begin(found)
            self.tick()
            self._task.describe(f"{found.package} {found.version} {found.step}".strip())
        elif self._pace is not None:
            self._pace.line()

    def tick(self) -> None:
        """Tell how far all is; to be called about once a second."""
        if self._pace is None:
            return
        now = self._clock()
        self._show(min(WHOLE - 1, round(self._pace.done(now) * WHOLE)))
        lines = self._pace.lines
        self._task.pulse(f"{lines} lines" if lines > 1 else "", self._pace.left(now))

    def finish(self) -> None:
        """All is done, also what was not announced."""
        if self._pace is not None:
            self._show(WHOLE)

    def _show(self, done: int) -> None:
        if done > self._shown:
            self._task.advance(done - self._shown)
            self._shown = done

    def _begin(self, found: Message) -> None:
        if self._pace is None:
            return
        kind = next((kind for start, kind in _STEPS.items() if found.step.startswith(start)), None)
        if kind is None and found.package:
            return  # part of the step that runs
        # An overridden package has no step of its own for some kinds: a later one says they are over.
        over = [(found.package, each) for each in _ORDER[: _ORDER.index(kind)]] if kind else ()
        self._pace.begin((found.package, kind) if kind else None, over, self._clock())
