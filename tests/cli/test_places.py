"""Where images are named, written and removed: what is not ours stays, and a wrong place is told with the right one."""

import json
import os
import pty
import subprocess
import sys
import tarfile
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.host.images.layout import read_layout
from tests.cli.command import Answer, Desk, Process
from tests.cli.in_process import called

RECIPE = "name: demo\nrootfs: [{overlay: files}]\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.write("fromscratch.yaml", RECIPE)
    made.write("files/bin/app", "app\n")
    called(made.folder, "build")
    return made


@pytest.mark.parametrize(
    ("name", "code", "message", "hint"),
    [
        ("tar:", 2, "tar: names nothing", "tar:root.tar.gz"),
        ("oci:", 2, "oci: names nothing", "oci:build/hello/oci"),
        ("dir:", 2, "dir: names nothing", "dir:rootfs"),
        ("tar:files", 2, "files is a folder, and tar: names a file", "dir:files"),
        ("docker-archive:build/demo/oci", 2, "is a folder", "did you mean oci:build/demo/oci?"),
        ("dir:fromscratch.yaml", 2, "fromscratch.yaml is a file, and dir: names a folder", "tar:fromscratch.yaml"),
        ("./files", 2, "there is no image ./files", "dir:files"),
        ("fromscratch.yaml", 2, "there is no image fromscratch.yaml", "tar:fromscratch.yaml"),
        ("tar:fromscratch.yaml", 1, "error: tar:fromscratch.yaml: ", "damaged"),
    ],
)
def test_a_name_that_is_none_gets_the_one_that_was_meant(
    desk: Desk, name: str, code: int, message: str, hint: str
) -> None:
    answer = called(desk.folder, "ls", name)
    reported, _, advice = answer.err.partition("\n hint: ")
    assert (answer.code, message in reported, hint in advice) == (code, True, True), answer.err


def test_clean_takes_what_build_wrote_and_leaves_everything_else(desk: Desk) -> None:
    desk.answer("build", "--output", ".")
    assert "left what else is there" in desk.answer("clean", "--output", ".")
    assert sorted(path.name for path in desk.folder.iterdir()) == ["build", "files", "fromscratch.yaml"]
    desk.write("build/demo/notes", "mine")
    desk.answer("clean")
    assert [path.name for path in (desk.folder / "build/demo").iterdir()] == ["notes"]
    nothing = desk.call("clean", "--output", "nowhere")
    assert (nothing.code, nothing.err) == (0, "there is no build in nowhere\n")
    assert desk.call("clean", "--output", "fromscratch.yaml").code == 1
    assert (desk.folder / "fromscratch.yaml").exists()


@pytest.mark.parametrize(
    "left",
    [
        ["build.log"],
        [".oci.new-0123456789abcdef/blobs/x"],
        [".evidence.json.new-0123456789abcdef", "build.log"],
        [".oci.new-0123456789abcdef/blobs/x", "evidence.json"],
        [],
    ],
)
def test_what_a_build_or_a_clean_that_was_killed_left_can_be_cleaned(desk: Desk, left: list[str]) -> None:
    desk.answer("clean")
    (desk.folder / "build/demo").mkdir()
    for name in left:
        desk.write(f"build/demo/{name}", "x")
    desk.answer("clean")
    assert not (desk.folder / "build/demo").exists()


def test_clean_never_takes_a_dockerfile_of_somebody_else(desk: Desk) -> None:
    mine = desk.write("here/Dockerfile", "FROM scratch\n")
    assert desk.call("clean", "--output", "here").code == 1
    desk.write("here/evidence.json", "{}")
    desk.answer("clean", "--output", "here")
    assert [path.name for path in mine.parent.iterdir()] == ["Dockerfile"]


