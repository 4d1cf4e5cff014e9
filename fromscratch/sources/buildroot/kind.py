"""Source `buildroot`: a root filesystem built from source by Buildroot."""

from collections.abc import Iterator
from pathlib import Path

from fromscratch.host.machine.doctor_check import Check, tried
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.contract import Context, Kind, Source, Template

_TEMPLATE = """\
  # From source, by Buildroot, whose menus the verb configure opens.
  - buildroot:
      version: "2026.05.1"
      config: busybox-glibc                # app-glibc: without busybox; or a defconfig, by its name or path
      # packages: [jq]
      # toolchain: host                    # this machine's own compiler: a quick turn for workshops and tests
      # tree: ../buildroot                 # a tree, tarball or git repository instead of a release
      # mirror: /srv/sources               # where source tarballs are looked for first
"""


def _bind(options: BuildrootOptions, context: Context) -> Source:
    from fromscratch.sources.buildroot.source import BuildrootSource

    return BuildrootSource(options, context)


def _items_for(folder: Path) -> str | None:
    from fromscratch.sources.buildroot import projects

    return projects.items(folder)


def _checks() -> Iterator[Check]:
    import shutil

    yield tried("buildroot: programs", _programs)
    yield tried("buildroot: toolchain host", _compiler)
    ccache = shutil.which("ccache")
    yield Check("buildroot: ccache", bool(ccache), ccache or "builds do without", "apt-get install ccache")


def _checks_of_store(store: Store) -> Iterator[Check]:
    from fromscratch.sources.buildroot import in_store

    yield tried("buildroot: compiled files", lambda: in_store.compiled_files(store))
    yield tried("buildroot: toolchains", lambda: in_store.toolchains(store))


def _programs() -> str:
    from fromscratch.sources.buildroot import preflight

    preflight.check(Path("/"))
    return "all that it asks for"


def _compiler() -> str:
    from fromscratch.sources.buildroot.toolchain import host

    found = host.identify(Platform.of_this_machine())
    return f"gcc {found.version} for {found.machine}"


KIND = Kind(
    options=BuildrootOptions,
    bind=_bind,
    shorthand="config",
    decides_platform=True,
    items_for=_items_for,
    template=Template(items=_TEMPLATE),
    checks=_checks,
    checks_of_store=_checks_of_store,
)
