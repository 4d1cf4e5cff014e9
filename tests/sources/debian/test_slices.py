"""Slices of packages instead of whole packages."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fromscratch.errors import ImageError, NotInTree, RecipeError
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.image import Platform
from fromscratch.paths import TreePath
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.source import DebianSource
from tests.trees import listed, text

pytest.importorskip("pysequoia", reason="pysequoia is not installed; it signs the archives of these tests")

from tests.sources.debian.mirror import Mirror, package

LIBC_FILES = {"lib": None, "lib/libc.so.6@755": b"libc", "lib/libm.so.6": b"m", "usr": None, "usr/share": None}
SERVER = """
package: server
versions: ">= 1.2, << 1.3~"
files:
  /usr/sbin/server: started by run 1
  /usr/share/server/modules/**: opened
needs: [libc6.yaml]
"""
LIBC = "package: libc6\nfiles: {/usr/lib/libc.so.6: needed}\n"


def server(version: str = "1.2-3") -> bytes:
    files = {
        "usr": None,
        "usr/sbin": None,
        "usr/sbin/server@755": b"server",
        "usr/sbin/server-admin@755": b"admin",
        "usr/share": None,
        "usr/share/server": None,
        "usr/share/server/modules": None,
        "usr/share/server/modules/one.so": b"1",
        "usr/share/server/manual": b"long",
    }
    sums = b"0  usr/sbin/server\n1  usr/sbin/server-admin\n"
    return package("server", files, version, depends="libc6, perl", extra={"md5sums": sums})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slices").mkdir()
    (tmp_path / "slices/server.yaml").write_text(SERVER)
    (tmp_path / "slices/libc6.yaml").write_text(LIBC)
    return tmp_path


Debian = Callable[..., DebianSource]


@pytest.fixture
def debian(folder: Path) -> Debian:
    """A source of a mirror with a server, of which not everything that it depends on is there."""
    mirror = Mirror(folder / "mirror")
    tool = package("tool", {"usr": None, "usr/bin": None, "usr/bin/tool": b"tool"}, depends="libc6")
    mirror.publish(server(), package("libc6", LIBC_FILES, "2.36-9"), tool)

    def source(slices: list[str], packages: Sequence[str] = (), *, any_version: bool = False) -> DebianSource:
        options = DebianOptions(
            slices=slices,
            packages=list(packages),
            any_version=any_version,
            suite="bookworm",
            mirror=mirror.address,
            keyring=str(mirror.keyring),
        )
        context = Context(folder=folder, place="rootfs[0]", platform=Platform.parse("linux/amd64"))
        return DebianSource(options, context, machine=folder / "nowhere", now=lambda: 1_790_000_000.0)

    return source


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def made(source: DebianSource, store: Store) -> str:
    source.fetch(store)
    return listed(
        source.build(store).without(map(TreePath, ("/dev", "/proc", "/sys", "/root", "/run", "/tmp", "/var")))
    )


def test_only_what_slices_list_is_there_and_nothing_that_they_do_not_need(debian: Debian, store: Store) -> None:
    assert made(debian(["slices/server.yaml"]), store) == text(
        """
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /etc
        l 0777 0:0 /lib -> usr/lib
        l 0777 0:0 /sbin -> usr/sbin
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        f 0755 0:0 4 /usr/lib/libc.so.6
        d 0755 0:0 /usr/sbin
        f 0755 0:0 6 /usr/sbin/server
        d 0755 0:0 /usr/share
        d 0755 0:0 /usr/share/server
        d 0755 0:0 /usr/share/server/modules
        f 0644 0:0 1 /usr/share/server/modules/one.so
        """
    )


def test_the_record_of_a_slice_lists_the_files_that_it_has(debian: Debian, store: Store) -> None:
    source = debian(["slices"])
    source.fetch(store)
    sums = source.build(store)[TreePath("/var/lib/dpkg/status.d/server.md5sums")]
    assert isinstance(sums, File)
    assert read(sums.content) == b"0  usr/sbin/server\n"


def test_a_package_that_another_depends_on_is_whole(debian: Debian, store: Store) -> None:
    assert "/usr/lib/libm.so.6" in made(debian(["slices"], ["tool"]), store)


def test_a_package_that_is_asked_for_too_is_whole(debian: Debian, store: Store) -> None:
    assert "/usr/lib/libm.so.6" in made(debian(["slices"], ["libc6"]), store)


def test_several_slices_of_a_package_are_taken_together(debian: Debian, folder: Path, store: Store) -> None:
    (folder / "slices/more.yaml").write_text("package: libc6\nfiles: {/lib/libm.so.6: needed}\n")
    tree = made(debian(["slices"]), store)
    assert "/usr/lib/libm.so.6" in tree
    assert "/usr/lib/libc.so.6" in tree


def test_slices_may_need_each_other(debian: Debian, folder: Path, store: Store) -> None:
    (folder / "slices/libc6.yaml").write_text(f"{LIBC}needs: [server.yaml]\n")
    assert "/usr/sbin/server" in made(debian(["slices/libc6.yaml"]), store)


def test_a_changed_slice_is_another_build(debian: Debian, folder: Path, store: Store) -> None:
    source = debian(["slices"])
    source.fetch(store)
    before = source.fingerprint(store)
    assert debian(["slices"]).fingerprint(store) == before
    (folder / "slices/libc6.yaml").write_text("package: libc6\nfiles: {/usr/lib/libm.so.6: needed}\n")
    assert debian(["slices"]).fingerprint(store) != before


def test_a_listed_file_that_is_not_there_is_named_with_what_comes_near(
    debian: Debian, folder: Path, store: Store
) -> None:
    (folder / "slices/libc6.yaml").write_text("package: libc6\nfiles: {/usr/lib/libc.so.7: needed}\n")
    source = debian(["slices"])
    source.fetch(store)
    message = "libc6: /usr/lib/libc.so.7 (there is /usr/lib/libc.so.6 and /usr/lib/libm.so.6)"
    with pytest.raises(NotInTree, match=re.escape(message)):
        source.build(store)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "package: libc6\nversions: '>= 3'\nfiles: {/a: x}\n",
            "the slice of libc6 in rootfs[0] is for libc6 (>= 3); there is 2.36-9",
        ),
        ("package: libc66\nfiles: {/a: x}\n", "no index has libc66, of which a slice is in rootfs[0]"),
    ],
)
def test_a_package_that_cannot_be_had(debian: Debian, folder: Path, store: Store, text: str, message: str) -> None:
    (folder / "slices/libc6.yaml").write_text(text)
    with pytest.raises(ImageError, match=re.escape(message)):
        debian(["slices"]).fetch(store)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("package: libc6\nmanager: apk\nfiles: {/a: x}\n", "this is a slice of a package of apk"),
        ("package: libc6\narchitecture: arm64\nfiles: {/a: x}\n", "this slice is for arm64, and the image for amd64"),
        ("package: libc6\nversions: 3 to 4\nfiles: {/a: x}\n", "versions: '3 to 4' is not a range of versions"),
        ("package: A b\nfiles: {/a: x}\n", "package: 'A b' is not a package of Debian"),
        ("package: a\nfiles: {/a: x}\nneeds: [none.yaml]\n", "none.yaml, which"),
        ("nonsense", "this is not a slice"),
    ],
)
def test_a_slice_that_cannot_be_used(debian: Debian, folder: Path, store: Store, text: str, message: str) -> None:
    (folder / "slices/libc6.yaml").write_text(text)
    with pytest.raises(RecipeError, match=re.escape(message)):
        debian(["slices"]).fetch(store)


def test_a_folder_without_slices_is_a_mistake(debian: Debian, folder: Path, store: Store) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(RecipeError, match="empty holds no slice"):
        debian(["empty"]).fetch(store)


def test_a_file_says_of_which_slice_it_is(debian: Debian, store: Store) -> None:
    source = debian(["slices"], ["tool"])
    source.fetch(store)
    tree = source.build(store)
    reasons = {path: tree[TreePath(path)].origins[0].because for path in ("/usr/sbin/server", "/usr/bin/tool")}
    assert {path: origin.detail for path, origin in reasons.items() if origin} == {
        "/usr/sbin/server": "a slice of server in rootfs[0]",
        "/usr/bin/tool": "tool in rootfs[0]",
    }


def test_the_newest_version_of_a_package_is_shown_alone(debian: Debian, store: Store) -> None:
    found = debian(["slices"]).contents(store, "server")
    assert found.version == "1.2-3"
    assert "/usr/sbin/server-admin" in found.files
    assert not {"/bin", "/", "/usr/lib/libc.so.6"} & found.files
    with pytest.raises(ImageError, match="no index has servr"):
        debian(["slices"]).contents(store, "servr")


def test_a_version_out_of_range_is_taken_on_request(debian: Debian, folder: Path, store: Store) -> None:
    (folder / "slices/libc6.yaml").write_text("package: libc6\nversions: '>= 3'\nfiles: {/lib/libm.so.6: needed}\n")
    assert "/usr/lib/libm.so.6" in made(debian(["slices"], any_version=True), store)


def test_names_and_versions_that_no_index_has_are_told_apart(debian: Debian, store: Store) -> None:
    names = ["server", "server=1.2-3", "server=9", "servr"]
    assert debian(["slices"]).unavailable(store, names) == {"server=9", "servr"}
