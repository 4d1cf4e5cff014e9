"""The command as a user meets it: results, exit codes, one message and one hint for what is wrong."""

import json
import re
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import Desk, invoke_in_checkout
from tests.cli.in_process import called
from tests.trees import text

RECIPE = """\
name: demo
epoch: 1700000000
rootfs:
  - overlay: files
accounts:
  users: [{name: app, uid: 1000, home: /srv}]
trim: [docs]
image: {cmd: [/bin/app], user: app}
check: off
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.write("fromscratch.yaml", RECIPE)
    made.write("files/usr/bin/app", "#!/bin/sh\necho app\n").chmod(0o755)
    made.write("files/usr/share/doc/app/README", "read me\n")
    (made.folder / "files/bin").symlink_to("usr/bin")
    return made


def test_build_makes_a_layout_a_dockerfile_and_evidence_and_the_second_time_nothing(desk: Desk) -> None:
    assert desk.answer("fetch", "build").startswith("demo linux/")
    assert sorted(path.name for path in (desk.folder / "build/demo").iterdir()) == [
        "Dockerfile",
        "evidence.json",
        "oci",
    ]
    before = (desk.folder / "build/demo/oci/index.json").stat().st_mtime_ns
    assert "unchanged" in desk.answer("build")
    assert (desk.folder / "build/demo/oci/index.json").stat().st_mtime_ns == before
    assert not json.loads(desk.answer("build", "--json"))["fresh"]


def test_the_summary_names_programs_that_give_more_rights(desk: Desk) -> None:
    for name, mode in (("su", 0o4755), ("wall", 0o2755), ("data", 0o4644)):
        desk.write(f"files/usr/bin/{name}", name).chmod(mode)
    desk.write("fromscratch.yaml", RECIPE.replace("overlay: files", "overlay: {path: files, keep_modes: true}"))
    lines = ["  setuid: /usr/bin/su", "  setgid: /usr/bin/wall"]
    assert desk.answer("build").splitlines()[2:] == lines
    assert desk.answer("build").splitlines()[2:] == lines  # unchanged, and told all the same
    facts = json.loads(desk.answer("build", "--json"))["images"][0]
    assert {key: facts[key] for key in ("setuid", "setgid", "capabilities")} == {
        "setuid": ["/usr/bin/su"],
        "setgid": ["/usr/bin/wall"],
        "capabilities": [],
    }


@pytest.mark.parametrize("source", ["directory: root", "tarball: root.tar", "overlay: root"])
def test_an_image_in_which_anybody_is_root_is_refused_whatever_it_is_made_of(desk: Desk, source: str) -> None:
    desk.write("root/etc/shadow", "root::::::::\n")
    with tarfile.open(desk.folder / "root.tar", "w") as archive:
        archive.add(desk.folder / "root", ".")
    recipe = f"name: demo\nrootfs: [{{{source}}}]\n"
    desk.write("fromscratch.yaml", recipe)
    refused = desk.call("fetch", "build")
    assert refused.code == 1
    assert "/etc/shadow gives root an empty password" in refused.err
    assert not (desk.folder / "build/demo/oci").exists()
    desk.write("fromscratch.yaml", recipe + "accounts: {}\n")
    desk.answer("build")
    desk.write("fromscratch.yaml", recipe + "accounts: {empty_passwords: [root]}\n")
    desk.answer("build")


def test_a_change_of_a_file_of_an_overlay_or_of_the_epoch_is_built_again(desk: Desk) -> None:
    first = json.loads(desk.answer("build", "--json"))["images"][0]["diff_ids"]
    desk.write("files/usr/bin/app", "#!/bin/sh\necho other\n")
    second = json.loads(desk.answer("build", "--json"))["images"][0]["diff_ids"]
    desk.variables["SOURCE_DATE_EPOCH"] = "1600000000"
    third = json.loads(desk.answer("build", "--json"))["images"][0]["diff_ids"]
    assert len({*first, *second, *third}) == 3


@pytest.mark.parametrize(
    ("compression", "codec", "note"),
    [
        ("gzip", r"gzip zlib(-ng)? [0-9.]+ level [59]", False),
        ("zstd", r"zstd [0-9.]+ level 19", False),  # what is small is packed as well as can be
        ("fast", r"gzip isal [0-9.]+ level 1, digest may vary", True),
        ("none", "none", False),
    ],
)
def test_the_evidence_tells_what_packed_each_layer(desk: Desk, compression: str, codec: str, note: bool) -> None:
    desk.write("fromscratch.yaml", f"{RECIPE}compression: {compression}\n")
    made = desk.call("build", "--json")
    assert made.code == 0, made.err
    assert ("other digests" in made.err) == note
    (image,) = json.loads((desk.folder / "build/demo/evidence.json").read_text())["images"]
    (layer,) = image["packed"]
    assert re.fullmatch(codec, layer["codec"])
    assert image["codec"] == layer["codec"]
    assert [layer["digest"]] == image["layers"] == json.loads(made.out)["images"][0]["layers"]


def test_ls_lists_one_line_an_entry(desk: Desk) -> None:
    desk.answer("build")
    assert desk.answer("ls").strip() == text(
        """
        d 0755 0:0 /
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /etc
        f 0644 0:0 22 /etc/group
        f 0644 0:0 66 /etc/passwd
        f 0640 0:0 27 /etc/shadow
        d 0755 1000:1000 /srv
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 19 /usr/bin/app
        d 0755 0:0 /usr/share
        """
    )
    assert json.loads(desk.answer("ls", "--json", "--path", "/bin/app")) == [
        {"path": "/usr/bin/app", "type": "file", "mode": "0755", "uid": 0, "gid": 0, "size": 19}
    ]
    assert desk.answer("ls", "oci:build/demo/oci:latest") == desk.answer("ls", "demo")


def test_why_follows_symlinks_and_tells_every_reason(desk: Desk) -> None:
    desk.answer("build")
    assert desk.answer("why", "/bin/app").splitlines() == [
        "l 0777 0:0 /bin -> usr/bin",
        "  found in files  [overlay files]",
        "f 0755 0:0 19 /usr/bin/app",
        "  found in files  [overlay files]",
    ]
    assert "asked for accounts" in desk.answer("why", "/etc/passwd")
    trimmed = desk.call("why", "/usr/share/doc/app/README")
    assert (trimmed.code, trimmed.err.splitlines()[0]) == (
        1,
        "error: /usr/share/doc/app/README is not in oci:build/demo/oci: it was trimmed by 'docs'",
    )
    assert "did you mean /usr/bin/app?" in desk.call("why", "/usr/local/app").err


def test_options_given_once_hold_for_the_whole_chain(desk: Desk) -> None:
    desk.write("other.yaml", RECIPE.replace("demo", "other"))
    assert (
        desk.answer("build", "ls", "--path", "/bin/app", "--recipe", "other.yaml").splitlines()[0].startswith("other ")
    )
    desk.answer("build", "--output", "out", "ls")
    assert (desk.folder / "out/evidence.json").exists()


def test_a_checkout_has_the_same_verbs_as_invoke_tasks(desk: Desk) -> None:
    invoke = invoke_in_checkout()
    built = desk.call("build", "why", "/bin/app", "--quiet", program=invoke)
    assert built.code == 0, built.err
    assert "/usr/bin/app" in built.out
    listed = desk.call("--list", program=invoke).out
    for name in ("init", "doctor", "fetch", "configure", "build", "import", "pack", "run", "ls", "why", "clean"):
        assert f"  {name} " in listed


@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (["biuld"], 2, "No idea what 'biuld' is!", "did you mean build?"),
        (["ls", "--pth", "/x"], 2, "No idea what '--pth' is!", "did you mean --path?"),
        (["build", "--recipe", "none.yaml"], 2, "there is no recipe none.yaml", ""),
        (["build", "--recipe", "files"], 2, "there is no recipe files: that is a folder", ""),
        (["build", "--recipe", "busibox"], 2, "there is no recipe busibox", "did you mean busybox?"),
        (["build", "--platform", "linux/armv7"], 2, "'linux/armv7' is not a platform", "linux/arm/v7"),
        (["run"], 1, "nothing is built in build/demo", "fetch build"),
        (["ls", "nothing"], 2, "there is no image nothing", "build it"),
        (["ls", "aci:x"], 2, "aci:x: images are not read by that name", "tar:x"),
        (["ls", "xyz:x"], 2, "there is no image xyz:x", "docker://"),
        (["ls", "oci:nowhere"], 2, "there is no nowhere", ""),
        (["why"], 2, "why needs a path", "why /bin/sh"),
        (["init"], 2, "fromscratch.yaml is there already", "--force"),
        (["init", "--from", "debain"], 2, "no such kind of source", "did you mean debian?"),
        (["pull", "x"], 2, "x names no registry", "write its host too"),
        (["pulll", "x"], 2, "No idea what 'pulll' is!", "did you mean pull?"),
    ],
)
def test_a_wrong_call_gets_one_message_and_one_hint(
    desk: Desk, words: list[str], code: int, message: str, hint: str
) -> None:
    answer = called(desk.folder, *words)
    assert answer.code == code
    assert "Traceback" not in answer.err
    assert message in answer.err.split(" hint: ")[0]
    assert answer.err.count("error: ") == 1
    assert hint in answer.err


def test_a_wrong_recipe_tells_all_its_faults_and_leaves_nothing(desk: Desk) -> None:
    desk.write("fromscratch.yaml", "rootfs: [{overlay: files, replcae: true}]\nimage: {comand: [x]}\n")
    answer = desk.call("fetch", "build")
    assert answer.code == 2
    assert "fromscratch.yaml:1: rootfs[0].replcae: no such key; did you mean 'replace'?" in answer.err
    assert "fromscratch.yaml:2: image.comand: no such key" in answer.err
    assert not (desk.folder / "build").exists()


def test_a_missing_overlay_is_named_with_what_is_near_and_leaves_nothing(desk: Desk) -> None:
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: fiels}]\n")
    answer = desk.call("build")
    assert answer.code == 2
    assert "fiels" in answer.err
    assert answer.err.rstrip().endswith("/files?")
    assert not (desk.folder / "build/demo/oci").exists()


def test_entries_that_would_replace_each_other_are_a_conflict_unless_the_recipe_says_so(desk: Desk) -> None:
    desk.write("more/usr/bin/app", "another\n")
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}, {overlay: more}]\n")
    answer = desk.call("build")
    assert answer.code == 1
    assert "/usr/bin/app: file 0755 0:0 from overlay files against file 0644 0:0 from overlay more" in answer.err
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}, {overlay: more, replace: true}]\n")
    assert "/usr/bin/app" in desk.answer("build", "ls")


def test_a_date_that_is_none_is_refused(desk: Desk) -> None:
    desk.variables["SOURCE_DATE_EPOCH"] = "yesterday"
    answer = desk.call("build")
    assert (answer.code, "SOURCE_DATE_EPOCH is 'yesterday'" in answer.err) == (2, True)


def test_a_reader_that_goes_away_is_no_error(desk: Desk) -> None:
    desk.answer("build")
    with desk.process("ls") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_an_interrupted_build_leaves_no_half_and_the_next_one_goes_on(desk: Desk) -> None:
    big = desk.folder / "files/big"
    with open(big, "wb") as out:
        out.truncate(1_500_000_000)  # a hole: takes no room, but seconds to pack
    with desk.process("build") as process:
        _until(
            lambda: (
                list((desk.folder / "build/demo").glob("*oci*/blob-*")) if (desk.folder / "build/demo").exists() else []
            )
        )
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert [path.name for path in (desk.folder / "build/demo").rglob("*") if path.is_file()] == []
    big.unlink()
    assert "demo linux/" in desk.answer("build")


def test_clean_removes_the_build_and_with_store_the_store(desk: Desk) -> None:
    desk.answer("build", "ls")
    desk.answer("clean")
    assert not (desk.folder / "build/demo").exists()
    assert desk.store.exists()
    desk.answer("clean", "--store")
    assert not desk.store.exists()
    desk.write("build/demo/precious", "not ours")
    assert desk.call("clean").code == 1
    assert (desk.folder / "build/demo/precious").exists()


def test_doctor_and_schema_answer_for_programs_too(desk: Desk) -> None:
    assert {"what", "ok", "found", "remedy"} == set(json.loads(desk.answer("doctor", "--json"))[0])
    assert json.loads(desk.answer("schema"))["title"] == "fromscratch recipe"


def test_the_whole_tree_may_be_built_in_another_folder_by_another_umask_with_the_same_bytes(
    desk: Desk, tmp_path: Path
) -> None:
    other = Desk(
        tmp_path / "else" / "where", tmp_path / "store2", {"TZ": "Asia/Tokyo", "LANG": "C", "PYTHONHASHSEED": "7"}
    )
    shutil.copytree(desk.folder, other.folder, symlinks=True)
    subprocess.run(["chmod", "-R", "go-rwx", str(other.folder)], check=True)
    desk.answer("build")
    other.answer("build")
    assert (desk.folder / "build/demo/oci/index.json").read_bytes() == (
        other.folder / "build/demo/oci/index.json"
    ).read_bytes()


def _until(found: Callable[[], object]) -> None:
    import time

    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline, "the build never began to pack"
        time.sleep(0.02)
