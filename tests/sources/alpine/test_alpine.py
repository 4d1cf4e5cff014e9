"""The source `alpine` from a repository to a tree: what it brings, and what it refuses."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fromscratch.errors import Conflict, DownloadError, ImageError, IntegrityError, NotFetched, UsageError
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.alpine.options import AlpineOptions
from fromscratch.sources.alpine.source import AlpineSource
from fromscratch.sources.contract import Context
from tests.formats.alpine.packages import apk, checksum, packed, paragraph, piece
from tests.formats.alpine.signing import signing_key
from tests.sources.alpine.repository import BASE, DAY, Repository
from tests.sources.contract import SourceContract, Subject

MUSL = apk(
    "musl",
    {"lib": None, "lib/ld-musl-x86_64.so.1@755": b"loader"},
    "1.2.5-r0",
    provides="so:libc.musl-x86_64.so.1=1",
)
JQ = apk(
    "jq",
    {"usr": None, "usr/bin": None, "usr/bin/jq@755": b"jq"},
    "1.7-r0",
    depend=["so:libc.musl-x86_64.so.1", "oniguruma"],
)
ONIGURUMA = apk("oniguruma", {"usr": None, "usr/lib": None, "usr/lib/libonig.so.5": b"onig"}, "6.9-r0")
BASELAYOUT = apk(
    "alpine-baselayout",
    {
        "etc": None,
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
        "etc/group": b"root:x:0:root\nshadow:x:42:\nnogroup:x:65533:\n",
        "etc/shadow@640": b"root:*::0:::::\n",
    },
    owners={"etc/shadow": "root:shadow"},
)


class Scene:
    """A repository, a store, and sources over them."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(folder / "repository")
        self.store = Store(folder / "store")
        self.folder = folder
        self.machine = folder / "machine"
        self.notes: list[str] = []

    def source(self, *packages: str, platform: str = "linux/amd64", day: int = 0, **more: Any) -> AlpineSource:
        options: dict[str, Any] = {"repositories": [self.repository.address], "keys": str(self.repository.keys)}
        context = Context(folder=self.folder, place="rootfs[0]", platform=Platform.parse(platform))
        made = AlpineOptions(packages=list(packages), **(options | more))
        return AlpineSource(made, context, machine=self.machine, now=lambda: BASE + (day + 1) * DAY)

    def tree(self, *packages: str, **more: Any) -> Rootfs:
        source = self.source(*packages, **more)
        source.fetch(self.store)
        return source.build(self.store)

    def refusal(self, kind: type[ImageError], *packages: str, **more: Any) -> str:
        with pytest.raises(kind) as caught:
            self.tree(*packages, **more)
        return caught.value.message


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.repository.publish(MUSL, JQ, ONIGURUMA, BASELAYOUT)
    return made


class TestContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        repository = Repository(tmp_path / "repository")
        scripted = apk("font", {"etc": None}, scripts={"post-install": "echo made >/etc/made\n"})
        repository.publish(MUSL, JQ, ONIGURUMA, scripted)
        repository.publish(apk("jq", architecture="aarch64"), architecture="aarch64")
        newer = apk("jq", {"usr": None, "usr/jq": b"newer"}, "1.8-r0")
        where: dict[str, Any] = {"repositories": [repository.address], "keys": str(repository.keys)}

        def spoil() -> None:
            repository.key = signing_key(bits=1032)  # of the same name
            repository.publish(MUSL, JQ, ONIGURUMA, scripted)

        return Subject(
            AlpineOptions(packages=["jq", "font"], **where),
            folder=tmp_path,
            change=lambda: repository.publish(MUSL, newer, ONIGURUMA, scripted, day=1),
            other=AlpineOptions(packages=["musl"], **where),
            spoil=spoil,
            elsewhere=(Platform("linux", "arm64"), AlpineOptions(packages=["jq"], **where)),
            recorded="oniguruma",
            scripted="/etc/made",
        )


