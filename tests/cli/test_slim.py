"""`slim` as a user meets it: an image and what was used of it, into a small image."""

import json
from pathlib import Path

import pytest

from fromscratch.formats.oci.config import image_documents
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.proof.validate import validate
from tests.cli.in_process import called
from tests.sysroots import MULTIARCH, library, program, sysroot

RECIPE = """
name: app
rootfs: [{directory: root}]
image:
  entrypoint: [/usr/bin/app]
  env: {PATH: /usr/bin, GREETING: hello}
  user: "7:8"
  ports: [8080]
  volumes: [/var/data]
  labels: {org.example: x}
  stop_signal: SIGQUIT
  workdir: /srv
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the build of an image, of which runs use a part."""
    folder = tmp_path / "desk"
    folder.mkdir()
    sysroot(
        folder / "root",
        {
            "/usr/bin/app": program("libapp.so.1"),
            "/usr/bin/other": program(),
            f"{MULTIARCH}/libapp.so.1": library("libapp.so.1"),
            "/etc/app.conf": "x",
            "/srv/unused": "x",
            "/var/data/unused": "x",
        },
    )
    (folder / "fromscratch.yaml").write_text(RECIPE)
    assert called(folder, "build").code == 0
    (folder / "files.txt").write_text("app\n/etc/app.conf\n")
    return folder


def test_a_list_of_paths_makes_a_small_image_with_the_whole_configuration(desk: Path) -> None:
    answer = called(desk, "slim", "app", "--trace", "files.txt", "--json")
    assert answer.code == 0, answer.err
    (small,) = read_layout(desk / "build/app-slim/oci")
    (full,) = read_layout(desk / "build/app/oci")
    assert small.config == full.config
    digest = str(image_documents(full).descriptor.digest)
    assert small.annotations == {**full.annotations, "org.opencontainers.image.base.digest": digest}
    tree = root_tree(small, Store(desk.parent / "store"))
    assert [path for path in tree if not tree.children(path)] == [
        "/bin",
        "/etc/app.conf",
        "/lib",
        "/lib64",
        "/srv",
        "/usr/bin/app",
        "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        "/usr/lib/x86_64-linux-gnu/libapp.so.1",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/lib64/ld-linux-x86-64.so.2",
        "/var/data",
    ]
    facts = json.loads(answer.out)
    assert facts["manifest"] == str(image_documents(small).descriptor.digest)
    assert facts["report"]["evidence"]["dropped"]["files"] == 3
    validate(small, Store(desk.parent / "store"))


def test_the_output_folder_is_that_of_a_build_and_the_same_input_gives_the_same_digest(desk: Path) -> None:
    first = json.loads(called(desk, "slim", "oci:build/app/oci", "--trace", "files.txt", "--json").out)
    again = json.loads(called(desk, "slim", "--trace", "files.txt", "--output", "elsewhere", "--json").out)
    assert first["digest"] == again["digest"]
    assert sorted(path.name for path in (desk / "elsewhere").iterdir()) == [
        "Dockerfile",
        "evidence.json",
        "oci",
        "slim-report.json",
        "slim.trace",
    ]
    why = called(desk, "why", "/usr/lib/x86_64-linux-gnu/libapp.so.1", "--image", "app-slim")
    assert "needed by /usr/bin/app (DT_NEEDED libapp.so.1)  [slim]" in why.out
    used = called(desk, "why", "/etc/app.conf", "--image", "oci:elsewhere/oci")
    assert "opened by run 1  [trace]" in used.out
    written = called(desk, "slim", "app", "--trace", "elsewhere/slim.trace", "--name", "third", "--json")
    assert json.loads(written.out)["digest"] == first["digest"]


def test_the_small_image_can_be_written_elsewhere_at_once(desk: Path) -> None:
    answer = called(desk, "slim", "app", "--trace", "files.txt", "--to", "oci-archive:small.tar:1")
    assert answer.out.endswith("\nwrote oci-archive:small.tar:1\n")
    assert called(desk, "ls", "--image", "oci-archive:small.tar").code == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "slim needs a trace"),
        (("--trace", "none.txt"), "there is no trace none.txt"),
        (("--trace", "empty.txt"), "the trace is empty"),
        (("--trace", "strange.txt"), "has 0 of the 1 paths that the trace names, and not /nowhere"),
        (("--trace", "files.txt", "--keep", "/nowhere"), "there is nothing in the image that /nowhere matches"),
        (("--trace", "files.txt", "--drop", "/../x"), "leads outside the root"),
    ],
)
def test_what_cannot_be_slimmed_is_told(desk: Path, words: tuple[str, ...], error: str) -> None:
    (desk / "empty.txt").write_text("\n")
    (desk / "strange.txt").write_text("/nowhere\n")
    answer = called(desk, "slim", "app", *words)
    assert answer.code != 0
    assert error in answer.err
    assert not (desk / "build/app-slim/oci").exists()


def test_a_plain_root_is_slimmed_too(desk: Path) -> None:
    answer = called(desk, "slim", "dir:root", "--trace", "files.txt", "--json")
    assert json.loads(answer.out)["name"] == "root-slim"
