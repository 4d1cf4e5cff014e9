"""What a user writes in the first hour and means otherwise: the right answer, or the hint that leads to it."""

import json
from pathlib import Path

import pytest

from fromscratch.cli.verbs.init_template import choices
from tests.cli.command import Answer, Desk
from tests.cli.in_process import called
from tests.sysroots import program, sysroot, written


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\n")
    made.write("files/bin/app", "app\n")
    (made.folder / "loop").symlink_to("loop")
    (made.folder / "one").symlink_to("other")
    (made.folder / "other").symlink_to("one")
    return made


def is_reported(answer: Answer, *words: str) -> None:
    assert answer.code in (1, 2), answer
    assert answer.err.count(" hint: ") == 1
    for word in words:
        assert word in answer.err


@pytest.mark.parametrize("place", ["loop", "loop/x", "one", "one/x/y"])
@pytest.mark.parametrize(
    "words",
    [
        ["build", "--output", "PLACE"],
        ["clean", "--output", "PLACE"],
        ["build", "--store-dir", "PLACE"],
        ["build", "--recipe", "PLACE"],
        ["pack", "--to", "tar", "--output", "PLACE"],
        ["pack", "--to", "oci", "--output", "PLACE"],
        ["ls", "tar:PLACE"],
        ["ls", "oci:PLACE"],
        ["ls", "dir:PLACE"],
        ["closure", "PLACE"],
        ["closure", "--root", "PLACE", "/bin/app"],
        ["bundle", "PLACE"],
        ["bundle", "--stage", "PLACE"],
        ["bundle", "--add", "PLACE"],
        ["bundle", "--stage", "files", "--output", "PLACE"],
    ],
    ids=" ".join,
)
def test_symlinks_in_a_circle_are_told(desk: Desk, words: list[str], place: str) -> None:
    if words[0] == "pack":
        called(desk.folder, "build")
    answer = called(desk.folder, *(word.replace("PLACE", place) for word in words))
    if words[0] == "clean" and answer.code == 0:
        assert "there is no build in" in answer.err
        return
    if words[:2] == ["pack", "--to"] and answer.code == 0:
        assert (desk.folder / place).exists()  # a link by itself is replaced, as by any atomic writing
        return
    is_reported(answer, place.partition("/")[0])


@pytest.mark.parametrize("item", ["overlay", "directory", "tarball"])
@pytest.mark.parametrize("place", ["loop", "loop/x"])
def test_a_source_behind_symlinks_in_a_circle_names_the_link(desk: Desk, item: str, place: str) -> None:
    desk.write("fromscratch.yaml", f"name: demo\nrootfs: [{{{item}: {place}}}]\n")
    is_reported(called(desk.folder, "build"), "/loop is a symlink that leads nowhere", "fix the link: loop")


def test_home_folders_are_meant_wherever_no_shell_has_put_them_in(desk: Desk) -> None:
    home = desk.folder.parent / "home"
    written(home, {"/bin/tool": program()})
    desk.write("../home/files/etc/motd", "hello\n")
    desk.write("../home/fromscratch.yaml", "name: mine\nrootfs: [{overlay: ~/files}]\n")
    where = {"HOME": str(home), "FROMSCRATCH_STORE": "~/store"}
    for words in (
        ["build", "--output=~/out", "--recipe=~/fromscratch.yaml", "--store-dir=~/store"],
        ["build", "--output", "~/out", "--recipe", "~/fromscratch.yaml"],
        ["ls", "oci:~/out/oci"],
        ["pack", "--to", "tar", "--image", "oci:~/out/oci", "--output=~/root.tar"],
        ["ls", "tar:~/root.tar"],
        ["ls", "dir:~/files"],
        ["bundle", "--stage=~/files", "--add=~/files/etc/motd:/etc/other", "--output=~/bundle"],
        ["closure", "~/bin/tool"],
    ):
        answer = called(desk.folder, *words, **where)
        assert answer.code == 0 or "is in none of" in answer.err, (words, answer)
    assert {"out", "root.tar", "bundle", "store"} <= {path.name for path in home.iterdir()}
    assert not (desk.folder / "~").exists()


def test_the_home_folder_of_a_user_that_is_none_is_told(desk: Desk) -> None:
    for words in (["build", "--output", "~no-such-user/x"], ["build", "--recipe", "~no-such-user/x.yaml"]):
        is_reported(called(desk.folder, *words), "there is no home folder of ~no-such-user", "./~")
    for item in ("overlay: ~no-such-user/x", "buildroot: {tree: ~no-such-user/x}"):
        desk.write("fromscratch.yaml", f"name: demo\nrootfs: [{{{item}}}]\n")
        is_reported(called(desk.folder, "build"), "there is no home folder of ~no-such-user")