def text(tree: Rootfs, path: str) -> str:
    entry = tree.find(path)
    assert isinstance(entry, File)
    return read(entry.content).decode()


def test_a_package_comes_with_what_it_needs(scene: Scene) -> None:
    shipped = [path for path in scene.tree("jq", records=False) if path.startswith(("/usr/", "/lib/"))]
    assert shipped == ["/lib/ld-musl-x86_64.so.1", "/usr/bin", "/usr/bin/jq", "/usr/lib", "/usr/lib/libonig.so.5"]


def test_why_says_who_needs_it(scene: Scene) -> None:
    tree = scene.tree("jq")
    chain = [f"{one.reason} {one.detail}" for one in tree[TreePath("/usr/lib/libonig.so.5")].origins[0].chain()]
    assert chain == ["shipped in oniguruma 6.9-r0", "needed by jq (depends: oniguruma)", "asked for jq in rootfs[0]"]


def test_the_records_of_apk(scene: Scene) -> None:
    tree = scene.tree("jq", "alpine-baselayout")
    assert text(tree, "/etc/apk/world") == "alpine-baselayout\njq\n"
    assert text(tree, "/etc/apk/arch") == "x86_64\n"
    assert "/etc/apk/keys/test.rsa.pub" in tree
    [first, *_] = text(tree, "/lib/apk/db/installed").split("\n\n")
    assert [line for line in first.split("\n") if line[:2] in ("P:", "V:", "F:", "R:", "a:")] == [
        "P:alpine-baselayout",
        "V:1-r0",
        "F:etc",
        "R:passwd",
        "R:group",
        "R:shadow",
        "a:0:1000:640",
    ]


def test_two_items_of_one_recipe_list_a_package_once(scene: Scene) -> None:
    first = scene.tree("musl")
    source = scene.source("jq")
    source.fetch(scene.store)
    tree = source.lay(first, scene.store, replace=False)
    names = [line for line in text(tree, "/lib/apk/db/installed").split("\n") if line.startswith("P:")]
    assert names == ["P:musl", "P:jq", "P:oniguruma"]
    assert text(tree, "/etc/apk/world") == "musl\njq\n"


def test_without_records(scene: Scene) -> None:
    assert not any("apk" in path for path in scene.tree("jq", records=False))


def test_the_plan_is_used_while_the_index_stays(scene: Scene) -> None:
    source = scene.source("jq")
    source.fetch(scene.store)
    before = source.plan(scene.store)
    for file in (scene.repository.folder / "main/x86_64").glob("*.apk"):
        file.unlink()
    source.fetch(scene.store)
    assert source.plan(scene.store) == before
    assert "/usr/bin/jq" in source.build(scene.store)


def test_pins_name_indexes_and_packages(scene: Scene) -> None:
    source = scene.source("musl")
    source.fetch(scene.store)
    [index, package] = source.pins(scene.store)
    assert (index.kind, index.name) == ("index", f"{scene.repository.address}/x86_64")
    assert (package.kind, package.name, package.version) == ("package", "musl", "1.2.5-r0")
    assert package.digest.startswith("sha256:")


def test_build_before_fetch(scene: Scene) -> None:
    with pytest.raises(NotFetched, match="alpine repository/main for linux/amd64 has not been fetched"):
        scene.source("jq").build(scene.store)


def test_another_architecture(scene: Scene) -> None:
    scene.repository.publish(
        apk("musl", {"lib": None, "lib/x": b"arm"}, architecture="aarch64"), architecture="aarch64"
    )
    assert "/lib/x" in scene.tree("musl", platform="linux/arm64")
    assert "there is no APKINDEX.tar.gz at" in scene.refusal(DownloadError, "musl", platform="linux/s390x")
    assert "Alpine has no packages for linux/mips64le" in scene.refusal(UsageError, "musl", platform="linux/mips64le")


