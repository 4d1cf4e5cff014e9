"""Running emerge over a plan: progress for each package, and the failure of one in plain words."""

from collections import deque
from collections.abc import Mapping
from pathlib import Path

from fromscratch.errors import CommandFailed
from fromscratch.host.process import run
from fromscratch.lazy_regex import lazy_regex
from fromscratch.progress import Progress, Task
from fromscratch.sources.portage import failure
from fromscratch.sources.portage.plan import Plan
from fromscratch.sources.portage.workspace import Workspace

_STEP = lazy_regex(
    r">>> (?P<step>Emerging binary|Emerging|Installing|Completed) \(\d+ of \d+\) (?P<cpv>\S+?)(?:::\S+)?(?: .*)?"
)
_WORDS = {"Emerging": "building", "Emerging binary": "unpacking", "Installing": "installing"}
_LAST_LINES = 3000
# A package that is built is one step, one that is installed another.
_STEPS = 2
_OPTIONS = (
    *("--oneshot", "--usepkg", "--buildpkg", "--quiet-build=y", "--color=n", "--nospinner", "--autounmask=n"),
    *("--package-moves=n", "--binpkg-respect-use=y", "--ignore-default-opts"),
)


class Watcher:
    """Reads the lines of emerge: moves a task on, and keeps the last lines."""

    def __init__(self, task: Task, plan: Plan) -> None:
        self.lines: deque[str] = deque(maxlen=_LAST_LINES)
        self.built: list[str] = []
        self._task = task
        self._left = {package.cpv: _STEPS for package in plan.packages}
        task.expect(_STEPS * len(self._left))

    def line(self, raw: bytes) -> None:
        """The next line of output."""
        text = raw.decode("utf-8", "replace").rstrip()
        self.lines.append(text)
        found = _STEP.fullmatch(text)
        if found is None:
            return
        step, cpv = found["step"], found["cpv"]
        if step in _WORDS:
            self._task.describe(f"{_WORDS[step]} {cpv}")
        if step == "Emerging":
            self.built.append(cpv)
        if step in ("Installing", "Completed") and self._left.get(cpv, 0) >= (1 if step == "Completed" else 2):
            self._left[cpv] -= 1
            self._task.advance(1)


def emerge(workspace: Workspace, plan: Plan, label: str, progress: Progress, log: Path | None, lock: int) -> list[str]:
    """Merge a plan into the root of the workspace; the answer are the packages that were built, not unpacked.

    Raises CommandFailed, naming the package and the phase that failed, with its last lines.
    """
    atoms = [f"={package.cpv}::{package.repository}" for package in plan.packages if package.asked]
    words = workspace.portage.argv("emerge", *_OPTIONS, f"--jobs={workspace.jobs}", *atoms)
    with progress.task(label, unit="steps") as task:
        watcher = Watcher(task, plan)
        code = run.follow(workspace.argv(words, plan.repositories), watcher.line, log=log, inherit=(lock,))
    if code:
        raise _failed(workspace, list(watcher.lines), code, log)
    return watcher.built


def _failed(workspace: Workspace, lines: list[str], code: int, log: Path | None) -> CommandFailed:
    logs = _logs(workspace)
    whole = f"the whole output is in {log}" if log else "build again with a log to see all of it"
    return failure.of_build(lines, logs, code, whole)


def _logs(workspace: Workspace) -> Mapping[str, str]:
    """The last part of each package's own log, by its name and version without category."""
    found = {}
    for path in sorted((workspace.box / "logs").rglob("*.log")):
        found[path.stem] = path.read_text(errors="replace")[-65536:]
    for path in sorted((workspace.box / "work").glob("portage/*/*/temp/build.log")):
        if not path.is_file():
            continue  # a link to one of the logs above, as the sandbox sees them
        found[path.parent.parent.name] = path.read_text(errors="replace")[-65536:]
    return found
