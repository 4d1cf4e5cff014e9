"""Smoke checks: what an image is asked while it runs, what it answered, and whether that was what was expected.

`checks.perform` asks, `checks.verdict` compares. `exec`, `http`, `tcp` and `script` are asked one after the other in
one container, in which the image's own command runs; each `run` starts a container of its own. The `title` of a check
is shown and recorded, so it holds no secret of an address.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from fromscratch.address import without_secrets

COMMAND_SECONDS, ANSWER_SECONDS, SCRIPT_SECONDS = 60.0, 30.0, 300.0
"""How long a command of the image, an answer of a server, and a script of this machine may take."""
READY_SECONDS = 10.0
"""How long a failing `exec` is tried again while the image's own command runs: it may still be starting."""


class ExecCheck(Struct, frozen=True, kw_only=True):
    """A command in the container: its exit code, and a regular expression that its output matches.

    `user` is the image's where it is empty; `env` is added to the image's variables. `retry` counts seconds.
    """

    argv: tuple[str, ...]
    expect: str = ""
    code: int = 0
    user: str = ""
    env: Mapping[str, str] = {}
    timeout: float = COMMAND_SECONDS
    retry: float = READY_SECONDS

    @property
    def title(self) -> str:
        return without_secrets(f"exec {shlex.join(self.argv)}")


class RunCheck(Struct, frozen=True, kw_only=True):
    """The image started anew with these words in place of its Cmd; without any, as it is."""

    argv: tuple[str, ...] = ()
    expect: str = ""
    code: int = 0
    env: Mapping[str, str] = {}
    timeout: float = COMMAND_SECONDS

    @property
    def title(self) -> str:
        return without_secrets(f"run {shlex.join(self.argv)}".rstrip())


class HttpCheck(Struct, frozen=True, kw_only=True):
    """A request to a server in the container, tried until it answers; the certificate of https is not verified."""

    url: str
    expect: str = ""
    status: int = 200
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: str = ""
    timeout: float = ANSWER_SECONDS

    @property
    def title(self) -> str:
        method = "" if self.method == "GET" else f"{self.method} "
        return without_secrets(f"http {method}{self.url}")


class TcpCheck(Struct, frozen=True, kw_only=True):
    """A connection to a port in the container, tried until one is accepted; what is sent, and what comes back."""

    port: int
    host: str = "localhost"
    send: bytes = b""
    expect: str = ""
    timeout: float = ANSWER_SECONDS

    @property
    def title(self) -> str:
        return f"tcp {self.port}" if self.host == "localhost" else f"tcp {self.host} {self.port}"


class ScriptCheck(Struct, frozen=True, kw_only=True):
    """A program of this machine, run in the container's network: localhost is the container's."""

    path: Path
    expect: str = ""
    code: int = 0
    env: Mapping[str, str] = {}
    timeout: float = SCRIPT_SECONDS

    @property
    def title(self) -> str:
        return f"script {self.path.name}"


Check = ExecCheck | RunCheck | HttpCheck | TcpCheck | ScriptCheck


class Answer(Struct, frozen=True, kw_only=True):
    """What came of asking: an exit code or an HTTP status, output, and a `problem` that kept an answer from coming.

    `output` is standard output, the body of a response or what a port sent; `errors` is standard error. Both are
    bounded. `seconds` is how long it took.
    """

    code: int | None = None
    status: int | None = None
    output: bytes = b""
    errors: bytes = b""
    problem: str = ""
    seconds: float = 0


class Result(Struct, frozen=True, kw_only=True):
    """A check, its answer, and what was wrong with that: what was expected and what came; empty if it passed."""

    check: Check
    answer: Answer
    fault: str = ""

    @property
    def passed(self) -> bool:
        return not self.fault


class OwnCommand(Struct, frozen=True, kw_only=True):
    """The image's own command at the end of the checks: `code` is None while it ran, `output` its last bytes."""

    words: tuple[str, ...] = ()
    code: int | None = None
    output: bytes = b""


Sort = Literal["interpreter", "library", "program", "locale", "accounts", "certificates", "time zone", "data"]


class Lack(Struct, frozen=True):
    """A path that a program of the image asked for, and that the image does not have.

    `process` is the program, or empty. It `is_named` if the output of what failed names it.
    """

    path: str
    process: str
    sort: Sort
    is_named: bool = False

    @property
    def is_likely(self) -> bool:
        """Whether it is probably a reason of the failure; programs look for much that they do not need."""
        return self.is_named or self.sort not in ("data", "time zone", "locale")


class Results(Struct, frozen=True, kw_only=True):
    """All checks of the image of one platform; `not_run` says why none was made, and is empty otherwise."""

    platform: str
    results: tuple[Result, ...] = ()
    own: OwnCommand | None = None
    lacks: tuple[Lack, ...] = ()
    not_run: str = ""

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.passed)
