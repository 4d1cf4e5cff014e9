"""Source `debian`: packages of a Debian release, or of one made like it, with all that they depend on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from fromscratch.advice import Setting, advice
from fromscratch.errors import UsageError
from fromscratch.formats.slice import Slice
from fromscratch.host.machine.doctor_check import Check
from fromscratch.sources.contract import Context, Kind, Source, Template
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.package_request import parse_package_request

_SUITE = "trixie"
_TEMPLATE = f"""\
  # Packages of a Debian release with all that they depend on; no root, apt or dpkg needed.
  - debian:
      suite: {_SUITE}
      packages: [busybox]
      # mirror: https://HOST/debian        # default: where this machine's own apt looks
"""


def _bind(options: DebianOptions, context: Context) -> Source:
    from fromscratch.sources.debian.source import DebianSource

    return DebianSource(options, context)


def _checks() -> Iterator[Check]:
    from fromscratch.host.machine import apt, signature

    tools = signature.available()
    yield Check(
        "debian: signatures",
        bool(tools),
        ", ".join(tools) or "no tool that verifies them",
        "apt-get install gpgv, or pip install pysequoia",
    )
    keyrings = signature.find_keyrings()
    yield Check(
        "debian: keyrings",
        bool(keyrings),
        f"{len(keyrings)} of this machine" if keyrings else "none on this machine",
        "apt-get install debian-archive-keyring, or name one under keyring: in the recipe",
    )
    suites = sorted({suite for source in apt.mirrors() for suite in source.suites})
    yield Check(
        "debian: mirror",
        bool(suites),
        f"this machine's apt knows {', '.join(suites)}" if suites else "this machine has no apt sources",
        "write mirror: in the recipe",
    )


def _for_slice(one: Slice, file: Path, release: str, like: DebianOptions | None) -> DebianOptions:
    """Raises UsageError if nothing says of which release."""
    suite = release or (like.suite if like else one.codename)
    if not suite:
        raise UsageError(
            f"{file} does not say in its distribution of which release the package is",
            advice("say ", Setting("release", "bookworm")),
        )
    base = like or DebianOptions(suite=suite, slices=[str(file)])
    return replace(base, suite=suite, packages=[], slices=[str(file)], any_version=True)


def _for_package(text: str) -> tuple[str, dict[str, Any]]:
    """Raises UsageError for what is not a package."""
    request = parse_package_request(text)
    suite = request.suite or _SUITE
    return request.name, {"suite": suite, "packages": [text.strip().partition("/")[0]]}


KIND = Kind(
    options=DebianOptions,
    bind=_bind,
    shorthand="packages",
    template=Template(items=_TEMPLATE),
    checks=_checks,
    manager="dpkg",
    for_slice=_for_slice,
    for_package=_for_package,
    shell_packages=("dash", "coreutils"),
)
