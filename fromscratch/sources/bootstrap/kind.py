"""Source `bootstrap`: a root made by debootstrap, mmdebstrap, dnf, zypper, pacman or apk, with scripts run."""

from collections.abc import Iterator

from fromscratch.host.machine.doctor_check import Check
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.contract import Context, Kind, Source, Template

_TEMPLATE = """\
  # A root made by a distribution's own tool, with the scripts of its packages run, in namespaces without a network.
  - bootstrap:
      tool: mmdebstrap
      release: trixie
      variant: apt
      packages: [busybox]
"""


def _bind(options: BootstrapOptions, context: Context) -> Source:
    from fromscratch.sources.bootstrap.source import BootstrapSource

    return BootstrapSource(options, context)


def _checks() -> Iterator[Check]:
    from fromscratch.host.container.root_maker import described_users
    from fromscratch.host.process import run
    from fromscratch.sources.bootstrap.tools.catalogue import TOOLS

    for word, tool in TOOLS.items():
        found = run.find(tool.program)
        yield Check(f"bootstrap: {word}", found is not None, found or f"{tool.program} is not in PATH", tool.install)
    ok, text = described_users()
    yield Check(
        "bootstrap: users", ok, text, "as root: usermod -v 100000-165535 -w 100000-165535 NAME, and install uidmap"
    )


KIND = Kind(
    options=BootstrapOptions,
    bind=_bind,
    shorthand="tool",
    template=Template(items=_TEMPLATE),
    checks=_checks,
)
