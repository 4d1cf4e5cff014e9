"""Debian packages as a tree, from mirrors that are folders of this machine."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.errors import (
    Conflict,
    DownloadError,
    FormatError,
    ImageError,
    IntegrityError,
    NotFetched,
    UnsafePath,
    UsageError,
)
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.platforms import debian_architecture
from fromscratch.sources.debian.source import DebianSource
from fromscratch.transforms.layering import layered
from fromscratch.transforms.scripted.account_numbers import GivenNumbers
from tests.trees import listed, text

pytest.importorskip("pysequoia", reason="pysequoia is not installed; it signs the archives of these tests")

from tests.sources.contract import SourceContract, Subject
from tests.sources.debian.mirror import Mirror, package

NOW = 1_790_000_000.0  # September 2026
# [ [[ in /usr/bin, ash busybox cat in /bin, chroot in /usr/sbin, init in /sbin, linuxrc in /, ls zcat in /bin
BUSYBOX = b"\x7fELF\xff\x33\x11\x41\x02\x11\xff\0[\0[[\0ash\0busybox\0cat\0chroot\0init\0linuxrc\0ls\0zcat\0\0end"


def busybox() -> bytes:
    files = {"bin": None, "bin/busybox@755": BUSYBOX, "usr": None, "usr/share": None}
    return package("busybox", files, "1:1.35-4", depends="libc6 (>= 2.34)")


def libc(version: str = "2.36-9") -> bytes:
    files = {"lib": None, "lib/libc.so.6@755": b"libc " + version.encode(), "lib64": None, "lib64/ld.so": "/lib/ld.so"}
    return package("libc6", files, version, extra={"md5sums": b"0  lib/libc.so.6\n"}, depends="libgcc-s1")


def libgcc() -> bytes:
    return package("libgcc-s1", {"usr": None, "usr/lib": None, "usr/lib/libgcc_s.so.1": b"gcc"}, depends="libc6")


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    mirror = Mirror(tmp_path / "mirror")
    mirror.publish(busybox(), libc(), libgcc())
    return mirror


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


class Notes:
    """Progress that keeps what is noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> Any:
        from fromscratch.progress import SILENT

        return SILENT.task(title, total=total, unit=unit)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def debian(tmp_path: Path, mirror: Mirror) -> Callable[..., DebianSource]:
    """A source of that mirror; an option given as None is left out."""

    def source(
        platform: str = "linux/amd64",
        machine: Path | None = None,
        progress: Notes | None = None,
        numbers: GivenNumbers | None = None,
        **options: Any,
    ) -> DebianSource:
        given = {
            "packages": ["busybox"],
            "suite": "bookworm",
            "mirror": mirror.address,
            "keyring": str(mirror.keyring),
            **options,
        }
        return DebianSource(
            msgspec.convert({name: value for name, value in given.items() if value is not None}, DebianOptions),
            Context(
                folder=tmp_path,
                place="rootfs[0]",
                platform=Platform.parse(platform),
                progress=progress or Notes(),
                numbers=numbers or GivenNumbers(),
            ),
            machine=machine or tmp_path / "nowhere",
            now=lambda: NOW,
        )

    return source


Debian = Callable[..., DebianSource]


def made(source: DebianSource, store: Store) -> Rootfs:
    source.fetch(store)
    return source.build(store)


