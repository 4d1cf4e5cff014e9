"""Source `tarball`: a tar archive, here or at an address, plain or compressed."""

from collections.abc import Iterator

from fromscratch.host.machine.doctor_check import Check
from fromscratch.sources.contract import Context, Kind, Source, Template
from fromscratch.sources.tarball.options import TarballOptions

_TEMPLATE = """\
  # A root in an archive, here or at an address with its sha256.
  - tarball: {path: rootfs.tar.gz}
"""


def _bind(options: TarballOptions, context: Context) -> Source:
    from fromscratch.sources.tarball.source import TarballSource

    return TarballSource(options, context)


def _checks() -> Iterator[Check]:
    from importlib.util import find_spec

    for package, form in (("zstandard", "zst"), ("lz4", "lz4")):
        present = find_spec(package) is not None
        yield Check(
            f"tarball: {form}",
            present,
            f"read by the Python package {package}" if present else f"the Python package {package} is not installed",
            f"pip install {package}, beside fromscratch",
        )


KIND = Kind(
    options=TarballOptions,
    bind=_bind,
    shorthand="path",
    template=Template(
        items=_TEMPLATE,
        missing_file="rootfs.tar.gz",
        advice="put the archive there as rootfs.tar.gz, or write where it is under path: or url:",
    ),
    checks=_checks,
)
