"""The source from end to end: real ebuilds of a small repository, built by real Portage into images."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, NotFetched
from fromscratch.host.container.sandbox import hindrance
from fromscratch.host.process import run
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.contract import Context, Pin
from fromscratch.sources.portage import binary_packages, program
from fromscratch.sources.portage.options import PortageOptions
from fromscratch.sources.portage.source import PortageSource
from tests.sources.contract import SourceContract, Subject
from tests.sources.portage.repository import TinyRepository, tiny_repository, with_failures, with_programs
from tests.trees import listed

pytestmark = pytest.mark.slow


class Notes:
    """Keeps what is noted, and what tasks describe."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.steps: list[str] = []

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> "Notes":
        self.texts.append(title)
        return self

    def note(self, text: str) -> None:
        self.texts.append(text)

    def __enter__(self) -> "Notes":
        return self

    def __exit__(self, *_: object) -> None: ...

    def advance(self, amount: int) -> None: ...

    def describe(self, text: str) -> None:
        self.steps.append(text)

    def expect(self, total: int) -> None: ...

    def pulse(self, text: str = "", left: float | None = None) -> None: ...


@pytest.fixture(scope="module", autouse=True)
def portage(tmp_path_factory: pytest.TempPathFactory) -> None:
    try:
        program.find()
        run.need("git", "repositories")
    except ImageError as error:
        pytest.skip(error.message)
    if Platform.of_this_machine().architecture != "amd64":
        pytest.skip("the small repository is for amd64")
    if why := hindrance(tmp_path_factory.mktemp("sandbox")):
        pytest.skip(why)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> TinyRepository:
    return with_failures(with_programs(tiny_repository(tmp_path_factory.mktemp("repository"))))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def source(
    repository: TinyRepository, packages: str | Sequence[str], notes: Notes | None = None, **said: Any
) -> PortageSource:
    options = msgspec.convert(
        {
            "packages": packages,
            "repositories": [str(repository.folder)],
            "mirrors": [str(repository.distfiles)],
            **said,
        },
        PortageOptions,
    )
    context = Context(
        folder=repository.folder.parent,
        place="rootfs[0]",
        platform=Platform.of_this_machine(),
        progress=notes or Notes(),
    )
    return PortageSource(options, context)


def laid(made: PortageSource, store: Store) -> Rootfs:
    made.fetch(store)
    return made.lay(Rootfs(), store, replace=False)