def refused(kind: type[ImageError], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return f"{caught.value.message}\n{caught.value.hint}"


def test_the_whole_tree(debian: Debian, store: Store) -> None:
    assert listed(made(debian(), store)) == text(
        """
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /dev
        d 0755 0:0 /etc
        l 0777 0:0 /lib -> usr/lib
        l 0777 0:0 /lib64 -> usr/lib64
        d 0755 0:0 /proc
        d 0700 0:0 /root
        d 0755 0:0 /run
        l 0777 0:0 /sbin -> usr/sbin
        d 0755 0:0 /sys
        d 1777 0:0 /tmp
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        l 0777 0:0 /usr/bin/[ -> busybox
        l 0777 0:0 /usr/bin/[[ -> busybox
        l 0777 0:0 /usr/bin/ash -> busybox
        f 0755 0:0 65 /usr/bin/busybox
        l 0777 0:0 /usr/bin/cat -> busybox
        l 0777 0:0 /usr/bin/ls -> busybox
        l 0777 0:0 /usr/bin/zcat -> busybox
        d 0755 0:0 /usr/lib
        f 0755 0:0 11 /usr/lib/libc.so.6
        f 0644 0:0 3 /usr/lib/libgcc_s.so.1
        d 0755 0:0 /usr/lib64
        l 0777 0:0 /usr/lib64/ld.so -> /lib/ld.so
        d 0755 0:0 /usr/sbin
        l 0777 0:0 /usr/sbin/chroot -> ../bin/busybox
        l 0777 0:0 /usr/sbin/init -> ../bin/busybox
        d 0755 0:0 /usr/share
        d 0755 0:0 /var
        d 0755 0:0 /var/lib
        d 0755 0:0 /var/lib/dpkg
        d 0755 0:0 /var/lib/dpkg/status.d
        f 0644 0:0 80 /var/lib/dpkg/status.d/busybox
        f 0644 0:0 70 /var/lib/dpkg/status.d/libc6
        f 0644 0:0 17 /var/lib/dpkg/status.d/libc6.md5sums
        f 0644 0:0 65 /var/lib/dpkg/status.d/libgcc-s1
        d 1777 0:0 /var/tmp
        """
    )


def test_a_name_that_excludes_nothing_is_told(debian: Debian, store: Store) -> None:
    notes = Notes()
    made(debian(exclude=["libgcc-s1", "libgc-s1"], progress=notes), store)
    near = "did you mean libgcc-s1? Or is a component or suite missing?"
    assert notes.notes == [f"rootfs[0]: no index has libgc-s1, which is excluded: {near}"]


def test_without_what_can_be_left_out(debian: Debian, store: Store) -> None:
    source = debian(applets=False, records=False, merged_usr=False, exclude=["libgcc-s1"])
    assert listed(made(source, store)) == text(
        """
        d 0755 0:0 /bin
        f 0755 0:0 65 /bin/busybox
        d 0755 0:0 /dev
        d 0755 0:0 /etc
        d 0755 0:0 /lib
        f 0755 0:0 11 /lib/libc.so.6
        d 0755 0:0 /lib64
        l 0777 0:0 /lib64/ld.so -> /lib/ld.so
        d 0755 0:0 /proc
        d 0700 0:0 /root
        d 0755 0:0 /run
        d 0755 0:0 /sys
        d 1777 0:0 /tmp
        d 0755 0:0 /usr
        d 0755 0:0 /usr/share
        d 0755 0:0 /var
        d 1777 0:0 /var/tmp
        """
    )


def test_applets_where_usr_is_not_merged(debian: Debian, store: Store) -> None:
    tree = made(debian(merged_usr=False), store)
    links = [line for line in listed(tree).splitlines() if "busybox" in line and line.startswith("l")]
    assert links == [
        "l 0777 0:0 /bin/ash -> busybox",
        "l 0777 0:0 /bin/cat -> busybox",
        "l 0777 0:0 /bin/ls -> busybox",
        "l 0777 0:0 /bin/zcat -> busybox",
        "l 0777 0:0 /sbin/init -> ../bin/busybox",
        "l 0777 0:0 /usr/bin/[ -> ../../bin/busybox",
        "l 0777 0:0 /usr/bin/[[ -> ../../bin/busybox",
        "l 0777 0:0 /usr/sbin/chroot -> ../../bin/busybox",
    ]


def test_an_applet_gives_way_to_a_package(debian: Debian, mirror: Mirror, store: Store) -> None:
    mirror.publish(
        busybox(), libc(), libgcc(), package("coreutils", {"usr": None, "usr/sbin": None, "usr/sbin/ls": b"x"})
    )
    tree = made(debian(packages=["busybox", "coreutils"]), store)
    assert "/usr/bin/ls" not in tree
    assert "/usr/bin/cat" in tree


def why(tree: Rootfs, path: str) -> list[str]:
    return [f"{link.reason} {link.detail}" for link in tree[TreePath(path)].origins[0].chain()]


def test_every_entry_tells_why(debian: Debian, store: Store) -> None:
    tree = made(debian(), store)
    assert why(tree, "/usr/lib/libgcc_s.so.1") == [
        "shipped in libgcc-s1 1",
        "needed by libc6 (Depends: libgcc-s1)",
        "needed by busybox (Depends: libc6 (>= 2.34))",
        "asked for busybox in rootfs[0]",
    ]
    assert why(tree, "/usr/bin/ls") == [
        "made by busybox --install, for an applet of /usr/bin/busybox",
        "shipped in busybox 1:1.35-4",
        "asked for busybox in rootfs[0]",
    ]
    assert why(tree, "/lib64") == ["made by merged /usr, as the script of usrmerge makes it"]
    assert {origin.source for entry in tree.values() for origin in entry.origins} == {"debian bookworm"}


def test_build_before_fetch(debian: Debian, store: Store) -> None:
    expected = "debian bookworm for linux/amd64 has not been fetched\nrun fetch first"
    assert refused(NotFetched, lambda: debian().build(store)) == expected
    assert refused(NotFetched, lambda: debian().fingerprint(store)) == expected


def test_a_package_that_the_store_has_lost(debian: Debian, store: Store) -> None:
    debian().fetch(store)
    for blob in (store.root / "blobs/sha256").iterdir():
        if blob.read_bytes().startswith(b"!<arch>"):
            blob.unlink()
    assert refused(NotFetched, lambda: debian().build(store)).startswith(
        "debian bookworm for linux/amd64: the store has no busybox"
    )
    assert "/usr/bin/busybox" in made(debian(), store)


def test_a_new_version_on_the_mirror(debian: Debian, mirror: Mirror, store: Store) -> None:
    source = debian()
    made(source, store)
    before = source.fingerprint(store)
    mirror.publish(busybox(), libc("2.36-9+deb12u1"), libc(), libgcc())
    assert why(made(source, store), "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.36-9+deb12u1"
    assert source.fingerprint(store) != before


def test_nothing_is_read_again_while_the_index_stays(debian: Debian, mirror: Mirror, store: Store) -> None:
    debian().fetch(store)
    for path in [*mirror.pool(), *(mirror.folder / "dists").rglob("Packages*")]:
        path.unlink()
    assert "/usr/bin/busybox" in made(debian(), store)


def test_the_mirror_is_gone(debian: Debian, mirror: Mirror, store: Store) -> None:
    source = debian()
    assert "there is no suite sid" in refused(DownloadError, lambda: debian(suite="sid").fetch(store))
    source.fetch(store)
    (mirror.folder / "dists").rename(mirror.folder / "elsewhere")
    assert "`build` works with what was fetched before" in refused(DownloadError, lambda: source.fetch(store))
    assert "/usr/bin/busybox" in source.build(store)


def test_second_mirror_when_the_first_lacks_the_suite(debian: Debian, mirror: Mirror, store: Store) -> None:
    assert "/usr/bin/busybox" in made(debian(mirror=[f"{mirror.address}/nothing", mirror.address]), store)


def test_snapshot(debian: Debian, mirror: Mirror, store: Store, tmp_path: Path) -> None:
    dated = Mirror(tmp_path / "20260101T000000Z", key=mirror.key)
    dated.publish(busybox(), libc("2.36-1"), libgcc(), fields={"Valid-Until": "Sat, 03 Jan 2026 00:00:00 UTC"})
    source = debian(mirror=f"file://{tmp_path}/{{snapshot}}", snapshot="20260101T000000Z")
    assert why(made(source, store), "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.36-1"


def test_only_the_mirror_of_a_snapshot_may_have_expired(
    debian: Debian, mirror: Mirror, store: Store, tmp_path: Path
) -> None:
    late = {"Valid-Until": "Sat, 03 Jan 2026 00:00:00 UTC"}
    dated = Mirror(tmp_path / "20260101T000000Z", key=mirror.key)
    dated.publish(busybox(), libc("2.36-1"), libgcc(), fields=late)
    mirror.publish(libc("2.36-9"), suite="bookworm-security", fields=late)
    also = [{"suite": "bookworm-security", "mirror": mirror.address}]
    source = debian(mirror=f"file://{tmp_path}/{{snapshot}}", snapshot="20260101T000000Z", also=also)
    assert "the index of bookworm-security" in refused(IntegrityError, lambda: source.fetch(store))


def test_more_suites(debian: Debian, mirror: Mirror, store: Store, tmp_path: Path) -> None:
    mirror.publish(libc("2.36-9+u1"), suite="bookworm-updates")
    security = Mirror(tmp_path / "security")
    security.publish(libc("2.36-9+u2"), suite="bookworm-security")
    extra = {"suite": "bookworm-security", "mirror": security.address, "keyring": str(security.keyring)}
    tree = made(debian(also=["bookworm-updates", extra]), store)
    assert why(tree, "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.36-9+u2"
    tree = made(debian(also=["bookworm-updates"]), store)
    assert why(tree, "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.36-9+u1"


def test_backports_only_on_request(debian: Debian, mirror: Mirror, store: Store) -> None:
    fields = {"NotAutomatic": "yes", "ButAutomaticUpgrades": "yes"}
    mirror.publish(libc("2.41~bpo"), suite="bookworm-backports", fields=fields)
    also = ["bookworm-backports"]
    assert why(made(debian(also=also), store), "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.36-9"
    for target in ("libc6/bookworm-backports", "libc6=2.41~bpo"):
        tree = made(debian(also=also, packages=["busybox", target]), store)
        assert why(tree, "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.41~bpo"


class TestSignatures:
    def test_changed_after_signing(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        path = mirror.folder / "dists/bookworm/InRelease"
        path.write_bytes(path.read_bytes().replace(b"Components: main", b"Components: evil"))
        assert "the index of bookworm at file://" in refused(IntegrityError, lambda: debian().fetch(store))
        debian(unsigned=True).fetch(store)

    def test_a_key_that_is_not_trusted(self, debian: Debian, store: Store, tmp_path: Path) -> None:
        other = Mirror(tmp_path / "other")
        assert "no good signature" in refused(IntegrityError, lambda: debian(keyring=str(other.keyring)).fetch(store))

    def test_a_key_that_is_trusted_no_longer(
        self, debian: Debian, mirror: Mirror, store: Store, tmp_path: Path
    ) -> None:
        debian().fetch(store)
        mirror.keyring.write_bytes(Mirror(tmp_path / "other").keyring.read_bytes())
        assert "no good signature" in refused(IntegrityError, lambda: debian().fetch(store))
        mirror.keyring.unlink()
        assert "keyring: there is no " in refused(UsageError, lambda: debian().fetch(store))

    def test_no_key_at_all(self, debian: Debian, store: Store) -> None:
        assert "name the keyring" in refused(IntegrityError, lambda: debian(keyring=None).fetch(store))

    def test_signature_in_a_file_of_its_own(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        mirror.sign_beside()
        assert "/usr/bin/busybox" in made(debian(), store)

    def test_not_signed(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        (mirror.folder / "dists/bookworm/InRelease").unlink()
        assert "is not signed" in refused(IntegrityError, lambda: debian().fetch(store))
        assert "/usr/bin/busybox" in made(debian(unsigned=True), store)

    def test_an_index_that_is_not_the_one_signed_for(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        for path in (mirror.folder / "dists/bookworm/main").rglob("*"):
            if path.is_file():
                path.write_bytes(b"something else")
        message = refused(IntegrityError, lambda: debian().fetch(store))
        assert len(set(re.findall("sha256:[0-9a-f]{64}", message))) == 2

    def test_another_suite_than_the_one_asked_for(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        mirror.publish(busybox(), libc(), libgcc(), fields={"Codename": "buster", "Suite": "oldoldstable"})
        assert "is that of buster" in refused(IntegrityError, lambda: debian().fetch(store))

    def test_expired(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        mirror.publish(busybox(), libc(), libgcc(), fields={"Valid-Until": "Sat, 18 Jul 2026 00:00:00 UTC"})
        assert "has expired" in refused(IntegrityError, lambda: debian().fetch(store))
        assert "/usr/bin/busybox" in made(debian(expired=True), store)

    def test_older_than_one_that_was_fetched_before(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        def publish(day: int) -> None:
            mirror.publish(busybox(), libc(), libgcc(), fields={"Date": f"Sat, {day} Jul 2026 10:16:37 UTC"})

        publish(10)
        first = debian()
        first.fetch(store)
        publish(11)
        debian(recommends=True).fetch(store)
        publish(10)
        for source in (first, debian(), debian(recommends=True)):
            message = refused(IntegrityError, partial(source.fetch, store))
            assert "is of 2026-07-10 10:16 UTC, and thus older than the one of 2026-07-11 10:16 UTC" in message
            assert "older: true" in message
        assert "/usr/bin/busybox" in made(debian(older=True), store)
        publish(11)
        assert "/usr/bin/busybox" in made(first, store)

    def test_of_the_future(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        mirror.publish(busybox(), libc(), libgcc(), fields={"Date": "Sat, 11 Jul 2099 10:16:37 UTC"})
        message = refused(IntegrityError, lambda: debian().fetch(store))
        assert "is of 2099-07-11 10:16 UTC, which is in the future" in message
        assert "future: true" in message
        assert "/usr/bin/busybox" in made(debian(future=True), store)
        mirror.publish(busybox(), libc(), libgcc())
        assert "/usr/bin/busybox" in made(debian(), store)  # what is of the future shuts nothing out

    def test_what_nobody_signed_says_nothing_of_the_time(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        mirror.publish(busybox(), libc(), libgcc(), fields={"Date": "Sun, 12 Jul 2026 10:16:37 UTC"})
        assert "/usr/bin/busybox" in made(debian(unsigned=True), store)
        mirror.publish(busybox(), libc(), libgcc())
        assert "/usr/bin/busybox" in made(debian(), store)


class TestBadPackages:
    def bad(self, debian: Debian, mirror: Mirror, *packages: bytes) -> DebianSource:
        mirror.publish(*packages)
        return debian(packages=["bad"])

    def test_cut_on_the_mirror(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        for path in mirror.pool():
            path.write_bytes(path.read_bytes()[:-100])
        refused(IntegrityError, lambda: debian().fetch(store))
        refused(NotFetched, lambda: debian().build(store))

    def test_cut_before_it_was_signed(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        source = self.bad(debian, mirror, package("bad", {"file": b"x" * 1000})[:-100])
        assert refused(FormatError, lambda: made(source, store)).startswith(
            "bad_1_amd64.deb: its member data.tar.xz is cut"
        )

    @pytest.mark.parametrize("name", ["../../etc/passwd", "usr/../../x"])
    def test_leading_outside(self, debian: Debian, mirror: Mirror, store: Store, name: str) -> None:
        source = self.bad(debian, mirror, package("bad", {name: b"x"}))
        assert "bad_1_amd64.deb" in refused(UnsafePath, lambda: made(source, store))

    def test_written_through_an_absolute_symlink(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        source = self.bad(debian, mirror, package("bad", {"x": "/etc", "x/passwd": b"x"}))
        assert "bad_1_amd64.deb" in refused(UnsafePath, lambda: made(source, store))

    def test_nobody_provides(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        source = self.bad(debian, mirror, package("bad", depends="libfoo"))
        assert refused(ImageError, lambda: source.fetch(store)).startswith(
            "nothing provides libfoo, needed by bad (Depends: libfoo), asked for in rootfs[0]"
        )


class TestFilesOfTwoPackages:
    def tree(self, debian: Debian, mirror: Mirror, store: Store, one: bytes, other: bytes) -> Rootfs:
        mirror.publish(one, other)
        return made(debian(packages=["a", "b"], records=False), store)

    def test_at_odds(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        one, other = package("a", {"etc": None, "etc/x": b"1"}), package("b", {"etc": None, "etc/x": b"2"})
        assert refused(Conflict, lambda: self.tree(debian, mirror, store, one, other)) == (
            "packages disagree about what stands at a path:\n  /etc/x: file of a 1 against file of b 1\n"
            "name one of the two packages under exclude:"
        )

    @pytest.mark.parametrize("winner", ["a", "b"])
    def test_replaces(self, debian: Debian, mirror: Mirror, store: Store, winner: str) -> None:
        loser = "ab".replace(winner, "")
        packages = {
            winner: package(winner, {"x": b"new"}, replaces=f"{loser} (<< 2)"),
            loser: package(loser, {"x": b"old!"}),
        }
        tree = self.tree(debian, mirror, store, packages["a"], packages["b"])
        assert why(tree, "/x")[0] == f"shipped in {winner} 1"

    def test_replaces_another_version(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        one, other = package("a", {"x": b"new"}, replaces="b (<< 1)"), package("b", {"x": b"old"})
        refused(Conflict, lambda: self.tree(debian, mirror, store, one, other))

    def test_the_same_file_in_both(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        tree = self.tree(debian, mirror, store, package("a", {"x": b"1"}), package("b", {"x": b"1"}))
        assert [origin.detail for origin in tree[TreePath("/x")].origins] == ["a 1", "b 1"]

    def test_a_link_from_one_half_of_merged_usr_to_the_other(
        self, debian: Debian, mirror: Mirror, store: Store
    ) -> None:
        one = package("a", {"bin": None, "bin/x": b"1", "usr": None, "usr/bin": None, "usr/bin/x": "/bin/x"})
        other = package("b", {"usr": None, "usr/bin": None, "usr/bin/y": b"2", "bin": None, "bin/y": "../usr/bin/y"})
        tree = self.tree(debian, mirror, store, one, other)
        assert [line for line in listed(tree).splitlines() if "/usr/bin/" in line] == [
            "f 0644 0:0 1 /usr/bin/x",
            "f 0644 0:0 1 /usr/bin/y",
        ]

    def test_links_that_a_package_ships(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        one = package("a", {"bin": None, "bin/x": b"1"})
        other = package("b", {"bin": "usr/bin", "tmp@700": None})
        tree = self.tree(debian, mirror, store, one, other)
        assert why(tree, "/bin")[0] == "shipped in b 1"
        assert "/usr/bin/x" in tree
        assert tree[TreePath("/tmp")].meta.mode == 0o700

    def test_a_folder_that_another_package_makes_a_link(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        one = package("a", {"d": None, "d/real": None, "d/link": "real"})
        other = package("b", {"d": None, "d/link": None, "d/link/x": b"1"})
        assert "/d/real/x" in self.tree(debian, mirror, store, one, other)

    def test_a_folder_that_only_one_ships(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        through_link = package("a", {"bin": None, "bin/x": b"x"})
        mirror.publish(through_link, package("b", {"usr": None, "usr/bin@750": None}))
        assert "d 0750 0:0 /usr/bin" in listed(made(debian(packages=["a", "b"]), store)).splitlines()

    def test_a_file_where_another_has_a_folder(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        one, other = package("a", {"d": None}), package("b", {"d": b"1"})
        assert "/d: directory of a 1 against file of b 1" in refused(
            Conflict, lambda: self.tree(debian, mirror, store, one, other)
        )


class TestNatives:
    CERTIFICATE = (Path(__file__).parents[2] / "formats/trust/certificates/blanks.crt").read_bytes()

    def test_certificates(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        folder = "usr/share/ca-certificates/x"
        files: dict[str, bytes | None] = {folder.rpartition("/")[0]: None, folder: None}
        files |= {f"{folder}/{name}.crt": self.CERTIFICATE for name in ("Root_(1)", "Again")}
        mirror.publish(package("ca-certificates", dict(files)))
        tree = made(debian(packages=["ca-certificates"]), store)
        assert [line for line in listed(tree).splitlines() if "/etc/" in line] == text(
            """
            f 0644 0:0 27 /etc/ca-certificates.conf
            d 0755 0:0 /etc/ssl
            d 0755 0:0 /etc/ssl/certs
            l 0777 0:0 /etc/ssl/certs/Again.pem -> /usr/share/ca-certificates/x/Again.crt
            l 0777 0:0 /etc/ssl/certs/Root_=1=.pem -> /usr/share/ca-certificates/x/Root_(1).crt
            l 0777 0:0 /etc/ssl/certs/a9874eda.0 -> Again.pem
            l 0777 0:0 /etc/ssl/certs/a9874eda.1 -> Root_=1=.pem
            f 0644 0:0 1376 /etc/ssl/certs/ca-certificates.crt
            """
        ).splitlines()
        assert why(tree, "/etc/ssl/certs/ca-certificates.crt") == [
            "made by update-ca-certificates, run by the postinst of ca-certificates",
            "shipped in ca-certificates 1",
            "asked for ca-certificates in rootfs[0]",
        ]

    def test_alternatives(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        def awk(name: str, priority: int) -> bytes:
            command = f"update-alternatives --install /usr/bin/awk awk /usr/bin/{name} {priority}"
            script = f"{command} --slave /usr/bin/nawk nawk /usr/bin/{name} --slave /x x /none\n"
            files = {"usr": None, "usr/bin": None, f"usr/bin/{name}@755": b"awk"}
            return package(name, files, extra={"postinst": script.encode()})

        mirror.publish(awk("gawk", 10), awk("mawk", 5))
        tree = made(debian(packages=["gawk", "mawk"], records=False, scripts="none"), store)
        assert [line for line in listed(tree).splitlines() if "awk" in line] == text(
            """
            l 0777 0:0 /etc/alternatives/awk -> /usr/bin/gawk
            l 0777 0:0 /etc/alternatives/nawk -> /usr/bin/gawk
            l 0777 0:0 /usr/bin/awk -> /etc/alternatives/awk
            f 0755 0:0 3 /usr/bin/gawk
            f 0755 0:0 3 /usr/bin/mawk
            l 0777 0:0 /usr/bin/nawk -> /etc/alternatives/nawk
            """
        ).splitlines()
        assert why(tree, "/usr/bin/awk") == ["made by update-alternatives, run by the postinst of gawk"]

    def test_accounts_and_defaults(self, debian: Debian, mirror: Mirror, store: Store) -> None:
        share = "usr/share/base-passwd"
        mirror.publish(
            package(
                "base-passwd", {f"{share}/passwd.master": b"root:*:0:0::/root:/bin/sh\n", f"{share}/group.master": b""}
            ),
            package(
                "base-files", {"usr/share/base-files/motd": b"hi\n", "var": None, "var/run": None, "root@700": None}
            ),
        )
        tree = made(debian(packages=["base-passwd", "base-files"], records=False), store)
        lines = [line for line in listed(tree).splitlines() if re.search(" /(etc|var|run|srv)", line)]
        assert (
            lines
            == text(
                """
            d 0755 0:0 /etc
            f 0644 0:0 0 /etc/group
            f 0644 0:0 3 /etc/motd
            d 0755 0:0 /etc/opt
            f 0644 0:0 26 /etc/passwd
            d 0755 0:0 /run
            d 1777 0:0 /run/lock
            d 0755 0:0 /srv
            d 0755 0:0 /var
            l 0777 0:0 /var/lock -> /run/lock
            d 2775 0:8 /var/mail
            d 0755 0:0 /var/opt
            l 0777 0:0 /var/run -> /run
            d 0755 0:0 /var/spool
            l 0777 0:0 /var/spool/mail -> ../mail
            d 1777 0:0 /var/tmp
            """
            ).splitlines()
        )

    def test_what_the_script_of_base_files_makes_is_made_once(
        self, debian: Debian, mirror: Mirror, store: Store
    ) -> None:
        script = b"#!/bin/sh\nset -e\nmkdir -p /usr/local/share/man\nln -sf share/man /usr/local/man\n"
        mirror.publish(package("base-files", {"usr/share/base-files/motd": b"hi\n"}, extra={"postinst@755": script}))
        tree = made(debian(packages=["base-files"], records=False), store)
        assert [path for path in tree if path.endswith("/man")] == ["/usr/local/man", "/usr/local/share/man"]


def fingerprint_of(mirror: Mirror) -> str:
    return str(mirror.key.extract_certificate().fingerprint).upper()


class TestMirrorsOfThisMachine:
    @pytest.fixture
    def machine(self, tmp_path: Path, mirror: Mirror) -> Path:
        folder = tmp_path / "machine/etc/apt"
        folder.mkdir(parents=True)
        mirror.publish(libc("2.36-9+u1"), suite="bookworm-updates")
        keyring = f"[signed-by={mirror.keyring}]"
        root = tmp_path / "machine"
        inside = root / str(mirror.keyring).lstrip("/")
        inside.parent.mkdir(parents=True)
        inside.write_bytes(mirror.keyring.read_bytes())
        (folder / "sources.list").write_text(
            f"deb {keyring} {mirror.address} bookworm main\n"
            f"deb {keyring} {mirror.address} bookworm-updates main\n"
            f"deb {keyring} file:///nowhere other extra\n"
        )
        return root

    def test_the_suite_and_its_updates(self, debian: Debian, store: Store, machine: Path) -> None:
        tree = made(debian(mirror=None, keyring=None, machine=machine), store)
        assert why(tree, "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.36-9+u1"

    def test_another_suite_on_the_same_mirror(
        self, debian: Debian, mirror: Mirror, store: Store, machine: Path
    ) -> None:
        mirror.publish(busybox(), libc("2.41"), libgcc(), suite="trixie")
        tree = made(debian(mirror=None, keyring=None, suite="trixie", machine=machine), store)
        assert why(tree, "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.41"

    def test_updates_of_another_suite_that_are_out_of_order(
        self, debian: Debian, mirror: Mirror, store: Store, machine: Path
    ) -> None:
        mirror.publish(busybox(), libc("2.41"), libgcc(), suite="trixie")
        mirror.publish(libc("2.42"), suite="trixie-updates")
        for path in (mirror.folder / "dists/trixie-updates/main").rglob("*"):
            if path.is_file():
                path.write_bytes(b"")
        notes = Notes()
        tree = made(debian(mirror=None, keyring=None, suite="trixie", machine=machine, progress=notes), store)
        assert why(tree, "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.41"
        left_out, reported = notes.notes
        assert left_out.startswith("rootfs[0]: nothing is taken from trixie-updates for amd64, which is out of order: ")
        assert reported == f"rootfs[0]: packages come from this machine's mirrors: trixie at {mirror.address}"
        mirror.publish(libc("2.42"), suite="trixie-updates")
        tree = made(debian(mirror=None, keyring=None, suite="trixie", machine=machine), store)
        assert why(tree, "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.42"

    def test_updates_of_another_suite_that_have_expired_since(
        self, debian: Debian, mirror: Mirror, store: Store, machine: Path, tmp_path: Path
    ) -> None:
        mirror.publish(busybox(), libc("2.41"), libgcc(), suite="trixie")
        soon = {"Valid-Until": "Fri, 02 Oct 2026 00:00:00 UTC"}
        mirror.publish(libc("2.42"), suite="trixie-updates", fields=soon)
        source = debian(mirror=None, keyring=None, suite="trixie", machine=machine)
        assert why(made(source, store), "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.42"
        source._now = lambda: NOW + 30 * 86400
        assert why(made(source, store), "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.41"

    def test_a_key_that_apt_names_by_its_fingerprint(
        self, debian: Debian, mirror: Mirror, store: Store, machine: Path, tmp_path: Path
    ) -> None:
        other = Mirror(tmp_path / "other")
        keyrings = machine / "etc/apt/keyrings"
        keyrings.mkdir()
        for name, one in (("archive", mirror), ("other", other)):
            (keyrings / f"{name}.gpg").write_bytes(one.keyring.read_bytes())

        def fetch(fingerprint: str) -> None:
            line = f"deb [signed-by={fingerprint}] {mirror.address} bookworm main\n"
            (machine / "etc/apt/sources.list").write_text(line)
            debian(mirror=None, keyring=None, machine=machine).fetch(store)

        fetch(fingerprint_of(mirror))
        assert "no good signature" in refused(IntegrityError, lambda: fetch(fingerprint_of(other)))
        assert "which no keyring of this machine has" in refused(IntegrityError, lambda: fetch("A" * 40))

    def test_none(self, debian: Debian, store: Store) -> None:
        message = refused(ImageError, lambda: debian(mirror=None).fetch(store))
        assert message.startswith("no mirror for bookworm is known: the recipe names none")
        assert "mirror: https://HOST/debian" in message


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"packages": []}, "packages: name at least one"),
            ({"packages": ["Busy box"]}, "'Busy box' is not a package of Debian"),
            ({"suite": "../x"}, "'../x' is not a suite"),
            ({"suite": ""}, "'' is not a suite"),
            ({"mirror": "HOST/debian"}, "'HOST/debian' is not an address"),
            ({"snapshot": "31.1.2026", "mirror": "https://h/{snapshot}"}, "is not a date"),
            ({"snapshot": "2026-99-01"}, "'2026-99-01' is not a date"),
            ({"snapshot": "20260230T000000Z", "mirror": "https://h/{snapshot}"}, "is not a date"),
            ({"snapshot": "20260101T000000Z"}, "mirror: https://HOST/archive/debian/{snapshot}"),
            ({"mirror": "https://h/{snapshot}"}, "snapshot: 20260101T000000Z"),
            ({"also": [{"suite": "x", "mirorr": "y"}]}, "unknown field `mirorr`"),
            ({"components": []}, "name at least one"),
        ],
    )
    def test_wrong(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(msgspec.ValidationError, match=re.escape(message)):
            msgspec.convert({"packages": ["a"], "suite": "bookworm", **options}, DebianOptions)

    @pytest.mark.parametrize(
        ("platform", "architecture"),
        [
            ("linux/amd64", "amd64"),
            ("linux/386", "i386"),
            ("linux/arm", "armhf"),
            ("linux/arm/v5", "armel"),
            ("linux/arm/v6", "armel"),
            ("linux/arm64", "arm64"),
            ("linux/riscv64", "riscv64"),
            ("linux/ppc64le", "ppc64el"),
            ("linux/s390x", "s390x"),
            ("linux/mips64le", "mips64el"),
        ],
    )
    def test_architectures(self, platform: str, architecture: str) -> None:
        assert debian_architecture(Platform.parse(platform)) == architecture

    def test_no_such_platform(self) -> None:
        with pytest.raises(UsageError, match="Debian has no packages for linux/arm/v9"):
            debian_architecture(Platform("linux", "arm", "v9"))

    def test_an_architecture_that_the_suite_lacks(self, debian: Debian, store: Store) -> None:
        message = refused(ImageError, lambda: debian(platform="linux/riscv64").fetch(store))
        assert "has no packages for linux/riscv64 (riscv64); it has those for linux/amd64 (amd64)" in message

    def test_a_component_that_the_suite_lacks(self, debian: Debian, store: Store) -> None:
        message = refused(ImageError, lambda: debian(components=["main", "extra"]).fetch(store))
        assert "has no component extra for amd64; it has main" in message


class TestContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path, mirror: Mirror) -> Subject:
        def options(suite: str = "bookworm", **more: Any) -> DebianOptions:
            return DebianOptions(
                packages=["busybox"], suite=suite, mirror=mirror.address, keyring=str(mirror.keyring), **more
            )

        def spoil() -> None:
            honest = mirror.keyring.read_bytes()
            Mirror(mirror.folder).publish(busybox(), libc(), libgcc())
            mirror.keyring.write_bytes(honest)

        script = b"#!/bin/sh\necho made >/etc/made\n"
        scripted = package("libgcc-s1", {"usr": None, "usr/share": None}, extra={"postinst@755": script})
        mirror.publish(busybox(), libc(), scripted)
        other_machine = package("busybox", {"bin": None, "bin/busybox@755": BUSYBOX}, architecture="arm64")
        mirror.publish(other_machine, suite="elsewhere", architecture="arm64")
        return Subject(
            options(),
            tmp_path,
            change=lambda: mirror.publish(busybox(), libc("2.37"), libgcc()),
            other=options(applets=False),
            spoil=spoil,
            elsewhere=(Platform("linux", "arm64"), options("elsewhere")),
            recorded="libc6",
            scripted="/etc/made",
        )


def test_the_reasons_of_files_divide_the_tree_into_layers(debian: Debian, store: Store) -> None:
    source = debian()
    source.fetch(store)
    tree = source.build(store)
    by_package = layered(tree, "package", [source.label], "x")
    assert [part.comment for part in by_package] == [
        "busybox 1:1.35-4 (debian bookworm)",
        "libc6 2.36-9 (debian bookworm)",
        "libgcc-s1 1 (debian bookworm)",
        "the rest of debian bookworm",
    ]
    assert ["/usr/bin/busybox" in part.tree for part in by_package] == [True, False, False, False]
    assert ["/usr/lib/libc.so.6" in part.tree for part in by_package] == [False, True, False, False]
    assert [part.comment for part in layered(tree, 2, [source.label], "x")] == [
        "libraries: libc6 2.36-9, libgcc-s1 1",
        "application: debian bookworm, busybox 1:1.35-4",
    ]


def test_packages_for_some_platforms(debian: Debian, mirror: Mirror, store: Store) -> None:
    asked = ["libc6", "busybox [arm64 linux/amd64]", "gone [armhf]", "gone[!amd64, !armhf]", "!libgcc-s1 [amd64]"]
    source = debian(packages=asked)
    source.fetch(store)
    assert [one.name for one in source.plan(store).packages] == ["busybox", "libc6"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("busybox []", "does not say for which platforms it is"),
        ("busybox [amd64 !arm64]", "does not say for which platforms it is"),
        ("busybox [amd46]", "'amd46' is not an architecture of Debian"),
        ("!busybox=1", "excludes one version of a package"),
        ("!busybox", "name at least one that is to be taken"),
    ],
)
def test_a_request_that_says_nothing(debian: Debian, text: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(message)):
        debian(packages=[text])


def test_a_version_that_the_mirror_no_longer_has(debian: Debian, mirror: Mirror, store: Store, tmp_path: Path) -> None:
    asked = ["busybox", "libc6=2.36-1"]
    message = refused(ImageError, lambda: debian(packages=asked).fetch(store))
    assert "there is libc6 2.36-9" in message
    line = 'also: [{suite: bookworm, mirror: "https://HOST/archive/debian/{snapshot}"}]  and  snapshot: 2026-01-31'
    assert line in message
    dated = Mirror(tmp_path / "20260131T000000Z", key=mirror.key)
    dated.publish(libc("2.36-1"), fields={"Valid-Until": "Sat, 03 Feb 2026 00:00:00 UTC"})
    also = [{"suite": "bookworm", "mirror": f"file://{tmp_path}/{{snapshot}}"}]
    tree = made(debian(packages=asked, also=also, snapshot="2026-01-31"), store)
    assert why(tree, "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.36-1"
    assert why(tree, "/usr/bin/busybox")[0] == "shipped in busybox 1:1.35-4"


def test_companions_on_the_mirror_and_beside_it(debian: Debian, mirror: Mirror, store: Store, tmp_path: Path) -> None:
    assert "/usr/bin/busybox" in made(debian(companions=True), store)  # there are none
    mirror.publish(libc("2.36-9+u1"), suite="bookworm-updates")
    assert why(made(debian(companions=True), store), "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.36-9+u1"
    beside = Mirror(tmp_path / "mirror-security", key=mirror.key)
    beside.publish(libc("2.36-9+u2"), suite="bookworm-security")
    assert why(made(debian(companions=True), store), "/usr/lib/libc.so.6")[0] == "shipped in libc6 2.36-9+u2"
