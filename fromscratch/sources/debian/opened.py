"""Packages taken apart, each once: their files as a plain tar, and what their control archives say."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.formats.debian import deb822
from fromscratch.formats.debian import package as deb
from fromscratch.formats.debian.deb822 import Stanza
from fromscratch.host.storage.store import Store
from fromscratch.paths import decode
from fromscratch.sources.debian.planning.plan import PlannedPackage

_CONTROL_FILES = frozenset(
    ("control", "md5sums", "conffiles", "config", "postinst", "preinst", "shlibs", "templates", "triggers")
)


class Opened(Struct, frozen=True):
    """A package taken apart: `data` is a plain tar, `files` are those of its control archive that are used."""

    planned: PlannedPackage
    data: Path
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return self.planned.name

    @property
    def control(self) -> bytes:
        return self.files["control"]

    @property
    def checksums(self) -> bytes:
        return self.files.get("md5sums", b"")

    @property
    def stanza(self) -> Stanza:
        """The fields of its control file. Raises FormatError."""
        return deb822.stanza(deb822.decoded(self.control), f"{self.planned.file}: control")

    def text(self, name: str) -> str:
        """A file of its control archive; empty if it has none."""
        return decode(self.files.get(name, b""))


def opened(store: Store, package: PlannedPackage) -> Opened:
    """Take a package apart, once. Raises FormatError."""
    digest = Digest.parse(package.digest)

    def expand(blob: Path, target: Path) -> None:
        deb.expand_data(blob, target, package.file)

    def keep_control(blob: Path, target: Path) -> None:
        files = deb.control_files(blob, package.file)
        selected = {name: files[name] for name in sorted(_CONTROL_FILES & {*files})}
        target.write_bytes(msgspec.msgpack.encode(selected))

    control = store.derived(digest, "deb-control-3", keep_control)
    data = store.derived(digest, "deb-data", expand)
    return Opened(package, data, msgspec.msgpack.decode(control.read_bytes(), type=dict[str, bytes]))
