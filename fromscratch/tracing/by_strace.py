"""The fallback recorder: strace, where the kernel has no user notification. Programs run several times slower."""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from fromscratch.errors import CannotStart, CommandFailed, MissingTool
from fromscratch.formats.trace import strace
from fromscratch.host.process import listened, run
from fromscratch.model.image import Platform
from fromscratch.tracing.contract import Target
from fromscratch.tracing.recording import Recording
from fromscratch.tracing.watch import ContainerWatch

_COMMANDS_ONLY = "strace records commands on this machine only"
_CALLS = "%file,fchdir,clone,clone3,fork,vfork,bind,connect,io_uring_setup"
# Not --seccomp-bpf, which sets no_new_privs, so that setuid programs fail; and not -z, which drops files that exist but
# have no attribute of the name that was asked for.
OPTIONS = (
    *("-f", "-qq", "-y", "-xx", "-ttt", "-s", "0", "-e", "signal=none", "-e", "verbose=bind,connect,openat2"),
    *("-e", "status=successful,failed,unavailable", "-e", f"trace={_CALLS}"),
    *("-e", "inject=io_uring_setup:error=ENOSYS"),
)


class Strace:
    """Runs a command under strace, and reads its log at the end."""

    name = "strace"
    about = "strace, which is slower"
    remedy = "install it, on Debian for example with: apt-get install strace"
    targets: tuple[Target, ...] = ("command",)

    def refusal(self) -> str:
        program = run.find("strace")
        if program is None:
            return "strace is not installed"
        try:
            run.run([program, "-o", os.devnull, *OPTIONS, program, "-V"], timeout=30)
        except CommandFailed as failure:
            return f"strace cannot trace here: {failure.message.splitlines()[-1].strip()}"
        return ""

    def command(self, words: Sequence[str], recording: Recording, leaves: Callable[[int], object]) -> int:
        program = run.need("strace", "recording without user notification")
        if run.find(words[0]) is None:
            raise CannotStart(
                f"cannot start {run.shown(words)}: there is no such program",
                "see whether it is installed",
                missing=True,
            )
        number = recording.begin(words)
        with tempfile.TemporaryDirectory(prefix="fromscratch-") as folder:
            log = Path(folder, "log")
            traced = [program, *OPTIONS, "-o", str(log), "--", *words]
            # strace that is killed would let go of what it traces, which this one ends.
            with listened.running(traced, Platform.of_this_machine().architecture, b"") as running:
                code = running.wait(os.close, leaves)
            with open(log, "rb") as lines:
                for event in strace.parse(lines, cwd=os.getcwd(), run=number, note=recording.note):  # noqa: PTH109
                    recording.include(event)
        return code

    def watch(self, recording: Recording) -> AbstractContextManager[ContainerWatch]:
        raise MissingTool(_COMMANDS_ONLY, "record the image in another way")
