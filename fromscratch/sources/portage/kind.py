"""Source `portage`: packages that Gentoo's Portage builds from source, with what they need at run time."""

from collections.abc import Iterator
from pathlib import Path

from fromscratch.host.machine.doctor_check import Check, tried
from fromscratch.sources.contract import Context, Kind, Source, Template
from fromscratch.sources.portage.options import PortageOptions

_TEMPLATE = """\
  # Packages that Gentoo's Portage builds from source on this machine, as an ordinary user.
  - portage:
      packages: [app-misc/jq]
      # repositories: [https://github.com/gentoo-mirror/gentoo.git]   # or rsync://HOST/MODULE, or a folder
      # use: [-nls]                        # USE flags for all packages; package_use: for some
      # package_use: {app-misc/jq: [-oniguruma]}
"""


def _bind(options: PortageOptions, context: Context) -> Source:
    from fromscratch.sources.portage.source import PortageSource

    return PortageSource(options, context)


def _checks() -> Iterator[Check]:
    yield tried("portage: programs", _programs)
    yield tried("portage: sandbox", _sandbox)


def _programs() -> str:
    from fromscratch.host.process import run
    from fromscratch.sources.portage import program

    run.need("git", "portage: repositories of ebuilds")
    return f"Portage {program.find().version}"


def _sandbox() -> str:
    from tempfile import TemporaryDirectory

    from fromscratch.sources.portage.workspace import check_sandbox

    # A folder of its own: one below which something is mounted cannot be shown in a namespace by itself.
    with TemporaryDirectory() as folder:
        check_sandbox(Path(folder))
    return "namespaces of an ordinary user"


KIND = Kind(
    options=PortageOptions, bind=_bind, shorthand="packages", template=Template(items=_TEMPLATE), checks=_checks
)
