"""Source `binaries`: programs of this machine, or of a sysroot, with everything that they need."""

from fromscratch.sources.binaries.options import BinariesOptions
from fromscratch.sources.contract import Context, Kind, Source, Template

_TEMPLATE = """\
  # Programs of this machine with everything that they need, and nothing else.
  - binaries:
      paths: [/bin/sh]                     # FILE keeps its path, FILE:/DEST puts it elsewhere
      # add: ["conf:/etc/app"]             # further files and folders
      # root: /opt/sysroot                 # where libraries come from, instead of this machine
"""


def _bind(options: BinariesOptions, context: Context) -> Source:
    from fromscratch.sources.binaries.source import BinariesSource

    return BinariesSource(options, context)


KIND = Kind(options=BinariesOptions, bind=_bind, shorthand="paths", template=Template(items=_TEMPLATE))
