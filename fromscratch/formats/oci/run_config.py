"""The `config` object of an image configuration, both ways: image-spec/config.md v1.1, with docker's fields.

Of docker's own fields those are kept that an engine takes from an image; the others tell of the
container that the image was once committed from.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from fromscratch.errors import FormatError, UsageError
from fromscratch.model.image import Healthcheck, RunConfig


def run_fields(config: RunConfig) -> dict[str, Any]:
    """The `config` object; a field with nothing in it is left out. Raises UsageError."""
    fields: dict[str, Any] = {
        "User": config.user,
        "ExposedPorts": {port: {} for port in sorted(config.exposed_ports)},
        "Env": [f"{_variable(name)}={value}" for name, value in config.env.items()],
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.cmd),
        "Volumes": {path: {} for path in sorted(config.volumes)},
        "WorkingDir": config.working_dir,
        "Labels": dict(sorted(config.labels.items())),
        "StopSignal": config.stop_signal,
        "Healthcheck": _health_fields(config.healthcheck) if config.healthcheck else None,
        "Shell": list(config.shell),
        "OnBuild": list(config.on_build),
        "ArgsEscaped": config.args_escaped,
    }
    fields = {name: value for name, value in fields.items() if value}
    # A timeout of 0 seconds says something, and none does not.
    return fields if config.stop_timeout is None else {**fields, "StopTimeout": config.stop_timeout}


# What `docker commit` leaves there of the container: no engine takes it from an image.
_OF_A_CONTAINER = frozenset(
    ["Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce", "Image"]
)


def unknown_fields(config: Mapping[str, Any]) -> list[str]:
    """The fields of a `config` object that say something, and that a `RunConfig` does not hold."""
    known = {*RawRun.__struct_encode_fields__, *_OF_A_CONTAINER}
    return sorted(name for name, value in config.items() if value and name not in known)


def _variable(name: str) -> str:
    if not name or "=" in name or "\0" in name:
        raise UsageError(f"{name!r} cannot be the name of an environment variable", "take the '=' out of the name")
    return name


def _health_fields(check: Healthcheck) -> dict[str, Any]:
    fields = {
        "Test": list(check.test),
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "StartInterval": check.start_interval,
        "Retries": check.retries,
    }
    return {name: value for name, value in fields.items() if value}


class _Health(msgspec.Struct, rename="pascal"):
    test: list[str] | None = None
    interval: int | None = None
    timeout: int | None = None
    start_period: int | None = None
    start_interval: int | None = None
    retries: int | None = None


class RawRun(msgspec.Struct, rename="pascal"):
    """The object as JSON has it; `run_config` makes sense of it."""

    user: str | None = None
    exposed_ports: dict[str, dict[str, Any] | None] | None = None
    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    volumes: dict[str, dict[str, Any] | None] | None = None
    working_dir: str | None = None
    labels: dict[str, str] | None = None
    stop_signal: str | None = None
    healthcheck: _Health | None = None
    stop_timeout: int | None = None
    shell: list[str] | None = None
    on_build: list[str] | None = None
    args_escaped: bool | None = None


def run_config(raw: RawRun, what: str) -> RunConfig:
    """Raises FormatError, naming `what`."""
    env: dict[str, str] = {}
    for variable in raw.env or []:
        name, equals, value = variable.partition("=")
        if not name or not equals:
            meant = f"{name}= or without it" if name else "NAME=VALUE"
            raise FormatError(
                f"{what}: {variable!r} under Env is not NAME=VALUE",
                f"nothing says what engines are to make of it: build the image again with {meant}",
            )
        env[name] = value
    return RunConfig(
        user=raw.user or "",
        exposed_ports=tuple(sorted(raw.exposed_ports or ())),
        env=env,
        entrypoint=tuple(raw.entrypoint or ()),
        cmd=tuple(raw.cmd or ()),
        volumes=tuple(sorted(raw.volumes or ())),
        working_dir=raw.working_dir or "",
        labels=raw.labels or {},
        stop_signal=raw.stop_signal or "",
        healthcheck=_healthcheck(raw.healthcheck) if raw.healthcheck else None,
        stop_timeout=raw.stop_timeout,
        shell=tuple(raw.shell or ()),
        on_build=tuple(raw.on_build or ()),
        args_escaped=bool(raw.args_escaped),
    )


def _healthcheck(raw: _Health) -> Healthcheck:
    return Healthcheck(
        test=tuple(raw.test or ()),
        interval=raw.interval or 0,
        timeout=raw.timeout or 0,
        start_period=raw.start_period or 0,
        start_interval=raw.start_interval or 0,
        retries=raw.retries or 0,
    )
