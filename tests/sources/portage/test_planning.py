"""The pure parts of planning: profiles, tools of this machine, keys of binary packages, addresses, and progress."""

from pathlib import Path
from typing import Any

import pytest

from fromscratch.errors import DownloadError, FormatError, ImageError, IntegrityError, UsageError
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.progress import SILENT
from fromscratch.sources.portage import binhosts, distfiles, machine_tools, profiles
from fromscratch.sources.portage.emerge import Watcher
from fromscratch.sources.portage.plan import Distfile, Plan, PlannedPackage

PROFILES = """\
# a comment
amd64  default/linux/amd64/23.0              stable
amd64  default/linux/amd64/23.0/no-multilib  stable  # the one
amd64  default/linux/amd64/23.0/systemd      dev
arm64  default/linux/arm64/23.0              stable
"""
AMD64, ARM64, RISCV64 = (Platform.parse(f"linux/{name}") for name in ("amd64", "arm64", "riscv64"))


def chosen(wish: str, platform: Platform = AMD64, text: str = PROFILES) -> str:
    listed = list(profiles.parse(text))
    known = {("gentoo", each.path) for each in listed} | {("ours", "small")}
    return profiles.choose(wish, platform, "gentoo", listed, lambda *each: each in known)


def test_the_profile_that_is_taken_without_a_wish() -> None:
    assert chosen("") == "gentoo:default/linux/amd64/23.0/no-multilib"
    assert chosen("", ARM64) == "gentoo:default/linux/arm64/23.0"
    assert chosen("", text="amd64 only exp\n") == "gentoo:only"


def test_a_profile_by_its_name() -> None:
    assert chosen("default/linux/amd64/23.0/systemd") == "gentoo:default/linux/amd64/23.0/systemd"
    assert chosen("ours:small") == "ours:small"


def test_a_profile_that_is_not_there() -> None:
    with pytest.raises(UsageError) as error:
        chosen("default/linux/amd64/23.1")
    assert error.value.message == "profile: gentoo has no profiles/default/linux/amd64/23.1"
    assert error.value.hint.startswith("did you mean default/linux/amd64/23.0 or ")
    with pytest.raises(ImageError) as missing:
        chosen("", RISCV64)
    assert (missing.value.message, missing.value.hint) == (
        "portage: gentoo has no profile for linux/riscv64 (riscv)",
        "it has some for amd64, arm64",
    )


def test_this_machine_counts_as_every_version_of_the_tools_that_it_has() -> None:
    versions = {
        "dev-build/make": {"4.4.1", "4.3-r1"},
        "dev-build/meson": {"1.5.0"},
        "dev-util/own": {"1"},
        "app-misc/jq": {"1.7"},
        "sys-libs/glibc": {"2.41"},
    }
    assert machine_tools.provided(versions, lambda program: program == "make", ["dev-util/own"]) == [
        "dev-build/make-4.3-r1",
        "dev-build/make-4.4.1",
        "dev-util/own-1",
    ]
    assert machine_tools.c_library(versions) == ["sys-libs/glibc-2.41"]


def test_how_to_get_tools() -> None:
    assert machine_tools.advice_for(["dev-build/ninja", "sys-devel/gettext", "dev-util/strange"]) == (
        "install them, on Debian for example with: apt-get install ninja-build gettext; "
        "if this machine has what is in dev-util/strange, say so under tools:"
    )
    assert machine_tools.lacking(["dev-build/ninja", "app-misc/jq", "dev-build/make"], "make".__eq__) == [
        "dev-build/ninja"
    ]


def package(name: str, parents: list[str], **said: Any) -> PlannedPackage:
    facts = {"version": "1", "repository": "tiny", "slot": "0", "use": [], "flags": [], "in_target": True}
    return PlannedPackage(name=name, parents=parents, **{**facts, "asked": False, "sources": "s", **said})


def keys(salt: str = "", **library: Any) -> dict[str, str]:
    packages = [
        package("dev-libs/low", ["dev-libs/mid-1"], **library),
        package("dev-libs/mid", ["app-misc/top-1"]),
        package("app-misc/top", [], asked=True),
        package("app-misc/apart", [], asked=True),
    ]
    return Plan(repositories=[], profile="", packages=packages, provided=[], tools=[]).keys(salt)


def test_a_binary_package_is_kept_by_all_that_it_was_made_of() -> None:
    before = keys()
    assert keys() == before
    for change in ({"sources": "t"}, {"use": ["ssl"]}, {"repository": "other"}):
        after = keys(**change)
        assert [cpv for cpv in before if after[cpv] != before[cpv]] == [
            "dev-libs/low-1",
            "dev-libs/mid-1",
            "app-misc/top-1",
        ]
    assert not set(keys("another compiler").values()) & set(before.values())


def distfile(**said: Any) -> Distfile:
    return Distfile(**{"name": "a-1.tar.gz", "size": 4, "digests": {"SHA512": "0" * 128}, **said})


def test_a_source_archive_is_looked_for_on_mirrors_first(tmp_path: Path) -> None:
    each = distfile(addresses=["https://home.example.org/a-1.tar.gz", "ftp://old.example.org/a-1.tar.gz"])
    found = distfiles.addresses(each, ["https://mirror.example.org/", *distfiles.mirror_addresses(["dist"], tmp_path)])
    assert found == [
        "https://mirror.example.org/distfiles/93/a-1.tar.gz",
        "https://mirror.example.org/distfiles/a-1.tar.gz",
        f"{tmp_path.as_uri()}/dist/a-1.tar.gz",
        f"{tmp_path.as_uri()}/dist/distfiles/a-1.tar.gz",
        "https://home.example.org/a-1.tar.gz",
    ]


