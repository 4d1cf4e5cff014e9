"""What the source `buildroot` remembers between runs: finished builds, and what the build under way was made of."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from fromscratch.digest import Digest
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.regular_file import read_bytes
from fromscratch.sources.buildroot.progress import Package
from fromscratch.sources.buildroot.staleness import Inputs

_RESULT = "buildroot-result"
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)  # cut short, or written by another version


class Result(Struct, frozen=True):
    """A finished build: its tar, the list of files by package, and the packages."""

    tar: Digest
    files: Digest
    packages: Mapping[str, Package]


def load_result(store: Store, fingerprint: str) -> Result | None:
    """The result of a build of exactly this, if the store has it."""
    raw = store.record(_RESULT, fingerprint)
    if raw is None:
        return None
    try:
        said = json.loads(raw)
        result = Result(Digest.parse(said["tar"]), Digest.parse(said["files"]), _packages(said["packages"]))
    except (ValueError, KeyError, TypeError):
        return None  # another version of this program wrote it: as good as none
    return result if store.has(result.tar) and store.has(result.files) else None


def save_result(store: Store, fingerprint: str, result: Result) -> None:
    """Remember a finished build."""
    said = {
        "tar": str(result.tar),
        "files": str(result.files),
        "packages": _plain(result.packages),
    }
    store.write_record(_RESULT, fingerprint, json.dumps(said).encode())


class Prepared(Struct, frozen=True):
    """A configuration whose sources are there. `sources` are the files it needs of the download folder."""

    fingerprint: str
    inputs: Inputs
    sources: tuple[str, ...]


def load_prepared(path: Path, fingerprint: str, downloads: Path) -> Prepared | None:
    """What was prepared for this fingerprint, if all its sources are still there."""
    try:
        said = _read(path)
        if said is None or said["fingerprint"] != fingerprint:
            return None
        if not all((downloads / name).exists() for name in said["sources"]):
            return None
        return Prepared(fingerprint, _inputs(said["inputs"]), tuple(said["sources"]))
    except _UNREADABLE:
        return None


def save_prepared(path: Path, prepared: Prepared) -> None:
    """Remember that the sources are there."""
    said = {
        "fingerprint": prepared.fingerprint,
        "inputs": _inputs_said(prepared.inputs),
        "sources": prepared.sources,
    }
    disk.write_atomically(path, json.dumps(said).encode())


def load_attempt(path: Path) -> Inputs | None:
    """What the last build in a workspace was made of, whether or not it came to its end.

    For a record that is cut short, or of another version, that is nothing known: all is built from the start.
    """
    try:
        said = _read(path)
        return _inputs(said) if said is not None else None
    except _UNREADABLE:
        return Inputs("", {}, "", {})


def save_attempt(path: Path, inputs: Inputs) -> None:
    """To be said before a build touches its output."""
    disk.write_atomically(path, json.dumps(_inputs_said(inputs)).encode())


def _read(path: Path) -> Any:
    try:
        return json.loads(read_bytes(path))
    except FileNotFoundError:
        return None


def _inputs_said(inputs: Inputs) -> dict[str, object]:
    return {
        "config": inputs.config_text,
        "packages": _plain(inputs.packages),
        "busybox": inputs.busybox,
        "parts": dict(inputs.parts),
    }


def _inputs(said: Mapping[str, Any]) -> Inputs:
    return Inputs(said["config"], _packages(said["packages"]), said["busybox"], said["parts"])


def _plain(packages: Mapping[str, Package]) -> list[dict[str, object]]:
    return [asdict(one) for one in packages.values()]


def _packages(said: list[dict[str, Any]]) -> dict[str, Package]:
    return {one["name"]: Package(**{**one, "dependencies": tuple(one["dependencies"])}) for one in said}
