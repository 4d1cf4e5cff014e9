"""`bundle` as a user meets it: programs into an image without a recipe."""

import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from fromscratch.formats.docker.archive import docker_archive_images
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.linker.gather import gather
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image
from fromscratch.sources.binaries.additions import additions
from tests.cli.command import Desk, invoke_in_checkout
from tests.cli.in_process import called
from tests.engines import need
from tests.formats.elf.made import AARCH64, elf
from tests.sysroots import LOADER, MULTIARCH, library, program, sysroot, written

FOREIGN_LOADER = "/lib/ld-linux-aarch64.so.1"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a sysroot of two architectures below it."""
    folder = tmp_path / "desk"
    folder.mkdir()
    sysroot(
        folder / "root",
        {
            "/usr/bin/jq": program("libjq.so.1"),
            "/usr/bin/true": program(),
            "/usr/bin/query": "-> jq",
            f"{MULTIARCH}/libjq.so.1": library("libjq.so.1", "libc.so.6"),
            FOREIGN_LOADER: elf(machine=AARCH64, soname="ld-linux-aarch64.so.1"),
            "/opt/arm/lib/libc.so.6": elf(machine=AARCH64, soname="libc.so.6"),
            "/opt/arm/jq": elf(machine=AARCH64, needed=["libc.so.6"], interpreter=FOREIGN_LOADER, rpath="/opt/arm/lib"),
        },
    )
    return folder


def bundle(folder: Path, *words: str, **variables: str) -> str:
    answer = called(folder, "bundle", "--root", "root", *words, **variables)
    assert answer.code == 0, answer.err
    return answer.out


def image(folder: Path, place: str = "build/jq/oci") -> Image:
    [found] = read_layout(folder / place)
    return found


def files(folder: Path, made: Image) -> list[str]:
    """What is in an image, less folders, symlinks and the minimal /etc."""
    tree = root_tree(made, Store(folder.parent / "store"))
    return [path for path, entry in tree.items() if type(entry).__name__ == "File" and not path.startswith("/etc")]


# What is made, and what it is called


def test_one_program_is_an_image_that_starts_it_as_nobody_in_particular(desk: Path) -> None:
    out = bundle(desk, "/usr/bin/jq")
    assert out.startswith("jq linux/amd64: ")
    assert out.rstrip().endswith(" packed -> oci:build/jq/oci")
    assert sorted(path.name for path in (desk / "build/jq").iterdir()) == ["Dockerfile", "evidence.json", "oci"]
    made = image(desk)
    assert (made.config.entrypoint, made.config.cmd, made.config.user) == (("/usr/bin/jq",), (), "65532:65532")
    assert files(desk, made) == [
        "/usr/bin/jq",
        f"{MULTIARCH}/ld-linux-x86-64.so.2",
        f"{MULTIARCH}/libc.so.6",
        f"{MULTIARCH}/libjq.so.1",
    ]


@pytest.mark.parametrize(
    ("words", "env"),
    [
        ((), {"LANG": "C.UTF-8"}),
        (("--env", "LANG=de_DE.UTF-8"), {"LANG": "de_DE.UTF-8"}),
        (("--env", "LC_ALL=C"), {"LC_ALL": "C"}),
        (("--without", "utf8"), {}),
    ],
)
def test_a_program_whose_text_depends_on_the_locale_gets_utf8(
    desk: Path, words: tuple[str, ...], env: dict[str, str]
) -> None:
    text = elf(interpreter=LOADER, needed=["libc.so.6"], imports=("setlocale", "mbrtowc"))
    written(desk / "root", {"/usr/bin/text": text, "/usr/lib/locale/C.utf8/LC_CTYPE": b"utf8"})
    bundle(desk, "/usr/bin/text", *words)
    made = image(desk, "build/text/oci")
    assert dict(made.config.env) == env
    assert ("/usr/lib/locale/C.utf8/LC_CTYPE" in files(desk, made)) == ("--without" not in words)


def test_the_second_time_nothing_is_built_and_after_a_change_it_is(desk: Path) -> None:
    assert "unchanged" not in bundle(desk, "/usr/bin/jq")
    before = (desk / "build/jq/oci/index.json").stat().st_mtime_ns
    assert "unchanged" in bundle(desk, "/usr/bin/jq")
    assert (desk / "build/jq/oci/index.json").stat().st_mtime_ns == before
    assert "unchanged" not in bundle(desk, "/usr/bin/jq", "--user", "7")
    (desk / f"root{MULTIARCH}/libjq.so.1").write_bytes(library("libjq.so.1", data=b"new"))
    assert "unchanged" not in bundle(desk, "/usr/bin/jq", "--user", "7")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("/usr/bin/jq",), "jq"),
        (("/usr/bin/jq:/opt/Query_Tool",), "query-tool"),
        (("/usr/bin/jq:/opt/",), "jq"),
        (("/usr/bin/jq", "--tag", "registry.example:5000/team/tool:1.0"), "tool"),
        (("/usr/bin/jq", "--name", "my.app"), "my.app"),
        (("--stage", "stage"), "stage"),
        (("--stage", "."), "bundle"),
    ],
)
def test_it_is_called_as_it_was_said_or_by_its_tag_or_by_its_first_file(
    desk: Path, words: tuple[str, ...], name: str
) -> None:
    (desk / "stage").mkdir()
    written(desk / "stage", {"/bin/app": program()})
    if words[-1] == ".":
        words = ("--stage", ".", "--root", "root")
    called(desk, "bundle", *(words if "--root" in words else (*words, "--root", "root")), PATH=str(desk))
    assert [path.name for path in (desk / "build").iterdir()] == [name]


def test_output_names_the_folder(desk: Path) -> None:
    assert bundle(desk, "/usr/bin/jq", "--output", "here/it").rstrip().endswith("-> oci:here/it/oci")
    assert (desk / "here/it/evidence.json").exists()
    assert not (desk / "build").exists()


def test_every_offer_is_listed_when_asked_for_even_if_nothing_changed(desk: Path) -> None:
    notes = ",".join(f'{{"priority":"suggested","soname":["libextra{number}.so"]}}' for number in range(12))
    extra = {f"{MULTIARCH}/libextra{number}.so": library(f"libextra{number}.so", "libc.so.6") for number in range(12)}
    written(desk / "root", {"/usr/bin/many": program(notes=[("FDO", 0x407C0C0A, f"[{notes}]\0".encode())]), **extra})
    first = called(desk, "bundle", "/usr/bin/many", "--root", "root", PATH=str(desk)).err
    assert first.count("not taken: libextra") == 10
    assert "not taken: … and 2 more, which `fromscratch closure --beyond --all` lists" in first
    again = called(desk, "bundle", "/usr/bin/many", "--root", "root", "--all", PATH=str(desk)).err
    assert again.count("not taken: libextra") == 12
    assert len(json.loads(bundle(desk, "/usr/bin/many", "--json"))["offers"]) == 12


def test_what_a_program_reads(desk: Path) -> None:
    found = json.loads(bundle(desk, "/usr/bin/jq", "--json"))
    [layer] = image(desk).layers
    documents = image_documents(image(desk))
    manifest = str(documents.descriptor.digest)
    assert found == {
        "name": "jq",
        "layout": "build/jq/oci",
        "fresh": True,
        "offers": [],
        "digest": manifest,
        "index": None,
        "images": [
            {
                "platform": "linux/amd64",
                "manifest": manifest,
                "config": str(documents.config_descriptor.digest),
                "entries": len(root_tree(image(desk), Store(desk.parent / "store"))),
                "size": layer.size,
                "layers": [str(layer.digest)],
                "entrypoint": ["/usr/bin/jq"],
                "checks": [],
                "setuid": [],
                "setgid": [],
                "capabilities": [],
            }
        ],
    }


def test_the_same_bytes_in_another_folder_and_a_date_only_where_it_is_said(desk: Path, tmp_path: Path) -> None:
    bundle(desk, "/usr/bin/jq", "--output", "one")
    (desk / "root/usr/bin/jq").touch()
    bundle(desk, "/usr/bin/jq", "--output", "two", TZ="Asia/Tokyo")
    bundle(desk, "/usr/bin/jq", "--output", "dated", SOURCE_DATE_EPOCH="1700000000")
    index = {name: (desk / name / "oci/index.json").read_bytes() for name in ("one", "two", "dated")}
    assert index["one"] == index["two"] != index["dated"]
    assert image(desk, "dated/oci").created == 1700000000
    wrong = called(desk, "bundle", "--root", "root", "/usr/bin/jq", SOURCE_DATE_EPOCH="yesterday")
    assert (wrong.code, "SOURCE_DATE_EPOCH is 'yesterday'" in wrong.err) == (2, True)


def test_other_verbs_explain_it(desk: Path) -> None:
    out = bundle(desk, "/usr/bin/jq", "ls", "jq", "--path", "/usr/bin", "--quiet")
    assert out.splitlines()[1:] == ["d 0755 0:0 /usr/bin", "f 0755 0:0 512 /usr/bin/jq"]
    why = called(desk, "why", f"{MULTIARCH}/libjq.so.1", "--image", "jq")
    assert why.out.splitlines()[-2:] == [
        "  needed by /usr/bin/jq (DT_NEEDED libjq.so.1)  [binaries /usr/bin/jq]",
        "    asked for /usr/bin/jq  [binaries /usr/bin/jq]",
    ]


# What it starts with, and how


@pytest.mark.parametrize(
    ("words", "entrypoint"),
    [
        (("/usr/bin/query",), ["/usr/bin/query"]),  # many programs look at the name that they are called by
        (("/bin/jq",), ["/bin/jq"]),
        (("/usr/bin/jq:/opt/tool",), ["/opt/tool"]),
        (("/usr/bin/jq", f"{MULTIARCH}/libjq.so.1"), ["/usr/bin/jq"]),
        (("/usr/bin/jq", "--entrypoint", "jq --indent '2 3'"), ["/usr/bin/jq", "--indent", "2 3"]),
        (("/usr/bin/jq", "/usr/bin/true", "--entrypoint", "true"), ["/usr/bin/true"]),
        (("/usr/bin/jq", "/usr/bin/true", "--entrypoint", "/usr/bin/../bin/true"), ["/usr/bin/../bin/true"]),
        (("/usr/bin/jq", "/usr/bin/true"), []),
        (("/usr/bin/jq", "--entrypoint", ""), []),
        (("--stage", "stage"), ["/usr/local/bin/app"]),
        (("--stage", "stage", "/usr/bin/jq", "--entrypoint", "app"), ["/usr/local/bin/app"]),
    ],
)
def test_the_entry_point_is_what_was_named(desk: Path, words: tuple[str, ...], entrypoint: list[str]) -> None:
    (desk / "stage").mkdir()
    written(
        desk / "stage",
        {
            "/usr/local/bin/app": program(),
            "/usr/local/bin/notes": "text\n",
            "/usr/local/lib/helper": program(),
        },
    )
    assert json.loads(bundle(desk, *words, "--json"))["images"][0]["entrypoint"] == entrypoint


def test_of_several_staged_programs_the_one_called_like_the_image_starts(desk: Path) -> None:
    (desk / "stage").mkdir()
    written(desk / "stage", {"/usr/local/bin/app": program(), "/usr/local/bin/helper": program()})
    for name, entrypoint in (("app", ["/usr/local/bin/app"]), ("other", [])):
        made = bundle(desk, "--stage", "stage", "--name", name, "--json")
        assert json.loads(made)["images"][0]["entrypoint"] == entrypoint


def test_of_several_programs_none_is_guessed(desk: Path) -> None:
    answer = called(desk, "bundle", "--root", "root", "/usr/bin/jq", "/usr/bin/true")
    assert answer.code == 0
    assert (
        "there are 2 programs, and no entry point: say --entrypoint with one of /usr/bin/jq, /usr/bin/true"
        in answer.err
    )
    quiet = called(desk, "bundle", "--root", "root", "/usr/bin/jq", "/usr/bin/true", "--quiet")
    assert quiet.err == ""


def test_a_file_added_below_tmp_leaves_tmp_open_to_every_user(desk: Path) -> None:
    written(desk, {"/page": "y"})
    bundle(desk, "/usr/bin/jq", "--add", "page:/tmp/page", "--name", "jq")
    rows = {each["path"]: each for each in json.loads(called(desk, "ls", "jq", "--json").out)}
    assert rows["/tmp"]["mode"] == "1777"
    assert "/tmp/page" in rows


def test_the_configuration_is_what_the_options_say(desk: Path) -> None:
    words = ["--cmd", ". 'a b'", "--user", "7:8", "--env", "A=1", "--env", "B=x=y", "--workdir", "/srv"]
    words += ["--port", "80", "--port", "53/udp", "--volume", "/data", "--label", "org.example.a=b c"]
    bundle(desk, "/usr/bin/jq", *words, "--stop-signal", "SIGINT", "--search", "/opt/x", "--search", "/opt/y")
    config = image(desk).config
    assert (config.entrypoint, config.cmd, config.user) == (("/usr/bin/jq",), (".", "a b"), "7:8")
    assert dict(config.env) == {"A": "1", "B": "x=y", "LD_LIBRARY_PATH": "/opt/x:/opt/y"}
    assert (config.working_dir, config.stop_signal) == ("/srv", "SIGINT")
    assert sorted(config.exposed_ports) == ["53/udp", "80/tcp"]
    assert tuple(config.volumes) == ("/data",)
    assert dict(config.labels) == {"org.example.a": "b c"}


def test_words_switch_finders_on_and_off(desk: Path) -> None:
    written(desk / "root", {"/etc/localtime": "-> /usr/share/zoneinfo/UTC", "/usr/share/zoneinfo/UTC": "TZif2"})
    bundle(desk, "/usr/bin/jq", "--with", "localtime", "--without", "etc")
    tree = root_tree(image(desk), Store(desk.parent / "store"))
    assert tree.find("/etc/localtime") is not None
    assert tree.find("/etc/passwd") is None
    evidence = json.loads((desk / "build/jq/evidence.json").read_text())
    options = evidence["recipe"]["rootfs"][0]["binaries"]
    assert (options["localtime"], options["etc"]) == (True, "none")
    written(desk / "root", {"/usr/bin/gpu": program("libcuda.so.1", "libnv.so")})
    bundle(desk, "/usr/bin/gpu", "--with", "missing=libcuda.so.*", "--with", "missing=libnv.so,libother.so")


def test_files_and_stages_are_added(desk: Path) -> None:
    written(desk, {"/conf/app.conf": "x", "/stage/usr/bin/app": program("libjq.so.1"), "/other/srv/page": "y"})
    bundle(desk, "--stage", "stage", "--stage", "other", "--add", "conf:/opt/conf", "--name", "jq")
    assert [path for path in files(desk, image(desk)) if not path.startswith(MULTIARCH)] == [
        "/opt/conf/app.conf",
        "/srv/page",
        "/usr/bin/app",
    ]


def test_two_programs_for_two_platforms_are_one_index(desk: Path) -> None:
    both = ("/usr/bin/jq:/jq", "/opt/arm/jq:/jq")
    out = bundle(desk, *both, "--to", "oci:index:min")
    assert [line.split(":")[0] for line in out.splitlines()[:2]] == ["jq linux/amd64", "jq linux/arm64"]
    images = read_layout(desk / "index", "min")
    assert [str(each.platform) for each in images] == ["linux/amd64", "linux/arm64"]
    assert [files(desk, each)[0] for each in images] == ["/jq", "/jq"]
    assert "/opt/arm/lib/libc.so.6" in files(desk, images[1])
    assert "linux/amd64" not in bundle(desk, *both, "--platform", "linux/arm64")
    alone = bundle(desk, "/opt/arm/jq")
    assert alone.startswith("jq linux/arm64: ")
    wrong = called(desk, "bundle", "--root", "root", "/opt/arm/jq", "--platform", "linux/s390x")
    assert (wrong.code, "nothing of it is for linux/s390x" in wrong.err) == (2, True)
    assert " hint: name files for that platform" in wrong.err


# Where it goes


def test_it_is_written_as_the_fields_names_say(desk: Path) -> None:
    expected = files(desk, image(desk)) if bundle(desk, "/usr/bin/jq") else []
    assert "wrote oci:" in bundle(desk, "/usr/bin/jq", "--to", "oci:layout")
    assert files(desk, image(desk, "layout")) == expected
    bundle(desk, "/usr/bin/jq", "--to", "oci:layout:1.0")
    assert read_layout(desk / "layout", "1.0") == read_layout(desk / "layout", "latest")
    bundle(desk, "/usr/bin/jq", "--to", "docker-archive:d.tar")
    archive = read_tree(desk / "d.tar", Origin("test", "found in", "d.tar"))
    [loaded] = docker_archive_images(archive, "docker-archive:d.tar", "jq:latest")
    assert files(desk, loaded) == expected
    found = json.loads(bundle(desk, "/usr/bin/jq", "--to", "oci-archive:o.tar", "--json"))
    assert found["written"]["digest"].startswith("sha256:")
    with tarfile.open(desk / "o.tar") as opened:
        index = opened.extractfile("index.json")
        assert index is not None
        assert json.load(index)["manifests"][0]["annotations"] == {
            "io.containerd.image.name": "docker.io/library/jq:latest",
            "org.opencontainers.image.ref.name": "latest",
        }
    bundle(desk, "/usr/bin/jq", "--to", "tar:root.tar")
    bundle(desk, "/usr/bin/jq", "--to", "aci:jq.aci")
    with tarfile.open(desk / "jq.aci") as opened:
        assert {"manifest", "rootfs/usr/bin/jq"} <= set(opened.getnames())
    with tarfile.open(desk / "root.tar") as opened:
        assert set(expected) <= {f"/{name.removeprefix('./')}" for name in opened.getnames()}


def test_without_an_engine_it_says_where_the_image_is(desk: Path) -> None:
    answer = called(desk, "bundle", "--root", "root", "/usr/bin/jq", "--tag", "jq:min", PATH=str(desk))
    assert answer.code == 1
    assert answer.err.splitlines()[-2].startswith("error: the image is in oci:build/jq/oci, but ")
    assert answer.err.splitlines()[-1].startswith(" hint: ")
    assert files(desk, image(desk))[0] == "/usr/bin/jq"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ((), "bundle needs a file", "bundle /usr/bin/jq"),
        (("/usr/bin/jqq",), "there is no ", ""),
        (("/usr/bin/jq", "--to", "oic:x"), "--to oic:x: oic is not a form of an image", "did you mean oci:x?"),
        (("/usr/bin/jq", "--to", "docker://r.example/jq:1"), "--to is for files", "push r.example/jq:1 --image NAME"),
        (("/usr/bin/jq", "--to", "podman:jq:1"), "--to is for files", "--engine podman --tag REF"),
        (("/usr/bin/jq", "--to", "oci"), "--to oci names no folder", "oci:PLACE"),
        (("/usr/bin/jq", "--to", "tar:"), "--to tar: names no file", "tar:PLACE"),
        (("/usr/bin/jq", "--to", "zip:x"), "zip is not a form of an image", "docker-archive"),
        (("/usr/bin/jq", "--via", "laod"), "--via laod", "load or import"),
        (("/usr/bin/jq", "--engine", "dokcer"), "'dokcer' is not an engine", "docker"),
        (("/usr/bin/jq", "--tag", "A B"), "'A B' is not an image name", "lower case"),
        (("/usr/bin/jq", "--tag", f"jq@sha256:{'0' * 64}"), "holds a digest", "NAME:TAG"),
        (("/usr/bin/jq", "--name", "../x"), "--name ../x", "my-app"),
        (("/usr/bin/jq", "--entrypoint", "jqq"), "--entrypoint jqq: no program has that name", "path"),
        (("/usr/bin/jq", "--entrypoint", "'jq"), "No closing quotation", "close the quotes"),
        (("/usr/bin/jq", "--env", "A"), "--env A", "NAME=VALUE"),
        (("/usr/bin/jq", "--port", "99999"), "'99999' is not a port", ""),
        (("/usr/bin/jq", "--user", "a b"), "'a b' is not a user", ""),
        (("/usr/bin/jq", "--stop-signal", "SIGFOO"), "'SIGFOO' is not a signal", ""),
        (("/usr/bin/jq", "--with", "gocnv=UTF-16"), "--with gocnv: no such kind", "did you mean gconv?"),
        (("/usr/bin/jq", "--with", "gconv="), "--with gconv= needs a value", "gconv=…"),
        (("/usr/bin/jq", "--with", "locales"), "--with locales needs a value", "locales=…"),
        (("/usr/bin/jq", "--with", "localtime=yes"), "it takes no value", "--without localtime"),
        (("/usr/bin/jq", "--with", "python=some"), "--with python=some: no such value", "say one of auto, imports, "),
        (("/usr/bin/jq", "--with", "python=import"), "--with python=import: no such value", "did you mean imports?"),
        (("/usr/bin/jq", "--without", "everything"), "--without everything: no such kind", "say one of dlopen, "),
        (("/usr/bin/jq", "--search", "lib"), "search: 'lib' is not a folder of the image", ""),
        (("/usr/bin/jq", "--stage", ""), "stage: '' names nothing", ""),
        (("/usr/bin/jq", "--stage", "stgae"), "there is no ", "did you mean "),
        (("/usr/bin/jq", "--add", "none"), "there is no ", ""),
        (("/usr/bin/jq", "--rot", "x"), "No idea what '--rot' is", "did you mean --root?"),
    ],
)
def test_a_wrong_call_gets_one_message_and_one_hint_and_builds_nothing(
    desk: Path, words: tuple[str, ...], message: str, hint: str
) -> None:
    (desk / "stage").mkdir()
    answer = called(desk, "bundle", *words, "--root", "root")
    assert (answer.code, answer.out, answer.err.count("error: "), answer.err.count(" hint: ")) == (2, "", 1, 1)
    assert message in answer.err.split("\n hint: ")[0]
    assert hint in answer.err.split("\n hint: ")[1]
    assert not (desk / "build").exists()


def test_an_entry_point_that_is_not_in_the_image_is_no_success(desk: Path) -> None:
    words = ("bundle", "--root", "root", "/usr/bin/jq", "--entrypoint")
    for attempt in range(2):  # the second time there is nothing to build, and it is wrong all the same
        answer = called(desk, *words, "/usr/bin/jqq")
        assert (answer.code, attempt, answer.out) == (1, attempt, "")
        assert answer.err.splitlines()[-1] == (
            " hint: did you mean /usr/bin/jq?; --start-check warn builds it all the same"
        )
    assert called(desk, *words, LOADER).code == 0


# As a process, as a task, in an engine


def test_a_checkout_has_it_as_an_invoke_task(desk: Path) -> None:
    here = Desk(desk, desk.parent / "store")
    invoke = invoke_in_checkout()
    words = ("--root", "root", "/usr/bin/jq", "/usr/bin/true", "--entrypoint", "true", "--env", "A=1", "--env", "B=2")
    task = here.call("bundle", *words, "--output", "task", program=invoke)
    assert task.code == 0, task.err
    own = here.answer("bundle", *words, "--output", "own")
    assert own.replace("own", "task") == task.out
    assert (desk / "own/oci/index.json").read_bytes() == (desk / "task/oci/index.json").read_bytes()


@pytest.mark.slow
@pytest.mark.engine
def test_a_new_user_bundles_jq_and_runs_it(docker: Engine, podman: Engine, tmp_path: Path) -> None:
    """Under docker's own address the verb finds the daemon by itself, as it would a user's."""
    jq = need("jq")
    here = Desk(tmp_path / "desk", tmp_path / "store", _address(docker))
    here.folder.mkdir()
    reported = json.loads(here.answer("bundle", jq, "--tag", "fromscratch-test/jq:min", "--json"))
    assert reported["engine"]["kind"] == "docker"
    assert docker.image_id("fromscratch-test/jq:min") == reported["engine"]["id"]
    here.answer("bundle", jq, "--name", "fromscratch-test-jq", "--to", f"docker-archive:{tmp_path}/jq.tar")
    loaded = "docker.io/library/fromscratch-test-jq:latest"
    podman.call("load", "--input", str(tmp_path / "jq.tar"))
    try:
        for engine, name in ((docker, "fromscratch-test/jq:min"), (podman, loaded)):
            assert run(engine, name, ".a + 1", given=b'{"a": 41}') == "42"
            assert run(engine, name, "-r", '.s | @base64, test("ü+")', given='{"s": "ü"}'.encode()) == "w7w=\ntrue"
    finally:
        docker.call("image", "rm", "--force", "fromscratch-test/jq:min")
        podman.call("image", "rm", "--force", loaded)


def _address(engine: Engine) -> dict[str, str]:
    """What tells a docker of a user where its daemon listens."""
    _, *flags = engine.program
    return {"DOCKER_HOST": flags[flags.index("-H") + 1]} if "-H" in flags else {}


def run(engine: Engine, name: str, *words: str, given: bytes) -> str:
    flags: list[Any] = ["run", "--rm", "--interactive", "--read-only", *engine.run_flags, name, *words]
    done = subprocess.run([*engine.program, *flags], input=given, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@contextmanager
def counted(*functions: Callable[..., Any]) -> Iterator[dict[str, int]]:
    """How often this thread calls each of them, from wherever it is imported."""
    names = {function.__code__: function.__name__ for function in functions}
    calls = dict.fromkeys(names.values(), 0)

    def seen(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            calls[names[frame.f_code]] += 1

    sys.setprofile(seen)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize(
    ("words", "platforms"),
    [
        (["/usr/bin/jq"], 1),
        (["--stage", "stage", "--add", "root/opt:/srv"], 1),
        (["--stage", "stage", "/usr/bin/true"], 1),
        (["/usr/bin/true", "/opt/arm/jq"], 2),
        (["--platform", "linux/arm64", "/opt/arm/jq"], 1),
        (["--stage", "foreign"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_named_is_looked_up_once_for_each_platform_and_so_is_what_it_needs(
    desk: Path, words: list[str], platforms: int
) -> None:
    written(desk / "stage", {"/bin/tool": program()})
    written(desk / "foreign", {"/bin/tool": elf(machine=AARCH64)})
    with counted(additions, gather) as calls:
        made = json.loads(bundle(desk, *words, "--name", "once", "--json"))
    assert len(made["images"]) == platforms
    assert calls == {"additions": platforms, "gather": platforms}
    with counted(additions, gather) as calls:
        assert not json.loads(bundle(desk, *words, "--name", "once", "--json"))["fresh"]
    assert calls == {"additions": platforms, "gather": platforms}
