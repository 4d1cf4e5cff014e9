"""A recipe built twice: the same image, or the first difference, what makes it, and why the entry is there."""

import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import fields, replace

from fromscratch.errors import ImageError
from fromscratch.flow.assembly import Job
from fromscratch.formats.packing import codec
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.progress import SILENT, Progress, Task
from fromscratch.proof.conditions import ALL
from fromscratch.proof.twice import Twice, build_twice
from fromscratch.recipe import schema as recipe
from tests.made_images import HERE
from tests.proof.dependent import depend_on


def user_can_vary() -> bool:
    """Whether root can make another user read the folders of a test, which pytest shuts: CAP_DAC_READ_SEARCH."""
    status = Path("/proc/self/status").read_text()
    return os.geteuid() == 0 and bool(int(status.partition("CapEff:")[2].split()[0], 16) & 1 << 2)


CONDITIONS = [name for name in ALL if name != "user" or user_can_vary()]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the second builds are made, and where nothing may stay."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def job(folder: Path, text: str, *, progress: Progress = SILENT, jobs: int = 2) -> Job:
    made = folder / "recipe"
    (made / "files/etc").mkdir(parents=True, exist_ok=True)
    (made / "files/etc/motd").write_text("welcome\n")
    (made / "files/etc/issue").write_text("here\n")
    return Job(
        recipe=recipe.parse(f"name: demo\n{text}", "fromscratch.yaml"),
        folder=made,
        store=Store(folder / "store"),
        output=folder / "output",
        platforms=(HERE,),
        progress=progress,
        jobs=jobs,
    )


OVERLAY = "rootfs: [{overlay: files}]"


def described(twice: Twice) -> str:
    assert twice.difference is not None
    return twice.difference.described()


def varied(twice: Twice) -> list[str]:
    return [condition.name for condition in twice.conditions if not condition.why]


def test_what_depends_on_nothing_is_the_same_twice_and_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    made = job(tmp_path, OVERLAY)
    twice = build_twice(made)
    assert twice.difference is None
    assert set(CONDITIONS) <= set(varied(twice))
    assert twice.digest in (made.layout / "index.json").read_text()
    assert list(temporary.iterdir()) == []


def test_a_job_has_nothing_that_the_other_process_does_not_get() -> None:
    """What is added to a Job, and decides about the image, has to go into the second build as well."""
    seen_there = {"recipe", "folder", "store", "output", "platforms", "epoch", "jobs", "beside", "limits"}
    assert {field.name for field in fields(Job)} == {
        *seen_there,
        "progress",
        "spell",
        "checks",
        "is_checked",
        "may_bring",
    }


class Meanwhile:
    """A progress to whose user something happens as the second build begins."""

    def __init__(self, happening: Callable[[], object]) -> None:
        self._happening = happening

    @contextmanager
    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> Iterator[Task]:
        if title.startswith("build again"):
            self._happening()
        with SILENT.task(title) as task:
            yield task

    def note(self, text: str) -> None: ...


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("motd")


OF_CHANGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a time that is kept": (
        "times: keep\nrootfs: [{overlay: files}]",
        lambda folder: os.utime(folder / "etc/motd", (2 * 10**9, 2 * 10**9)),
        "/etc/motd: mtime is 2001-09-09T01:46:40Z in the first and 2033-05-18T03:33:20Z in the second",
    ),
    "a content": (
        OVERLAY,
        lambda folder: (folder / "etc/motd").write_text("Welcome\n"),
        r"/etc/motd: content from offset 0 on is 'welcome\n' in the first and 'Welcome\n' in the second",
    ),
    "a mode": (
        "rootfs: [{directory: {path: files, owner: '0:0'}}]",
        lambda folder: (folder / "etc/motd").chmod(0o600),
        "/etc/motd: mode is 0644 in the first and 0600 in the second",
    ),
    "a file more": (
        OVERLAY,
        lambda folder: (folder / "etc/hosts").write_text(""),
        "/etc/hosts, a file, is in the second only",
    ),
    "a file less": (
        OVERLAY,
        lambda folder: (folder / "etc/issue").unlink(),
        "/etc/issue, a file, is in the first only",
    ),
    "a link in place of a file": (
        OVERLAY,
        lambda folder: replace_by_link(folder / "etc/issue"),
        "/etc/issue: kind is file in the first and symlink in the second",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_CHANGES)