def test_tagged_repositories(scene: Scene) -> None:
    scene.repository.publish(apk("jq", {"new": b"x"}, "1.9-r0"), part="edge")
    where = [scene.repository.address, f"@edge file://{scene.repository.folder}/edge"]
    assert "/new" not in scene.tree("jq", repositories=where)
    tree = scene.tree("jq@edge", repositories=where)
    assert "/new" in tree
    assert text(tree, "/etc/apk/world") == "jq@edge\n"
    assert "\ns:edge\n" in text(tree, "/lib/apk/db/installed")


def test_a_folder_as_repository(scene: Scene) -> None:
    assert "/usr/bin/jq" in scene.tree("jq", repositories=["repository/main"])


def test_this_machines_repositories_and_keys(scene: Scene) -> None:
    keys = scene.machine / "etc/apk/keys"
    keys.mkdir(parents=True)
    (scene.machine / "etc/apk/repositories").write_text(f"# mine\n{scene.repository.address}\n")
    (keys / "test.rsa.pub").write_bytes(signing_key().pem)
    assert "/usr/bin/jq" in scene.tree("jq", repositories=[], keys=[])


def test_keys_by_address(scene: Scene) -> None:
    assert "/usr/bin/jq" in scene.tree("jq", keys=f"file://{scene.repository.keys}/test.rsa.pub")


def test_a_package_in_the_folder_of_its_own_architecture(scene: Scene) -> None:
    folder = scene.repository.folder / "main"
    scene.repository.publish(apk("data", {"x": b"y"}, architecture="noarch"))
    (folder / "noarch").mkdir()
    (folder / "x86_64/data-1-r0.apk").rename(folder / "noarch/data-1-r0.apk")
    assert "/x" in scene.tree("data")


def test_an_index_of_version_3_alone(scene: Scene) -> None:
    folder = scene.repository.folder / "main/x86_64"
    (folder / "APKINDEX.tar.gz").rename(folder / "Packages.adb")
    assert "is of version 3 of apk's formats (Packages.adb)" in scene.refusal(ImageError, "jq")


def test_no_repository_is_known(scene: Scene) -> None:
    assert "no repository is known" in scene.refusal(ImageError, "jq", repositories=[])


def test_excluded_packages(scene: Scene) -> None:
    tree = scene.tree("jq", exclude=["oniguruma"])
    assert ("/usr/bin/jq" in tree, "/usr/lib/libonig.so.5" in tree) == (True, False)


class TestTrust:
    def test_unsigned(self, scene: Scene) -> None:
        scene.repository.publish(MUSL, signed=False)
        assert scene.refusal(IntegrityError, "musl").endswith("is not signed")
        assert "/lib/ld-musl-x86_64.so.1" in scene.tree("musl", unsigned=True)

    def test_signed_by_another_key(self, scene: Scene) -> None:
        scene.repository.key = signing_key("other.rsa.pub")
        scene.repository.publish(MUSL)
        assert scene.refusal(IntegrityError, "musl").endswith("is signed by other.rsa.pub, which is not trusted")

    def test_an_older_index_than_before(self, scene: Scene) -> None:
        scene.repository.publish(MUSL, day=5)
        scene.tree("musl", day=5)
        scene.repository.publish(apk("musl", {"lib": None}, "1.2.4-r0"), day=3)
        assert scene.refusal(IntegrityError, "musl", day=5).endswith(
            "is of 2023-11-17 22:13 UTC, and thus older than the one of 2023-11-19 22:13 UTC that was fetched before"
        )
        assert "/lib" in scene.tree("musl", day=5, older=True)

    def test_an_index_of_the_future_does_not_shut_out_the_others(self, scene: Scene) -> None:
        scene.repository.publish(MUSL, day=50)
        scene.tree("musl", day=1)
        scene.repository.publish(MUSL, JQ, day=1)
        assert "/lib" in scene.tree("musl", day=1)

    def test_a_package_that_is_not_the_one_of_the_index(self, scene: Scene) -> None:
        listed = paragraph(MUSL).replace(checksum(MUSL), checksum(JQ)).encode()
        place = scene.repository.folder / "main/x86_64"
        (place / "APKINDEX.tar.gz").write_bytes(packed(piece({"APKINDEX": listed}, end=True)))
        assert scene.refusal(IntegrityError, "musl", unsigned=True) == (
            "musl-1.2.5-r0.apk is not the package that the index lists: its control segment has the checksum "
            f"{checksum(MUSL)}, not {checksum(JQ)}"
        )
        scene.repository.publish(MUSL)
        assert "/lib/ld-musl-x86_64.so.1" in scene.tree("musl")

    def test_changed_data(self, scene: Scene) -> None:
        path = scene.repository.folder / "main/x86_64/musl-1.2.5-r0.apk"
        path.write_bytes(MUSL[:-30] + b"x" * 30)
        assert "its data has the SHA-256" in scene.refusal(IntegrityError, "musl")

    def test_files_of_version_3(self, scene: Scene) -> None:
        (scene.repository.folder / "main/x86_64/APKINDEX.tar.gz").write_bytes(b"ADBd" + bytes(60))
        assert "is of version 3 of apk's formats (ADB)" in scene.refusal(ImageError, "musl")