def test_clean_waits_for_a_build_that_is_under_way(desk: Desk) -> None:
    script = (
        "import sys; from pathlib import Path; from fromscratch.flow import output; from fromscratch import progress\n"
        "with output.held(Path('build/demo'), progress.SILENT): print('held', flush=True); sys.stdin.read()"
    )
    builder = Process(
        [sys.executable, "-c", script],
        cwd=desk.folder,
        env=desk.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with ExitStack() as stack:
        stack.enter_context(builder)
        assert builder.stdout
        assert builder.stdout.readline() == "held\n"
        cleaner = stack.enter_context(desk.process("clean"))
        assert cleaner.stderr
        assert "waiting for another process" in cleaner.stderr.readline()
        assert (desk.folder / "build/demo/evidence.json").exists()
        builder.communicate()
        assert cleaner.wait(60) == 0
    assert not (desk.folder / "build/demo").exists()


@pytest.mark.parametrize("place", ["evidence.json", "oci/index.json", "oci/blobs/sha256/*"])
def test_a_damaged_build_is_reported_and_build_repairs_it(desk: Desk, place: str) -> None:
    for path in (desk.folder / "build/demo").glob(place):
        path.write_text("{")
    answer = desk.call("ls")
    assert (answer.code, "Traceback" in answer.err, answer.err.count(" hint: ")) == (1, False, 1)
    desk.answer("build")
    assert "/bin/app" in desk.answer("ls")


def test_a_layer_that_was_cut_is_packed_again(desk: Desk) -> None:
    layer = max((desk.folder / "build/demo/oci/blobs/sha256").iterdir(), key=_is_layer)
    whole = layer.read_bytes()
    layer.write_bytes(whole[:20])
    assert "unchanged" not in desk.answer("build")
    assert layer.read_bytes() == whole


@pytest.mark.slow
@pytest.mark.parametrize("left", ["nothing", "zeros", "a half"])
def test_what_a_power_cut_leaves_of_a_build_is_found_and_built_again(desk: Desk, left: str) -> None:
    """`build` syncs nothing, so any of its files may be there under its name without its bytes, and all may be."""
    folder = desk.folder / "build/demo"
    whole = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(whole) == 7
    dockerfile = folder / "Dockerfile"
    if left == "a half":  # of what no digest tells: it has less than one block, which is there or not
        del whole[dockerfile]
    for lost in [*([path] for path in whole), list(whole)]:
        for path in lost:
            size = len(whole[path])
            path.write_bytes({"nothing": b"", "zeros": bytes(size), "a half": whole[path][: size // 2]}[left])
        read = desk.call("pack", "--to", "oci-archive", "--output", "x.tar")
        unused = lost == [dockerfile]
        assert (read.code, "Traceback" in read.err, read.err.count(" hint: ")) == (
            0 if unused else 1,
            False,
            not unused,
        )
        assert (desk.folder / "x.tar").exists() == unused
        (desk.folder / "x.tar").unlink(missing_ok=True)
        assert "unchanged" not in desk.answer("build")
        assert {path: path.read_bytes() for path in whole} == whole


def test_a_build_waits_for_no_disk_but_a_pack_does(desk: Desk) -> None:
    script = (
        "import os, sys\n"
        "from fromscratch.cli.main import main\n"
        "def watched(real):\n"
        "    def sync(handle):\n"
        "        print('synced', os.readlink(f'/proc/self/fd/{handle}'))\n"
        "        real(handle)\n"
        "    return sync\n"
        "os.fsync, os.fdatasync = watched(os.fsync), watched(os.fdatasync)\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    synced = {}
    for words in ("build --output fresh", "pack --to oci --output packed"):
        answer = desk.call(*words.split(), program=(sys.executable, "-c", script))
        assert answer.code == 0
        lines = [line.removeprefix("synced ") for line in answer.out.splitlines() if line.startswith("synced ")]
        synced[words.split()[0]] = [line for line in lines if line.startswith(str(desk.folder))]
    assert synced["build"] == []
    assert len(synced["pack"]) > 5


@pytest.mark.parametrize("text", ["FROM scratch\n", "\nFROM scratch\n", "\n"])
def test_build_replaces_no_dockerfile_of_somebody_else(desk: Desk, text: str) -> None:
    mine = desk.write("here/Dockerfile", text)
    answer = desk.call("build", "--output", "here")
    assert (answer.code, "would be replaced" in answer.err) == (2, True)
    assert [path.name for path in mine.parent.iterdir()] == ["Dockerfile"]
    assert mine.read_text() == text


def test_a_configuration_that_no_dockerfile_can_hold_is_built_without_one(desk: Desk) -> None:
    desk.write("fromscratch.yaml", RECIPE + 'image: {labels: {text: "two\\nlines"}}\n')
    answer = desk.call("build")
    assert (answer.code, "no Dockerfile is written: LABEL text" in answer.err) == (0, True)
    assert not (desk.folder / "build/demo/Dockerfile").exists()
    assert "unchanged" in desk.answer("build")


def test_what_was_built_for_one_platform_is_the_one_that_is_meant(desk: Desk) -> None:
    desk.answer("build", "--platform", "linux/s390x")
    assert "/bin/app" in desk.answer("ls")
    assert desk.answer("pack", "--to", "tar", "--output", "x.tar") == "wrote tar:x.tar\n"
    other = desk.call("ls", "--platform", "linux/riscv64")
    assert (other.code, "build it with --platform linux/riscv64" in other.err) == (1, True)


def test_a_place_with_colons_is_read_by_the_name_that_pack_tells(desk: Desk) -> None:
    for form in ("oci", "oci-archive"):
        reported = desk.answer("pack", "--to", form, "--output", f"{form}:a b:c.tar")
        assert reported == f"wrote {form}:{form}:a b:c.tar:latest\n"
        assert "/bin/app" in desk.answer("ls", reported.removeprefix("wrote ").rstrip("\n"))
    other = desk.call("ls", "oci:oci:a b:c.tar:1.0")
    assert (other.code, "has no image named '1.0'" in other.err) == (2, True), other.err
    absent = desk.call("ls", "oci:nowhere:1.0")
    assert (absent.code, "there is no nowhere" in absent.err) == (2, True), absent.err


def test_one_entry_is_told_in_the_singular(desk: Desk) -> None:
    (desk.folder / "files/bin/app").unlink()
    (desk.folder / "files/bin").rmdir()
    assert "demo linux/" in (made := desk.answer("build"))
    assert ": 1 entry, " in made
    assert desk.call("ls").err.endswith(": 1 entry, 0 bytes\n")


def test_a_platform_that_stands_twice_is_built_once(desk: Desk) -> None:
    assert desk.answer("build", "--platform", "linux/arm64,linux/arm64").count("linux/arm64") == 1


def test_pack_writes_into_a_pipe_and_to_standard_output(desk: Desk) -> None:
    pipe = desk.folder / "pipe"
    os.mkfifo(pipe)
    names: list[str] = []

    def reader() -> None:
        with open(pipe, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            names.extend(archive.getnames())
            while stream.read(65536):
                pass

    thread = threading.Thread(target=reader, daemon=True)
    thread.start()
    desk.answer("pack", "--to", "tar", "--output", "pipe")
    thread.join(60)
    assert "bin/app" in names
    assert pipe.is_fifo()
    desk.call("pack", "--to", "tar", "--output", "-", program=("sh", "-c", '"$@" > out.tar', "sh", *_program()))
    with tarfile.open(desk.folder / "out.tar") as archive:
        assert "bin/app" in archive.getnames()
    both = desk.call("pack", "--to", "tar", "--output", "-", "--json")
    assert (both.code, both.out) == (2, "")


def test_standard_output_takes_no_folder_and_a_terminal_no_image(desk: Desk) -> None:
    folder = desk.call("pack", "--to", "oci", "--output", "-")
    assert (folder.code, "say --to oci-archive" in folder.err) == (2, True), folder.err
    ours, theirs = pty.openpty()
    try:
        words = ("pack", "--to", "tar", "--output", "-")
        answer = desk.call(*words, program=("sh", "-c", f'"$@" >{os.ttyname(theirs)}', "sh", *_program()))
    finally:
        os.close(ours)
        os.close(theirs)
    assert (answer.code, "standard output is a terminal" in answer.err) == (2, True), answer.err


def test_an_image_that_nobody_reads_to_its_end_is_no_success(desk: Desk) -> None:
    (desk.folder / "files/bin/large").write_bytes(os.urandom(1 << 20))
    desk.answer("build")
    words = ("pack", "--to", "tar", "--output", "-")
    answer = desk.call(*words, program=("bash", "-c", 'set -o pipefail; "$@" | true', "sh", *_program()))
    assert (answer.code, "ended before everything was written" in answer.err) == (1, True), answer.err


def test_a_file_in_the_place_of_a_layout_is_told_and_stays(desk: Desk) -> None:
    answer = desk.call("pack", "--to", "oci", "--output", "fromscratch.yaml")
    reported = "fromscratch.yaml is a file, and an OCI layout is a folder"
    assert (answer.code, reported in answer.err) == (2, True), answer.err
    assert (desk.folder / "fromscratch.yaml").read_text() == RECIPE


def test_an_image_of_several_platforms_keeps_them_wherever_they_can_be(desk: Desk) -> None:
    def packed(form: str, *words: str) -> Answer:
        return desk.call("pack", "--image", "oci:build/demo/oci", "--to", form, "--output", f"{form}.tar", *words)

    both = ("--platform", "linux/amd64,linux/arm64")
    desk.answer("build", *both)
    assert [packed("oci").code, packed("oci-archive").code] == [0, 0]
    made, copied = _top(desk.folder / "build/demo/oci"), _top(desk.folder / "oci.tar")
    assert len(read_layout(desk.folder / "oci.tar")) == 2
    assert copied == made
    with tarfile.open(desk.folder / "oci-archive.tar") as archive:
        assert f"blobs/sha256/{made.hex}" in archive.getnames()
    assert packed("oci-archive", "--platform", "linux/arm64").code == 0
    other = desk.call("ls", "oci-archive:oci-archive.tar", "--platform", "linux/amd64")
    assert (other.code, "has no image for linux/amd64" in other.err) == (2, True), other.err
    for words in ((), both):
        one = packed("tar", *words)
        assert (one.code, "only one platform can go there" in one.err) == (2, True), one.err
    assert packed("tar", "--platform", "linux/arm64").code == 0


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
def test_an_archive_is_not_written_under_the_name_of_a_compressed_one(desk: Desk, form: str) -> None:
    answer = desk.call("pack", "--to", form, "--output", "x.tar.gz")
    assert (answer.code, "end it in .tar" in answer.err) == (2, True)
    assert not (desk.folder / "x.tar.gz").exists()


def test_an_image_that_has_only_a_place_is_not_named_after_it(desk: Desk) -> None:
    answer = desk.call("pack", "--to", "docker-archive", "--image", "oci:build/demo/oci", "--output", "x.tar")
    assert (answer.code, "--tag" in answer.err) == (2, True)
    desk.answer("pack", "--to", "docker-archive", "--image", "demo", "--output", "x.tar")
    assert "/bin/app" in desk.answer("ls", "docker-archive:x.tar:demo:latest")


def test_an_aci_has_a_name_and_a_suffix_and_goes_to_standard_output_too(desk: Desk) -> None:
    desk.answer("pack", "--to", "aci", "--tag", "example.com/demo:2", "--output", "x.aci")
    with tarfile.open(desk.folder / "x.aci") as archive:
        manifest = archive.extractfile("manifest")
        assert manifest is not None
        assert b'"name":"example.com/demo","labels":[{"name":"version","value":"2"}' in manifest.read()
        assert "rootfs/bin/app" in archive.getnames()
    desk.answer("pack", "--to", "aci", "--output", "y.aci")
    desk.call("pack", "--to", "aci", "--output", "-", program=("sh", "-c", '"$@" > out', "sh", *_program()))
    assert (desk.folder / "out").read_bytes() == (desk.folder / "y.aci").read_bytes()
    answer = desk.call("pack", "--to", "aci", "--output", "x.tar")
    assert (answer.code, "end its name in .aci" in answer.err) == (2, True)
    riscv64 = desk.call("build", "pack", "--to", "aci", "--output", "z.aci", "--platform", "linux/riscv64")
    assert (riscv64.code, "cannot be for linux/riscv64" in riscv64.err) == (2, True)


def test_why_the_root_is_there(desk: Desk) -> None:
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{directory: {path: files, into: /srv}}]\n")
    assert "not built here" not in desk.answer("build", "why", "/")


def test_a_store_in_which_an_image_ran_can_be_removed(desk: Desk) -> None:
    desk.call("run", "--engine", "none", "--", "/bin/app")
    desk.answer("clean", "--store")
    assert not desk.store.exists()


def _top(layout: Path) -> Digest:
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    return Digest.parse(entry["digest"])


def _is_layer(blob: Path) -> bool:
    return blob.read_bytes()[:2] == b"\x1f\x8b"


def _program() -> tuple[str, ...]:
    import sys

    return (sys.executable, "-m", "fromscratch")


def _names(archive: Path) -> list[str | None]:
    """What engines and layouts call the image in an oci-archive."""
    with tarfile.open(archive) as opened:
        member = opened.extractfile("index.json")
        assert member is not None
        (entry,) = json.load(member)["manifests"]
    reported = entry.get("annotations", {})
    return [reported.get("io.containerd.image.name"), reported.get("org.opencontainers.image.ref.name")]


def test_an_archive_has_the_name_of_the_recipe_and_keeps_it(desk: Desk) -> None:
    wholly = ["docker.io/library/demo:latest", "latest"]
    desk.answer("pack", "--to", "oci-archive", "--output", "a.tar")
    assert _names(desk.folder / "a.tar") == wholly
    desk.answer("pack", "--to", "oci-archive", "--image", "oci-archive:a.tar", "--output", "b.tar")
    assert _names(desk.folder / "b.tar") == wholly
    desk.answer("pack", "--to", "docker-archive", "--image", "oci-archive:b.tar", "--output", "c.tar")
    desk.answer("pack", "--to", "oci-archive", "--image", "docker-archive:c.tar", "--output", "d.tar")
    assert _names(desk.folder / "d.tar") == wholly


def test_an_archive_keeps_a_name_with_a_registry_and_a_tag(desk: Desk) -> None:
    name = "registry.example:5000/team/hello:1.0"
    desk.answer("pack", "--to", "docker-archive", "--tag", name, "--output", "a.tar")
    desk.answer("pack", "--to", "oci-archive", "--image", "docker-archive:a.tar", "--output", "b.tar")
    assert _names(desk.folder / "b.tar") == [name, "1.0"]
    reported = desk.answer("pack", "--to", "oci", "--image", "oci-archive:b.tar", "--output", "layout")
    assert reported == "wrote oci:layout:1.0\n"
    desk.answer("pack", "--to", "oci-archive", "--image", "oci:layout", "--output", "c.tar")
    assert _names(desk.folder / "c.tar") == [None, "1.0"]
    desk.answer("pack", "--to", "oci-archive", "--image", "oci:layout", "--tag", "else:2", "--output", "d.tar")
    assert _names(desk.folder / "d.tar") == ["docker.io/library/else:2", "2"]


def _renamed(desk: Desk, name: str) -> None:
    """Give the build's image this name in a layout of its own."""
    desk.answer("pack", "--to", "oci", "--tag", "1", "--output", "layout")
    index = desk.folder / "layout" / "index.json"
    index.write_text(index.read_text().replace('image.ref.name":"1"', f'image.ref.name":"{name}"'))


def test_a_digest_is_no_name_to_call_an_image_by(desk: Desk) -> None:
    """A name without a tag is none for engines: `docker.io/library/x:`."""
    name = f"x@{Digest.of(b'x')}"
    _renamed(desk, name)
    desk.answer("pack", "--to", "oci-archive", "--image", "oci:layout", "--output", "a.tar")
    assert _names(desk.folder / "a.tar") == [None, None]
    reported = desk.call("pack", "--to", "docker-archive", "--image", "oci:layout", "--output", "b.tar")
    assert (reported.code, "say --tag NAME" in reported.err) == (2, True), reported.err
    reported = desk.call("pack", "--to", "oci-archive", "--image", "oci:layout", "--tag", name, "--output", "b.tar")
    assert (reported.code, "write it as NAME:TAG" in reported.err) == (2, True), reported.err
    assert not (desk.folder / "b.tar").exists()


def test_a_stranger_s_name_that_is_none_asks_for_another(desk: Desk) -> None:
    _renamed(desk, "../../x")
    reported = desk.call("pack", "--to", "oci-archive", "--image", "oci:layout", "--output", "a.tar")
    assert (reported.code, "say --tag NAME" in reported.err) == (2, True), reported.err
    desk.answer("pack", "--to", "oci-archive", "--image", "oci:layout", "--tag", "x:1", "--output", "a.tar")
    assert _names(desk.folder / "a.tar") == ["docker.io/library/x:1", "1"]


def test_an_image_without_a_name_is_given_none(desk: Desk) -> None:
    desk.answer("build")
    index = desk.folder / "build/demo/oci/index.json"
    reported = json.loads(index.read_text())
    del reported["manifests"][0]["annotations"]
    index.write_text(json.dumps(reported))
    desk.answer("pack", "--to", "oci-archive", "--image", "oci:build/demo/oci", "--output", "a.tar")
    assert _names(desk.folder / "a.tar") == [None, None]
    answer = desk.call("pack", "--to", "docker-archive", "--image", "oci-archive:a.tar", "--output", "x.tar")
    assert (answer.code, "--tag" in answer.err) == (2, True)