def said_by(tree: Rootfs, folder: Path) -> str:
    """What the program says, started from a copy of the tree by the loader that is in it."""
    for path, entry in tree.items():
        if isinstance(entry, File):
            place = folder / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(read(entry.content))
            place.chmod(0o755)
    [loader] = [path for path in tree if path.endswith("/x86_64-linux-gnu/ld-linux-x86-64.so.2")]
    folders = ("usr/lib64", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
    libraries = ":".join(str(folder / each) for each in folders)
    words = [str(folder / loader.lstrip("/")), "--library-path", libraries, str(folder / "usr/bin/hello")]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class TestContract(SourceContract):
    """One store for all of its tests, so that each does not compile everything anew."""

    @pytest.fixture
    def subject(self, repository: TinyRepository) -> Subject:
        return Subject(
            source(repository, "app-misc/hello")._options,
            folder=repository.folder.parent,
            other=source(repository, "app-misc/hello", keep=["headers"])._options,
        )

    @pytest.fixture
    def store(self, store: Store) -> Store:
        return store


def test_what_is_needed_at_run_time_and_no_more(repository: TinyRepository, store: Store, tmp_path: Path) -> None:
    tree = laid(source(repository, "app-misc/hello"), store)
    names = {path.rpartition("/")[2] for path in tree}
    assert {"hello", "libgreet.so.1", "libc.so.6"} <= names
    assert not {"greet.h", "stamp.h", "libgreet.a", "greet.c", "pkg", "edb", "profile.env"} & names
    assert said_by(tree, tmp_path) == "hello from a library., stamped\n"


def test_owners_and_accounts_that_packages_ask_for(repository: TinyRepository, store: Store) -> None:
    """An ordinary user can make neither: they are made in the image, and what cannot be is told."""
    made = source(repository, "app-misc/hello")
    tree = laid(made, store)
    owners = {path: (entry.meta.uid, entry.meta.gid) for path, entry in tree.items() if entry.meta.uid}
    assert owners == {"/var/lib/hello": (12, 34), "/var/lib/hello/made": (77, 0)}
    passwd = tree[TreePath("/etc/passwd")]
    assert isinstance(passwd, File)
    assert b"hello:x:77:77:greets:/var/lib/hello:/usr/sbin/nologin\n" in read(passwd.content)
    assert made.notes(store) == [
        "/var/lib/hello/made should belong to hello:nobodyknows, which is not an account of the image"
    ]


def test_a_flag_changes_the_program(repository: TinyRepository, store: Store, tmp_path: Path) -> None:
    notes = Notes()
    tree = laid(source(repository, "app-misc/hello", notes, package_use={"app-misc/hello": "loud"}), store)
    assert said_by(tree, tmp_path) == "hello from a library!!!, stamped\n"


def test_the_second_build_takes_binary_packages(repository: TinyRepository, store: Store) -> None:
    laid(source(repository, "app-misc/hello"), store)
    notes = Notes()
    tree = laid(source(repository, ["app-misc/hello", "dev-build/stamp"], notes, keep=["headers"]), store)
    assert TreePath("/usr/include/stamp.h") in tree
    assert [step for step in notes.steps if step.startswith("building")] == []
    assert sorted(step for step in notes.steps if step.startswith("unpacking")) == [
        "unpacking app-misc/hello-1.0",
        "unpacking dev-build/stamp-1.0",
        "unpacking dev-libs/greet-1.0",
    ]


def failure(made: PortageSource, store: Store) -> tuple[str, str]:
    with pytest.raises(ImageError) as error:
        laid(made, store)
    return error.value.message, error.value.hint


@pytest.mark.parametrize(
    ("atom", "message", "hint"),
    [
        (
            "app-misc/helo",
            "no index has app-misc/helo, asked for in rootfs[0]",
            "did you mean app-misc/hello? Or is a repository missing?",
        ),
        (
            "app-misc/above",
            "nothing provides dev-libs/grret, needed by app-misc/wants-1.0 (RDEPEND: dev-libs/grret), "
            "needed by app-misc/above-1.0 (RDEPEND: app-misc/wants), asked for in rootfs[0]",
            "did you mean dev-libs/greet? Or is a repository missing?",
        ),
        (
            "app-misc/closed",
            "app-misc/closed is masked, asked for in rootfs[0]:\n  app-misc/closed-1.0 (Vendor-1.0 license(s))",
            "accept it with  package_license: {app-misc/closed: [Vendor-1.0]}",
        ),
        (
            "app-misc/unstable",
            "app-misc/unstable is masked, asked for in rootfs[0]:\n  app-misc/unstable-1.0 (~amd64 keyword)",
            "accept it with  package_accept_keywords: {app-misc/unstable: [~amd64]}",
        ),
        (
            "app-misc/banned",
            "app-misc/banned is masked, asked for in rootfs[0]:\n  app-misc/banned-1.0 (package.mask)",
            "take it all the same with  package_unmask: [app-misc/banned]",
        ),
        (
            "app-misc/picky",
            "dev-libs/greet[polite] is another dev-libs/greet than the USE flags give, "
            "needed by app-misc/picky-1.0 (RDEPEND: dev-libs/greet[polite]), asked for in rootfs[0]",
            "set them with  package_use: {dev-libs/greet: [polite]}",
        ),
        (
            "app-misc/ring",
            "dev-libs/around-1.0, which needs app-misc/ring-1.0, which needs dev-libs/around-1.0 to be built, "
            "asked for in rootfs[0]",
            "a USE flag of one of them may break the circle, set with package_use:",
        ),
        (
            "app-misc/tooled",
            "portage: this machine lacks tools for what is asked for in rootfs[0]:\n"
            "  dev-build/strange, to build app-misc/tooled-1.0",
            "if this machine has what is in dev-build/strange, say so under tools:",
        ),
    ],
)
def test_what_cannot_be_had_is_explained(
    repository: TinyRepository, store: Store, atom: str, message: str, hint: str
) -> None:
    assert failure(source(repository, atom), store) == (message, hint)


@pytest.mark.parametrize(
    ("atom", "said"),
    [
        ("app-misc/closed", {"package_license": {"app-misc/closed": ["Vendor-1.0"]}}),
        ("app-misc/unstable", {"package_accept_keywords": {"app-misc/unstable": ["~amd64"]}}),
        ("app-misc/banned", {"package_unmask": ["app-misc/banned"]}),
        ("app-misc/tooled", {"tools": ["dev-build/strange"]}),
    ],
)
def test_the_line_of_a_hint_helps(repository: TinyRepository, store: Store, atom: str, said: dict[str, Any]) -> None:
    source(repository, atom, **said).fetch(store)


def test_a_source_archive_that_no_mirror_has(repository: TinyRepository, store: Store) -> None:
    message, _ = failure(source(repository, "app-misc/lost"), store)
    assert message.splitlines() == [
        "cannot download lost-1.0.tar.gz from any of 3 addresses:",
        f"  file://{repository.distfiles}/lost-1.0.tar.gz: there is no such file",
        f"  file://{repository.distfiles}/distfiles/lost-1.0.tar.gz: there is no such file",
        "  file:///nonexistent/lost-1.0.tar.gz: there is no such file",
    ]


def test_a_package_that_does_not_compile(repository: TinyRepository, store: Store) -> None:
    message, _ = failure(source(repository, "app-misc/broken"), store)
    assert message.startswith("portage: app-misc/broken-1.0 failed in its compile phase:\n")
    assert "error: 'nothing' undeclared" in message.replace("‘", "'").replace("’", "'")
    assert message.endswith("  the compiler refused it")


def test_flags_and_profiles_that_are_not_there(repository: TinyRepository, store: Store) -> None:
    assert failure(source(repository, "app-misc/hello", package_use={"app-misc/hello": "lowd"}), store) == (
        "package_use: app-misc/hello has no USE flag lowd",
        "did you mean loud?",
    )
    assert failure(source(repository, "app-misc/hello", profile="minimla"), store) == (
        "profile: tiny has no profiles/minimla",
        "did you mean minimal?",
    )
    notes = Notes()
    source(repository, "app-misc/hello", notes, use="zlib", package_use={"app-misc/other": "x"}).fetch(store)
    assert [text for text in notes.texts if "use:" in text] == [
        "portage app-misc/hello: package_use: app-misc/other is not among the packages",
        "portage app-misc/hello: use: no package has the USE flag zlib",
    ]


def test_another_platform_is_refused(repository: TinyRepository, store: Store) -> None:
    made = source(repository, "app-misc/hello")
    context = msgspec.structs.replace(made._context, platform=Platform.parse("linux/arm64"))
    with pytest.raises(ImageError) as error:
        PortageSource(made._options, context).fetch(store)
    assert error.value.message == ("portage: the compiler of this machine builds for linux/amd64, not for linux/arm64")


def test_what_fetch_settled_is_pinned(repository: TinyRepository, store: Store) -> None:
    made = source(repository, "app-misc/hello")
    with pytest.raises(NotFetched):
        made.pins(Store(store.root.parent / "empty"))
    made.fetch(store)
    pins = made.pins(store)
    assert [(pin.kind, pin.name, pin.version) for pin in pins if pin.kind != "repository"] == [
        ("package", "dev-libs/greet", "1.0"),
        ("package", "dev-build/stamp", "1.0"),
        ("package", "app-misc/hello", "1.0"),
        ("distfile", "greet-1.0.tar.gz", ""),
    ]
    assert pins[0].name == "tiny"
    assert pins[-1] == Pin(
        kind="distfile",
        name="greet-1.0.tar.gz",
        url="https://example.org/greet-1.0.tar.gz",
        digest=str(sha512(repository.distfiles / "greet-1.0.tar.gz")),
    )


def test_an_interrupted_build_leaves_nothing_behind_and_goes_on(repository: TinyRepository, tmp_path: Path) -> None:
    recipe = tmp_path / "fromscratch.yaml"
    item = {
        "packages": ["app-misc/hello", "app-misc/slow"],
        "repositories": [str(repository.folder)],
        "mirrors": [str(repository.distfiles)],
    }
    recipe.write_text(json.dumps({"name": "x", "rootfs": [{"portage": item}], "image": {"cmd": ["/usr/bin/hello"]}}))
    command = [sys.executable, "-m", "fromscratch"]
    environment = {**os.environ, "FROMSCRATCH_STORE": str(tmp_path / "store")}
    subprocess.run([*command, "fetch", "--quiet"], cwd=tmp_path, env=environment, check=True)
    with subprocess.Popen(
        [*command, "build"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as build:
        assert build.stderr is not None
        for line in build.stderr:
            if "building app-misc/slow" in line:
                build.send_signal(signal.SIGINT)
                break
        build.stderr.read()
    assert build.returncode == 130
    assert not processes_below(tmp_path)
    # The packages that were built before are taken from the store.
    recipe.write_text(recipe.read_text().replace(', "app-misc/slow"', ""))
    subprocess.run([*command, "fetch", "--quiet"], cwd=tmp_path, env=environment, check=True)
    again = subprocess.run([*command, "build"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert b"unpacking dev-libs/greet-1.0" in again.stderr


def processes_below(folder: Path) -> list[str]:
    """The commands that run in a folder, or name it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode("utf-8", "replace")
            where = str((process / "cwd").readlink())
        except OSError:
            continue
        if str(folder) in words or where.startswith(str(folder)):
            found.append(words)
    return found


def sha512(path: Path) -> Digest:
    return Digest("sha512", hashlib.sha512(path.read_bytes()).hexdigest())


def test_binary_packages_of_others(repository: TinyRepository, store: Store, tmp_path: Path) -> None:
    """What fits is taken, and nothing is built for it; what has other flags is built."""
    made = source(repository, "app-misc/hello")
    before = laid(made, store)
    host = binhost(made, store, tmp_path)
    notes, other = Notes(), Store(tmp_path / "other")
    again = source(repository, "app-misc/hello", notes, binhosts=[host.as_uri()])
    assert listed(laid(again, other)) == listed(before)
    assert [pin.name for pin in again.pins(other) if pin.kind in ("package", "distfile")] == [
        "dev-libs/greet",
        "app-misc/hello",
    ]
    assert [step for step in notes.steps if step.startswith("building")] == []
    loud = source(repository, "app-misc/hello", binhosts=[host.as_uri()], package_use={"app-misc/hello": "loud"})
    loud.fetch(other)
    assert [pin.name for pin in loud.pins(other) if pin.kind in ("package", "distfile")] == [
        "dev-libs/greet",
        "dev-build/stamp",
        "app-misc/hello",
    ]


def test_a_binary_package_that_is_not_what_its_index_says(
    repository: TinyRepository, store: Store, tmp_path: Path
) -> None:
    made = source(repository, "app-misc/hello")
    laid(made, store)
    host = binhost(made, store, tmp_path)
    archive = host / "app-misc/hello/hello-1.0-1.gpkg.tar"
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    message, _ = failure(source(repository, "app-misc/hello", binhosts=[host.as_uri()]), Store(tmp_path / "other"))
    assert message == "the binary package app-misc/hello-1.0 has not the SHA1 and MD5 of its index"


def binhost(made: PortageSource, store: Store, place: Path) -> Path:
    """A folder with the binary packages that the store has of a build, and their index."""
    plan = made._plan(store)
    folder = place / "binhost"
    binary_packages.put(store, plan.keys(made._salt(plan, store)), folder)
    stanzas = ["PACKAGES: 3\nVERSION: 0\n"]
    for package in plan.packages:
        [archive] = folder.glob(f"{package.name}/*.gpkg.tar")
        data = archive.read_bytes()
        md5, sha1 = (hashlib.new(kind, data, usedforsecurity=False).hexdigest() for kind in ("md5", "sha1"))
        stanzas.append(
            f"BUILD_TIME: 1\nCPV: {package.cpv}\nMD5: {md5}\nPATH: {archive.relative_to(folder)}\nREPO: tiny\n"
            f"SHA1: {sha1}\nSIZE: {len(data)}\nUSE: {' '.join(package.use)}\n"
        )
    (folder / "Packages").write_text("\n".join(stanzas))
    return folder