class TestScripts:
    NGINX = apk(
        "nginx",
        {"var": None, "var/lib": None, "var/lib/nginx@700": None},
        depend="alpine-baselayout",
        owners={"var/lib/nginx": "nginx:www-data"},
        scripts={
            "pre-install": "#!/bin/sh\n\naddgroup -S -g 82 www-data 2>/dev/null\naddgroup -S nginx 2>/dev/null\n"
            "adduser -S -D -H -h /var/lib/nginx -s /sbin/nologin -G nginx -g nginx nginx 2>/dev/null\n"
            "addgroup nginx www-data 2>/dev/null\n\nexit 0\n"
        },
    )

    def test_accounts_are_made_and_own_their_files(self, scene: Scene) -> None:
        scene.repository.publish(BASELAYOUT, self.NGINX)
        source = scene.source("nginx")
        source.fetch(scene.store)
        tree = source.build(scene.store)
        assert text(tree, "/etc/passwd").endswith("nginx:x:100:100:nginx:/var/lib/nginx:/sbin/nologin\n")
        assert text(tree, "/etc/group").endswith("www-data:x:82:nginx\nnginx:x:100:nginx\n")
        meta = tree[TreePath("/var/lib/nginx")].meta
        assert (meta.uid, meta.gid, meta.mode) == (100, 82, 0o700)
        assert "\nF:var/lib/nginx\nM:100:82:700\n" in text(tree, "/lib/apk/db/installed")
        assert source.notes(scene.store) == []

    def test_other_scripts_are_listed(self, scene: Scene) -> None:
        scene.repository.publish(
            apk("fonts", {"etc": None}, scripts={"post-install": "fc-cache\n", "post-upgrade": "fc-cache\n"}),
            apk("glib", {"usr": None}, scripts={"trigger": "compile-schemas\n"}, triggers="/usr/share/schemas"),
            apk("gtk", {"opt": None}, scripts={"trigger": "cache\n"}, triggers="/opt /usr/share/icons/*"),
        )
        source = scene.source("fonts", "glib", "gtk")
        source.fetch(scene.store)
        source.build(scene.store)
        assert source.notes(scene.store) == ["fonts 1-r0: post-install not run", "gtk 1-r0: trigger not run"]


