"""Slices as chisel's releases define them, over packages of a mirror."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fromscratch.errors import ImageError, NotInTree, RecipeError
from fromscratch.formats.debian import chisel, chisel_manifest
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

LIBC = """\
package: libc6
essential: [libc6_copyright]
slices:
  libs:
    contents:
      /usr/lib/*-linux-*/lib?.so.*:
      /usr/lib/arm.so: {arch: [arm64, armhf]}
  copyright:
    contents:
      /usr/share/doc/libc6/copyright:
  v3:
    essential:
      libc6_libs: {arch: amd64}
      libc6_none: {arch: [riscv64]}
"""
SERVER = """\
package: server
archive: ubuntu
slices:
  bins:
    hint: the program
    essential: [libc6_libs]
    contents:
      /usr/sbin/server: {mode: 0500}
      /usr/sbin/serve: {copy: /usr/sbin/server}
      /usr/share/server/**:
      /etc/server/: {make: true, mode: 01777}
      /etc/server/server.conf: {text: "a: 1\\n", mutable: true}
      /run/server: {symlink: ../var/run}
      /usr/share/:
  flat:
    contents:
      /usr/share/server/*:
  chisel:
    contents:
      /var/lib/chisel/**: {generate: manifest}
  changed:
    contents:
      /usr/sbin/server: {until: mutate}
    mutate: |
      content.write("/x", "")
  wrong:
    contents:
      /usr/sbin/servr:
      /usr/sbin/no*:
"""
LIBC_FILES = {
    "usr": None,
    "usr/lib": None,
    "usr/lib/x86_64-linux-gnu": None,
    "usr/lib/x86_64-linux-gnu/libc.so.6@755": b"libc",
    "usr/lib/x86_64-linux-gnu/libmm.so.6": b"mm",
    "usr/share": None,
    "usr/share/doc": None,
    "usr/share/doc/libc6": None,
    "usr/share/doc/libc6/copyright": b"(c)",
}
SERVER_FILES = {
    "usr": None,
    "usr/sbin": None,
    "usr/sbin/server@755": b"server",
    "usr/sbin/other@755": b"other",
    "usr/share": None,
    "usr/share/server": None,
    "usr/share/server/manual": b"long",
    "usr/share/server/more": None,
    "usr/share/server/more/one": b"1",
}

Debian = Callable[..., DebianSource]


@pytest.fixture
def debian(tmp_path: Path) -> Debian:
    (tmp_path / "release/slices").mkdir(parents=True)
    (tmp_path / "release/chisel.yaml").write_text("format: v1\n")
    (tmp_path / "release/slices/libc6.yaml").write_text(LIBC)
    (tmp_path / "release/slices/server.yaml").write_text(SERVER)
    mirror = Mirror(tmp_path / "mirror")
    mirror.publish(
        package("server", SERVER_FILES, "1.2-3", depends="libc6, perl"), package("libc6", LIBC_FILES, "2.39")
    )

    def source(*slices: str, packages: tuple[str, ...] = (), records: bool = False) -> DebianSource:
        options = DebianOptions(
            slices=list(slices),
            packages=list(packages),
            chisel="release",
            suite="bookworm",
            mirror=mirror.address,
            keyring=str(mirror.keyring),
            records=records,
        )
        context = Context(folder=tmp_path, place="rootfs[0]", platform=Platform.parse("linux/amd64"))
        return DebianSource(options, context, machine=tmp_path / "nowhere", now=lambda: 1_790_000_000.0)

    return source


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_the_paths_of_slices_are_taken_and_made_and_nothing_else(debian: Debian, store: Store) -> None:
    source = debian("server_bins")
    source.fetch(store)
    assert listed(source.build(store)) == text(
        """
        d 0755 0:0 /etc
        d 1777 0:0 /etc/server
        f 0644 0:0 5 /etc/server/server.conf
        d 0755 0:0 /run
        l 0777 0:0 /run/server -> ../var/run
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        d 0755 0:0 /usr/lib/x86_64-linux-gnu
        f 0755 0:0 4 /usr/lib/x86_64-linux-gnu/libc.so.6
        d 0755 0:0 /usr/sbin
        f 0755 0:0 6 /usr/sbin/serve
        f 0500 0:0 6 /usr/sbin/server
        d 0755 0:0 /usr/share
        d 0755 0:0 /usr/share/doc
        d 0755 0:0 /usr/share/doc/libc6
        f 0644 0:0 3 /usr/share/doc/libc6/copyright
        d 0755 0:0 /usr/share/server
        f 0644 0:0 4 /usr/share/server/manual
        d 0755 0:0 /usr/share/server/more
        f 0644 0:0 1 /usr/share/server/more/one
        """
    )


def test_a_star_stays_within_a_name(debian: Debian, store: Store) -> None:
    source = debian("server_flat")
    source.fetch(store)
    assert [path for path in source.build(store) if path.startswith("/usr/share/server/")] == [
        "/usr/share/server/manual"
    ]


def test_a_manifest_lists_packages_slices_and_paths(debian: Debian, store: Store) -> None:
    source = debian("server_chisel", "server_flat", "libc6_libs")
    source.fetch(store)
    tree = source.build(store)
    manifest = tree[TreePath("/var/lib/chisel/manifest.wall")]
    assert isinstance(manifest, File)
    raw = read(manifest.content)
    found = {one.package.name: (one.package.version, one.files) for one in chisel_manifest.installed(raw)}
    assert found == {
        "server": ("1.2-3", ("/usr/share/server/", "/usr/share/server/manual", "/var/lib/chisel/manifest.wall")),
        "libc6": ("2.39", ("/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/share/doc/libc6/copyright")),
    }
    assert chisel_manifest.slices(raw) == {"libc6": ["copyright", "libs"], "server": ["chisel", "flat"]}


def test_a_package_that_is_asked_for_is_whole(debian: Debian, store: Store) -> None:
    source = debian("libc6_copyright", packages=("libc6",))
    source.fetch(store)
    assert TreePath("/usr/lib/x86_64-linux-gnu/libmm.so.6") in source.build(store)


def test_records_of_packages_stay_for_scanners(debian: Debian, store: Store) -> None:
    source = debian("libc6_copyright", records=True)
    source.fetch(store)
    assert TreePath("/var/lib/dpkg/status.d/libc6") in source.build(store)


@pytest.mark.parametrize(
    ("slices", "message", "hint"),
    [
        (["server_bin"], "server_bin is not defined", "server_bins"),
        (["servr_bins"], "no slice of servr is defined", "did you mean server?"),
        (["server_changed"], "server_changed has a script that changes its files", "under packages:"),
    ],
)
def test_a_slice_that_cannot_be_taken_is_named(
    debian: Debian, store: Store, slices: list[str], message: str, hint: str
) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        debian(*slices).fetch(store)
    assert hint in caught.value.hint


def test_paths_that_a_package_does_not_have_are_named_at_once(debian: Debian, store: Store) -> None:
    source = debian("server_wrong")
    source.fetch(store)
    with pytest.raises(NotInTree) as caught:
        source.build(store)
    assert caught.value.message == (
        "rootfs[0]: slices list what their packages do not have:\n"
        "  server_wrong: /usr/sbin/servr (there is /usr/sbin/server and /usr/sbin/other)\n"
        "  server_wrong: /usr/sbin/no* (there is /usr/sbin/ and /usr/sbin/other)"
    )


def test_a_slice_of_chisel_needs_the_folder_of_its_definitions() -> None:
    with pytest.raises(ValueError, match="'libc6_libs' is a slice of chisel; name the folder of its definitions"):
        DebianOptions(suite="noble", slices=["libc6_libs"])


def test_a_folder_without_definitions_is_named(debian: Debian, store: Store, tmp_path: Path) -> None:
    (tmp_path / "release").rename(tmp_path / "other")
    with pytest.raises(ImageError, match="holds no slices/ with definitions of chisel"):
        debian("libc6_libs").fetch(store)


def test_essentials_can_be_of_some_architectures() -> None:
    definitions = chisel.read(LIBC, "libc6.yaml")
    assert [one.key for one in chisel.choose(["libc6_v3"], "amd64", lambda _: definitions)] == [
        "libc6_v3",
        "libc6_copyright",
        "libc6_libs",
    ]
    on_arm = chisel.choose(["libc6_libs"], "arm64", lambda _: definitions)
    assert "/usr/lib/arm.so" in on_arm[0].contents


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (
            "package: a\nslices: {b: {content: {}}}\n",
            "a.yaml:2: slices.b.content: no such key; did you mean 'contents'?",
        ),
        ("package: a\nslices: {b: {contents: {/../x: }}}\n", "'/../x' is not a path from the root"),
        ("package: a\nslices: {b: {contents: {/x: {mode: rwx}}}}\n", "'rwx' cannot stand here"),
        ("package: a\nslices: {b: {contents: {/x: {until: never}}}}\n", "'never' is not known here"),
        ("slices: [", "this is not YAML"),
    ],
)
def test_definitions_that_are_wrong_are_refused_by_line(definition: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        chisel.read(definition, "a.yaml")
    assert message in caught.value.message
