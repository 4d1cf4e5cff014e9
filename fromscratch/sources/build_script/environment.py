"""The environment of a script: the same on every machine, and set so that compilers give the same bytes."""

from collections.abc import Mapping

from fromscratch.model.image import Platform
from fromscratch.sources.build_script.tools import System

SOURCES, INSTALLED, TEMPORARY, HOME = "/build/src", "/build/install", "/build/tmp", "/build/home"
TOOLS = "/tools"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Paths of sources get into debugging information, assertions and panics.
_PREFIX_MAP = f"-ffile-prefix-map={SOURCES}=."
_GO_ARM = {"v5": "5", "v6": "6", "v7": "7"}


def variables(platform: Platform, epoch: int, jobs: int, system: System, own: Mapping[str, str]) -> dict[str, str]:
    """All variables of a script; its `own` win, and those of the system stand behind what is the same everywhere."""
    path = ":".join([*(f"{each}/bin" for each in system.folders), system.env.get("PATH", _PATH)])
    return {
        **system.env,
        "PATH": path,
        "HOME": HOME,
        "USER": "build",
        "LOGNAME": "build",
        "SHELL": "/bin/sh",
        "TMPDIR": TEMPORARY,
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SRCDIR": SOURCES,
        "DESTDIR": INSTALLED,
        "JOBS": str(jobs),
        "PLATFORM": str(platform),
        "SOURCE_DATE_EPOCH": str(epoch),
        "CFLAGS": f"-O2 {_PREFIX_MAP}",
        "CXXFLAGS": f"-O2 {_PREFIX_MAP}",
        "PYTHONDONTWRITEBYTECODE": "1",
        **_of_go(platform),
        "RUSTFLAGS": f"--remap-path-prefix={SOURCES}=. --remap-path-prefix={HOME}=.",
        "CARGO_HOME": f"{HOME}/cargo",
        "CARGO_NET_OFFLINE": "true",
        **own,
    }


def _of_go(platform: Platform) -> dict[str, str]:
    arm = {"GOARM": _GO_ARM.get(platform.variant, "7")} if platform.architecture == "arm" else {}
    return {
        "GOOS": platform.os,
        "GOARCH": platform.architecture,
        **arm,
        "GOFLAGS": "-trimpath -buildvcs=false",
        "GOPATH": f"{HOME}/go",
        "GOCACHE": f"{HOME}/go-build",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOTELEMETRY": "off",
    }
