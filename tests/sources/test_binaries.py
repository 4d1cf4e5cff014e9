"""Programs with what they need, as trees."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.errors import Conflict, ImageError, IntegrityError, UsageError
from fromscratch.formats.ldso import cache as ldcache
from fromscratch.formats.tar.tree import read_tree
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File, Meta, Origin, Symlink
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.progress import Silent
from fromscratch.sources.binaries.options import BinariesOptions
from fromscratch.sources.binaries.sysroots import sysroot_with
from tests.formats.elf.made import AARCH64, S390, elf
from tests.sameness import archive_of
from tests.sources.contract import SourceContract, Subject
from tests.sysroots import LOADER, MULTIARCH, libc, library, program, sysroot, written
from tests.trees import listed, text

FOREIGN = Platform("linux", "arm64")
FOREIGN_LOADER = "/lib/ld-linux-aarch64.so.1"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a sysroot in it, that has a program, and another one by a symlink."""
    files: dict[str, bytes | str] = {
        "/usr/bin/jq": program("libjq.so.1"),
        "/usr/bin/query": "-> /etc/alternatives/query",
        "/etc/alternatives/query": "-> /bin/jq",
        f"{MULTIARCH}/libjq.so.1": "-> libjq.so.1.0.4",
        f"{MULTIARCH}/libjq.so.1.0.4": library("libjq.so.1", "libc.so.6"),
    }
    sysroot(tmp_path / "root", files)
    return tmp_path


class TestSysroot(SourceContract):
    @pytest.fixture
    def subject(self, desk: Path) -> Subject:
        return Subject(
            BinariesOptions(paths=["/usr/bin/jq"], root="root"),
            folder=desk,
            change=lambda: (desk / f"root{MULTIARCH}/libjq.so.1.0.4").write_bytes(library("libjq.so.1", data=b"new")),
            other=BinariesOptions(paths=["/usr/bin/query"], root="root"),
        )


