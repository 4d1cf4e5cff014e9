"""Whole commands, Python's start included, against the tools that people do the same job with."""

import sys
from pathlib import Path
from shlex import quote

from benchmarks.runner import Case, Group
from fromscratch.host.machine import apt as apt_config
from fromscratch.host.machine.package_data import shipped
from fromscratch.model.rootfs import Rootfs

_OURS = f"{quote(sys.executable)} -m fromscratch"
_SMALL = ("/usr/bin/dash", "/usr/bin/find", "/usr/bin/grep", "/usr/bin/sed", "/usr/bin/tar")


def groups(_tree: Rootfs, _folder: Path, scratch: Path) -> list[Group]:
    place = quote(str(scratch))
    small = scratch / "small"
    (small / "usr/bin").mkdir(parents=True, exist_ok=True)
    for program in filter(lambda name: Path(name).exists(), _SMALL):
        (small / "usr/bin" / Path(program).name).write_bytes(Path(program).read_bytes())
    (scratch / "small.yaml").write_text(f"name: small\nrootfs: [{{directory: {{path: '{small}', owner: '0:0'}}}}]\n")
    ours = f"cd {place} && export FROMSCRATCH_STORE={place}/store"
    return [_start(), _question(), _small_root(ours, small, place), _unchanged(ours), _from_debian(ours, place)]


def _start() -> Group:
    invoke = f"{quote(sys.executable)} -m invoke --version > /dev/null"
    return Group(
        "start",
        [Case("invoke --version", invoke), Case("fromscratch --version", f"{_OURS} --version > /dev/null")],
        "the command does without invoke; both are a start of Python and what they load",
    )


def _question() -> Group:
    python = quote(sys.executable)
    program = next(name for name in ("/usr/bin/git", *_SMALL, "/bin/sh") if Path(name).exists())
    return Group(
        "what a program needs",
        [
            Case("python -c pass", f"{python} -c pass"),
            Case("import typing", f"{python} -c 'import typing'"),
            Case("import msgspec", f"{python} -c 'import msgspec'"),
            Case("fromscratch closure", f"{_OURS} closure {program} > /dev/null"),
        ],
        "a closure is answered without loading typing or msgspec, which nearly all else of ours needs",
    )


def _small_root(ours: str, small: Path, place: str) -> Group:
    build = f"{ours} && rm -rf build/small && {_OURS} build --recipe small.yaml --quiet > /dev/null"
    root = quote(str(small))
    umoci = (
        f"cd {place} && rm -rf umoci && umoci init --layout umoci > /dev/null && umoci new --image umoci:x > /dev/null "
        f"&& umoci insert --image umoci:x {root} / > /dev/null 2>&1"
    )
    buildah = (
        f"cd {place} && rm -rf buildah && c=$(buildah from scratch) && buildah copy -q $c {root} / > /dev/null "
        f"&& buildah commit -q --rm $c oci:buildah:x > /dev/null"
    )
    return Group(
        "a small root into an OCI layout",
        [
            Case("umoci insert", umoci, needs=("umoci",)),
            Case("buildah copy, commit", buildah, needs=("buildah",)),
            Case("fromscratch build", build),
        ],
        "five programs of this machine; ours also writes the evidence and the Dockerfile",
    )


def _unchanged(ours: str) -> Group:
    build = f"{ours} && {_OURS} build --recipe small.yaml --quiet > /dev/null"
    return Group(
        "the same again, nothing changed",
        [Case("python -c pass", f"{quote(sys.executable)} -c pass"), Case("fromscratch build", build)],
        "no peer knows that nothing has changed; the first row is what starting Python costs",
    )


def _from_debian(ours: str, place: str) -> Group:
    recipe = quote(str(shipped("recipes") / "busybox.yaml"))
    build = f"{ours} && rm -rf build/busybox && {_OURS} fetch build --recipe {recipe} --quiet > /dev/null"
    mirrors = [source for source in apt_config.mirrors() if "main" in source.components]
    mirror = quote(mirrors[0].uri) if mirrors else "none"
    suite = next((suite for source in mirrors for suite in source.suites if "-" not in suite), "stable")
    options = "--quiet --variant=extract --include=busybox --format=tar"
    theirs = f"cd {place} && mmdebstrap {options} {suite} d.tar {mirror} 2> /dev/null"
    return Group(
        "a busybox root out of Debian's mirror",
        [
            Case("mmdebstrap, extract", theirs, needs=("mmdebstrap",)),
            Case("fromscratch fetch build", build),
        ],
        "ours has the packages in its store after the first round, asks the mirror whether they are still the right "
        "ones, and ends in a packed image; mmdebstrap ends in a plain tar",
    )
