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


def test_the_full_image_is_never_written_over(desk: Path) -> None:
    for place in (("--name", "app"), ("--output", "build/../build/app")):
        answer = called(desk, "slim", "app", "--trace", "files.txt", *place)
        assert answer.code == 2
        assert "would be written over the full one, oci:build/app/oci" in answer.err
        assert "--name" in answer.err
    assert called(desk, "ls", "--image", "app").out.count("/srv/unused") == 1


def test_the_folder_of_a_build_names_its_image(desk: Path) -> None:
    for folder in ("build/app", "build/app/", str(desk / "build/app")):
        answer = called(desk, "slim", folder, "--trace", "files.txt")
        assert answer.code == 0, answer.err
        assert "app-slim linux/amd64" in answer.out


def test_a_name_by_which_slim_yaml_could_not_be_read_again_is_refused(desk: Path) -> None:
    answer = called(desk, "slim", "app", "--trace", "files.txt", "--name", "my app")
    assert answer.code == 2
    assert "--name my app: it names a folder and an image" in answer.err


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
        "slim.yaml",
    ]
    why = called(desk, "why", "/usr/lib/x86_64-linux-gnu/libapp.so.1", "--image", "app-slim")
    assert "needed by /usr/bin/app (DT_NEEDED libapp.so.1)  [slim]" in why.out
    used = called(desk, "why", "/etc/app.conf", "--image", "oci:elsewhere/oci")
    assert "opened by run 1  [trace]" in used.out
    lost = called(desk, "why", "/usr/bin/other", "--image", "app-slim")
    assert "no run used it, and nothing that is kept needs it" in lost.err
    assert "--keep /usr/bin/other" in lost.err
    written = called(desk, "slim", "app", "--trace", "elsewhere/slim.trace", "--name", "third", "--json")
    assert json.loads(written.out)["digest"] == first["digest"]


def test_the_file_that_a_call_writes_makes_the_same_image_again(desk: Path) -> None:
    first = json.loads(called(desk, "slim", "app", "--trace", "files.txt", "--keep", "/srv", "--json").out)
    small = desk / "build/app-slim"
    again = called(desk, "slim", "build/app-slim/slim.yaml", "--name", "again", "--json")
    assert json.loads(again.out)["digest"] == first["digest"]
    assert (desk / "build/again/slim.yaml").read_text() == (small / "slim.yaml").read_text().replace(
        "app-slim", "again"
    )

    full = image_documents(read_layout(desk / "build/app/oci")[0]).descriptor.digest
    (desk / "root/etc/app.conf").write_text("other")
    assert called(desk, "build").code == 0
    refused = called(desk, "slim", "build/app-slim/slim.yaml")
    assert refused.code == 2
    assert f"and the recipe is for {full}" in refused.err
    assert "--any-image" in refused.err
    assert called(desk, "slim", "build/app-slim/slim.yaml", "--any-image").code == 0


def test_a_file_that_is_wrong_is_told_with_its_lines(desk: Path) -> None:
    (desk / "my.yaml").write_text("image: app\ntraces: [files.txt]\nkeeps: [/x]\n")
    assert "my.yaml:3: keeps" in called(desk, "slim", "my.yaml").err


def test_a_log_of_strace_names_the_root_as_this_machine_sees_it(desk: Path) -> None:
    lines = ('execve("/merged/usr/bin/app", [], []) = 0', 'openat(AT_FDCWD, "/merged/etc/app.conf", O_RDONLY) = 3')
    (desk / "log").write_text("".join(f"7 {line}\n" for line in lines))
    answer = called(desk, "slim", "app", "--trace", "log", "--trace-root", "/merged", "--json")
    assert json.loads(answer.out)["report"]["absent"] == [], answer.err
    assert "started by run 1" in called(desk, "why", "/usr/bin/app", "--image", "app-slim").out


def test_a_program_that_is_in_no_folder_of_the_path_is_named(desk: Path) -> None:
    (desk / "files.txt").write_text("app\nap\n")
    assert "ap, which a trace names without a folder" in called(desk, "slim", "app", "--trace", "files.txt").err


def test_the_small_image_can_be_written_elsewhere_at_once(desk: Path) -> None:
    answer = called(desk, "slim", "app", "--trace", "files.txt", "--to", "oci-archive:small.tar:1")
    assert answer.out.endswith("\nwrote oci-archive:small.tar:1\n")
    assert called(desk, "ls", "--image", "oci-archive:small.tar").code == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "slim needs a trace, or something to do with the image"),
        (("--trace", "files.txt", "--record"), "there are no checks to make anew"),
        (("--trace", "none.txt"), "there is no trace none.txt"),
        (("--trace", "empty.txt"), "empty.txt is empty"),
        (("--trace", "strange.txt"), "has no file of all that the trace names, and not /nowhere"),
        (("--trace", "files.txt", "--keep", "/nowhere"), "there is nothing in the image that /nowhere matches"),
        (("--trace", "files.txt", "--drop", "/../x"), "leads outside the root"),
        (("--trace", "files.txt", "--keep", "/\udcff"), "a name that is not UTF-8"),
        (("--trace", "files.txt", "--name", "../App"), "--name ../App: it names a folder and an image"),
    ],
)
def test_what_cannot_be_slimmed_is_told(desk: Path, words: tuple[str, ...], error: str) -> None:
    (desk / "empty.txt").write_text("\n")
    (desk / "strange.txt").write_text("/nowhere\n")
    answer = called(desk, "slim", "app", *words)
    assert answer.code != 0
    assert error in answer.err
    assert not (desk / "build/app-slim/oci").exists()


def test_an_image_that_could_not_start_any_more_is_refused_with_what_it_lacks(desk: Path) -> None:
    answer = called(desk, "slim", "app", "--trace", "files.txt", "--drop", "libapp.so.1")
    assert answer.code == 1
    assert "the small image could not start:\nimage.entrypoint: libapp.so.1, needed by /usr/bin/app" in answer.err
    assert "--keep PATH" in answer.err
    assert not (desk / "build/app-slim/oci").exists()


def test_what_the_full_image_lacks_too_is_no_reason_to_refuse_the_small_one(desk: Path) -> None:
    (desk / "strange.yaml").write_text(RECIPE.replace('"7:8"', "nobody") + "check: {start: warn}\n")
    assert called(desk, "build", "--recipe", "strange.yaml").code == 0
    answer = called(desk, "slim", "app", "--trace", "files.txt")
    assert answer.code == 0
    assert "start check, of the full image too: image.user" in answer.err


def test_a_plain_root_is_slimmed_too(desk: Path) -> None:
    answer = called(desk, "slim", "dir:root", "--trace", "files.txt", "--json")
    assert json.loads(answer.out)["name"] == "root-slim"
