"""When a tree gets an ld.so.cache, and what it lists."""

from fromscratch.formats.ldso import cache
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.debian.scripts.loader_cache import with_loader_cache
from tests.formats.elf.made import elf
from tests.trees import tree

BASE = r"""
f 0644 0:0 /etc/ld.so.conf 'include /etc/ld.so.conf.d/*.conf\n'
f 0644 0:0 /etc/ld.so.conf.d/x86_64-linux-gnu.conf '/usr/local/lib\n/usr/lib/x86_64-linux-gnu\n'
d 0755 0:0 /usr/local/lib
"""


def with_libraries(*names: str) -> Rootfs:
    made = {TreePath(name): File(Meta(0o755), Inline(elf(soname=name.rpartition("/")[2]))) for name in names}
    return tree(BASE).with_entries(made)


def test_folders_that_the_loader_knows_need_none() -> None:
    root = with_libraries("/usr/lib/x86_64-linux-gnu/liba.so.1")
    assert with_loader_cache(root, "source", "amd64") is root


def test_a_library_in_a_further_folder_is_found_by_it() -> None:
    root = with_libraries("/usr/lib/x86_64-linux-gnu/liba.so.1", "/usr/local/lib/libb.so.1")
    made = with_loader_cache(root, "source", "amd64").find("/etc/ld.so.cache")
    assert isinstance(made, File)
    assert {entry.path for entry in cache.read(read(made.content)).entries} == {
        "/usr/lib/x86_64-linux-gnu/liba.so.1",
        "/usr/local/lib/libb.so.1",
    }
