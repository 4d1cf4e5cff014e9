"""Source `rpm`: packages of Fedora, RHEL-like or openSUSE repositories, with all that they depend on."""

from collections.abc import Iterator

from fromscratch.host.machine.doctor_check import Check
from fromscratch.sources.contract import Context, Kind, Source, Template
from fromscratch.sources.rpm.options import RpmOptions

_TEMPLATE = """\
  # Packages of RPM repositories with all that they depend on; no root, rpm or dnf needed.
  - rpm:
      packages: [bash, coreutils]
      repositories:
        - https://HOST/linux/releases/42/Everything/$basearch/os    # the folder with repodata/ in it
      keys: RPM-GPG-KEY                  # the file with the keys of its signers
"""


def _bind(options: RpmOptions, context: Context) -> Source:
    from fromscratch.sources.rpm.source import RpmSource

    return RpmSource(options, context)


def _checks() -> Iterator[Check]:
    from importlib.util import find_spec

    from fromscratch.host.machine import signature, yum

    tools = signature.available()
    yield Check(
        "rpm: signatures",
        bool(tools),
        ", ".join(tools) or "no tool that verifies them",
        "apt-get install gpgv, or pip install pysequoia",
    )
    names = [one.name for one in yum.repositories()]
    yield Check(
        "rpm: repositories",
        bool(names),
        f"this machine's are {', '.join(names)}" if names else "this machine has none",
        "write repositories: in the recipe",
    )
    has_solver = find_spec("solv") is not None
    yield Check(
        "rpm: solver",
        has_solver,
        "libsolv, by its module solv" if has_solver else "the module solv is not there",
        "pip install solv",
    )


KIND = Kind(
    options=RpmOptions,
    bind=_bind,
    shorthand="packages",
    template=Template(
        items=_TEMPLATE,
        missing_file="RPM-GPG-KEY",
        advice="put the keys of the repository's signers there, and write its address under repositories:",
    ),
    checks=_checks,
)
