"""`slice check`: a slice against an image, against its archive, and against its own checks."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.in_process import called
from tests.engines import need

SLICE = "package: app\nversions: '>= 1.2, << 1.3~'\ndistribution: debian 12 (bookworm)\nfiles:\n  /usr/bin/app: used\n"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    folder = tmp_path / "desk"
    info = folder / "root/var/lib/dpkg/info"
    info.mkdir(parents=True)
    (folder / "root/usr/bin").mkdir(parents=True)
    (folder / "root/usr/bin/app").write_text("app")
    (folder / "root/usr/bin/app-helper").write_text("helper")
    (info / "app.list").write_text("/usr/bin/app\n/usr/bin/app-helper\n")
    (info.parent / "status").write_text("Package: app\nArchitecture: amd64\nVersion: 1.2-3\n")
    (folder / "app.yaml").write_text(SLICE)
    return folder


def check(desk: Path, *words: str) -> tuple[int, str]:
    answer = called(desk, "slice", "check", "app.yaml", "--image", "dir:root", *words)
    return answer.code, answer.out + answer.err


def test_a_slice_that_fits_an_image_is_good(desk: Path) -> None:
    code, text = check(desk)
    assert code == 0, text
    assert text.splitlines() == [
        "app 1.2-3: in >= 1.2, << 1.3~; 1 entry for 1 file",
        "  not taken, beside what is: /usr/bin/app-helper",
    ]
    (facts,) = json.loads(check(desk, "--json")[1])["slices"]
    assert (facts["in_range"], facts["missing"], facts["beside"]) == (True, {}, ["/usr/bin/app-helper"])


def test_more_files_than_when_the_slice_was_written_are_told(desk: Path) -> None:
    (desk / "app.yaml").write_text(f"{SLICE}not_taken: 3\n")
    assert "  these are 1, and were 3 when the slice was written" in check(desk)[1]
    (desk / "app.yaml").write_text(f"{SLICE}not_taken: 1\n")
    assert "these are" not in check(desk)[1]


def test_a_file_that_is_there_no_more_is_named_with_what_comes_near(desk: Path) -> None:
    (desk / "app.yaml").write_text(f"{SLICE}  /usr/bin/app-help: used\n")
    code, text = check(desk)
    assert code == 1
    assert "  missing: /usr/bin/app-help (there is /usr/bin/app-helper and /usr/bin/app)" in text
    assert "error: app.yaml does not fit app 1.2-3" in text


def test_a_version_out_of_range_does_not_fit(desk: Path) -> None:
    (desk / "app.yaml").write_text(SLICE.replace("<< 1.3~", "<< 1.2-2"))
    code, text = check(desk)
    assert code == 1
    assert "app 1.2-3: not in >= 1.2, << 1.2-2" in text
    assert "hint: if it does what it should, widen versions" in text


def test_a_folder_of_slices_is_checked_whole(desk: Path) -> None:
    folder = desk / "slices"
    folder.mkdir()
    for name, files in (("good", "/usr/bin/app"), ("bad", "/usr/bin/ap"), ("worse", "/opt/x")):
        (folder / f"{name}.yaml").write_text(f"package: app\nfiles: {{{files}: used}}\n")
    (folder / "other.yaml").write_text(SLICE.replace("package: app", "package: other"))
    answer = called(desk, "slice", "check", "slices", "--image", "dir:root")
    assert answer.code == 1
    assert answer.out.count("app 1.2-3: for any version") == 3
    assert "3 of 4 slices fail" in answer.err
    assert "slices/other.yaml: dir:root has no package other of dpkg" in answer.err
    one = called(desk, "slice", "check", "slices/good.yaml", "slices/bad.yaml", "--image", "dir:root")
    assert "error: slices/bad.yaml does not fit app 1.2-3" in one.err


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("check",), 2, "slice check needs the file of a slice"),
        (("check", "none.yaml"), 2, "cannot read the slice none.yaml"),
        (("check", "empty"), 2, "empty holds no slice"),
        (("check", "app.yaml", "--trace", "x"), 2, "slice check has no --trace"),
        (("check", "app.yaml", "--any-image"), 2, "slice check has no --any-image"),
        (("write", "--trace", "x", "--image", "dir:root"), 2, "slice write has no --release and no --image"),
        (("check", "other.yaml", "--image", "dir:root"), 2, "dir:root has no package other of dpkg"),
        (("check", "rpm.yaml"), 2, "packages of rpm are not fetched, of which rpm.yaml is a slice"),
        (("check", "nowhere.yaml"), 2, "does not say in its distribution of which release"),
    ],
)
def test_what_cannot_be_checked_is_told(desk: Path, words: tuple[str, ...], code: int, error: str) -> None:
    (desk / "other.yaml").write_text(SLICE.replace("package: app", "package: other"))
    (desk / "rpm.yaml").write_text(f"manager: rpm\n{SLICE}")
    (desk / "empty").mkdir()
    (desk / "nowhere.yaml").write_text(SLICE.replace("debian 12 (bookworm)", "debian"))
    answer = called(desk, "slice", *words)
    assert (answer.code, error in answer.err) == (code, True), answer.err
    assert "shipped recipe" not in answer.err


@pytest.mark.slow
def test_the_checks_of_a_slice_are_run_in_an_image_of_it_and_what_it_needs(desk: Path) -> None:
    pytest.importorskip("pysequoia", reason="pysequoia is not installed; it signs the archives of these tests")
    from tests.sources.debian.mirror import Mirror, package

    mirror = Mirror(desk / "mirror")
    shell = Path(need("busybox")).read_bytes()
    files: dict[str, bytes | str | None] = {
        "usr": None,
        "usr/bin": None,
        "usr/bin/app@755": b"#!/usr/bin/sh\ncat /usr/share/app\n",
        "usr/share": None,
    }
    app = package("app", {**files, "usr/share/app": b"hello"}, "1.2-4", depends="missing")
    tools: dict[str, bytes | str | None] = {"usr/bin/sh@755": shell, "usr/bin/cat": "sh", "usr/bin/other@755": b""}
    mirror.publish(app, package("shell", {"usr": None, "usr/bin": None, **tools}, "2"))
    item = f"{{debian: {{suite: bookworm, packages: [app], mirror: '{mirror.address}', keyring: '{mirror.keyring}'}}}}"
    (desk / "fromscratch.yaml").write_text(f"rootfs: [{item}]\n")
    (desk / "shell.yaml").write_text("package: shell\nfiles: {/usr/bin/sh: used, /usr/bin/cat: used}\n")
    checked = f"{SLICE}  /usr/share/app: used\nneeds: [shell.yaml]\nchecks:\n  - {{exec: app, expect: hello}}\n"
    (desk / "app.yaml").write_text(checked)

    good = called(desk, "slice", "check", "app.yaml")
    assert good.code == 0, good.err
    assert good.out.splitlines() == ["app 1.2-4: in >= 1.2, << 1.3~; 2 entries for 2 files", "  1 check passed"]
    (desk / "app.yaml").write_text(checked.replace("  /usr/share/app: used\n", ""))
    shutil.rmtree(desk / "build", ignore_errors=True)
    bad = called(desk, "slice", "check", "app.yaml")
    assert bad.code == 1
    assert "app 1.2-4: in >= 1.2, << 1.3~; 1 entry for 1 file" in bad.out
    assert "the check failed" in bad.err
    assert "/usr/share/app" in bad.err
