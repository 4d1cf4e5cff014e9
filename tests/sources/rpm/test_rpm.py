"""Packages of RPM as a tree, from repositories that are folders of this machine."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.errors import Conflict, DownloadError, FormatError, ImageError, IntegrityError, NotFetched, UsageError
from fromscratch.formats.databases.catalogue import records
from fromscratch.formats.rpm import header as headers
from fromscratch.formats.rpm import ndb, sqlite
from fromscratch.formats.rpm.package import parts
from fromscratch.formats.rpm.tags import SignatureTag
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import File, Origin, file
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.contract import Context
from fromscratch.sources.rpm.options import RpmOptions
from fromscratch.sources.rpm.source import RpmSource
from tests.formats.rpm import databases
from tests.formats.rpm import packages as made
from tests.formats.rpm.packages import Made, directory, program, symlink
from tests.trees import listed, text

pytest.importorskip("solv", reason="solv is not installed; it decides which packages are needed")
pytest.importorskip("pysequoia", reason="pysequoia is not installed; it signs the packages of these tests")

from tests.sources.contract import SourceContract, Subject
from tests.sources.rpm.repository import Repository, package

NOW = 1_790_000_000.0  # September 2026


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


# Of node, 1.0 and 4.0 are in no stream: those of the streams hide them.
MODULES = """
---
document: modulemd
version: 2
data:
  name: node
  stream: "2"
  version: 8030020210118191659
  description: >-
    Two, and
    more.
  artifacts:
    rpms:
    - node-0:2.0-1.x86_64
...
---
document: modulemd
version: 2
data:
  name: node
  stream: 3
  dependencies:
  - requires: {tools: [a, b], platform: [el8]}
  artifacts:
    rpms: ["node-0:3.0-1.x86_64"]
