"""Tar archives that a signature, a list of digests or a signed pointer vouches for, as their makers publish them."""

import hashlib
import io
import lzma
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.errors import DownloadError, FormatError, ImageError, IntegrityError, NotFetched, UsageError
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.paths import tree_path
from fromscratch.sources.tarball.options import TarballOptions
from tests.signers import Signer
from tests.sources.contract import SourceContract, Subject, content
from tests.sources.test_tarball import archive
from tests.trees import listed, text

NAME = "stage3-amd64-openrc-20261129T170000Z.tar.xz"
EARLIER = "stage3-amd64-openrc-20261101T170000Z.tar.xz"


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "keys.asc")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def subject(folder: Path, **options: Any) -> Subject:
    return Subject(msgspec.convert(options, TarballOptions), folder=folder)


def refused(one: Subject, store: Store, kind: type[ImageError] = IntegrityError) -> str:
    with pytest.raises(kind) as caught:
        one.bind().fetch(store)
    assert caught.value.hint
    return f"{caught.value.message} | {caught.value.hint}"


def stage(release: str = "2.17") -> bytes:
    """A root in the shape of a stage archive: names with ./, a device, an extended attribute, links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:

        def add(name: str, kind: bytes, mode: int, data: bytes = b"", link: str = "", **more: Any) -> None:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.linkname, info.size = kind, mode, link, len(data)
            info.devmajor, info.devminor = more.get("device", (0, 0))
            info.pax_headers = more.get("attributes", {})
            tar.addfile(info, io.BytesIO(data))

        add("./", tarfile.DIRTYPE, 0o755)
        add("./bin", tarfile.SYMTYPE, 0o777, link="usr/bin")
        add("./dev/", tarfile.DIRTYPE, 0o755)
        add("./dev/null", tarfile.CHRTYPE, 0o666, device=(1, 3))
        add("./etc/", tarfile.DIRTYPE, 0o755)
        add("./etc/gentoo-release", tarfile.REGTYPE, 0o644, f"Gentoo Base System release {release}\n".encode())
        add("./usr/bin/", tarfile.DIRTYPE, 0o755)
        caps = {"SCHILY.xattr.user.kind": "ping"}
        add("./usr/bin/ping", tarfile.REGTYPE, 0o711, b"ping\n", attributes=caps)
        add("./usr/bin/ping6", tarfile.LNKTYPE, 0o711, link="./usr/bin/ping")
    return out.getvalue()


class Autobuilds:
    """A mirror of Gentoo's stage archives in a folder: pointer, archive, DIGESTS and detached signature."""

    def __init__(self, folder: Path, signer: Signer) -> None:
        self.folder, self.signer = folder, signer

    @property
    def pointer(self) -> str:
        return f"file://{self.folder}/latest-stage3-amd64-openrc.txt"

    def publish(self, name: str = NAME, ts: int = 1_796_000_000, release: str = "2.17") -> Path:
        moment = name.rpartition("-")[2].partition(".")[0]
        home = self.folder / moment
        home.mkdir(parents=True, exist_ok=True)
        data = lzma.compress(stage(release))
        (home / name).write_bytes(data)
        (home / f"{name}.asc").write_bytes(self.signer.detached(data))
        lines = "".join(
            f"# {title} HASH\n{hashlib.new(algorithm, of).hexdigest()}  {file}\n"
            for of, file in ((data, name), (b"contents", f"{name}.CONTENTS.gz"))
            for title, algorithm in (("BLAKE2B", "blake2b"), ("SHA512", "sha512"))
        )
        (home / f"{name}.DIGESTS").write_bytes(self.signer.clearsigned(lines.encode()))
        text = f"# Latest as of Sun, 29 Nov 2026 20:00:01 +0000\n# ts={ts}\n{moment}/{name} {len(data)}\n"
        (self.folder / "latest-stage3-amd64-openrc.txt").write_bytes(self.signer.clearsigned(text.encode()))
        return home / name


@pytest.fixture
def autobuilds(tmp_path: Path, signer: Signer) -> Autobuilds:
    return Autobuilds(tmp_path / "autobuilds", signer)


