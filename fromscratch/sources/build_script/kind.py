"""Source `build_script`: programs that the recipe's own commands build."""

from collections.abc import Iterator

from fromscratch.host.machine.doctor_check import Check, tried
from fromscratch.sources.build_script.options import BuildScriptOptions
from fromscratch.sources.contract import Context, Kind, Source, Template

_TEMPLATE = """\
  # A program that commands build, without network; what they put below $DESTDIR is taken.
  - build_script:
      source: hello                        # a folder or an archive, or {url: https://…, sha256: …}
      needs: [gcc, make]
      script: |
        make -j"$JOBS"
        make install DESTDIR="$DESTDIR"
"""


def _bind(options: BuildScriptOptions, context: Context) -> Source:
    from fromscratch.sources.build_script.source import BuildScriptSource

    return BuildScriptSource(options, context)


def _checks() -> Iterator[Check]:
    yield tried("build_script: a root without network", _root)


def _root() -> str:
    import tempfile
    from pathlib import Path

    from fromscratch.host.container.build_root import check_possible

    with tempfile.TemporaryDirectory() as folder:
        check_possible(Path(folder))
    return "this machine's compilers can be run in one"


KIND = Kind(
    options=BuildScriptOptions,
    bind=_bind,
    shorthand="script",
    template=Template(
        items=_TEMPLATE,
        missing_file="hello",
        advice="put the sources there as hello, or write where they are under source:",
    ),
    checks=_checks,
)