...
---
document: modulemd
version: 2
data: {name: tools, stream: b, artifacts: {rpms: ["tool-0:1.0-1.x86_64"]}}
---
document: modulemd
version: 2
data: {name: tools, stream: a, artifacts: {rpms: ["tool-0:1.0-1.x86_64"]}}
---
document: modulemd-defaults
version: 1
data: {module: node, stream: "2"}
...
"""
Rpm = Callable[..., RpmSource]


@pytest.fixture
def rpm(repository: Repository) -> Rpm:
    def bound(*packages: str, platform: str = "linux/amd64", now: float = NOW, **options: Any) -> RpmSource:
        given: dict[str, Any] = {"repositories": [repository.address], "keys": "KEYS", "records": False, **options}
        context = Context(folder=repository.folder, place="rootfs[0]", platform=Platform.parse(platform))
        return RpmSource(msgspec.convert({"packages": packages, **given}, RpmOptions), context, now=lambda: now)

    return bound


def laid(source: RpmSource, store: Store, below: Rootfs | None = None) -> Rootfs:
    source.fetch(store)
    return source.lay(below or Rootfs(), store, replace=False)


def why(tree: Rootfs, path: str) -> list[str]:
    return [f"{link.reason} {link.detail}" for link in tree[TreePath(path)].origins[0].chain()]


def content(tree: Rootfs, path: str) -> bytes:
    entry = tree.find(path)
    assert isinstance(entry, File)
    return read(entry.content)


class TestContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        repository = Repository(tmp_path / "repository")
        app = repository.package("app", {"/usr/bin/app": program(b"app"), "/etc/app": b"1"}, requires=["lib"])
        script = {1024: "echo made >/etc/made\n"}
        lib = repository.package("lib", {"/usr/lib64/lib.so.1": b"library"}, scripts=script)
        elsewhere = repository.package("there", arch="aarch64")
        repository.publish(app, lib, elsewhere)
        newer = repository.package("lib", {"/usr/lib64/lib.so.1": b"newer"}, version="2.0")
        options = RpmOptions(packages=["app"], repositories=[repository.address], keys=str(repository.keys))

        def spoil() -> None:
            stranger = Repository(tmp_path / "stranger")
            repository.publish(app, stranger.package("lib", {"/usr/lib64/lib.so.1": b"library"}))

        return Subject(
            options,
            folder=tmp_path,
            change=lambda: repository.publish(app, lib, newer, date=1_700_000_001),
            other=msgspec.structs.replace(options, records=False),
            spoil=spoil,
            elsewhere=(Platform("linux", "arm64"), msgspec.structs.replace(options, packages=["there"])),
            recorded="lib",
            scripted="/etc/made",
        )


class TestTrees:
    def test_packages_and_what_they_need(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(
            repository.package(
                "app",
                {
                    "/usr/bin/app": program(b"app", capabilities="cap_net_raw=ep"),
                    "/usr/bin/link": symlink("app"),
                    "/var/lib/app": directory(0o750, "svc", "svc"),
                    "/var/log/app.log": Made(flags=64),
                },
                requires=[
                    "libfoo.so.1()(64bit)",
                    "/usr/bin/tool",
                    "(extra if tool)",
                    "(pkgconfig(zlib) and tool)",
                    "rpmlib(CompressedFileNames) <= 3.0.4-1",
                ],
            ),
            repository.package("foo", {"/usr/lib64/libfoo.so.1": b"foo"}, provides=["libfoo.so.1()(64bit)"]),
            repository.package("tool", recommends=["nice"]),
            repository.package("extra", arch="noarch"),
            repository.package("nice"),
            repository.package("zlib", {"/usr/lib64/libz.so.1": b"z"}, provides=["pkgconfig(zlib)"]),
            repository.package("svc", {"/usr/lib/sysusers.d/svc.conf": b"u svc 970\n"}),
            repository.package("foreign", arch="aarch64"),
        )
        tree = laid(rpm("app", "svc"), store)
        assert listed(tree) == text(
            """
            d 0755 0:0 /etc
            f 0644 0:0 21 /etc/group
            f 0644 0:0 65 /etc/passwd
            f 0640 0:0 28 /etc/shadow
            d 0755 0:0 /usr
            d 0755 0:0 /usr/bin
            f 0755 0:0 3 /usr/bin/app {security.capability=0x0100000200200000000000000000000000000000}
            f 0755 0:0 5 /usr/bin/extra
            l 0777 0:0 /usr/bin/link -> app
            f 0755 0:0 4 /usr/bin/tool
            d 0755 0:0 /usr/lib
            d 0755 0:0 /usr/lib/sysusers.d
            f 0644 0:0 10 /usr/lib/sysusers.d/svc.conf
            d 0755 0:0 /usr/lib64
            f 0644 0:0 3 /usr/lib64/libfoo.so.1
            f 0644 0:0 1 /usr/lib64/libz.so.1
            d 0755 0:0 /var
            d 0755 0:0 /var/lib
            d 0750 970:970 /var/lib/app
            """
        )
        assert why(tree, "/usr/lib64/libfoo.so.1") == [
            "shipped in foo 1.0-1",
            "needed by app (Requires: libfoo.so.1()(64bit))",
            "asked for app in rootfs[0]",
        ]
        assert why(tree, "/usr/lib64/libz.so.1")[1] == "needed by app (Requires: (pkgconfig(zlib) and tool))"
        assert why(tree, "/usr/bin/extra")[1] == "needed by app (Requires: (extra if tool))"
        assert why(tree, "/etc/passwd")[0].startswith("made by systemd-sysusers")

    def test_weak_dependencies_come_when_asked_for(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(
            repository.package("app", recommends=["nice"], suggests=["never"]),
            repository.package("nice"),
            repository.package("never"),
            repository.package("plugin", supplements=["app"]),
        )
        assert [one.name for one in planned(rpm("app"), store)] == ["app"]
        assert {one.name for one in planned(rpm("app", recommends=True), store)} == {"app", "nice", "plugin"}

    def test_a_file_that_only_the_long_lists_have(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(
            repository.package("app", requires=["/usr/share/data"]),
            repository.package("data", {"/usr/share/data": b"data"}),
        )
        assert [one.name for one in planned(rpm("app"), store)] == ["data", "app"]
        assert [one.name for one in planned(rpm("/usr/share/data"), store)] == ["data"]

    @pytest.mark.parametrize(
        ("asked", "version"),
        [
            ("v", "2.0-1"), ("v = 1.0", "1.0-1"), ("v-1.0-1", "1.0-1"), ("v.x86_64", "2.0-1"), ("/usr/bin/v", "2.0-1"),
            ("v < 2.0", "2.0~rc1-1"),
        ],
    )  # fmt: skip
    def test_versions(self, asked: str, version: str, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(*(repository.package("v", version=each) for each in ("1.0", "2.0~rc1", "2.0")))
        assert [one.version for one in planned(rpm(asked), store)] == [version]

    def test_what_is_excluded_counts_as_there(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(
            repository.package("app", requires=["big", "cap(x)", "/usr/bin/big"]),
            repository.package("big", provides=["cap(x)"]),
        )
        assert [one.name for one in planned(rpm("app", exclude=["big"]), store)] == ["app"]
        with pytest.raises(UsageError, match=r"big is asked for in rootfs\[0\] and excluded too"):
            planned(rpm("big", exclude=["big"]), store)

    def test_a_repository_of_a_lower_priority_hides_the_other(
        self, rpm: Rpm, repository: Repository, store: Store, tmp_path: Path
    ) -> None:
        other = Repository(tmp_path / "other")
        repository.publish(repository.package("v", version="1.0"))
        other.publish(other.package("v", version="2.0"))
        both = [{"url": repository.address, "priority": 10}, {"url": other.address, "keys": str(other.keys)}]
        assert [one.version for one in planned(rpm("v", repositories=both), store)] == ["1.0-1"]

    def test_parents_that_are_links_of_later_packages(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(
            repository.package("app", {"/bin/app": program(b"app"), "/bin": directory()}, provides=["zz"]),
            repository.package("filesystem", {"/bin": symlink("usr/bin"), "/usr/bin": directory(0o555)}),
        )
        tree = laid(rpm("app", "filesystem"), store)
        assert listed(tree).splitlines() == [
            "l 0777 0:0 /bin -> usr/bin",
            "d 0755 0:0 /usr",
            "d 0555 0:0 /usr/bin",
            "f 0755 0:0 3 /usr/bin/app",
        ]

    def test_packages_that_disagree_and_those_that_share(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(
            repository.package("one", {"/etc/same": b"same", "/etc/other": b"one"}),
            repository.package("two", {"/etc/same": b"same", "/etc/other": b"two"}),
        )
        with pytest.raises(Conflict) as caught:
            laid(rpm("one", "two"), store)
        assert "/etc/other: file of one 1.0-1 against file of two 1.0-1" in str(caught.value)
        assert "/etc/same" not in str(caught.value)

    def test_documentation_is_left_out_and_licences_are_not(
        self, rpm: Rpm, repository: Repository, store: Store
    ) -> None:
        files = {"/usr/doc": Made(flags=2), "/usr/licence": Made(flags=128), "/usr/bin/app": program(b"x")}
        repository.publish(repository.package("app", files))
        tree = laid(rpm("app", docs=False, records=True), store)
        assert [path for path in tree if path.startswith("/usr/doc") or path == "/usr/licence"] == ["/usr/licence"]


class TestAccounts:
    def test_what_packages_provide_and_plain_commands_declare(
        self, rpm: Rpm, repository: Repository, store: Store
    ) -> None:
        line = base64.b64encode(b"u provided 971 'By rpm' /srv").decode()
        repository.publish(
            repository.package("new", provides=[f"user(provided) = {line}"]),
            repository.package(
                "old",
                {"/var/old": directory(0o700, "old", "old"), "/var/none": Made(mode=0o104755, user="none")},
                scripts={1023: "getent passwd old || useradd -r -u 972 -d /old old\n"},
            ),
        )
        source = rpm("new", "old")
        tree = laid(source, store)
        assert content(tree, "/etc/passwd").splitlines()[1:] == [
            b"provided:x:971:971:By rpm:/srv:/usr/sbin/nologin",
            b"old:x:972:972::/old:/usr/sbin/nologin",
        ]
        assert [line for line in listed(tree).splitlines() if "/var/" in line] == [
            "f 0755 0:0 0 /var/none",
            "d 0700 972:972 /var/old",
        ]
        [note] = source.notes(store)
        assert note == "root owns what none should in old 1.0-1, such as /var/none: there is no such account"

    def test_scripts_that_were_not_run_are_listed(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(
            repository.package("cache", scripts={1024: "/sbin/ldconfig\n/usr/bin/make-cache --all || :\n"}),
            repository.package("lua", scripts={1024: "print(1)", 1086: "<lua>"}),
            repository.package(
                "plain", scripts={1024: "if [ $1 = 1 ]; then\n  systemctl preset x\nfi\n", 1086: "/bin/sh"}
            ),
        )
        source = rpm("cache", "lua", "plain")
        laid(source, store)
        assert sorted(source.notes(store)) == [
            "%post of cache 1.0-1 was not run; it calls make-cache",
            "%post of lua 1.0-1 is written in Lua and was not run",
        ]

    def test_file_triggers_that_would_have_been_set_off_are_listed(
        self, rpm: Rpm, repository: Repository, store: Store
    ) -> None:
        own: list[tuple[int, int, Any]] = [
            (5076, 8, ["compile-schemas /usr/share/schemas", "compile-schemas -r", "rebuild-fonts"]),
            (5079, 8, ["/usr/share/schemas", "/usr/share/schemas", "/usr/share/fonts"]),
            (5080, 4, [0, 1, 2]),
            (5082, 4, [1 << 16, 1 << 18, 1 << 16]),
        ]
        repository.publish(
            repository.package("glib", more=own), repository.package("app", {"/usr/share/schemas/app": b"schema"})
        )
        source = rpm("glib", "app")
        laid(source, store)
        assert source.notes(store) == (
            "%transfiletriggerin of glib 1.0-1 for /usr/share/schemas was not run; it calls compile-schemas",
        )

    def test_alternatives_that_scripts_register(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        for name, priority in (("gawk", 20), ("mawk", 10)):
            script = f"/usr/sbin/alternatives --install /usr/bin/awk awk /usr/bin/{name} {priority}\n"
            (repository.folder / name).write_bytes(repository.package(name, scripts={1024: script}))
        repository.publish(*((repository.folder / name).read_bytes() for name in ("gawk", "mawk")))
        source = rpm("gawk", "mawk")
        tree = laid(source, store)
        assert "l 0777 0:0 /etc/alternatives/awk -> /usr/bin/gawk" in listed(tree)
        assert why(tree, "/usr/bin/awk") == ["made by update-alternatives, run by the %post of gawk"]
        assert source.notes(store) == ()

    def test_accounts_of_what_lies_below_count(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(repository.package("app", {"/srv/app": directory(0o755, "web", "web")}))
        accounts = {"/etc/passwd": b"root:x:0:0::/:\nweb:x:33:34::/:\n", "/etc/group": b"root:x:0:\nweb:x:34:\n"}
        origin = Origin("below", "found in", "below")
        below = Rootfs({TreePath(path): file(Inline(data), origin) for path, data in accounts.items()})
        assert "d 0755 33:34 /srv/app" in listed(laid(rpm("app"), store, below)).splitlines()


class TestRecords:
    def test_the_database_lists_what_is_installed_and_that_of_below_is_added_to(
        self, rpm: Rpm, repository: Repository, store: Store
    ) -> None:
        repository.publish(repository.package("one", epoch=1), repository.package("two"))
        first = laid(rpm("one", records=True), store)
        both = laid(rpm("two", records=True), store, first)
        place = "/usr/lib/sysimage/rpm/rpmdb.sqlite"
        found = [headers.installed(blob) for _, blob in sqlite.blobs(content(both, place))]
        assert [str(each.package) for each in found] == ["one 1:1.0-1", "two 1.0-1"]
        assert found[0].files == ("/usr/bin/one",)

    @pytest.mark.parametrize("form", ["sqlite", "ndb", "berkeley"])
    def test_the_database_stays_where_it_is_and_in_its_form(
        self, form: str, rpm: Rpm, repository: Repository, store: Store
    ) -> None:
        repository.publish(repository.package("new"))
        old = {7: databases.header("old", files=["/usr/bin/old"])}
        name, raw = {
            "sqlite": ("rpmdb.sqlite", databases.sqlite(old)),
            "ndb": ("Packages.db", ndb.database(old)),
            "berkeley": ("Packages", databases.berkeley(old)),
        }[form]
        below = Rootfs({TreePath(f"/var/lib/rpm/{name}"): file(Inline(raw), Origin("below", "found in", "below"))})
        tree = laid(rpm("new", records=True), store, below)
        folder = [path for path in tree if path.startswith("/var/lib/rpm/")]
        assert len(folder) == (2 if form == "berkeley" else 1)
        place = "/var/lib/rpm/rpmdb.sqlite" if form == "berkeley" else f"/var/lib/rpm/{name}"
        blobs = dict(ndb.blobs(content(tree, place)) if form == "ndb" else sqlite.blobs(content(tree, place)))
        assert [headers.installed(blob).package.name for _, blob in sorted(blobs.items())] == ["old", "new"]

    def test_what_lies_below_is_not_brought_again(
        self, rpm: Rpm, repository: Repository, store: Store, tmp_path: Path
    ) -> None:
        repository.publish(
            repository.package("app", requires=["libc.so.6()(64bit)", "/usr/share/zone"]),
            repository.package("glibc", {"/usr/lib64/libc.so.6": b"c"}, provides=["libc.so.6()(64bit)"]),
            repository.package("zones", {"/usr/share/zone": b"z"}),
        )
        below = laid(rpm("glibc", "zones", records=True), store)
        app = rpm("app", records=True)
        app._context = msgspec.structs.replace(app._context, present=lambda _: records(below))
        assert [one.name for one in planned(app, store)] == ["app"]
        tree = app.lay(below, store, replace=False)
        assert [each.package.name for each in records(tree).installed] == ["glibc", "zones", "app"]


class TestTrust:
    def test_an_unsigned_package_of_an_unsigned_index_is_refused(
        self, rpm: Rpm, repository: Repository, store: Store
    ) -> None:
        repository.publish(package("app"))
        with pytest.raises(IntegrityError, match=r"app 1\.0-1 is not signed, and neither is the index") as caught:
            rpm("app").fetch(store)
        assert "unsigned: true" in caught.value.hint
        with pytest.raises(NotFetched):
            rpm("app").lay(Rootfs(), store, replace=False)
        assert [one.name for one in planned(rpm("app", unsigned=True, keys=""), store)] == ["app"]

    def test_a_signed_index_vouches_for_its_packages(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(package("app"), signed=True)
        assert [one.name for one in planned(rpm("app"), store)] == ["app"]

    def test_a_bad_signature_by_a_known_key_is_refused_even_so(
        self, rpm: Rpm, repository: Repository, store: Store, tmp_path: Path
    ) -> None:
        honest, forged = repository.package("app"), package("app", {"/usr/bin/app": program(b"forged")})
        signature, other = (package_parts(raw, tmp_path) for raw in (honest, forged))
        values = [(268, 7, signature.binary(SignatureTag.RSA_HEADER)), (273, 6, other.text(SignatureTag.SHA256_HEADER))]
        repository.publish(made.resigned(forged, values), signed=True)
        with pytest.raises(IntegrityError, match=r"app 1\.0-1 has no good signature"):
            rpm("app").fetch(store)
        stranger = Repository(tmp_path / "stranger")
        repository.publish(stranger.package("app"), signed=True)
        assert planned(rpm("app"), store)

    @pytest.mark.parametrize("whole", [False, True])
    def test_a_package_signed_by_another_key(
        self, whole: bool, rpm: Rpm, repository: Repository, store: Store, tmp_path: Path
    ) -> None:
        other = Repository(tmp_path / "other")
        repository.publish(other.package("app", whole_signature=whole))
        with pytest.raises(IntegrityError, match=r"app 1\.0-1 has no good signature by a key in"):
            rpm("app").fetch(store)
        assert planned(rpm("app", keys=[str(repository.keys), str(other.keys)]), store)

    def test_a_signature_does_not_fit_another_header(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        honest = repository.package("app", {"/usr/bin/app": program(b"honest")})
        forged = package("app", {"/usr/bin/app": program(b"forged")})
        start = forged.index(b"\x8e\xad\xe8\x01", 100)
        repository.publish(honest[: honest.index(b"\x8e\xad\xe8\x01", 100)] + forged[start:])
        with pytest.raises(ImageError, match="does not have the sha256"):
            rpm("app").fetch(store)

    def test_an_index_with_a_bad_signature(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(repository.package("app"), signed=True)
        index = repository.folder / "repodata/repomd.xml"
        index.write_bytes(index.read_bytes() + b"\n")
        with pytest.raises(IntegrityError, match=r"the index of file:.* has no good signature"):
            rpm("app").fetch(store)

    def test_no_keys_at_all(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(repository.package("app"))
        with pytest.raises(IntegrityError, match="cannot be verified, as no keys are known"):
            rpm("app", keys="").fetch(store)

    def test_a_package_that_is_not_the_one_of_the_index(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(repository.package("app"))
        path = repository.folder / "app-1.0-1.x86_64.rpm"
        path.write_bytes(path.read_bytes() + b"x")
        with pytest.raises(IntegrityError):
            rpm("app").fetch(store)

    def test_an_older_index_than_before(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(repository.package("app"), date=1_700_000_100)
        rpm("app").fetch(store)
        repository.publish(repository.package("app"), date=1_700_000_000)
        with pytest.raises(IntegrityError, match=r"is of 2023-11-14 22:13 UTC, and thus older than the one of"):
            rpm("app").fetch(store)
        rpm("app", older=True).fetch(store)


class TestExplanations:
    """Whole messages, in the form that all resolvers share."""

    @pytest.fixture(autouse=True)
    def scene(self, repository: Repository) -> None:
        repository.publish(
            repository.package("top", requires=["middle"]),
            repository.package("middle", requires=["libmissing.so.1()(64bit)"]),
            repository.package("foe", conflicts=["friend"]),
            repository.package("friend"),
            repository.package("host", requires=["foe"]),
            repository.package("newer", requires=["friend >= 3"]),
            repository.package("old", requires=["v = 1.0"]),
            repository.package("new", requires=["v = 2.0"]),
            repository.package("v", version="1.0"),
            repository.package("v", version="2.0"),
            repository.package("heir", obsoletes=["friend"]),
            repository.package("python3-requests"),
        )

    @pytest.mark.parametrize(
        ("packages", "message", "hint"),
        [
            (
                ["top"],
                "nothing provides libmissing.so.1()(64bit), needed by middle (Requires: libmissing.so.1()(64bit)), "
                "needed by top (Requires: middle), asked for in rootfs[0]",
                "see whether the name is right, or whether a repository is missing",
            ),
            (
                ["newer"],
                "nothing provides friend >= 3, needed by newer (Requires: friend >= 3), asked for in rootfs[0]",
                "there is friend 1.0-1; is a repository missing, or the version wrong?",
            ),
            (
                ["host", "friend"],
                "foe 1.0-1 does not go with friend 1.0-1 (Conflicts: friend);\n"
                "  foe is needed by host (Requires: foe), asked for in rootfs[0];\n  friend is asked for in rootfs[0]",
                "leave one of the two out, or exclude it",
            ),
            (
                ["heir", "friend"],
                "heir 1.0-1 does not go with friend 1.0-1 (Obsoletes: friend);\n"
                "  heir is asked for in rootfs[0];\n  friend is asked for in rootfs[0]",
                "leave one of the two out, or exclude it",
            ),
            (
                ["frend"],
                "no index has frend, asked for in rootfs[0]",
                "did you mean friend? Or is a repository missing?",
            ),
            (
                ["requests"],
                "no index has requests, asked for in rootfs[0]",
                "did you mean python3-requests? Or is a repository missing?",
            ),
            (
                ["friend-2.0"],
                "no index has friend-2.0, asked for in rootfs[0]",
                "there is friend 1.0-1; is a repository missing, or the version wrong?",
            ),
            (
                ["friend.aarch64"],
                "no index has friend.aarch64, asked for in rootfs[0]",
                "there is friend 1.0-1; is a repository missing, or the version wrong?",
            ),
            (
                ["friend-devel"],
                "no index has friend-devel, asked for in rootfs[0]",
                "see whether the name is right, or whether a repository is missing",
            ),
            (
                ["/usr/bin/none"],
                "no index has /usr/bin/none, asked for in rootfs[0]",
                "see whether the name is right, or whether a repository is missing",
            ),
        ],
    )
    def test_a_problem(self, packages: list[str], message: str, hint: str, rpm: Rpm, store: Store) -> None:
        with pytest.raises(ImageError) as caught:
            rpm(*packages).fetch(store)
        assert caught.value.message == message
        assert caught.value.hint == hint

    def test_a_package_of_another_architecture(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(repository.package("app", arch="aarch64"), repository.package("other"))
        with pytest.raises(ImageError, match=r"no index has app, asked for in rootfs\[0\]") as caught:
            rpm("app").fetch(store)
        assert caught.value.hint == "there is app for aarch64, and not for x86_64: build for another platform"

    def test_two_versions_at_once(self, rpm: Rpm, store: Store) -> None:
        with pytest.raises(ImageError) as caught:
            rpm("old", "new").fetch(store)
        pattern = (
            r"v (1\.0|2\.0)-1, needed by (old|new) \(Requires: v = (1|2)\.0\), asked for in rootfs\[0\], cannot be had "
            r"beside v (1\.0|2\.0)-1, needed by (old|new) .*; the wish is v = (1|2)\.0"
        )
        assert re.fullmatch(pattern, caught.value.message)


class TestIndexes:
    def test_zstd_and_an_index_that_changes_under_the_plan(
        self, rpm: Rpm, repository: Repository, store: Store
    ) -> None:
        import zstandard

        def compress(data: bytes) -> bytes:
            return zstandard.ZstdCompressor().compress(data)

        repository.publish(repository.package("app"), compress=compress, suffix="zst")
        assert [one.version for one in planned(rpm("app"), store)] == ["1.0-1"]
        repository.publish(repository.package("app", version="1.1"), compress=compress, suffix="zst")
        assert [one.version for one in planned(rpm("app"), store)] == ["1.1-1"]

    def test_a_metalink_and_a_list_of_mirrors(
        self, rpm: Rpm, repository: Repository, store: Store, tmp_path: Path
    ) -> None:
        import hashlib

        repository.publish(repository.package("app"))
        index = (repository.folder / "repodata/repomd.xml").read_bytes()
        digest = hashlib.sha256(index).hexdigest()
        (tmp_path / "mirrors").write_text(f"# mirrors\nfile://{tmp_path}/gone\n{repository.address}/\n")
        metalink = (
            '<metalink xmlns="http://www.metalinker.org/"><files><file name="repomd.xml"><verification>'
            f'<hash type="sha256">{digest}</hash></verification><resources>'
            f'<url preference="100">file://{tmp_path}/gone/repodata/repomd.xml</url>'
            f'<url preference="99">{repository.address}/repodata/repomd.xml</url></resources></file></files></metalink>'
        )
        (tmp_path / "metalink").write_text(metalink)
        for one in ({"mirrorlist": f"file://{tmp_path}/mirrors"}, {"metalink": f"file://{tmp_path}/metalink"}):
            assert [each.name for each in planned(rpm("app", repositories=[one]), store)] == ["app"]
        (tmp_path / "metalink").write_text(metalink.replace(digest, "0" * 64))
        with pytest.raises(IntegrityError, match="does not have the digest that the metalink gives it"):
            planned(rpm("app", repositories=[{"metalink": f"file://{tmp_path}/metalink"}]), store)

    def test_modules(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        versions = ("1.0", "2.0", "3.0", "4.0")
        repository.publish(
            *(repository.package("node", version=each) for each in versions),
            repository.package("tool"),
            repository.package("plain", version="5.0"),
            more={"modules": MODULES.encode()},
        )

        def version(**options: Any) -> dict[str, str]:
            return {one.name: one.version for one in planned(rpm("node", **options), store)}

        assert version() == {"node": "2.0-1"}
        assert version(modules=["node:3"]) == {"node": "3.0-1"}
        assert [one.name for one in planned(rpm("tool", modules=["node:3"]), store)] == ["tool"]
        with pytest.raises(ImageError, match=r"no index has tool, asked for in rootfs\[0\]"):
            rpm("tool").fetch(store)
        with pytest.raises(ImageError, match="no repository has the stream node:9, enabled in") as caught:
            rpm("node", modules=["node:9"]).fetch(store)
        assert caught.value.hint == "there is node:2, node:3"

    def test_repositories_of_the_machine(self, rpm: Rpm, repository: Repository, store: Store, tmp_path: Path) -> None:
        other = Repository(tmp_path / "other/41")
        other.publish(other.package("app"))
        (tmp_path / "etc/yum.repos.d").mkdir(parents=True)
        (tmp_path / "etc/os-release").write_text("VERSION_ID=41\n")
        lines = f"[own]\nbaseurl=file://{tmp_path}/other/$releasever\ngpgkey=file:///other/$releasever/KEYS\n"
        (tmp_path / "etc/yum.repos.d/own.repo").write_text(lines)
        context = Context(folder=tmp_path, place="rootfs[0]", platform=Platform("linux", "amd64"))
        source = RpmSource(RpmOptions(packages=["app"]), context, machine=tmp_path, now=lambda: NOW)
        assert [one.name for one in planned(source, store)] == ["app"]
        with pytest.raises(ImageError, match="the recipe names none, and this machine has none"):
            RpmSource(RpmOptions(packages=["app"]), context, machine=tmp_path / "none").fetch(store)

    def test_a_folder_without_an_index(self, rpm: Rpm, store: Store) -> None:
        with pytest.raises(DownloadError, match="there is no repository at file:") as caught:
            rpm("app").fetch(store)
        assert "repodata/repomd.xml" in caught.value.hint

    @pytest.mark.parametrize(
        ("index", "message"),
        [
            (b"<html>", "is not XML"),
            (b"<html></html>", "it is a document 'html'"),
            (b"<!DOCTYPE x><repomd/>", "has a document type"),
            (b"<repomd/>", "lists no primary"),
            (b"<repomd><data type='primary'/></repomd>", "lists a file without its kind, place or digest"),
            (
                b"<repomd><data type='primary'><checksum type='sha'>00</checksum><location href='p'/></data></repomd>",
                "gives only the sha of p, which can be forged",
            ),
            (
                b"<repomd><data type='a'><checksum type='sha256'>00</checksum><location href='../p'/></data></repomd>",
                "leads outside the repository",
            ),
        ],
    )
    def test_a_damaged_index(self, index: bytes, message: str, rpm: Rpm, repository: Repository, store: Store) -> None:
        (repository.folder / "repodata").mkdir()
        (repository.folder / "repodata/repomd.xml").write_bytes(index)
        with pytest.raises(FormatError, match=message):
            rpm("app", unsigned=True).fetch(store)

    @pytest.mark.parametrize("place", ["{folder}", ".", "../{name}", "$basearch/.."])
    def test_a_folder_is_as_good_as_an_address(
        self, rpm: Rpm, repository: Repository, store: Store, place: str
    ) -> None:
        (repository.folder / "x86_64").mkdir()
        repository.publish(repository.package("app"))
        folder = place.format(folder=repository.folder, name=repository.folder.name)
        assert "/usr/bin/app" in laid(rpm("app", repositories=[folder]), store)

    @pytest.mark.parametrize(("keys", "message"), [("KEY", "keys: there is no .*/KEY"), (".", "keys: .* is a folder")])
    def test_keys_that_are_no_file_are_named(
        self, rpm: Rpm, repository: Repository, store: Store, keys: str, message: str
    ) -> None:
        repository.publish(repository.package("app"))
        with pytest.raises(UsageError, match=message):
            rpm("app", keys=keys).fetch(store)
        rpm("app", keys=keys, unsigned=True).fetch(store)

    def test_a_folder_that_is_not_there_is_named(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        with pytest.raises(UsageError, match=f"repositories: there is no {repository.folder}/nothing"):
            rpm("app", repositories=["nothing"]).fetch(store)

    def test_without_the_network_the_old_plan_is_built(self, rpm: Rpm, repository: Repository, store: Store) -> None:
        repository.publish(repository.package("app"))
        rpm("app").fetch(store)
        (repository.folder / "repodata/repomd.xml").unlink()
        with pytest.raises(DownloadError) as caught:
            rpm("app").fetch(store)
        assert "`build` works with what was fetched before" in caught.value.hint
        assert "/usr/bin/app" in rpm("app").lay(Rootfs(), store, replace=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"packages": []}, "name at least one"),
        ({"packages": ["@core"]}, "'@core' is a group; groups are not read"),
        ({"packages": ["python3*"]}, "is a pattern; name each package"),
        ({"packages": ["a b"]}, "'a b' is not a package"),
        ({"packages": ["a"], "repositories": ["ftp://x"]}, "is not an address"),
        ({"packages": ["a"], "repositories": ["https:/x"]}, "is not an address"),
        ({"packages": ["a"], "repositories": [{"metalink": "x"}]}, "is not an address"),
        ({"packages": ["a"], "repositories": [{}]}, "one says no address"),
        ({"packages": ["a"], "repositories": [{"url": "file:///x", "metalink": "file:///y"}]}, "says url and metalink"),
        ({"packages": ["a"], "modules": ["nodejs"]}, "is not a stream; write it as nodejs:18"),
    ],
)  # fmt: skip
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(message)):
        msgspec.convert(options, RpmOptions)


@pytest.mark.parametrize(
    ("platform", "address"),
    [("linux/arm64", "aarch64"), ("linux/386", "i386"), ("linux/arm/v7", "armhfp"), ("linux/riscv64", "riscv64")],
)
def test_names_in_addresses(platform: str, address: str, repository: Repository, store: Store) -> None:
    other = Repository(repository.folder / address / "41")
    arch = {"i386": "i686", "armhfp": "armv7hl"}.get(address, address)
    other.publish(repository.package("app", arch=arch))
    options = RpmOptions(
        packages=["app"],
        repositories=[f"{repository.address}/$basearch/$releasever"],
        release="41",
        keys=str(repository.keys),
    )
    source = RpmSource(options, Context(folder=Path(), place="rootfs[0]", platform=Platform.parse(platform)))
    assert [one.architecture for one in planned(source, store)] == [arch]


def package_parts(raw: bytes, folder: Path) -> headers.Header:
    (folder / "one.rpm").write_bytes(raw)
    return parts(folder / "one.rpm").signature


def planned(source: RpmSource, store: Store) -> list[Any]:
    source.fetch(store)
    return source.plan(store).packages
