"""What Buildroot's output says about how far it is.

Each step of each package announces itself, `>>> busybox 1.38.0 Building`, in bold on any output.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex
from fromscratch.progress import Task

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
STEPS_OF_A_PACKAGE = len(set(_STEPS.values()))
FINAL_STEPS = ("Finalizing host directory", "Finalizing target directory", "Generating filesystem image rootfs.tar")


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


def unfinished(packages: Iterable[Package], output: Path) -> list[str]:
    """The packages that an output folder does not show as installed."""
    return [
        one.name
        for one in packages
        if not one.is_image and not (one.folder and (output / one.folder / ".stamp_installed").exists())
    ]


class Watcher:
    """Reads the lines of a build: moves a task on, keeps the last lines, and knows what runs at the moment."""

    def __init__(self, task: Task, waiting: Iterable[str]) -> None:
        self.lines: deque[str] = deque(maxlen=_LAST_LINES)
        self.json = ""
        self.current: Message | None = None
        self._task = task
        self._todo = {name: set(_STEPS.values()) for name in waiting}
        self._final = set(FINAL_STEPS)
        task.expect(STEPS_OF_A_PACKAGE * len(self._todo) + len(self._final))

    def line(self, raw: bytes) -> None:
        """The next line of output."""
        text = plain(raw)
        if text.startswith('{ "'):
            self.json = text
            return
        self.lines.append(text)
        if found := message(text):
            self.current = found
            self._task.describe(f"{found.package} {found.version} {found.step}".strip())
            self._count(found)

    def finish(self) -> None:
        """All is done, also what was not announced."""
        self._task.advance(sum(len(left) for left in self._todo.values()) + len(self._final))
        self._todo, self._final = {}, set()

    def _count(self, found: Message) -> None:
        if not found.package:
            if found.step in self._final:
                self._final.discard(found.step)
                self._task.advance(1)
            return
        kind = next((kind for start, kind in _STEPS.items() if found.step.startswith(start)), None)
        left = self._todo.get(found.package)
        if kind is None or left is None or kind not in left:
            return
        # An overridden package has no step of its own for some kinds: a later one says they are over.
        order = list(dict.fromkeys(_STEPS.values()))
        over = left & set(order[: order.index(kind) + 1])
        left -= over
        self._task.advance(len(over))