class TestStage3Contract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path, autobuilds: Autobuilds) -> Subject:
        autobuilds.publish()
        return Subject(
            TarballOptions(latest=autobuilds.pointer, keyring="keys.asc"),
            folder=tmp_path,
            change=lambda: autobuilds.publish(
                "stage3-amd64-openrc-20261206T170000Z.tar.xz", ts=1_796_600_000, release="2.18"
            ),
            other=TarballOptions(latest=autobuilds.pointer, keyring="keys.asc", exclude=["/dev/*"]),
            elsewhere=(Platform("linux", "arm64"), TarballOptions(latest=autobuilds.pointer, keyring="keys.asc")),
        )


class TestLatestStage3:
    def test_the_newest_archive_is_resolved_once_and_kept(
        self, tmp_path: Path, store: Store, autobuilds: Autobuilds
    ) -> None:
        where = autobuilds.publish()
        one = subject(tmp_path, latest=autobuilds.pointer, keyring="keys.asc", exclude=["/dev/*"])
        one.bind().fetch(store)
        autobuilds.publish("stage3-amd64-openrc-20261206T170000Z.tar.xz", ts=1_796_600_000, release="2.18")
        tree = one.laid(store)
        assert listed(tree) == text("""
            l 0777 0:0 /bin -> usr/bin
            d 0755 0:0 /dev
            d 0755 0:0 /etc
            f 0644 0:0 32 /etc/gentoo-release
            d 0755 0:0 /usr
            d 0755 0:0 /usr/bin
            f 0711 0:0 5 /usr/bin/ping {user.kind=0x70696e67}
            h 0711 0:0 /usr/bin/ping6 => /usr/bin/ping {user.kind=0x70696e67}
        """)
        assert tree[tree_path("/etc/gentoo-release")].origins[0].detail == f"file://{where}"

    def test_without_a_list_of_digests_the_signature_beside_it_counts(
        self, tmp_path: Path, store: Store, autobuilds: Autobuilds
    ) -> None:
        where = autobuilds.publish()
        where.with_name(f"{NAME}.DIGESTS").unlink()
        one = subject(tmp_path, latest=autobuilds.pointer, keyring="keys.asc")
        one.bind().fetch(store)
        assert "/usr/bin/ping" in one.laid(store)
        where.write_bytes(lzma.compress(stage("evil")))
        assert "signature does not fit" in refused(one, Store(tmp_path / "other"))

    def test_a_pointer_of_another_key_is_refused(self, tmp_path: Path, store: Store, autobuilds: Autobuilds) -> None:
        autobuilds.publish()
        other = Signer(tmp_path / "other.asc")
        assert "the key" in refused(subject(tmp_path, latest=autobuilds.pointer, keyring="other.asc"), store)
        assert other.keyring.exists()

    def test_an_older_pointer_than_before_is_refused_unless_it_is_meant(
        self, tmp_path: Path, store: Store, autobuilds: Autobuilds
    ) -> None:
        autobuilds.publish()
        one = subject(tmp_path, latest=autobuilds.pointer, keyring="keys.asc")
        one.bind().fetch(store)
        autobuilds.publish(EARLIER, ts=1_793_600_000, release="2.16")
        refusal = refused(one, store)
        assert "is of 2026-11-02 06:13; the one that was fetched before is of 2026-11-30 00:53" in refusal
        meant = subject(tmp_path, latest=autobuilds.pointer, keyring="keys.asc", older=True)
        meant.bind().fetch(store)
        assert b"2.16" in content(meant.laid(store), tree_path("/etc/gentoo-release"))

    def test_an_archive_that_does_not_fit_its_list_is_refused(
        self, tmp_path: Path, store: Store, autobuilds: Autobuilds
    ) -> None:
        autobuilds.publish().write_bytes(lzma.compress(stage("evil")))
        assert "sha512:" in refused(subject(tmp_path, latest=autobuilds.pointer, keyring="keys.asc"), store)

    def test_offline_the_build_works_with_what_was_fetched(
        self, tmp_path: Path, store: Store, autobuilds: Autobuilds
    ) -> None:
        autobuilds.publish()
        one = subject(tmp_path, latest=autobuilds.pointer, keyring="keys.asc")
        one.bind().fetch(store)
        (autobuilds.folder / "latest-stage3-amd64-openrc.txt").unlink()
        assert "`build` works with what was fetched before" in refused(one, store, DownloadError)
        assert "/usr/bin/ping" in one.laid(store)

    def test_unsigned_has_to_be_said(self, tmp_path: Path, store: Store, autobuilds: Autobuilds) -> None:
        autobuilds.publish()
        assert "no keyring is known" in refused(subject(tmp_path, latest=autobuilds.pointer), store)
        one = subject(tmp_path, latest=autobuilds.pointer, unsigned=True)
        one.bind().fetch(store)
        assert "/usr/bin/ping" in one.laid(store)

    @pytest.mark.parametrize(
        ("lines", "reported"),
        [
            ("# nothing\n", "names 0 archives"),
            ("a/one.tar.xz 1\nb/two.tar.xz 2\n", "names 2 archives, such as a/one.tar.xz, b/two.tar.xz"),
            ("../../etc/passwd 10\n", "which leads elsewhere"),
            ("<html><body> it moved\n", "is not a pointer"),
        ],
    )
    def test_what_is_no_pointer_is_called_that(
        self, lines: str, reported: str, tmp_path: Path, store: Store, signer: Signer
    ) -> None:
        (tmp_path / "latest.txt").write_bytes(signer.clearsigned(lines.encode()))
        one = subject(tmp_path, latest=f"file://{tmp_path}/latest.txt", keyring="keys.asc")
        assert reported in refused(one, store, FormatError)