def test_what_changes_between_the_builds_is_named_and_said_to_have_changed(tmp_path: Path, name: str) -> None:
    text, change, message = OF_CHANGES[name]
    files = tmp_path / "recipe/files"
    made = job(tmp_path, text, progress=Meanwhile(lambda: change(files)))
    os.utime(files / "etc/motd", (10**9, 10**9))
    (files / "etc/motd").chmod(0o644)
    twice = build_twice(made)
    assert described(twice) == f"layer 1 of {HERE}: {message}"
    assert (twice.cause, twice.changed) == ("files that the recipe names have changed between the two builds", True)
    assert [origin.source for origin in twice.origins] == [next(iter(made.recipe.items())).kind + " files"]


OF_CONDITIONS = {
    "folder": "context.folder",
    "user": "os.geteuid()",
    "umask": "oct(umask())",
    "time zone": "time.localtime(0).tm_hour",
    "locale": "sys.getfilesystemencoding()",
    "hash seed": "hash('x')",
    "file order": "os.listdir(context.folder / 'files/etc')",
    "CPUs": "context.jobs",
    "clock": "int(time.time()) // 10**7",
    "environment": "os.environ.get('LOGNAME')",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_condition_that_an_image_depends_on_is_found(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name not in CONDITIONS:
        pytest.skip("only root can become another user, who may read the folders of a test")
    monkeypatch.delenv("LOGNAME", raising=False)
    depend_on(OF_CONDITIONS[name], tmp_path, monkeypatch)
    twice = build_twice(job(tmp_path, OVERLAY))
    assert described(twice).startswith(f"layer 1 of {HERE}: /told: ")
    assert twice.cause.startswith(f"it is the {name} that makes it: ")
    assert not twice.changed
    assert [(origin.source, origin.detail) for origin in twice.origins] == [("overlay files", "an expression")]


@pytest.mark.slow
def test_what_is_random_and_what_several_conditions_make_is_no_single_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        (tmp_path / "random").mkdir()
        depend_on("os.urandom(8).hex()", tmp_path / "random", patch)
        twice = build_twice(job(tmp_path, OVERLAY))
    assert described(twice).startswith(f"layer 1 of {HERE}: /told: content from offset ")
    assert twice.cause == "nothing that was varied makes it: two builds under the same conditions differ too"
    (tmp_path / "both").mkdir()
    depend_on("umask() == 0o077 and 'XXX' in os.environ.get('TZ', '')", tmp_path / "both", monkeypatch)
    twice = build_twice(job(tmp_path, f"epoch: 1\n{OVERLAY}"))
    assert described(twice).startswith(f"layer 1 of {HERE}: /told: size is 5 in the first and 4 in the second")
    assert twice.cause == "no condition makes it alone: only several of them together"


@pytest.mark.slow
def test_a_codec_that_gives_other_bytes_is_told_from_other_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = "setattr(codec, 'codec', lambda name, level=None, own=codec.codec: own(name, 1 + (umask() == 0o077)))"
    depend_on(f"{library} and None", tmp_path, monkeypatch)
    monkeypatch.setattr(codec, "codec", codec.codec)  # put back what the expression sets
    twice = build_twice(job(tmp_path, OVERLAY))
    assert twice.difference is not None
    assert (twice.difference.kind, twice.difference.fields[0].name) == ("compression", "codec")
    assert [field.name for field in twice.difference.fields][-1] == "digest"
    assert str(twice.difference.fields[0].left).endswith("level 1")
    assert str(twice.difference.fields[0].right).endswith("level 2")


@pytest.mark.slow
def test_evidence_that_tells_other_reasons_of_the_same_image_is_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depend_on("('same', f'umask {umask():o}')", tmp_path, monkeypatch)
    os.umask(os.umask(0o022))
    twice = build_twice(job(tmp_path, OVERLAY))
    assert twice.difference is not None
    assert twice.difference.kind == "evidence"
    assert "umask 77" in twice.difference.described()
    assert twice.cause.startswith("it is the umask that makes it: ")


@pytest.mark.slow
def test_what_only_another_user_or_another_folder_fails_by_is_said_and_not_varied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    by_user = "fail('not for you') if os.geteuid() != USER else " if os.geteuid() == 0 else ""
    expression = by_user + "fail('not there') if context.folder.name == 'elsewhere' else 1"
    depend_on(expression.replace("USER", str(os.geteuid())), tmp_path, monkeypatch)
    twice = build_twice(job(tmp_path, OVERLAY))
    assert twice.difference is None
    whys = {condition.name: condition.why for condition in twice.conditions}
    assert whys.pop("folder") == "the second build failed: not there"
    if os.geteuid() == 0:
        assert whys.pop("user") == "the second build failed: not for you"
    assert {why for name, why in whys.items() if name != "user"} == {""}


@pytest.mark.slow
def test_a_second_build_that_always_fails_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    depend_on(f"1 if os.getpid() == {os.getpid()} else fail('only once')", tmp_path, monkeypatch)
    with pytest.raises(ImageError, match="the second build failed: only once") as failure:
        build_twice(job(tmp_path, OVERLAY))
    assert failure.value.hint == "try something else"
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_a_bug_of_the_second_build_shows_its_last_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depend_on(f"1 if os.getpid() == {os.getpid()} else 1 / 0", tmp_path, monkeypatch)
    with pytest.raises(ImageError, match="ZeroDivisionError: division by zero"):
        build_twice(job(tmp_path, OVERLAY))


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "rootfs: [{directory: files}]",
        "rootfs: [{tarball: root.tar.gz}]",
        "rootfs: [{tarball: root.tar.gz}, {overlay: {path: files, keep_modes: true}, replace: true}]\nlayers: source",
        "rootfs: [{overlay: files}]\ncompression: zstd\ntimes: keep",
        "rootfs: [{overlay: files}]\ncompression: none\ntimes: clamp\nepoch: 1700000000",
        "rootfs: [{overlay: files}]\nplatforms: [linux/amd64, linux/arm64]",
        f"rootfs: [{{binaries: {{paths: [{os.path.realpath('/bin/sh')}]}}}}]",
    ],
)
def test_every_source_of_files_is_the_same_twice(tmp_path: Path, text: str) -> None:
    made = job(tmp_path, text)
    with tarfile.open(made.folder / "root.tar.gz", "w:gz") as tar:
        tar.add(Path(msgspec.__file__).parent, "opt/msgspec")
    if made.recipe.platforms:
        made = replace(made, platforms=tuple(Platform.parse(name) for name in made.recipe.platforms))
    twice = build_twice(made)
    assert twice.difference is None, twice.difference
    assert set(CONDITIONS) <= set(varied(twice)) | {"user"}


