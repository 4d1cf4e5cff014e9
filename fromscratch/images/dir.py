"""`dir:DIR`: a plain root in a folder, such as an unpacked one."""

from typing import ClassVar, Literal

from fromscratch.host.machine.scan import scan
from fromscratch.images.contract import ALL, Naming, Selection
from fromscratch.images.local import LocalTransport
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs


class RootFolder(LocalTransport, frozen=True):
    """It is read as it is, and not written: who is not root could not give files their owners."""

    scheme: ClassVar[str] = "dir:"
    example: ClassVar[str] = "dir:rootfs"
    place: ClassVar[Literal["folder"]] = "folder"
    naming: ClassVar[Naming] = "none"

    def read(self, name: str, selection: Selection = ALL) -> Rootfs:
        """The folder's tree. Raises UsageError for one that holds an image in a form of its own."""
        self.check_readable()
        return self.checked_root(scan(self.path, Origin(self.label, "found in", str(self.path))))
