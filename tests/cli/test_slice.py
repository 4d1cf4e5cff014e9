"""`slice` as a user meets it: slices of the packages of an image."""

import json
from pathlib import Path

import pytest

from fromscratch.formats import slice as slices
from tests.cli.in_process import called
from tests.sysroots import MULTIARCH, library, program, sysroot

STATUS = "".join(
    f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\n\n"
    for name in ("app", "libapp1", "other")
)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the build of an image that has three packages, of which runs use two."""
    folder = tmp_path / "desk"
    folder.mkdir()
    sysroot(
        folder / "root",
        {
            "/usr/bin/app": program("libapp.so.1"),
            "/usr/bin/app-admin": program(),
            "/usr/bin/other": program(),
            f"{MULTIARCH}/libapp.so.1": library("libapp.so.1"),
            "/etc/app.conf": "x",
            "/var/lib/dpkg/status": STATUS,
            "/var/lib/dpkg/info/app.list": "/.\n/bin/app\n/bin/app-admin\n/etc/app.conf\n",
            "/var/lib/dpkg/info/libapp1.list": f"/.\n{MULTIARCH}/libapp.so.1\n",
            "/var/lib/dpkg/info/other.list": "/.\n/usr/bin/other\n",
        },
    )
    recipe = "name: app\nrootfs: [{directory: root}]\nimage: {entrypoint: [/usr/bin/app]}\n"
    (folder / "fromscratch.yaml").write_text(recipe)
    assert called(folder, "build").code == 0
    (folder / "files.txt").write_text("app\n/etc/app.conf\n")
    return folder


def test_each_package_that_is_used_gets_a_file(desk: Path) -> None:
    answer = called(desk, "slice", "write", "app", "--trace", "files.txt")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[:2] == [
        "slices/app.yaml: 2 entries of app, needs libapp1",
        "slices/libapp1.yaml: 1 entry of libapp1",
    ]
    assert "used that no package has: " in answer.out
    assert sorted(path.name for path in (desk / "slices").iterdir()) == ["app.yaml", "libapp1.yaml"]
    text = (desk / "slices/app.yaml").read_text()
    assert text.startswith("# What is used of this package in oci:build/app/oci, as fromscratch found it")
    found = slices.read(text, "app.yaml")
    assert list(found.files) == ["/etc/app.conf", "/usr/bin/app"]
    assert found.needs == ["libapp1.yaml"]
    assert called(desk, "slice", "write", "--trace", "files.txt").code == 0
    assert (desk / "slices/app.yaml").read_text() == text


def test_one_package_with_what_it_needs_for_a_program_to_read(desk: Path) -> None:
    words = ("--package", "libapp1", "--output", "some", "--json")
    facts = json.loads(called(desk, "slice", "write", "app", "--trace", "files.txt", *words).out)
    assert facts["slices"] == [
        {"file": "some/libapp1.yaml", "package": "libapp1", "versions": ">= 1.2-3, << 1.3~", "entries": 1}
    ]
    assert "/lib" in facts["unowned"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "slice does not say what to do"),
        (("wirte", "app"), "slice wirte: no such thing to do"),
        (("write", "app"), "slice write needs a trace"),
        (("write", "app", "b", "--trace", "files.txt"), "slice write takes one image; here are app and b"),
        (("write", "app", "--trace", "none"), "there is no trace none"),
        (("write", "app", "--trace", "files.txt", "--package", "othr"), "no file of the package othr is used"),
    ],
)
def test_what_cannot_be_written_is_told(desk: Path, words: tuple[str, ...], error: str) -> None:
    answer = called(desk, "slice", *words)
    assert answer.code == 2
    assert error in answer.err
    assert not (desk / "slices").exists()


def test_an_image_without_packages_has_no_slices(desk: Path) -> None:
    (desk / "root/var/lib/dpkg/status").unlink()
    assert called(desk, "build").code == 0
    answer = called(desk, "slice", "write", "app", "--trace", "files.txt")
    assert answer.code == 1
    assert "no package of oci:build/app/oci is known" in answer.err
