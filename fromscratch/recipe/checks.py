"""What a recipe says under `checks:`, commands, requests and scripts by which an image is tried, and under `check:`."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from fromscratch.checks.contract import Check, ExecCheck, HttpCheck, RunCheck, ScriptCheck, TcpCheck
from fromscratch.checks.escapes import escaped
from fromscratch.formats.yaml.decode import Fault
from fromscratch.formats.yaml.document import Document

Seconds = Annotated[float, Meta(gt=0, le=86400)]
Words = list[str] | str
CheckMode = Literal["error", "warn", "off"]
Port = Annotated[int, Meta(ge=1, le=65535)]
ExitCode = Annotated[int, Meta(ge=0, le=255)]
Status = Annotated[int, Meta(ge=100, le=599)]
Method = Annotated[str, Meta(pattern=r"^[A-Z]+$")]
User = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.$-]+(:[A-Za-z0-9_.$-]+)?$")]

_COMMON = ("expect", "timeout")
# Kind of check -> the further keys that may stand beside it.
_KEYS: dict[str, tuple[str, ...]] = {
    "exec": ("code", "user", "env", "retry"),
    "run": ("code", "env"),
    "http": ("status", "method", "headers", "body"),
    "tcp": ("host", "send"),
    "script": ("code", "env"),
}


class CheckOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of an image that a check refuses."""

    start: Annotated[
        CheckMode,
        Meta(description="whether a container can start: refuse an image that cannot, only warn, or do not look"),
    ] = "error"
    smoke: Annotated[
        CheckMode, Meta(description="what `checks` asks: refuse an image that fails, only warn, or do not run it")
    ] = "error"


def written_out(checks: list[Any]) -> list[Any]:
    """The items as they are written, with each text as the command of an `exec`."""
    return [{"exec": check} if isinstance(check, str) else check for check in checks]


def kinds_fault(item: Mapping[str, Any]) -> str:
    """What is wrong with an item as it is written: it has no kind of check, or two."""
    kinds = [key for key in item if key in _KEYS]
    if len(kinds) == 1 or (not kinds and set(item) - {*_COMMON, *(key for keys in _KEYS.values() for key in keys)}):
        return ""  # a key that is not known may have been meant
    return f"a check has one of {', '.join(_KEYS)}; found {' and '.join(kinds) or 'none'}"


def kind_faults(checks: list[Any], document: Document) -> Iterator[Fault]:
    """What is wrong with the kinds of the items under `checks` of a document, as `kinds_fault` says it."""
    for number, check in enumerate(checks):
        if isinstance(check, dict) and (text := kinds_fault(check)):
            yield Fault(document.lines.get(("checks", number), 1), ("checks", number), text)


class SmokeCheckOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One check; a text instead of a mapping is the command of an `exec`."""

    exec: Annotated[Words | None, Meta(description="a command to run in the container; there is no shell")] = None
    run: Annotated[Words | None, Meta(description="the image started anew, these words in place of its cmd")] = None
    http: Annotated[str | None, Meta(description="an address that has to answer, such as http://localhost:80/")] = None
    tcp: Annotated[Port | None, Meta(description="a port that has to accept connections")] = None
    script: Annotated[str | None, Meta(description="a program of this machine, run in the container's network")] = None
    expect: Annotated[str, Meta(description="a regular expression that is searched in the output")] = ""
    timeout: Annotated[Seconds | None, Meta(description="the seconds that it may take")] = None
    code: Annotated[ExitCode | None, Meta(description="exec, run, script: the exit code (0)")] = None
    user: Annotated[User | None, Meta(description="exec: the user, instead of the image's")] = None
    env: Annotated[dict[str, str] | None, Meta(description="exec, run, script: further variables")] = None
    retry: Annotated[
        Annotated[float, Meta(ge=0, le=86400)] | None,
        Meta(description="exec: the seconds in which a failure is tried again while the image's command runs (10)"),
    ] = None
    status: Annotated[Status | None, Meta(description="http: the status (200)")] = None
    method: Annotated[Method | None, Meta(description="http: the method (GET)")] = None
    headers: Annotated[dict[str, str] | None, Meta(description="http: further headers")] = None
    body: Annotated[str | None, Meta(description="http: what is sent along")] = None
    host: Annotated[str | None, Meta(description="tcp: the host, as the container knows it (localhost)")] = None
    send: Annotated[str | None, Meta(description=r"tcp: what is sent; \r \n \t \0 \\ and \xNN are escapes")] = None

    def __post_init__(self) -> None:
        kinds = [kind for kind in _KEYS if getattr(self, kind) is not None]
        if not kinds:
            return  # `kinds_fault` says so, and not again where a value was taken out that is a fault itself
        kind = kinds[0]
        others = {key for keys in _KEYS.values() for key in keys} - {*_KEYS[kind]}
        for key in sorted(others):
            if getattr(self, key) is not None:
                raise ValueError(f"{key}: not a key of {kind}, which has {', '.join((*_KEYS[kind], *_COMMON))}")
        self._check_values(kind)

    def _check_values(self, kind: str) -> None:
        """Raises ValueError, with the key before it, for what could not be asked."""
        try:
            re.compile(self.expect)
        except re.error as error:
            raise ValueError(f"expect: {self.expect!r} is not a regular expression: {error}") from error
        try:
            self.check(Path())
        except ValueError as error:
            raise ValueError(
                f"{error.args[1]}: {error.args[0]}" if len(error.args) > 1 else f"{kind}: {error}"
            ) from error
        for name, value in (self.headers or {}).items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(r"[\t\x20-\x7e]*", value):
                raise ValueError(f"headers: the header {name!r} cannot be sent: it is one line of ASCII")
        for name in self.env or {}:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
                raise ValueError(f"env: {name!r} is not a name of a variable")

    def check(self, folder: Path) -> Check:
        """The check that these options describe; a script lies in `folder`, or is named in full."""
        given = {key: getattr(self, key) for key in (*_COMMON, *(key for keys in _KEYS.values() for key in keys))}
        said: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        if self.exec is not None:
            return ExecCheck(argv=_words(self.exec, needed=True), **said)
        if self.run is not None:
            return RunCheck(argv=_words(self.run), **said)
        if self.http is not None:
            from fromscratch.checks.http_address import parse_address

            parse_address(self.http)
            return HttpCheck(url=self.http, **said)
        if self.tcp is not None:
            if self.host is not None:
                _check_host(self.host)
            return TcpCheck(port=self.tcp, **{**said, "send": _bytes(self.send or "")})
        if not self.script or "\0" in self.script:
            raise ValueError("it names no file")
        return ScriptCheck(path=folder / self.script, **said)


def _words(value: Words, *, needed: bool = False) -> tuple[str, ...]:
    import shlex

    try:
        words = tuple(shlex.split(value) if isinstance(value, str) else value)
    except ValueError as error:
        raise ValueError(f"{value!r} cannot be split into words: {error}") from error
    if any("\0" in word for word in words):
        raise ValueError("a word holds a NUL byte, and no program can be given one")
    if needed and not (words and words[0]):
        raise ValueError("it names no program")
    return words


def _check_host(host: str) -> None:
    from fromscratch.checks.http_address import check_host

    try:
        check_host(host)
    except ValueError as error:
        raise ValueError(str(error).partition(",")[0], "host") from error


def _bytes(text: str) -> bytes:
    from fromscratch.checks.escapes import unescaped

    try:
        return unescaped(text)
    except ValueError as error:
        raise ValueError(str(error), "send") from error


def options_of(check: Check, folder: Path) -> SmokeCheckOptions:
    """The options that describe a check; `SmokeCheckOptions.check` gives it back. A script is named from `folder`."""
    said: dict[str, Any] = {}
    for field in msgspec.structs.fields(check):
        value = getattr(check, field.name)
        default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        if value != default:
            said[field.name] = dict(value) if isinstance(value, Mapping) else value
    match check:
        case ExecCheck():
            said["exec"] = list(said.pop("argv"))
        case RunCheck():
            said["run"] = list(said.pop("argv", ()))
        case HttpCheck():
            said["http"] = said.pop("url")
        case TcpCheck():
            said["tcp"] = said.pop("port")
            if "send" in said:
                said["send"] = escaped(said["send"])
        case ScriptCheck():
            said["script"] = os.path.relpath(said.pop("path"), folder)
    return SmokeCheckOptions(**said)
