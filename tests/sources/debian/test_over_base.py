"""Packages over a base whose records say what it has: nothing is brought twice."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from msgspec.structs import replace

from fromscratch.errors import Conflict, ImageError
from fromscratch.formats.databases.catalogue import records
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import File, Origin, file
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.source import DebianSource
from tests.progress_notes import Notes
from tests.trees import listed, text, tree

pytest.importorskip("pysequoia", reason="pysequoia is not installed; it signs the archives of these tests")

from tests.sources.debian.mirror import Mirror, package

NOW = 1_790_000_000.0  # September 2026
LIBC_CONTROL = "Package: libc6\nVersion: 2.36\nArchitecture: amd64\nProvides: libc-any\nBreaks: old-tool (<< 2)\n"
CHISELLED = [
    {"jsonwall": "1.0", "schema": "1.0", "count": 4},
    {"kind": "package", "name": "libc6", "version": "2.36", "sha256": "0", "arch": "amd64"},
    {"kind": "path", "path": "/usr/lib/libc.so.6", "mode": "0755", "slices": ["libc6_libs"], "size": 4},
    {"kind": "slice", "name": "libc6_libs"},
]
FILES = tree(
    """
    l 0777 0:0 /bin -> usr/bin
    l 0777 0:0 /lib -> usr/lib
    l 0777 0:0 /sbin -> usr/sbin
    d 0700 0:0 /etc
    f 0644 0:0 /etc/passwd 'root:x:0:0::/root:/bin/sh\\n'
    d 1777 0:0 /tmp
    f 0755 0:0 /usr/lib/libc.so.6 'libc'
    d 0755 0:0 /usr/sbin
    d 0755 0:0 /var
    """
).mapped(lambda _, entry: replace(entry, origins=(Origin("image base", "found in", "layer 1"),)))


def with_files(files: Mapping[str, bytes]) -> Rootfs:
    return FILES.with_entries({tree_path(path): file(Inline(data)) for path, data in files.items()})


DISTROLESS = with_files({"/var/lib/dpkg/status.d/libc6": LIBC_CONTROL.encode()})
CHISEL = with_files(
    {"/var/lib/chisel/manifest.wall": zstandard.compress(b"\n".join(map(msgspec.json.encode, CHISELLED)) + b"\n")}
)
DPKG = with_files(
    {
        "/var/lib/dpkg/status": f"{LIBC_CONTROL}Status: install ok installed\n".encode(),
        "/var/lib/dpkg/info/libc6.list": b"/.\n/usr\n/usr/lib\n/usr/lib/libc.so.6\n",
    }
)


def libc(version: str) -> bytes:
    return package("libc6", {"usr": None, "usr/lib": None, "usr/lib/libc.so.6@755": b"libc"}, version)


def tool(version: str = "1", **fields: str) -> bytes:
    files = {"bin": None, "bin/tool@755": b"tool", "etc": None, "etc/tool.conf": b"x"}
    extra = {"md5sums": b"0  bin/tool\n"}
    return package("tool", files, version, extra=extra, maintainer="x", description="x", **fields)


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    mirror = Mirror(tmp_path / "mirror")
    mirror.publish(tool(depends="libc6 (>= 2.34)"), libc("2.38"), package("old-tool", {"usr": None}))
    return mirror


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def over(tmp_path: Path, mirror: Mirror) -> Callable[..., DebianSource]:
    def source(base: Rootfs, *packages: str, notes: Notes | None = None, **options: Any) -> DebianSource:
        given = {
            "packages": packages or ["tool"],
            "suite": "bookworm",
            "mirror": mirror.address,
            "keyring": str(mirror.keyring),
            **options,
        }
        return DebianSource(
            msgspec.convert(given, DebianOptions),
            Context(
                folder=tmp_path,
                place="rootfs[1]",
                platform=Platform.parse("linux/amd64"),
                progress=notes or Notes(),
                present=lambda store: records(base),
            ),
            machine=tmp_path / "nowhere",
            now=lambda: NOW,
        )

    return source


Over = Callable[..., DebianSource]


def brought(source: DebianSource, store: Store) -> str:
    source.fetch(store)
    return " ".join(one.shown for one in source.plan(store).packages)


@pytest.mark.parametrize(
    ("base", "what"),
    [(DISTROLESS, "libc6 2.36"), (DPKG, "libc6 2.36"), (CHISEL, "libc6 2.36 (its slices libs)")],
    ids=["status.d", "status", "manifest.wall"],
)
def test_what_the_base_has_is_not_brought_again(over: Over, store: Store, base: Rootfs, what: str) -> None:
    notes = Notes()
    source = over(base, notes=notes)
    assert brought(source, store) == "tool 1"
    assert notes.notes == [f"rootfs[1]: not brought, since the items below have it: {what}"]
    laid = source.lay(base, store, replace=False)
    added = set(listed(laid).splitlines()) - set(listed(base).splitlines())
    assert {line.split(" ")[-1] for line in added if line.startswith("f")} >= {"/usr/bin/tool", "/etc/tool.conf"}
    assert "/usr/lib/libc.so.6" not in " ".join(added)


@pytest.mark.parametrize("base", [FILES, tree(r"f 0644 0:0 /lib/apk/db/installed 'P:libc6\nV:2.36\nA:x86_64\n'")])
def test_a_base_without_such_records_has_nothing(over: Over, store: Store, base: Rootfs) -> None:
    assert brought(over(base), store) == "libc6 2.38 tool 1"


def test_what_is_asked_for_and_there_is_not_brought(over: Over, store: Store) -> None:
    source = over(DISTROLESS, "libc6")
    assert brought(source, store) == ""
    assert source.lay(DISTROLESS, store, replace=False) is DISTROLESS
    assert source.pins(store) != []


def test_what_is_asked_for_and_there_in_part_is_brought_whole_in_the_same_version_if_it_can_be_had(
    over: Over, store: Store, mirror: Mirror
) -> None:
    assert brought(over(CHISEL, "libc6"), store) == "libc6 2.38"
    mirror.publish(libc("2.38"), libc("2.36"))
    assert brought(over(CHISEL, "libc6"), store) == "libc6 2.36"


def test_another_version_than_the_one_that_is_there_is_told(over: Over, store: Store, mirror: Mirror) -> None:
    with pytest.raises(ImageError) as caught:
        over(DISTROLESS, "libc6=2.38").fetch(store)
    assert caught.value.message == (
        "libc6=2.38, asked for in rootfs[1], cannot be had beside libc6 2.36, in the items below rootfs[1] already; "
        "the wish is libc6 (= 2.38)"
    )
    mirror.publish(tool(depends="libc6 (>= 2.38)"), libc("2.38"))
    with pytest.raises(ImageError) as caught:
        over(DISTROLESS).fetch(store)
    assert caught.value.message == (
        "libc6 2.38, needed by tool (Depends: libc6 (>= 2.38)), asked for in rootfs[1], cannot be had beside "
        "libc6 2.36, in the items below rootfs[1] already; the wish is libc6 (>= 2.38)"
    )
    assert caught.value.hint == "take packages of the release that the base is made of, or a base of this one"


def test_a_base_that_does_not_go_with_a_package_is_told(over: Over, store: Store) -> None:
    with pytest.raises(ImageError) as caught:
        over(DISTROLESS, "old-tool").fetch(store)
    assert caught.value.message == (
        "libc6 2.36 does not go with old-tool 1 (Breaks: old-tool (<< 2));\n"
        "  libc6 is in the items below rootfs[1] already;\n"
        "  old-tool is asked for in rootfs[1]"
    )


def test_what_a_package_of_the_base_provides_counts(over: Over, store: Store, mirror: Mirror) -> None:
    mirror.publish(tool(depends="libc-any"), libc("2.38"))
    assert brought(over(DISTROLESS), store) == "tool 1"


def test_another_base_is_another_plan(over: Over, store: Store) -> None:
    assert brought(over(DISTROLESS), store) == "tool 1"
    assert brought(over(FILES), store) == "libc6 2.38 tool 1"
    assert over(DISTROLESS).fingerprint(store) != over(FILES).fingerprint(store)


def test_folders_and_files_of_the_base_stay_as_they_are(over: Over, store: Store) -> None:
    source = over(DISTROLESS)
    source.fetch(store)
    assert (
        listed(source.lay(DISTROLESS, store, replace=False)).splitlines()[:20]
        == text(
            """
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /dev
        d 0700 0:0 /etc
        f 0644 0:0 26 /etc/passwd
        f 0644 0:0 1 /etc/tool.conf
        l 0777 0:0 /lib -> usr/lib
        d 0755 0:0 /proc
        d 0700 0:0 /root
        d 0755 0:0 /run
        l 0777 0:0 /sbin -> usr/sbin
        d 0755 0:0 /sys
        d 1777 0:0 /tmp
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 4 /usr/bin/tool
        d 0755 0:0 /usr/lib
        f 0755 0:0 4 /usr/lib/libc.so.6
        d 0755 0:0 /usr/sbin
        d 0755 0:0 /var
        d 0755 0:0 /var/lib
        """
        ).splitlines()
    )


def test_a_base_with_dpkg_has_the_new_package_in_its_database(over: Over, store: Store) -> None:
    source = over(DPKG)
    source.fetch(store)
    laid = source.lay(DPKG, store, replace=False)
    assert "status.d" not in listed(laid)
    status = laid[tree_path("/var/lib/dpkg/status")]
    listing = laid[tree_path("/var/lib/dpkg/info/tool.list")]
    assert isinstance(status, File)
    assert isinstance(listing, File)
    assert read(status.content).decode() == (
        f"{LIBC_CONTROL}Status: install ok installed\n\n"
        "Package: tool\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nMaintainer: x\nDescription: x\n"
        "Depends: libc6 (>= 2.34)\n"
    )
    assert read(listing.content) == b"/.\n/etc\n/etc/tool.conf\n/usr/bin/tool\n"
    assert {str(each.package) for each in records(laid).installed} == {"libc6 2.36", "tool 1"}


def test_a_file_that_the_base_has_and_no_record_names_is_a_conflict(over: Over, store: Store) -> None:
    base = DISTROLESS.with_entries({tree_path("/etc/tool.conf"): file(Inline(b"mine"))})
    source = over(base)
    source.fetch(store)
    with pytest.raises(Conflict, match=r"/etc/tool\.conf"):
        source.lay(base, store, replace=False)
    assert "f 0644 0:0 1 /etc/tool.conf" in listed(source.lay(base, store, replace=True))


def test_records_that_cannot_be_read_are_no_reason_to_fail(over: Over, store: Store) -> None:
    damaged = (
        b"Package: libc6\nVersion: not a version\nArchitecture: amd64\n\nPackage: zlib\nVersion: 1\nProvides: (((\n"
    )
    assert brought(over(with_files({"/var/lib/dpkg/status": damaged})), store) == "libc6 2.38 tool 1"