def test_source_archives_that_cannot_be_downloaded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for each, message in (
        (distfile(restricted=True, addresses=["https://h/a"]), "a-1.tar.gz may not be downloaded by programs"),
        (distfile(addresses=["ftp://h/a"]), "a-1.tar.gz is at ftp://h/a, which cannot be downloaded here"),
        (distfile(), "a-1.tar.gz is at no address"),
    ):
        with pytest.raises(DownloadError, match=message):
            distfiles.fetch(store, [each], [], SILENT, 1)
    with pytest.raises(IntegrityError, match=r"the Manifest has no SHA512 of a-1\.tar\.gz"):
        distfiles.fetch(store, [distfile(digests={"SHA1": "00"})], [], SILENT, 1)


def test_a_source_archive_that_is_another_one(tmp_path: Path) -> None:
    (tmp_path / "a-1.tar.gz").write_bytes(b"evil")
    with pytest.raises(IntegrityError, match="sha512:0000"):
        distfiles.fetch(Store(tmp_path / "store"), [distfile()], [tmp_path.as_uri()], SILENT, 1)


class Task:
    """Writes down what is reported."""

    def __init__(self) -> None:
        self.said: list[str | int] = []

    def advance(self, amount: int) -> None:
        self.said.append(amount)

    def describe(self, text: str) -> None:
        self.said.append(text)

    def expect(self, total: int) -> None:
        self.said.append(f"of {total}")

    def pulse(self, text: str = "", left: float | None = None) -> None: ...


def test_the_progress_of_emerge() -> None:
    task = Task()
    plan = Plan(
        repositories=[],
        profile="",
        packages=[package("dev-libs/low", []), package("app-misc/top", [])],
        provided=[],
        tools=[],
    )
    watcher = Watcher(task, plan)
    for line in (
        ">>> Emerging binary (1 of 2) dev-libs/low-1::tiny for /r/",
        ">>> Installing (1 of 2) dev-libs/low-1::tiny to /r/",
        ">>> Jobs: 1 of 2 complete",
        ">>> Completed (1 of 2) dev-libs/low-1::tiny to /r/",
        ">>> Emerging (2 of 2) app-misc/top-1::tiny for /r/",
        ">>> Installing (2 of 2) app-misc/top-1::tiny to /r/",
        ">>> Completed (2 of 2) app-misc/top-1::tiny to /r/",
    ):
        watcher.line(line.encode() + b"\n")
    assert task.said == [
        "of 4",
        "unpacking dev-libs/low-1",
        *("installing dev-libs/low-1", 1, 1),
        "building app-misc/top-1",
        *("installing app-misc/top-1", 1, 1),
    ]
    assert watcher.built == ["app-misc/top-1"]


INDEX = """\
PACKAGES: 3
VERSION: 0

BUILD_TIME: 5
CPV: app-misc/a-1
PATH: app-misc/a/a-1-1.gpkg.tar
REPO: tiny
SHA1: AB
SIZE: 7
USE: amd64 ssl

BUILD_TIME: 6
CPV: app-misc/a-1
PATH: app-misc/a/a-1-2.gpkg.tar
SIZE: 8
USE: ssl

CPV: app-misc/a-1
PATH: app-misc/a/a-1-3.gpkg.tar
REPO: other
SIZE: 9
USE: ssl

CPV: app-misc/a-1
PATH: app-misc/a/a-1-4.gpkg.tar
REPO: tiny
SIZE: 9
"""


def test_the_binary_package_that_fits_a_plan() -> None:
    offers = list(binhosts.parse(INDEX, "Packages"))
    assert [each.size for each in offers] == [7, 8, 9, 9]
    assert offers[0].hashes == {"SHA1": "ab"}
    newest = binhosts.fitting(package("app-misc/a", [], use=["ssl"], flags=["ssl", "nls"]), offers)
    assert newest is not None
    assert newest.path == "app-misc/a/a-1-2.gpkg.tar"
    plain = binhosts.fitting(package("app-misc/a", [], flags=["ssl"]), offers)
    assert plain is not None
    assert plain.size == 9
    assert binhosts.fitting(package("app-misc/a", [], use=["nls"], flags=["ssl", "nls"]), offers) is None
    assert binhosts.fitting(package("app-misc/a", [], version="2"), offers) is None


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.gpkg.tar", "a/../../b", "https://h/a", ""])
def test_an_index_that_leads_elsewhere(path: str) -> None:
    with pytest.raises(FormatError):
        list(binhosts.parse(f"VERSION: 0\n\nCPV: a/b-1\nPATH: {path}\nSIZE: 1\n", "Packages"))


def test_an_index_without_sizes() -> None:
    with pytest.raises(FormatError, match="has no size"):
        list(binhosts.parse("VERSION: 0\n\nCPV: a/b-1\nPATH: a\nSIZE: many\n", "Packages"))


def test_a_binary_package_is_kept_by_its_own_digest() -> None:
    packages = [package("dev-libs/low", ["app-misc/top-1"], binary=True), package("app-misc/top", [], asked=True)]
    plans = [
        Plan(repositories=[], profile="", packages=packages, provided=[], tools=[], binaries={"dev-libs/low-1": digest})
        for digest in ("sha256:a", "sha256:b")
    ]
    one, other = (plan.keys("salt") for plan in plans)
    assert not set(one.values()) & set(other.values())