@pytest.mark.slow
def test_a_store_that_is_used_is_as_it_was(tmp_path: Path) -> None:
    made = job(tmp_path, "rootfs: [{tarball: root.tar.gz}]")
    with tarfile.open(made.folder / "root.tar.gz", "w:gz") as tar:
        tar.add(made.folder / "files/etc", "etc")
    assert build_twice(made).built.fresh

    def seen() -> dict[str, tuple[int, int, int]]:
        remembered = made.store.root / "seen"  # of which files were read, which a second build may do first
        paths = [path for path in made.store.root.rglob("*") if path.is_file() and remembered not in path.parents]
        return {str(path): (path.stat().st_uid, path.stat().st_mode, path.stat().st_nlink) for path in paths}

    before = seen()
    assert not build_twice(made).built.fresh  # what was there is what is compared
    assert seen() == before
    assert {links for _, _, links in before.values()} == {1}


@pytest.mark.slow
def test_a_path_of_the_recipe_s_folder_in_the_image_is_found(tmp_path: Path) -> None:
    made = job(tmp_path, "rootfs: [{binaries: {paths: [tool]}}]")
    script = made.folder / "tool"
    script.write_bytes(Path(os.path.realpath("/bin/true")).read_bytes())
    script.chmod(0o755)
    twice = build_twice(made)
    assert twice.difference is not None
    assert twice.difference.fields[0].name == "entry"
    assert twice.cause.startswith(f"it is the folder that makes it: {made.folder} in the one, ")
