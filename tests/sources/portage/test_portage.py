"""The source from end to end: real ebuilds of a small repository, built by real Portage into images."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.errors import ImageError
from fromscratch.host.container.sandbox import hindrance
from fromscratch.host.process import run
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.contract import Context
from fromscratch.sources.portage import program
from fromscratch.sources.portage.options import PortageOptions
from fromscratch.sources.portage.source import PortageSource
from tests.sources.contract import SourceContract, Subject
from tests.sources.portage.repository import TinyRepository, tiny_repository, with_failures, with_programs

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
    folders = ("usr/lib", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
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
    shipped = [path for path, entry in tree.items() if isinstance(entry, File)]
    ours = [path for path in shipped if "x86_64-linux-gnu" not in path and path != "/etc/ld.so.cache"]
    assert ours == ["/usr/bin/hello", "/usr/lib/libgreet.so.1", "/var/lib/hello/made"]
    assert said_by(tree, tmp_path) == "hello from a library., stamped\n"


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