class TestFilesOfTwoPackages:
    def installed(self, scene: Scene, *packages: bytes) -> Callable[[], Rootfs]:
        scene.repository.publish(*packages)
        return lambda: scene.tree("a", "b")

    def test_a_conflict_names_both(self, scene: Scene) -> None:
        make = self.installed(scene, apk("a", {"etc": None, "etc/x": b"a"}), apk("b", {"etc": None, "etc/x": b"b"}))
        with pytest.raises(Conflict) as caught:
            make()
        assert caught.value.message == (
            "packages disagree about what stands at a path:\n  /etc/x: file of a 1-r0 against file of b 1-r0"
        )

    def test_one_that_replaces_the_other(self, scene: Scene) -> None:
        tree = self.installed(scene, apk("a", {"x": b"a"}), apk("b", {"x": b"b"}, replaces="a"))()
        assert text(tree, "/x") == "b"
        assert text(tree, "/lib/apk/db/installed").count("R:x\n") == 1

    def test_the_higher_priority_wins_whichever_comes_first(self, scene: Scene) -> None:
        one = apk("a", {"x": b"a"}, replaces="b", replaces_priority="5")
        other = apk("b", {"x": b"b"}, replaces="a", replaces_priority="3")
        assert text(self.installed(scene, one, other)(), "/x") == "a"

    def test_packages_of_one_source(self, scene: Scene) -> None:
        tree = self.installed(scene, apk("a", {"x": b"a"}, origin="s"), apk("b", {"x": b"b"}, origin="s"))()
        assert text(tree, "/x") == "b"

    def test_a_folder_has_the_modes_that_both_give_it(self, scene: Scene) -> None:
        tree = self.installed(scene, apk("a", {"d@750": None}), apk("b", {"d@705": None}))()
        assert tree[TreePath("/d")].meta.mode == 0o700

    def test_a_merged_usr(self, scene: Scene) -> None:
        layout = apk("b", {"usr": None, "usr/lib": None, "lib": "usr/lib"})
        tree = self.installed(scene, apk("a", {"lib": None, "lib/ld.so": b"x"}), layout)()
        assert tree.find("/usr/lib/ld.so", follow_last=False) is not None

    def test_two_targets_of_one_link(self, scene: Scene) -> None:
        make = self.installed(scene, apk("a", {"lib": "usr/lib"}), apk("b", {"lib": "usr/lib64"}))
        with pytest.raises(Conflict, match="/lib: symlink of a 1-r0 against symlink of b 1-r0"):
            make()

    def test_files_that_only_describe_or_keep_are_left_out(self, scene: Scene) -> None:
        files: dict[str, bytes | str | None] = {"d": None, "d/.keep_dir": b"", ".hidden": b"x", "d/.profile": b"y"}
        tree = self.installed(scene, apk("a", files), apk("b"))()
        assert [path for path in ("/d/.keep_dir", "/.hidden", "/d/.profile") if path in tree] == ["/d/.profile"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"packages": []}, "packages: name at least one"),
        ({"packages": ["!a"]}, "packages: name at least one"),
        ({"packages": ["a b"]}, "'a b' is not a dependency of an Alpine package"),
        ({"packages": ["a=1bc"]}, "'a=1bc' is not a dependency of an Alpine package"),
        ({"packages": ["a"], "exclude": ["b=1"]}, "exclude: 'b=1' is not the name of a package"),
        ({"packages": ["a"], "repositories": ["ftp://x/y"]}, "'ftp://x/y' is not a repository"),
        ({"packages": ["a"], "repositories": ["@edge"]}, "'@edge' is not a repository"),
        ({"packages": ["a@edge"], "repositories": ["https://x/y"]}, "no repository has the tag edge"),
        ({"packages": ["a"], "repositories": ["@edge https://x/y"]}, "repositories: every one has a tag"),
        ({"packages": ["a"], "exclude": ["a"]}, "packages: a is excluded too"),
        ({"packages": ["a", "a>1"]}, "packages: a is there twice"),
        ({"packages": ["a"], "keys": "http://x/a.pub"}, "'http://x/a.pub' cannot be trusted"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        AlpineOptions(**options)


def test_names_and_versions_that_no_index_has_are_told_apart(scene: Scene) -> None:
    names = ["jq", "jq=9-r0", "jq>=1", "jqq", "so:none.so.1"]
    assert scene.source("jq").unavailable(scene.store, names) == {"jq=9-r0", "jqq", "so:none.so.1"}
