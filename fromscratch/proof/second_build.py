"""The second build of a check: a program of its own, which `twice` starts with what it is to do on standard input.

It makes its conditions other than they were before it imports what builds: see `host.process.perturb`.
"""

import json
import os
import sys
from typing import Any

from fromscratch.host.process import perturb


def main(spec: dict[str, Any]) -> None:
    """Build, and write what went wrong, or null, into the file `answer`."""
    settings = spec["settings"]
    try:
        _apply(settings)
    except OSError as error:
        failure: dict[str, str] | None = {"message": f"the kernel does not allow it: {error.strerror}", "hint": ""}
    else:
        failure = _failure(spec, settings)
    with open(_path(spec["answer"]), "w", encoding="ascii") as file:
        json.dump(failure, file)


def packed(path: str | os.PathLike[str]) -> str:
    """A path of any bytes as text that any process reads back with `_path`, whatever encoding its names have."""
    return os.fsencode(path).decode("latin-1")


def _path(text: str) -> str:
    return os.fsdecode(text.encode("latin-1"))


def _apply(settings: dict[str, Any]) -> None:
    if settings.get("backwards"):
        perturb.list_backwards()
    if "later" in settings:
        perturb.put_the_clock_forward(settings["later"])
    if "cpus" in settings:
        os.sched_setaffinity(0, settings["cpus"])
    if "umask" in settings:
        os.umask(settings["umask"])
    if "user" in settings:
        perturb.become(settings["user"])
    if "namespace" in settings:
        perturb.appear_as(settings["namespace"])


def _failure(spec: dict[str, Any], settings: dict[str, Any]) -> dict[str, str] | None:
    from pathlib import Path

    import msgspec

    from fromscratch.errors import ImageError
    from fromscratch.flow import assembly
    from fromscratch.host.storage.store import Store
    from fromscratch.limits import Limits
    from fromscratch.model.image import Platform
    from fromscratch.recipe.schema import Recipe

    job = assembly.Job(
        recipe=msgspec.convert(spec["recipe"], Recipe),
        folder=Path(_path(settings["folder"])),
        store=Store(Path(_path(spec["store"]))),
        output=Path(_path(spec["output"])),
        platforms=tuple(Platform.parse(name) for name in spec["platforms"]),
        epoch=spec["epoch"],
        jobs=settings["jobs"],
        limits=Limits(**spec["limits"]),
        beside=tuple(Path(_path(each)) for each in spec["beside"]),
        is_checked=False,
    )
    try:
        assembly.build(job)
    except ImageError as error:
        return {"message": error.message, "hint": error.hint}
    return None


if __name__ == "__main__":
    main(json.loads(sys.stdin.buffer.read()))