class TestSignatures:
    def test_of_the_archive_or_of_the_tar_in_it(self, tmp_path: Path, store: Store, signer: Signer) -> None:
        """The second is how kernel.org signs: one signature for every compression."""
        data = archive()
        (tmp_path / "hello.tar.xz").write_bytes(lzma.compress(data))
        (tmp_path / "hello.tar.xz.sig").write_bytes(signer.detached(lzma.compress(data)))
        (tmp_path / "hello.tar.sign").write_bytes(signer.detached(data))
        for name in ("hello.tar.xz.sig", "hello.tar.sign"):
            for place in ({"path": "hello.tar.xz"}, {"url": f"file://{tmp_path}/hello.tar.xz"}):
                one = subject(tmp_path, **place, signature=name, keyring="keys.asc")
                with pytest.raises(NotFetched):
                    one.laid(Store(tmp_path / "new"))
                one.bind().fetch(store)
                assert "/hello-1.0/bin/hello" in one.laid(store)

    def test_a_file_that_changes_after_it_was_verified_has_to_be_fetched_again(
        self, tmp_path: Path, store: Store, signer: Signer
    ) -> None:
        (tmp_path / "hello.tar").write_bytes(archive())
        (tmp_path / "hello.tar.asc").write_bytes(signer.detached(archive()))
        one = subject(tmp_path, path="hello.tar", signature="hello.tar.asc", keyring="keys.asc")
        one.bind().fetch(store)
        (tmp_path / "hello.tar").write_bytes(archive("hello-1.0/bin/evil"))
        with pytest.raises(NotFetched, match="has changed since it was verified"):
            one.laid(store)
        assert "signature does not fit" in refused(one, store)

    @pytest.mark.parametrize("form", ["coreutils", "bsd", "beside"])
    def test_a_signed_list_of_digests(self, form: str, tmp_path: Path, store: Store, signer: Signer) -> None:
        data = archive()
        (tmp_path / "hello.tar").write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        line = f"SHA256 (hello.tar) = {digest}\n" if form == "bsd" else f"{digest} *./hello.tar\n"
        lines = f"{'0' * 64}  other.tar\n{line}".encode()
        (tmp_path / "SUMS").write_bytes(lines if form == "beside" else signer.clearsigned(lines))
        more = {"signature": "SUMS.gpg"} if form == "beside" else {}
        (tmp_path / "SUMS.gpg").write_bytes(signer.detached(lines))
        one = subject(tmp_path, url=f"file://{tmp_path}/hello.tar", digests="SUMS", keyring="keys.asc", **more)
        one.bind().fetch(store)
        assert "/hello-1.0/bin/hello" in one.laid(store)
        (tmp_path / "hello.tar").write_bytes(archive("hello-1.0/bin/evil"))
        assert digest in refused(one, Store(tmp_path / "other"))

    def test_a_list_without_the_archive_names_what_is_like_it(
        self, tmp_path: Path, store: Store, signer: Signer
    ) -> None:
        (tmp_path / "hello.tar").write_bytes(archive())
        (tmp_path / "SUMS").write_bytes(signer.clearsigned(f"{'0' * 64}  helo.tar\n".encode()))
        one = subject(tmp_path, path="hello.tar", digests="SUMS", keyring="keys.asc")
        assert refused(one, store, FormatError) == (
            "the list SUMS has no SHA512 or SHA256 of hello.tar | "
            "it has that of helo.tar: see whether the two belong together"
        )

    def test_two_digests_of_one_file_are_none(self, tmp_path: Path, store: Store, signer: Signer) -> None:
        (tmp_path / "hello.tar").write_bytes(archive())
        lines = f"{hashlib.sha256(archive()).hexdigest()}  hello.tar\n{'0' * 64}  hello.tar\n"
        (tmp_path / "SUMS").write_bytes(signer.clearsigned(lines.encode()))
        one = subject(tmp_path, path="hello.tar", digests="SUMS", keyring="keys.asc")
        assert "has two different digests of hello.tar" in refused(one, store)

    def test_sha512_counts_as_sha256_does(self, tmp_path: Path, store: Store) -> None:
        data = archive()
        (tmp_path / "hello.tar").write_bytes(data)
        right = hashlib.sha512(data).hexdigest()
        for place in ({"path": "hello.tar"}, {"url": f"file://{tmp_path}/hello.tar"}):
            one = subject(tmp_path, **place, sha512=right)
            one.bind().fetch(store)
            assert "/hello-1.0/bin/hello" in one.laid(store)
            assert right in refused(subject(tmp_path, **place, sha512="1" * 128), store)
            assert right in refused(
                subject(tmp_path, **place, sha256=hashlib.sha256(data).hexdigest(), sha512="1" * 128), store
            )