@pytest.mark.parametrize(
    ("engine", "hint"),
    [
        ("lxc", "lxc-create"),
        ("nerdctl", "containerd"),
        ("apptainer", "oci-archive"),
        ("dokcer", "write docker, podman"),
    ],
)
@pytest.mark.parametrize(
    "words", [["run"], ["import", "--tag", "x"], ["bundle", "/bin/sh", "--tag", "x"]], ids=" ".join
)
def test_an_engine_that_is_none_of_ours_is_told_before_anything_else(
    desk: Desk, words: list[str], engine: str, hint: str
) -> None:
    is_reported(called(desk.folder, *words, "--engine", engine), f"'{engine}' is not an engine", hint)


def test_run_tells_all_by_which_it_could_start_an_image_and_no_more(desk: Desk) -> None:
    hint = "write docker, podman, containerd, crun, runc or none"
    is_reported(called(desk.folder, "run", "--engine", "dokcer"), "'dokcer' is not an engine", hint)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("aci:demo.aci", "tar:demo.aci"),
        ("lxc:web", "dir:/var/lib/lxc/web/rootfs"),
        ("docker-daemon:web:1", "docker:web:1"),
        ("containers-storage:web", "podman:web"),
    ],
)
@pytest.mark.parametrize("words", [["ls"], ["run"], ["push", "localhost:1/x", "--image"]], ids=" ".join)
def test_a_kind_of_name_that_is_none_of_ours_gets_the_one_that_was_meant(
    desk: Desk, words: list[str], name: str, hint: str
) -> None:
    is_reported(called(desk.folder, *words, name), name, hint)


@pytest.mark.parametrize("kind", choices())
def test_init_tells_what_has_to_be_there_before_the_next_step(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    reported = called(folder, "init", "--from", kind).out
    first = {"directory": "folder rootfs", "tarball": "rootfs.tar.gz"}.get(kind)
    assert (f"next: put the {'root' if kind == 'directory' else 'archive'}" in reported) == (first is not None)
    assert reported.endswith("fromscratch fetch build run\n")
    if kind == "directory":
        sysroot(folder / "rootfs", {"/usr/bin/sh": program()})
        assert "next: fromscratch fetch build run" in called(folder, "init", "--from", kind, "--force").out
        assert called(folder, "fetch", "build").code == 0


def accounts_of(desk: Desk, recipe: str) -> tuple[list[str], list[str]]:
    desk.write("fromscratch.yaml", recipe)
    answer = called(desk.folder, "build")
    assert answer.code == 0, answer
    called(desk.folder, "pack", "--to", "tar", "--output", "root.tar")
    import tarfile

    with tarfile.open(desk.folder / "root.tar") as archive:
        texts = [archive.extractfile(f"etc/{name}") for name in ("passwd", "group")]
        passwd, group = (text.read().decode().splitlines() for text in texts if text)
    return passwd, group


def test_an_account_of_the_number_that_bundles_run_as_takes_its_place(desk: Desk) -> None:
    """docs/bundle.md and docs/recipe.md both use 65532, and a recipe may follow both."""
    written(desk.folder / "root", {"/bin/app": program()})
    binaries = "name: demo\nrootfs: [{binaries: {stage: [root]}}]\n"
    passwd, group = accounts_of(desk, binaries + "accounts: {users: [{name: app, uid: 65532, home: /home/app}]}\n")
    assert [line for line in passwd if ":65532:" in line] == ["app:x:65532:65532::/home/app:/sbin/nologin"]
    assert [line for line in group if ":65532:" in line] == ["app:x:65532:"]
    passwd, group = accounts_of(desk, binaries + "accounts: {users: [{name: app, uid: 1000, home: /home/app}]}\n")
    assert "nonroot:x:65532:65532:nonroot:/:/sbin/nologin" in passwd
    assert "nonroot:x:65532:" in group
    _, group = accounts_of(desk, binaries + "accounts: {groups: [{name: staff, gid: 65532}]}\n")
    assert [line for line in group if ":65532:" in line] == ["staff:x:65532:"]


def test_an_account_of_somebody_else_keeps_its_number(desk: Desk) -> None:
    desk.write("files/etc/passwd", "me:x:65532:65532::/home/me:/bin/sh\n")
    users = "accounts: {users: [{name: app, uid: 65532, home: /home/app}]}\n"
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\n" + users)
    is_reported(called(desk.folder, "build"), "gives the number 65532 to me already")


def test_a_program_at_the_root_of_a_stage_is_the_one_there_is(desk: Desk) -> None:
    written(desk.folder / "stage", {"/app": program(), "/data.txt": b"text"})
    made = json.loads(called(desk.folder, "bundle", "--stage", "stage", "--json").out)
    assert made["images"][0]["entrypoint"] == ["/app"]
    written(desk.folder / "stage", {"/usr/bin/other": program()})
    made = json.loads(called(desk.folder, "bundle", "--stage", "stage", "--json").out)
    assert made["images"][0]["entrypoint"] == ["/usr/bin/other"]
