"""Source `alpine`: packages of a release of Alpine Linux, or of one made like it, with all that they depend on."""

from collections.abc import Iterator

from fromscratch.host.machine.doctor_check import Check
from fromscratch.sources.alpine.options import AlpineOptions
from fromscratch.sources.contract import Context, Kind, Source, Template

_TEMPLATE = """\
  # Packages of an Alpine release with all that they depend on; no root, apk or scripts needed.
  - alpine:
      packages: [busybox]
      repositories: ["https://HOST/alpine/v3.20/main"]   # a mirror that you trust
      keys: keys/                                         # with the keys that sign its index
"""


def _bind(options: AlpineOptions, context: Context) -> Source:
    from fromscratch.sources.alpine.source import AlpineSource

    return AlpineSource(options, context)


def _checks() -> Iterator[Check]:
    from fromscratch.host.machine import apk

    known = apk.repositories()
    yield Check(
        "alpine: repositories",
        bool(known),
        f"this machine's apk knows {len(known)}" if known else "this machine has no /etc/apk/repositories",
        "write repositories: in the recipe",
    )
    keys = [path.name for folder in apk.key_folders() for path in folder.glob("*.pub")]
    yield Check(
        "alpine: keys",
        bool(keys),
        f"{len(keys)} of this machine" if keys else "none on this machine",
        "name the public keys of the repositories under keys: in the recipe",
    )


KIND = Kind(
    options=AlpineOptions,
    bind=_bind,
    shorthand="packages",
    template=Template(
        items=_TEMPLATE,
        missing_file="keys",
        advice="put the public keys of the repository there, or write where they are under keys:",
    ),
    checks=_checks,
)
