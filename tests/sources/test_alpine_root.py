"""A real root in a tar archive, beside what tarfile reads of it."""

import tarfile

import pytest

from fromscratch.digest import Digest
from fromscratch.formats.databases.catalogue import records
from fromscratch.host.storage.store import Store
from fromscratch.model.content import digest_of
from fromscratch.model.entry import File, HardLink, Symlink
from fromscratch.sources.tarball.options import TarballOptions
from tests.alpine_root import minirootfs
from tests.sources.contract import Subject


@pytest.mark.slow
def test_a_minirootfs_is_what_tarfile_reads(tmp_path_factory: pytest.TempPathFactory) -> None:
    path, store = minirootfs(), Store(tmp_path_factory.mktemp("store"))
    tree = Subject(TarballOptions(path=str(path)), folder=path.parent).laid(store)
    with tarfile.open(path) as archive:
        for member in archive:
            entry = tree.find(f"/{member.name.removeprefix('./')}", follow_last=False)
            assert entry is not None
            assert (entry.meta.mode, entry.meta.uid, entry.meta.gid) == (member.mode, member.uid, member.gid)
            match entry:
                case Symlink() | HardLink():
                    assert entry.target.lstrip("/") == member.linkname.lstrip("/")
                case File():
                    content = archive.extractfile(member)
                    assert content is not None
                    assert digest_of(entry.content) == Digest.of(content.read())
    names = {one.package.name for one in records(tree).installed}
    assert {"alpine-baselayout", "busybox", "musl", "apk-tools"} <= names