class TestIncluded:
    def test_only_what_matches_is_taken_with_the_folders_above_it(self, tmp_path: Path, store: Store) -> None:
        (tmp_path / "stage.tar").write_bytes(stage())
        one = subject(tmp_path, path="stage.tar", include=["/usr/bin/ping6", "/etc"], exclude=["*-release"])
        assert listed(one.laid(store)) == text("""
            d 0755 0:0 /etc
            d 0755 0:0 /usr
            d 0755 0:0 /usr/bin
            f 0711 0:0 5 /usr/bin/ping6 {user.kind=0x70696e67}
        """)

    def test_a_glob_that_matches_nothing_is_named_with_near_misses(self, tmp_path: Path, store: Store) -> None:
        (tmp_path / "stage.tar").write_bytes(stage())
        with pytest.raises(UsageError, match="include: /usr/bin/pnig matches nothing in the archive") as caught:
            subject(tmp_path, path="stage.tar", include=["/usr/bin/pnig"]).laid(store)
        assert caught.value.hint == "did you mean /usr/bin/ping or /usr/bin/ping6 or /usr/bin?"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"url": "http://x.example/y", "signature": "y.asc"}, "keyring: name the file with the keys"),
        ({"path": "x", "keyring": "k"}, "there is nothing that its keys have signed"),
        ({"latest": "http://x.example/l", "sha256": "0" * 64}, "latest: finds the digest and the signature itself"),
        ({"path": "x", "older": True}, "unsigned: and older: are for latest: only"),
        ({"path": "x", "sha512": "0" * 64}, "sha512: '0+' is not a digest; write what sha512sum prints"),
        ({"latest": "latest.txt"}, "latest: 'latest.txt' is not an address"),
        ({"latest": "http://x.example/l", "path": "x"}, "write one of path:, url: and latest:, not path: and latest:"),
    ],
)
def test_a_fault_in_the_options_says_what_to_write(options: dict[str, object], fault: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=fault):
        msgspec.convert(options, TarballOptions)
