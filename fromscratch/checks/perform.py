"""Checks are made: the image is started, asked one thing after the other, and ended; nothing of it is left."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from msgspec.structs import replace

from fromscratch.checks.ask import SharedCheck, answer_of, ask
from fromscratch.checks.contract import Answer, Check, OwnCommand, Result, Results, RunCheck, ScriptCheck
from fromscratch.checks.verdict import fault_of
from fromscratch.errors import CannotStart, UsageError
from fromscratch.host.container.lifetime import WrittenRoot, written_root
from fromscratch.host.container.preparation import Invocation, command_of, with_volumes
from fromscratch.host.container.running import RunningContainer, running
from fromscratch.host.container.watch import Watch
from fromscratch.model.image import Platform

# An emulated processor is so much slower.
_EMULATED = 4


def perform(checks: Sequence[Check], invocation: Invocation, watch: Watch | None = None) -> Results:
    """The answers to all checks. The image's own command is that of `invocation`; `watch` sees each container.

    A check that fails does not keep the next from being made. Raises ImageError where the image cannot be run at all,
    such as MissingTool for a platform that this machine has no emulator of.
    """
    for check in checks:
        if isinstance(check, ScriptCheck):
            _check_program(check.path)
    tree = with_volumes(invocation.tree, invocation.config.volumes)
    invocation = replace(invocation, tree=tree)
    slower = _EMULATED if invocation.platform.architecture != Platform.of_this_machine().architecture else 1
    performance = _Performance([replace(check, timeout=check.timeout * slower) for check in checks], invocation, watch)
    answers: dict[int, Answer] = {}
    needs_several = len(checks) > 1 and any(isinstance(check, RunCheck) for check in checks)
    with (
        invocation.progress.task(f"check {invocation.platform}", total=len(checks), unit="checks") as task,
        written_root(invocation) if needs_several else nullcontext() as root,
    ):
        for place, answer in performance.answers(root):
            answers[place] = answer
            task.advance(1)
    results = [
        Result(check=check, answer=answers[place], fault=fault_of(check, answers[place]))
        for place, check in enumerate(checks)
    ]
    return Results(platform=str(invocation.platform), results=tuple(results), own=performance.own)


class _Performance:
    """`own` is how the image's own command did, once the checks are made that share its container."""

    def __init__(self, checks: Sequence[Check], invocation: Invocation, watch: Watch | None) -> None:
        self._checks, self._invocation, self._watch = checks, invocation, watch
        self.own: OwnCommand | None = None

    def answers(self, root: WrittenRoot | None) -> Iterator[tuple[int, Answer]]:
        """Each answer with the place of its check: first of those that share a container. All start over `root`."""
        shared = [(place, check) for place, check in enumerate(self._checks) if not isinstance(check, RunCheck)]
        if shared:
            yield from self._together(shared, root)
        for place, check in enumerate(self._checks):
            if isinstance(check, RunCheck):
                start = time.monotonic()
                yield place, _timed(self._run(check, root), start)

    def _together(
        self, checks: Sequence[tuple[int, SharedCheck]], root: WrittenRoot | None
    ) -> Iterator[tuple[int, Answer]]:
        with running(self._invocation, self._watch, start=False, root=root) as container:
            self.own = self._start(container)

            def is_running() -> bool:
                return self.own is not None and self.own.code is None and container.command() is None

            for place, check in checks:
                start = time.monotonic()
                yield place, _timed(ask(check, container, is_running), start)
            self._end(container)

    def _start(self, container: RunningContainer) -> OwnCommand | None:
        """Start the image's own command; None if it has none. One that cannot be started has the code that says so."""
        config, argv = self._invocation.config, self._invocation.argv
        if not (config.entrypoint or config.cmd or argv):
            return None
        words = tuple(command_of(config, argv))
        try:
            container.start()
        except CannotStart as error:
            return OwnCommand(words=words, code=error.exit_code, output=error.message.encode())
        return OwnCommand(words=words)

    def _end(self, container: RunningContainer) -> None:
        """See whether the image's own command still runs. A recorder sees what it uses when it is stopped, too."""
        if self.own is None or self.own.code is not None:
            return
        ended = container.command()
        self.own = replace(self.own, code=ended.code if ended else None, output=container.output())
        if self._watch is not None:
            container.stop()

    def _run(self, check: RunCheck, root: WrittenRoot | None) -> Answer:
        config = self._invocation.config
        words = check.argv or self._invocation.argv
        anew = replace(self._invocation, config=replace(config, env={**config.env, **check.env}), argv=words)
        with running(anew, self._watch, start=False, root=root) as container:
            try:
                container.start()
            except CannotStart as error:
                return Answer(code=error.exit_code, errors=error.message.encode())
            ended = container.wait(check.timeout)
            if ended is None:
                return Answer(output=container.output(), problem=f"it did not end within {check.timeout:g} seconds")
            return answer_of(ended, check)


def _timed(answer: Answer, start: float) -> Answer:
    return replace(answer, seconds=round(time.monotonic() - start, 3))


def _check_program(path: Path) -> None:
    """Raises UsageError for a script that could not be started."""
    if not path.is_file():
        raise UsageError(
            f"script {path}: there is no such file", "name a program of this machine, from the recipe's folder"
        )
    if not os.access(path, os.X_OK):
        raise UsageError(f"script {path}: it is not executable", f"make it executable: chmod +x {path}")