class TestThisMachine(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        if not Path("/usr/bin/true").exists():
            pytest.skip("this machine has no /usr/bin/true")
        return Subject(BinariesOptions(paths=["/usr/bin/true"]), folder=tmp_path, platform=Platform.of_this_machine())


def build(folder: Path, *, below: Rootfs | None = None, platform: Platform | None = None, **options: Any) -> Rootfs:
    """The tree without the minimal /etc, with libraries of the sysroot, unless the options say otherwise."""
    data = {"root": "root", "etc": "none", **options}
    subject = Subject(msgspec.convert(data, BinariesOptions), folder=folder, platform=platform or Subject.platform)
    source = subject.bind()
    return source.lay(below or Rootfs(), Store(folder / "store"), replace=False)


def scanned(folder: Path, files: dict[str, bytes | str] | None = None) -> Rootfs:
    """A root that another item of the recipe has made."""
    folder.mkdir(exist_ok=True)
    return scan(written(folder, files or {}), Origin("image base", "found in", "base"), owner=(0, 0))


def without(tree: Rootfs, *gone: str) -> Rootfs:
    return tree.without([tree_path(each) for each in gone])


def reasons(tree: Rootfs, path: str) -> list[str]:
    entry = tree.find(path, follow_last=False)
    assert entry is not None
    return [f"{origin.reason} {origin.detail}" for origin in entry.origins]


# What is named, and where it goes


def test_a_program_keeps_its_path_with_the_symlinks_on_its_way_and_brings_what_it_needs(desk: Path) -> None:
    assert listed(build(desk, paths=["/bin/query"])) == text("""
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /etc
        d 0755 0:0 /etc/alternatives
        l 0777 0:0 /etc/alternatives/query -> /bin/jq
        l 0777 0:0 /lib -> usr/lib
        l 0777 0:0 /lib64 -> usr/lib64
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 512 /usr/bin/jq
        l 0777 0:0 /usr/bin/query -> /etc/alternatives/query
        d 0755 0:0 /usr/lib
        d 0755 0:0 /usr/lib/x86_64-linux-gnu
        f 0755 0:0 480 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
        f 0755 0:0 640 /usr/lib/x86_64-linux-gnu/libc.so.6
        l 0777 0:0 /usr/lib/x86_64-linux-gnu/libjq.so.1 -> libjq.so.1.0.4
        f 0755 0:0 424 /usr/lib/x86_64-linux-gnu/libjq.so.1.0.4
        d 0755 0:0 /usr/lib64
        l 0777 0:0 /usr/lib64/ld-linux-x86-64.so.2 -> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
    """)


def test_every_file_tells_its_reasons(desk: Path) -> None:
    tree = build(desk, paths=["/usr/bin/query"])
    assert reasons(tree, "/usr/bin/jq") == ["asked for /usr/bin/query"]
    assert reasons(tree, "/usr/bin/query") == ["link to /usr/bin/jq"]
    assert reasons(tree, f"{MULTIARCH}/libjq.so.1.0.4") == ["needed by /usr/bin/jq (DT_NEEDED libjq.so.1)"]
    assert reasons(tree, f"{MULTIARCH}/libc.so.6") == [
        "needed by /usr/bin/jq (DT_NEEDED libc.so.6)",
        "needed by /lib/x86_64-linux-gnu/libjq.so.1 (DT_NEEDED libc.so.6)",
    ]
    assert reasons(tree, LOADER)[0] == "link to /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"


@pytest.mark.parametrize(
    ("text_", "place"),
    [
        ("/bin/query:/opt/tool", "/opt/tool"),
        ("/bin/query:/opt/bin/", "/opt/bin/query"),
        ("root/usr/bin/jq:/jq", "/jq"),
        ("./root/usr/bin/../bin/jq:/jq", "/jq"),
    ],
)
def test_a_destination_takes_the_file_itself_elsewhere(desk: Path, text_: str, place: str) -> None:
    tree = build(desk, paths=[text_])
    entry = tree[place]  # type: ignore[index]
    assert isinstance(entry, File)
    assert entry.content.size == 512
    assert "/usr/bin" not in tree
    assert f"{MULTIARCH}/libjq.so.1.0.4" in tree


def test_a_relative_path_is_that_of_the_machine_and_keeps_it(desk: Path) -> None:
    written(desk, {"/made/app": program()})
    tree = build(desk, paths=["made/app"])
    assert str(desk / "made/app") in tree


def test_files_and_folders_are_added_with_their_modes_and_what_their_programs_need(desk: Path) -> None:
    written(desk, {"/conf/app.conf": "port=80\n", "/conf/helper": program("libjq.so.1"), "/motd": "hello\n"})
    (desk / "conf/app.conf").chmod(0o640)
    (desk / "motd").chmod(0o600)
    tree = build(desk, add=["conf:/etc/app", "motd:/etc/motd", "motd:/srv/"])
    assert [line for line in listed(tree).splitlines() if "/usr" not in line and "/lib" not in line] == text("""
        d 0755 0:0 /etc
        d 0755 0:0 /etc/app
        f 0640 0:0 8 /etc/app/app.conf
        f 0755 0:0 512 /etc/app/helper
        f 0600 0:0 6 /etc/motd
        d 0755 0:0 /srv
        f 0600 0:0 6 /srv/motd
    """).splitlines()
    assert reasons(tree, f"{MULTIARCH}/libjq.so.1.0.4") == ["needed by /etc/app/helper (DT_NEEDED libjq.so.1)"]
    assert reasons(tree, "/etc/app/app.conf") == ["asked for conf:/etc/app"]


def test_without_a_destination_a_folder_keeps_its_path(desk: Path) -> None:
    written(desk, {"/data/one": "1"})
    assert str(desk / "data/one") in build(desk, add=["data"])


# Staged install trees


def stage(desk: Path, files: dict[str, bytes | str]) -> Path:
    (desk / "stage").mkdir()
    return written(desk / "stage", files)


def local_app(**more: Any) -> dict[str, bytes | str]:
    return {
        "/usr/local/bin/app": program("libapp.so.1", **more),
        "/usr/local/lib/libapp.so.1": "-> libapp.so.1.2",
        "/usr/local/lib/libapp.so.1.2": library("libapp.so.1", "libc.so.6"),
        "/usr/local/share/app/page": "page\n",
    }


def test_a_stage_is_taken_whole_and_a_cache_leads_its_loader_to_what_ld_so_conf_would(desk: Path) -> None:
    written(desk / "root", {"/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n"})
    written(desk / "root", {"/etc/ld.so.conf.d/local.conf": "/usr/local/lib\n"})
    stage(desk, local_app())
    tree = build(desk, stage=["stage"])
    assert listed(without(tree, "/usr/lib", "/usr/lib64", "/lib", "/lib64")) == text("""
        d 0755 0:0 /etc
        f 0644 0:0 {} /etc/ld.so.cache
        d 0755 0:0 /usr
        d 0755 0:0 /usr/local
        d 0755 0:0 /usr/local/bin
        f 0755 0:0 512 /usr/local/bin/app
        d 0755 0:0 /usr/local/lib
        l 0777 0:0 /usr/local/lib/libapp.so.1 -> libapp.so.1.2
        f 0755 0:0 424 /usr/local/lib/libapp.so.1.2
        d 0755 0:0 /usr/local/share
        d 0755 0:0 /usr/local/share/app
        f 0755 0:0 5 /usr/local/share/app/page
    """).format(tree["/etc/ld.so.cache"].content.size)  # type: ignore[index, union-attr]
    assert reasons(tree, "/etc/ld.so.cache") == ["made by the loader would not find all libraries without"]


def test_a_run_path_of_its_own_needs_no_cache(desk: Path) -> None:
    stage(desk, local_app(runpath="$ORIGIN/../lib"))
    assert "/etc" not in build(desk, stage=["stage"])


def test_a_stage_over_a_root_without_ld_so_conf_is_searched_where_distributions_search(desk: Path) -> None:
    """As over the root of a cross compiler."""
    stage(desk, local_app())
    tree = build(desk, stage=["stage"])
    assert reasons(tree, "/etc/ld.so.cache") == ["made by the loader would not find all libraries without"]
    written(desk / "root", {"/etc/ld.so.conf": "# nothing\n"})
    with pytest.raises(ImageError) as caught:
        build(desk, stage=["stage"])
    assert "libapp.so.1" in caught.value.message


def test_a_library_that_only_a_run_path_or_search_leads_to_is_found_by_that_alone(desk: Path) -> None:
    stage(desk, {path.replace("/usr/local/lib", "/usr/local/lib/app"): text for path, text in local_app().items()})
    with pytest.raises(ImageError) as caught:
        build(desk, stage=["stage"])
    assert caught.value.message == (
        "libapp.so.1, needed by /usr/local/bin/app (DT_NEEDED): it is in none of "
        "/usr/local/lib, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib"
    )
    assert "search" in caught.value.hint
    tree = build(desk, stage=["stage"], search=["/usr/local/lib/app"])
    assert "/etc" not in tree


def test_a_cache_is_never_written_and_always_where_it_is_said_so(desk: Path) -> None:
    written(desk / "root", {"/etc/ld.so.conf": "/usr/local/lib\n"})
    stage(desk, local_app())
    assert "/etc" not in build(desk, stage=["stage"], ld_cache="never")  # the start check of the image refuses it
    assert "/etc/ld.so.cache" in build(desk, paths=["/usr/bin/jq"], ld_cache="always")


def test_a_stage_with_a_folder_where_the_sysroot_has_a_symlink(desk: Path) -> None:
    stage(desk, {"/lib/systemd/system/app.service": "[Unit]\n", "/usr/bin/app": program("libjq.so.1")})
    tree = build(desk, stage=["stage"])
    assert tree.find(LOADER) is not None
    assert tree.find("/lib/systemd/system/app.service") is not None


def test_a_stage_that_has_the_loaders_folders_by_other_ways_than_the_sysroot(desk: Path) -> None:
    stage(desk, {"/lib/x86_64-linux-gnu/libown.so": library("libown.so"), "/usr/bin/app": program("libown.so")})
    (desk / "stage/lib64").symlink_to("lib")
    tree = build(desk, stage=["stage"])
    assert tree.resolve(LOADER) == f"{MULTIARCH}/ld-linux-x86-64.so.2"
    assert (
        listed(tree).splitlines()[:5]
        == text("""
        d 0755 0:0 /lib
        l 0777 0:0 /lib/ld-linux-x86-64.so.2 -> /usr/lib64/ld-linux-x86-64.so.2
        d 0755 0:0 /lib/x86_64-linux-gnu
        l 0777 0:0 /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 -> /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
        l 0777 0:0 /lib/x86_64-linux-gnu/libc.so.6 -> /usr/lib/x86_64-linux-gnu/libc.so.6
    """).splitlines()
    )


def test_a_stage_whose_symlinks_go_the_other_way_round_holds_every_file_once(desk: Path) -> None:
    stage(desk, {"/lib/own": "own\n", "/bin/app": program("libjq.so.1"), "/usr/lib": "-> ../lib"})
    tree = build(desk, stage=["stage"])
    assert listed(without(tree, "/bin", "/lib64", "/usr/lib64")) == text("""
        d 0755 0:0 /lib
        f 0755 0:0 4 /lib/own
        d 0755 0:0 /lib/x86_64-linux-gnu
        f 0755 0:0 480 /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
        f 0755 0:0 640 /lib/x86_64-linux-gnu/libc.so.6
        l 0777 0:0 /lib/x86_64-linux-gnu/libjq.so.1 -> libjq.so.1.0.4
        f 0755 0:0 424 /lib/x86_64-linux-gnu/libjq.so.1.0.4
        d 0755 0:0 /usr
        l 0777 0:0 /usr/lib -> ../lib
    """)


# Owners, modes, hard links


def test_what_comes_belongs_to_root_and_is_for_everybody_whatever_the_umask_was(desk: Path) -> None:
    root = desk / "root"
    (root / "usr/bin/jq").chmod(0o700)
    (root / f".{MULTIARCH}/libc.so.6").chmod(0o600)
    written(desk, {"/su": program(), "/script": "plain text\n"})
    (desk / "su").chmod(0o4750)
    (desk / "script").chmod(0o640)
    tree = build(desk, paths=["/usr/bin/jq", "su:/bin/su", "script:/data"])
    modes = {path: entry.meta.mode for path, entry in tree.items() if isinstance(entry, File)}
    assert modes["/usr/bin/jq"] == 0o755  # type: ignore[index]
    assert modes["/bin/su"] == 0o4755  # type: ignore[index]
    assert modes["/data"] == 0o644  # type: ignore[index]
    assert modes[f"{MULTIARCH}/libc.so.6"] == 0o644  # type: ignore[index]
    assert {(entry.meta.uid, entry.meta.gid) for entry in tree.values()} == {(0, 0)}


def test_names_of_one_inode_stay_so(desk: Path) -> None:
    stage(desk, {"/usr/bin/git": program()})
    os.link(desk / "stage/usr/bin/git", desk / "stage/usr/bin/git-upload-pack")
    os.link(desk / "root/usr/bin/jq", desk / "root/usr/bin/yq")
    for tree, expected in (
        (build(desk, stage=["stage"]), "h 0755 0:0 /usr/bin/git-upload-pack => /usr/bin/git"),
        (build(desk, paths=["/usr/bin/jq", "/usr/bin/yq"]), "h 0755 0:0 /usr/bin/yq => /usr/bin/jq"),
    ):
        assert expected in listed(tree).splitlines()


# On top of another root


def base(desk: Path, files: dict[str, bytes | str] | None = None) -> Rootfs:
    """A root of its own kind: no merged /usr, no multiarch."""
    return scanned(
        desk / "base",
        {
            LOADER: library("ld-linux-x86-64.so.2", data=b"/lib64/\0/usr/lib64/\0"),
            "/lib64/libc.so.6": libc(["GLIBC_2.2.5", "GLIBC_2.34"]),
            **(files or {}),
        },
    )


def test_a_library_that_the_root_has_is_used_and_why_tells_both_reasons(desk: Path) -> None:
    tree = build(desk, below=base(desk, {"/usr/lib64/libjq.so.1": library("libjq.so.1")}), paths=["/usr/bin/jq"])
    assert listed(tree) == text("""
        d 0755 0:0 /lib64
        f 0755 0:0 {} /lib64/ld-linux-x86-64.so.2
        f 0755 0:0 {} /lib64/libc.so.6
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 512 /usr/bin/jq
        d 0755 0:0 /usr/lib64
        f 0755 0:0 {} /usr/lib64/libjq.so.1
    """).format(
        *[(desk / f"base{each}").stat().st_size for each in (LOADER, "/lib64/libc.so.6", "/usr/lib64/libjq.so.1")]
    )
    assert reasons(tree, "/lib64/libc.so.6") == ["found in base", "needed by /usr/bin/jq (DT_NEEDED libc.so.6)"]
    assert [origin.source for origin in tree["/lib64/libc.so.6"].origins] == ["image base", "binaries /usr/bin/jq"]  # type: ignore[index]


def test_a_library_that_the_root_lacks_comes_from_the_sysroot_and_the_roots_own_loader_finds_it(desk: Path) -> None:
    tree = build(desk, below=base(desk), paths=["/usr/bin/jq"])
    assert f"{MULTIARCH}/libjq.so.1.0.4" in tree
    assert f"{MULTIARCH}/libc.so.6" not in tree
    assert tree.find("/etc/ld.so.cache") is not None  # its loader has no multiarch folders


def test_a_root_out_of_an_archive_serves_as_one_on_disk_does(desk: Path) -> None:
    """Its files are slices of a tar."""
    below = base(desk, {"/usr/lib64/libjq.so.1": library("libjq.so.1")})
    archive = desk / "base.tar"
    archive.write_bytes(b"".join(bytes(block) for block in blocks(below)))
    tree = build(desk, below=read_tree(archive, Origin("image base", "found in", "base")), paths=["/usr/bin/jq"])
    assert listed(tree) == listed(build(desk, below=below, paths=["/usr/bin/jq"]))


def test_a_library_of_the_root_that_is_too_old_is_a_conflict_that_names_both(desk: Path) -> None:
    written(desk, {"/new": program(needs_versions={"libc.so.6": ["GLIBC_2.36"]})})
    build(desk, paths=["new:/bin/new"])
    with pytest.raises(Conflict) as caught:
        build(desk, below=base(desk), paths=["new:/bin/new"])
    assert caught.value.message == "/bin/new needs GLIBC_2.36 of /lib64/libc.so.6, which is older"
    assert caught.value.hint


def test_a_root_that_has_the_same_program_keeps_it_and_one_that_has_another_is_a_conflict(desk: Path) -> None:
    same = (desk / "root/usr/bin/jq").read_bytes()
    tree = build(desk, below=base(desk, {"/usr/bin/jq": same}), paths=["/usr/bin/jq"])
    assert reasons(tree, "/usr/bin/jq") == ["found in base", "asked for /usr/bin/jq"]
    (desk / "base/usr/bin/jq").write_bytes(b"another")
    with pytest.raises(Conflict, match="/usr/bin/jq"):
        build(desk, below=base(desk), paths=["/usr/bin/jq"])


def test_a_root_with_folders_where_the_sysroot_has_symlinks(desk: Path) -> None:
    below = scanned(desk / "base", {"/lib/firmware/x": "x", "/bin/sh": "sh"})
    tree = build(desk, below=below, paths=["/bin/jq"])
    for path in ("/bin/jq", "/bin/sh", "/lib/firmware/x", LOADER, "/lib/x86_64-linux-gnu/libc.so.6"):
        assert tree.find(path) is not None, path


def test_what_the_root_says_of_its_folders_stays(desk: Path) -> None:
    below = base(desk, {"/usr/bin/x": "x"})
    (desk / "base/usr/bin").chmod(0o711)
    below = scan(desk / "base", Origin("image base", "found in", "base"), owner=(7, 7))
    tree = build(desk, below=below, paths=["/usr/bin/jq"])
    assert "d 0711 7:7 /usr/bin" in listed(tree).splitlines()
    assert "f 0755 0:0 512 /usr/bin/jq" in listed(tree).splitlines()
    assert "f 0755 7:7" in listed(tree)


def content(tree: Rootfs, path: str) -> str:
    entry = tree.find(path)
    assert isinstance(entry, File), path
    return read(entry.content).decode()


OWN = {
    "/etc/nsswitch.conf": "passwd: files extra\nhosts: files\n",
    "/etc/passwd": "root:x:0:0::/:/bin/sh\n",
    "/etc/group": "root:x:0:\n",
    "/etc/hosts": "127.0.0.1 here\n",
    "/etc/services": "own 1/tcp\n",
    "/etc/ssl/certs/ca-certificates.crt": "own authorities",
    "/etc/ld.so.preload": "# first\n/lib64/libown.so\n",
    "/etc/ld.so.conf": "/usr/own\n",
    "/usr/lib/gconv/gconv-modules": "module UTF-16// INTERNAL UTF-16\n",
    "/usr/lib/gconv/UTF-16.so": "own module",
    "/usr/lib/locale/de_DE.utf8/LC_CTYPE": "own locale",
}


def test_what_the_root_has_is_used_and_not_written_again(desk: Path) -> None:
    names = ["getpwnam", "getaddrinfo", "getservbyname", "iconv_open"]
    compiled_in = b"\0/etc/ssl/certs/ca-certificates.crt\0"
    folders = b"\0/usr/lib/gconv\0/usr/lib/locale\0"
    own_libc = library("libc.so.6", provides_versions=["GLIBC_2.34"], data=folders)
    written(desk / "root", {path: f"the machine's {path}" for path in OWN if "gconv" not in path})
    written(
        desk / "root",
        {
            "/usr/bin/app": program("libssl.so.3", imports=names),
            f"{MULTIARCH}/libssl.so.3": library("libssl.so.3", "libc.so.6", data=compiled_in),
            f"{MULTIARCH}/libnss_extra.so.2": library("libnss_extra.so.2", "libc.so.6"),
            "/lib/gconv/gconv-modules": "module UTF-16// INTERNAL UTF-16 1\nmodule X// INTERNAL X\n",
            "/lib/gconv/UTF-16.so": "the machine's module",
        },
    )
    below = base(desk, {**OWN, "/lib64/libown.so": library("libown.so"), "/lib64/libc.so.6": own_libc})
    asked: dict[str, Any] = {"gconv": ["UTF-16"], "locales": ["de_DE.UTF-8"], "preload": ["libssl.so.3"]}
    tree = build(desk, below=below, etc="auto", paths=["/usr/bin/app"], **asked)
    added = {"/etc/ld.so.preload": "libssl.so.3\n"}
    assert {path: content(tree, path) for path in OWN} == {path: OWN[path] + added.get(path, "") for path in OWN}
    assert tree.find(f"{MULTIARCH}/libnss_extra.so.2") is not None  # its own nsswitch.conf names it
    assert reasons(tree, "/etc/nsswitch.conf")[0] == "found in base"
    assert reasons(tree, "/usr/lib/gconv/UTF-16.so") == [
        "found in base",
        "opened by /lib64/libc.so.6 (converts UTF-16)",
    ]


def test_what_is_made_lies_where_a_link_of_the_root_leads_to_nothing_yet(desk: Path) -> None:
    own_libc = library("libc.so.6", provides_versions=["GLIBC_2.34"])
    written(desk / "root", {"/usr/bin/app": program("libc.so.6", imports=["getaddrinfo"])})
    below = base(desk, {"/lib64/libc.so.6": own_libc})
    below = below.with_entries({tree_path("/etc/nsswitch.conf"): Symlink(Meta(0o777), "../run/names")})
    tree = build(desk, below=below, paths=["/usr/bin/app"])
    assert isinstance(tree.get(tree_path("/etc/nsswitch.conf")), Symlink)
    assert "hosts:" in content(tree, "/run/names")


def test_an_offer_names_a_library_by_the_path_that_it_has_on_the_machine(desk: Path) -> None:
    written(desk / "root", {"/usr/bin/app": program(imports=["getaddrinfo"])})
    written(desk / "root", {f"{MULTIARCH}/libidn2.so.0": library("libidn2.so.0", "libc.so.6")})
    noting = Noting()
    source = Subject(BinariesOptions(paths=["/usr/bin/app"], root="root"), folder=desk, progress=noting).bind()
    layout: dict[str, bytes | str] = {"/usr/lib/x86_64-linux-gnu": "-> ../../lib64"}
    source.lay(base(desk, layout), Store(desk / "store"), replace=False)
    assert [note.partition("(add=")[2] for note in noting.notes] == [f"{MULTIARCH}/libidn2.so.0)"]


# Roots that are laid out by other symlinks than the machine


def loading(desk: Path) -> None:
    """A program of the sysroot that opens a library by name, which opens another and trusts authorities."""
    more = b'[{"feature":"more","priority":"required","soname":["libmore.so.1"]}]\0'
    written(
        desk / "root",
        {
            "/usr/bin/app": program(data=b"\0libssl.so.3\0", imports=["dlopen"]),
            f"{MULTIARCH}/libssl.so.3": library(
                "libssl.so.3",
                "libc.so.6",
                data=b"\0/etc/ssl/certs/ca-certificates.crt\0",
                notes=[("FDO", 0x407C0C0A, more)],
            ),
            f"{MULTIARCH}/libmore.so.1": library("libmore.so.1", "libc.so.6"),
            "/etc/ssl/certs/ca-certificates.crt": "all of them",
        },
    )


class Noting(Silent):
    """Progress of which the notes are kept."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


LAYOUTS: dict[str, dict[str, bytes | str]] = {
    "buildroot": {"/usr/lib/x86_64-linux-gnu": "-> ../lib", "/lib": "-> usr/lib", "/bin": "-> usr/bin"},
    "unmerged": {"/lib/x86_64-linux-gnu": "-> ../lib64", "/usr/lib/x86_64-linux-gnu": "-> ../../lib64"},
    "reversed": {"/usr/lib": "-> ../lib", "/usr/bin": "-> ../bin", "/lib/keep": "x", "/bin/keep": "x"},
    "elsewhere": {"/usr/lib/x86_64-linux-gnu": "-> /opt/lib", "/opt/lib/keep": "x", "/lib": "-> usr/lib"},
    "to come": {"/usr/lib/x86_64-linux-gnu": "-> /opt/far/lib", "/lib": "-> usr/lib"},
    "certificates": {"/etc/ssl": "-> ../usr/ssl", "/usr/ssl/certs": "-> ../share/ca", "/usr/share/ca/keep": "x"},
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_whatever_symlinks_a_root_has_what_is_opened_by_name_comes_along(
    desk: Path, layout: dict[str, bytes | str]
) -> None:
    loading(desk)
    noting = Noting()
    below = base(desk, layout)
    options = BinariesOptions(paths=["/usr/bin/app"], root="root", etc="none")
    source = Subject(options, folder=desk, progress=noting).bind()
    tree = source.lay(below, Store(desk / "store"), replace=False)
    for path in (f"{MULTIARCH}/libssl.so.3", f"{MULTIARCH}/libmore.so.1", "/etc/ssl/certs/ca-certificates.crt"):
        assert isinstance(tree.find(path), File), path
    assert noting.notes == []
    for path, entry in below.items():
        assert tree[path] == entry, path


def test_a_stage_over_a_root_with_links_in_the_place_of_its_folders(desk: Path) -> None:
    stage(
        desk, {"/usr/bin/app": program("libapp.so.1"), f"{MULTIARCH}/libapp.so.1": library("libapp.so.1", "libc.so.6")}
    )
    below = base(desk, {"/usr/lib/x86_64-linux-gnu": "-> ../../lib64", "/bin/keep": "x", "/usr/bin": "-> ../bin"})
    tree = build(desk, below=below, stage=["stage"])
    assert "/lib64/libapp.so.1" in tree
    assert "/bin/app" in tree
    assert reasons(tree, "/lib64/libapp.so.1")[-1] == "needed by /bin/app (DT_NEEDED libapp.so.1)"


# Platforms


def foreign_root(desk: Path) -> Path:
    return written(
        desk / "root",
        {
            FOREIGN_LOADER: elf(machine=AARCH64, soname="ld-linux-aarch64.so.1"),
            "/lib/libc.so.6": elf(machine=AARCH64, soname="libc.so.6", needed=["ld-linux-aarch64.so.1"]),
            "/opt/arm/app": elf(machine=AARCH64, needed=["libc.so.6"], interpreter=FOREIGN_LOADER),
        },
    )


def test_a_program_for_another_platform_is_built_from_its_sysroot(desk: Path) -> None:
    foreign_root(desk)
    tree = build(desk, paths=["/opt/arm/app:/app"], platform=FOREIGN)
    assert {path for path, entry in tree.items() if isinstance(entry, File)} == {
        "/app",
        "/usr/lib/ld-linux-aarch64.so.1",
        "/usr/lib/libc.so.6",
    }


def test_the_cache_of_a_platform_has_its_byte_order(desk: Path) -> None:
    big: dict[str, Any] = {"machine": S390, "big": True}
    loader_ = "/lib/ld64.so.1"
    files: dict[str, bytes | str] = {
        loader_: elf(**big, soname="ld64.so.1"),
        "/lib/libc.so.6": elf(**big, soname="libc.so.6"),
        "/opt/s/libown.so": elf(**big, soname="libown.so"),
        "/opt/s/app": elf(**big, needed=["libown.so", "libc.so.6"], interpreter=loader_),
        "/etc/ld.so.conf": "/opt/s\n",
    }
    (desk / "mainframe").mkdir()
    written(desk / "mainframe", files)
    tree = build(desk, paths=["/opt/s/app"], root="mainframe", platform=Platform("linux", "s390x"))
    cache = tree["/etc/ld.so.cache"]  # type: ignore[index]
    assert isinstance(cache, File)
    known = ldcache.read(read(cache.content))
    assert known.big_endian
    assert [(each.soname, each.path) for each in known.entries if each.soname == "libown.so"] == [
        ("libown.so", "/opt/s/libown.so")
    ]


def test_of_two_files_with_one_destination_each_platform_gets_its_own(desk: Path) -> None:
    foreign_root(desk)
    both = ["/usr/bin/jq:/app", "/opt/arm/app:/app"]
    ours, theirs = build(desk, paths=both), build(desk, paths=both, platform=FOREIGN)
    assert reasons(ours, "/app") == ["asked for /usr/bin/jq:/app"]
    assert reasons(theirs, "/app") == ["asked for /opt/arm/app:/app"]
    with pytest.raises(UsageError) as caught:
        build(desk, paths=both, platform=Platform("linux", "s390x"))
    assert "nothing of it is for linux/s390x" in caught.value.message


def test_two_files_for_one_destination_of_one_platform_are_a_conflict(desk: Path) -> None:
    written(desk, {"/other": program()})
    with pytest.raises(Conflict, match="/app"):
        build(desk, paths=["/usr/bin/jq:/app", "other:/app"])


def test_in_a_stage_an_object_for_another_platform_is_data(desk: Path) -> None:
    stage(desk, {"/opt/firmware.elf": elf(machine=AARCH64, needed=["libnowhere.so"]), "/bin/app": program()})
    assert "/opt/firmware.elf" in build(desk, stage=["stage"])


# The minimal /etc, and what options add


def test_a_minimal_etc_is_made_where_nothing_below_has_one(desk: Path) -> None:
    tree = build(desk, paths=["/usr/bin/jq"], etc="auto")
    assert [line for line in listed(tree).splitlines() if "/etc" in line or "/tmp" in line] == text("""
        d 0755 0:0 /etc
        f 0644 0:0 44 /etc/group
        f 0644 0:0 137 /etc/passwd
        d 1777 0:0 /tmp
    """).splitlines()
    passwd = tree["/etc/passwd"]  # type: ignore[index]
    assert isinstance(passwd, File)
    assert read(passwd.content).decode().splitlines()[0] == "root:x:0:0:root:/root:/sbin/nologin"
    assert "nonroot:x:65532:65532:nonroot:/:/sbin/nologin" in read(passwd.content).decode()
    below = base(desk, {"/etc/passwd": "root:x:0:0:::\n", "/tmp": "-> /run/tmp"})
    left = build(desk, below=below, paths=["/usr/bin/jq"], etc="auto")
    assert reasons(left, "/etc/passwd") == ["found in base"]
    assert "/etc/group" in left
    assert reasons(left, "/tmp") == ["found in base"]


@pytest.mark.parametrize(
    ("account", "passwd", "group"),
    [
        ("1000", "user1000:x:1000:1000::/:/sbin/nologin", "group1000:x:1000:"),
        ("1000:7", "user1000:x:1000:7::/:/sbin/nologin", "group7:x:7:"),
        ("0", "root:x:0:0:root:/root:/sbin/nologin", "root:x:0:"),
        ("65532:65532", "nonroot:x:65532:65532:nonroot:/:/sbin/nologin", "nonroot:x:65532:"),
    ],
)
def test_the_user_who_runs_the_programs_has_an_account(desk: Path, account: str, passwd: str, group: str) -> None:
    tree = build(desk, paths=["/usr/bin/jq"], etc="auto", account=account)
    number = account.partition(":")[0]
    assert [line for line in lines(tree, "/etc/passwd") if line.split(":")[2] == number] == [passwd]
    assert group in lines(tree, "/etc/group")


def test_an_account_is_added_to_what_lies_below(desk: Path) -> None:
    below = base(desk, {"/etc/passwd": "root:x:0:0:::\nme:x:1000:1000:::"})
    tree = build(desk, below=below, paths=["/usr/bin/jq"], etc="auto", account="7")
    assert lines(tree, "/etc/passwd") == [
        "root:x:0:0:::",
        "me:x:1000:1000:::",
        "user7:x:7:7::/:/sbin/nologin",
    ]
    known = build(desk, below=below, paths=["/usr/bin/jq"], etc="auto", account="1000")
    assert reasons(known, "/etc/passwd") == ["found in base"]
    assert "/etc/passwd" not in build(desk, paths=["/usr/bin/jq"], account="7")


def lines(tree: Rootfs, path: str) -> list[str]:
    entry = tree.find(path)
    assert isinstance(entry, File)
    return read(entry.content).decode().splitlines()


def test_a_search_folder_is_where_libraries_are_found(desk: Path) -> None:
    written(desk / "root", {"/opt/lib/libjq.so.1": library("libjq.so.1", "libc.so.6")})
    tree = build(desk, paths=["/usr/bin/jq"], search=["/opt/lib"])
    assert "/opt/lib/libjq.so.1" in tree
    assert f"{MULTIARCH}/libjq.so.1" not in tree


def test_what_is_preloaded_comes_along_with_the_file_that_says_so(desk: Path) -> None:
    written(desk / "root", {f"{MULTIARCH}/libfake.so": library("libfake.so", "libc.so.6")})
    tree = build(desk, paths=["/usr/bin/jq"], preload=["libfake.so"])
    assert reasons(tree, f"{MULTIARCH}/libfake.so") == ["needed by /usr/bin/jq (LD_PRELOAD libfake.so)"]
    preload = tree["/etc/ld.so.preload"]  # type: ignore[index]
    assert isinstance(preload, File)
    assert read(preload.content) == b"libfake.so\n"


def test_a_missing_library_is_named_with_who_needs_it_and_where_it_was_looked_for(desk: Path) -> None:
    written(desk, {"/gpu": program("libcuda.so.1", "libnone.so.2")})
    with pytest.raises(ImageError) as caught:
        build(desk, paths=["gpu:/bin/gpu"])
    folders = "/lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib"
    assert caught.value.message.splitlines() == [
        f"libcuda.so.1, needed by /bin/gpu (DT_NEEDED): it is in none of {folders}",
        f"libnone.so.2, needed by /bin/gpu (DT_NEEDED): it is in none of {folders}",
    ]
    with pytest.raises(ImageError, match=r"libnone\.so\.2"):
        build(desk, paths=["gpu:/bin/gpu"], allow_missing=["libcuda.so.*"])
    assert "/bin/gpu" in build(desk, paths=["gpu:/bin/gpu"], allow_missing=["libcuda.so.*", "libnone.so.2"])


def test_a_missing_loader_is_named(desk: Path) -> None:
    written(desk, {"/odd": program(interpreter="/lib/ld-odd.so.1")})
    with pytest.raises(ImageError, match=r"/lib/ld-odd\.so\.1, needed by /bin/odd \(PT_INTERP\)"):
        build(desk, paths=["odd:/bin/odd"])


# What changes meanwhile


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"shorter")], ids=["gone", "changed"])
def test_a_file_that_goes_or_changes_before_it_is_packed_is_told(desk: Path, change: Callable[[Path], object]) -> None:
    tree = build(desk, paths=["/usr/bin/jq"])
    victim = desk / f"root{MULTIARCH}/libjq.so.1.0.4"
    change(victim)
    with pytest.raises(ImageError, match=r"libjq\.so\.1\.0\.4") as caught:
        archive_of(tree)
    assert isinstance(caught.value, IntegrityError) or "No such file" in caught.value.message


def test_a_file_that_goes_between_two_phases_is_told_by_the_next(desk: Path) -> None:
    subject = Subject(BinariesOptions(paths=["/usr/bin/jq"], root="root"), folder=desk)
    before = subject.bind().fingerprint(Store(desk / "store"))
    (desk / f"root{MULTIARCH}/libjq.so.1.0.4").unlink()
    assert subject.bind().fingerprint(Store(desk / "store")) != before
    with pytest.raises(ImageError, match=r"libjq\.so\.1, needed by /usr/bin/jq"):
        subject.bind().lay(Rootfs(), Store(desk / "store"), replace=False)


def test_the_fingerprint_knows_all_that_is_taken(desk: Path) -> None:
    subject = Subject(BinariesOptions(paths=["/usr/bin/query"], root="root"), folder=desk)

    def changed(act: Callable[[], object]) -> bool:
        before = subject.bind().fingerprint(Store(desk / "store"))
        act()
        return subject.bind().fingerprint(Store(desk / "store")) != before

    library_ = desk / f"root{MULTIARCH}/libc.so.6"
    assert changed(lambda: library_.write_bytes(libc(["GLIBC_2.41"])))
    assert changed(lambda: library_.chmod(0o700))
    link = desk / f"root{MULTIARCH}/libjq.so.1"
    link.unlink()
    assert changed(lambda: link.symlink_to("./libjq.so.1.0.4"))
    assert not changed(lambda: written(desk / "root", {"/usr/bin/unrelated": "x"}))


# How a recipe says it


def test_a_recipe_may_name_one_file_alone() -> None:
    from fromscratch.recipe import schema as recipe

    [item] = recipe.parse("name: x\nrootfs: [{binaries: /usr/bin/jq}]\n", "test").items()
    assert item.options == BinariesOptions(paths=["/usr/bin/jq"])


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("{pahts: [/bin/x]}", "rootfs[0].binaries.pahts: no such key; did you mean 'paths'?"),
        ("{paths: [/bin/x], dlopen: nots}", "rootfs[0].binaries.dlopen: "),
        ("{paths: /bin/x}", "rootfs[0].binaries.paths: "),
        ("{}", "it names nothing to take: say paths, add or stage"),
        ("{paths: []}", "it names nothing to take"),
        ("{paths: ['/bin/x:/../x']}", "leads outside the root"),
        ("{paths: ['/bin/x:/']}", "would be everything"),
        ("{paths: [/bin/x], search: [lib]}", "search"),
        ("{paths: [/bin/x], plugins: ['../*.so']}", "plugins: "),
        ("{paths: [/bin/x], allow_missing: ['../x']}", "allow_missing: "),
        ("{paths: ['']}", "paths: "),
    ],
)
def test_a_fault_in_a_recipe_is_told_with_its_place(options: str, fault: str) -> None:
    from fromscratch.errors import RecipeError
    from fromscratch.recipe import schema as recipe

    with pytest.raises(RecipeError) as caught:
        recipe.parse(f"name: x\nrootfs:\n  - binaries: {options}\n", "fromscratch.yaml")
    assert fault in caught.value.message
    assert caught.value.message.startswith("fromscratch.yaml:3: ")


def test_a_library_that_is_only_guessed_at_may_miss_what_it_needs(desk: Path) -> None:
    written(desk, {"/app": program("libc.so.6", data=b"\0libmay.so.1\0", imports=["dlopen"])})
    written(desk / "root", {f"{MULTIARCH}/libmay.so.1": library("libmay.so.1", "libgone.so.9")})
    tree = build(desk, paths=["app:/app"])
    assert tree.find(f"{MULTIARCH}/libmay.so.1") is not None


def test_a_guess_brings_no_guesses_in_its_turn(desk: Path) -> None:
    written(desk, {"/app": program("libc.so.6", data=b"\0libmay.so.1\0", imports=["dlopen"])})
    guess = library("libmay.so.1", "libc.so.6", data=b"\0libfar.so.1\0", imports=["dlopen"])
    far = library("libfar.so.1", "libc.so.6")
    written(desk / "root", {f"{MULTIARCH}/libmay.so.1": guess, f"{MULTIARCH}/libfar.so.1": far})
    tree = build(desk, paths=["app:/app"])
    assert tree.find(f"{MULTIARCH}/libmay.so.1") is not None
    assert tree.find(f"{MULTIARCH}/libfar.so.1") is None


@pytest.mark.parametrize(
    ("loader", "found"),
    [
        ("/lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu"),
        ("/lib/ld-linux.so.3", None),  # two roots have one of this name
        ("/lib/ld-musl-riscv64.so.1", None),
        ("lib/ld-linux-aarch64.so.1", None),
        ("/../aarch64-linux-gnu/lib/ld-linux-aarch64.so.1", None),
    ],
)
def test_the_root_of_a_cross_compiler_is_found_by_the_loader_in_it(
    tmp_path: Path, loader: str, found: str | None
) -> None:
    for place in (
        "aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
        "arm-linux-gnueabi/lib/ld-linux.so.3",
        "armeb-linux-gnueabi/lib/ld-linux.so.3",
        "lib/ld-linux-aarch64.so.1",
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    assert sysroot_with(loader, tmp_path) == (tmp_path / found if found else None)
