"""What a recipe says under `image:`: how a container of the image starts, and what the image says of itself.

Fields are those of image-spec/config.md, "config", under shorter names. A value that no engine could use is a fault.
"""

import re
import signal
from collections.abc import Iterable
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from fromscratch.model.image import Healthcheck, RunConfig
from fromscratch.recipe.annotations import AboutOptions

Seconds = Annotated[float, Meta(ge=0, le=1e9)]  # nanoseconds of it fit into the 64 bits that docker has for them


class HealthcheckOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command that checks whether the container works (docker's extension of the image configuration)."""

    test: Annotated[list[str], Meta(description='["CMD", "/bin/check"], ["CMD-SHELL", "check || exit 1"] or ["NONE"]')]
    interval: Annotated[Seconds, Meta(description="seconds between two checks")] = 0
    timeout: Annotated[Seconds, Meta(description="seconds until a check counts as failed")] = 0
    start_period: Annotated[Seconds, Meta(description="seconds after the start in which failures do not count")] = 0
    retries: Annotated[int, Meta(description="failures in a row that make it unhealthy", ge=0)] = 0

    def __post_init__(self) -> None:
        known = {"CMD": len(self.test) > 1, "CMD-SHELL": len(self.test) == 2, "NONE": len(self.test) == 1}
        if not self.test or not known.get(self.test[0]):
            raise ValueError(
                f'test: {self.test} is not a check; write [CMD, /bin/check], [CMD-SHELL, "check"] or [NONE]'
            )

    def healthcheck(self) -> Healthcheck:
        return Healthcheck(
            test=tuple(self.test),
            interval=round(self.interval * 1e9),
            timeout=round(self.timeout * 1e9),
            start_period=round(self.start_period * 1e9),
            retries=self.retries,
        )


Argv = Annotated[list[str], Meta(description="a list of words, the first the program; there is no shell in between")]


class ImageOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a container of the image starts: the fields of the OCI image configuration."""

    user: Annotated[str, Meta(description='user or uid, with ":" and group or gid if need be')] = ""
    env: Annotated[dict[str, str], Meta(description="environment variables")] = {}
    entrypoint: Argv | UnsetType = UNSET
    cmd: Argv | UnsetType = UNSET
    workdir: Annotated[str, Meta(description="the folder a container starts in, absolute")] = ""
    ports: Annotated[list[str], Meta(description="ports the image listens on, such as 80 or 53/udp")] = []
    volumes: Annotated[list[str], Meta(description="folders that hold data beyond a container's life")] = []
    labels: Annotated[dict[str, str], Meta(description="labels of the configuration")] = {}
    stop_signal: Annotated[str, Meta(description="the signal that ends a container, such as SIGTERM")] = ""
    healthcheck: HealthcheckOptions | None = None
    annotations: Annotated[dict[str, str], Meta(description="annotations of the OCI manifest")] = {}
    author: Annotated[str, Meta(description="who answers for the image")] = ""
    about: AboutOptions | None = None

    def __post_init__(self) -> None:
        for name in self.env:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
                raise ValueError(f"env: {name!r} is not a name of a variable")
        for port in self.ports:
            if not re.fullmatch(r"[1-9][0-9]{0,4}(/(tcp|udp|sctp))?", port) or int(port.split("/")[0]) > 65535:
                raise ValueError(f"ports: {port!r} is not a port; write 80 or 53/udp")
        for folder in (*self.volumes, *([self.workdir] if self.workdir else [])):
            if not folder.startswith("/"):
                raise ValueError(f"{folder!r} must be an absolute path inside the image")
        if self.stop_signal and not _is_signal(self.stop_signal):
            raise ValueError(f"stop_signal: {self.stop_signal!r} is not a signal; write SIGTERM or 15")
        if self.user and not re.fullmatch(r"[A-Za-z0-9_.$-]+(:[A-Za-z0-9_.$-]+)?", self.user):
            raise ValueError(f"user: {self.user!r} is not a user; write name, uid, or uid:gid")

    def run_config(self, base: RunConfig | None = None) -> RunConfig:
        """The configuration that these options describe, over that of the base.

        As in a Dockerfile, an entry point of ours takes the base's command away, variables and labels are added to the
        base's, ports and volumes too, and everything else replaces what the base says. `[]` is a value; nothing is not.
        """
        lower = base or RunConfig()
        entrypoint = lower.entrypoint if self.entrypoint is UNSET else tuple(self.entrypoint)
        inherited = lower.cmd if self.entrypoint is UNSET else ()
        ports = (port if "/" in port else f"{port}/tcp" for port in self.ports)
        return RunConfig(
            user=self.user or lower.user,
            exposed_ports=_joined(lower.exposed_ports, ports),
            env={**lower.env, **self.env},
            entrypoint=entrypoint,
            cmd=inherited if self.cmd is UNSET else tuple(self.cmd),
            volumes=_joined(lower.volumes, self.volumes),
            working_dir=self.workdir or lower.working_dir,
            labels={**lower.labels, **self.labels},
            stop_signal=self.stop_signal or lower.stop_signal,
            healthcheck=lower.healthcheck if self.healthcheck is None else self.healthcheck.healthcheck(),
            stop_timeout=lower.stop_timeout,
            shell=lower.shell,
        )


def _joined(lower: Iterable[str], upper: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*lower, *upper)))


def _is_signal(text: str) -> bool:
    """A signal of Linux by name, with or without SIG, or by number."""
    if text.isascii() and text.isdigit():
        return 1 <= int(text) <= 64
    name = text if text.startswith("SIG") else f"SIG{text}"
    return name in signal.Signals.__members__ or bool(re.fullmatch(r"SIGRT(MIN(\+\d\d?)?|MAX(-\d\d?)?)", name))
