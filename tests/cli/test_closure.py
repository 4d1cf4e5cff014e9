"""What programs need, as `closure` tells it: a tree for a person, JSON for a program, exit codes for a script."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Desk, invoke_in_checkout
from tests.cli.in_process import called
from tests.sysroots import LOADER, MULTIARCH, library, program, sysroot, written
from tests.trees import text


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a sysroot below it."""
    folder = tmp_path / "desk"
    folder.mkdir()
    sysroot(
        folder / "root",
        {
            "/usr/bin/jq": program("libjq.so.1"),
            "/usr/bin/true": program(),
            "/usr/bin/broken": program("libjq.so.1", "libgone.so.3"),
            "/usr/bin/newer": program(needs_versions={"libc.so.6": ["GLIBC_2.99"]}),
            "/usr/bin/script": "#!/usr/bin/env -S python3 -u\nprint(1)\n",
            "/usr/bin/env": program(),
            "/usr/bin/python3": program(),
            f"{MULTIARCH}/libjq.so.1": "-> libjq.so.1.0.4",
            f"{MULTIARCH}/libjq.so.1.0.4": library("libjq.so.1", "libc.so.6"),
        },
    )
    return folder


def facts(folder: Path, *words: str, code: int = 0) -> Any:
    answer = called(folder, "closure", "--json", *words)
    assert answer.code == code, answer.err
    return json.loads(answer.out)


def test_the_tree_of_a_program(desk: Path) -> None:
    answer = called(desk, "closure", "--root", "root", "/bin/jq")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "/bin/jq  (linux/amd64, started by /lib64/ld-linux-x86-64.so.2)",
        "  /lib64/ld-linux-x86-64.so.2",
        "  libjq.so.1 => /lib/x86_64-linux-gnu/libjq.so.1",
        "    libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6",
        "      ld-linux-x86-64.so.2 => /lib64/ld-linux-x86-64.so.2",
        "  libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6",
    ]


@pytest.mark.parametrize("file", ["/usr/bin/jq", "root/usr/bin/jq", "{desk}/root/usr/bin/jq"])
def test_a_file_of_a_root_is_named_by_its_path_in_it_or_by_the_machines(desk: Path, file: str) -> None:
    assert facts(desk, "--root", "root", file.format(desk=desk))["objects"][0]["path"] == "/usr/bin/jq"


def test_what_a_program_reads(desk: Path) -> None:
    found = facts(desk, "--root", "root", "/usr/bin/jq")
    assert [(each["path"], each["soname"], each["kind"]) for each in found["objects"]] == [
        ("/usr/bin/jq", None, "program"),
        (LOADER, "ld-linux-x86-64.so.2", "loader"),
        ("/lib/x86_64-linux-gnu/libjq.so.1", "libjq.so.1", "library"),
        ("/lib/x86_64-linux-gnu/libc.so.6", "libc.so.6", "library"),
    ]
    assert {each["confidence"] for each in found["objects"]} == {"certain"}
    assert [each["needed_by"] for each in found["objects"]][2] == [
        {
            "path": "/usr/bin/jq",
            "name": "libjq.so.1",
            "rule": "DT_NEEDED",
            "found_by": "a directory of the loader",
        }
    ]
    assert (found["missing"], found["unmet"]) == ([], [])


def test_several_files_are_told_one_after_another_and_their_objects_once(desk: Path) -> None:
    files = ("/usr/bin/jq", "/usr/bin/true")
    tree = called(desk, "closure", "--root", "root", *files).out
    assert [line.split()[0] for line in tree.splitlines() if not line.startswith(" ")] == list(files)
    found = facts(desk, "--root", "root", *files)
    [libc_] = [each for each in found["objects"] if each["soname"] == "libc.so.6"]
    assert [need["path"] for need in libc_["needed_by"]] == [
        "/usr/bin/jq",
        "/lib/x86_64-linux-gnu/libjq.so.1",
        "/usr/bin/true",
    ]


def test_what_is_missing_is_told_with_who_needs_it_and_where_it_was_looked_for(desk: Path) -> None:
    answer = called(desk, "closure", "--root", "root", "/usr/bin/broken")
    folders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"]
    assert answer.code == 1
    assert "  libgone.so.3 => not found" in answer.out.splitlines()
    assert f"missing: libgone.so.3, needed by /usr/bin/broken: looked in {', '.join(folders)}" in answer.out
    assert answer.err.splitlines()[0] == "error: not found: libgone.so.3"
    found = facts(desk, "--root", "root", "/usr/bin/broken", code=1)
    assert found["missing"] == [
        {
            "soname": "libgone.so.3",
            "needed_by": "/usr/bin/broken",
            "rule": "DT_NEEDED",
            "searched": folders,
            "fault": "",
        }
    ]


def test_a_library_that_is_too_old_is_named_with_the_version(desk: Path) -> None:
    answer = called(desk, "closure", "--root", "root", "/usr/bin/newer")
    assert answer.code == 1
    assert answer.err.splitlines()[0] == (
        "error: /usr/bin/newer needs GLIBC_2.99 of /lib/x86_64-linux-gnu/libc.so.6, which is older"
    )
    assert facts(desk, "--root", "root", "/usr/bin/newer", code=1)["unmet"] == [
        {"by": "/usr/bin/newer", "library": "/lib/x86_64-linux-gnu/libc.so.6", "version": "GLIBC_2.99"}
    ]


def test_search_and_preload_are_those_of_the_environment(desk: Path) -> None:
    written(
        desk / "root", {"/opt/own/libgone.so.3": library("libgone.so.3"), "/opt/own/libpre.so": library("libpre.so")}
    )
    words = ("--root", "root", "--search", "/opt/none", "--search", "/opt/own", "--preload", "libpre.so")
    found = facts(desk, *words, "/usr/bin/broken")
    how = {each["path"]: [need["rule"] for need in each["needed_by"]] for each in found["objects"]}
    assert how["/opt/own/libgone.so.3"] == ["DT_NEEDED"]
    assert how["/opt/own/libpre.so"] == ["LD_PRELOAD"]


def test_a_script_brings_what_runs_it(desk: Path) -> None:
    answer = called(desk, "closure", "--root", "root", "/usr/bin/script")
    assert answer.code == 0, answer.err
    assert [line.split()[0] for line in answer.out.splitlines() if "started by" in line] == [
        "/usr/bin/env",
        "/usr/bin/python3",
    ]
    assert "  /usr/bin/script  (asked for /usr/bin/script)" in answer.out.splitlines()
    both = facts(desk, "--root", "root", "/usr/bin/script", "/usr/bin/jq")
    assert {"/usr/bin/env", "/usr/bin/python3", "/usr/bin/jq"} <= {each["path"] for each in both["objects"]}


def test_a_script_whose_interpreter_is_missing(desk: Path) -> None:
    written(desk / "root", {"/usr/bin/tool": "#!/usr/bin/ruby\n"})
    answer = called(desk, "closure", "--root", "root", "/usr/bin/tool")
    assert answer.code == 1
    assert "missing: /usr/bin/ruby, needed by /usr/bin/tool: there is no such file" in answer.out
    assert answer.err.startswith("error: not found: /usr/bin/ruby\n hint: ")


def test_beyond_follows_what_linking_does_not_show(desk: Path) -> None:
    names = {
        "/usr/bin/opener": program(imports=["dlopen"], data=b"\0libplug.so.2\0"),
        f"{MULTIARCH}/libplug.so.2": library("libplug.so.2", "libc.so.6"),
    }
    written(desk / "root", names)
    plain = facts(desk, "--root", "root", "/usr/bin/opener")
    assert "libplug.so.2" not in [each["soname"] for each in plain["objects"]]
    assert "files" not in plain
    found = facts(desk, "--root", "root", "/usr/bin/opener", "--beyond")
    confidence = {each["soname"]: each["confidence"] for each in found["objects"]}
    assert confidence["libplug.so.2"] in ("likely", "possible")
    assert confidence["libc.so.6"] == "certain"
    assert {"files", "offers", "warnings"} <= set(found)


def test_offers_are_counted_and_all_of_them_listed_when_asked_for(desk: Path) -> None:
    wishes = ",".join(f'{{"priority":"suggested","soname":["libextra{number}.so"]}}' for number in range(12))
    notes = [("FDO", 0x407C0C0A, f"[{wishes}]\0".encode())]
    extra = {f"{MULTIARCH}/libextra{number}.so": library(f"libextra{number}.so", "libc.so.6") for number in range(12)}
    written(desk / "root", {"/usr/bin/many": program(notes=notes), **extra})

    def lines(*options: str) -> list[str]:
        text = called(desk, "closure", "--root", "root", "/usr/bin/many", "--beyond", *options).out
        return [line for line in text.partition("not taken:\n")[2].splitlines() if line.startswith("  ")]

    every = lines("--all")
    assert len(every) == 12
    assert lines() == [*every[:10], "  … and 2 more: --all"]
    assert len(facts(desk, "--root", "root", "/usr/bin/many", "--beyond")["offers"]) == 12
    assert called(desk, "closure", "--root", "root", "/usr/bin/many", "--all").err.startswith("error: --all lists what")


def test_an_image_of_another_libc_is_looked_into_as_itself(desk: Path) -> None:
    shutil.rmtree(desk / "root")
    files: dict[str, bytes | str] = {
        "/lib/ld-musl-x86_64.so.1": library("libc.musl-x86_64.so.1"),
        "/bin/app": program(interpreter="/lib/ld-musl-x86_64.so.1"),
    }
    (desk / "root").mkdir()
    written(desk / "root", files)
    assert [each["path"] for each in facts(desk, "--root", "root", "/bin/app")["objects"]] == [
        "/bin/app",
        "/lib/ld-musl-x86_64.so.1",
    ]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ((), "closure needs a file", "closure /usr/bin/git"),
        (("/usr/bin/jqq",), "there is no file /usr/bin/jqq", "did you mean /usr/bin/jq?"),
        (("root/usr/bin/none-of-that-name",), "there is no file", "see whether the path is right"),
        (("/usr/bin",), "/usr/bin is a folder", "name the files in it"),
        (("../elsewhere",), "../elsewhere is not below root", "by its path inside the root"),
        (("/usr/bin/jq", "--search", "lib"), "--search lib is not an absolute path", "/DIR"),
        (("/usr/bin/jq", "--root", "nowhere"), "there is no folder nowhere", "--root"),
        (("/usr/bin/jq", "--root", "root/usr/bin/jq"), "there is no folder root/usr/bin/jq", "--root"),
        (("/usr/bin/jq", "--rot", "x"), "No idea what '--rot' is", "did you mean --root?"),
        (("/usr/bin/jq", "--root"), "--root needs a value", ""),
    ],
)
def test_a_wrong_call_gets_one_message_and_one_hint(
    desk: Path, words: tuple[str, ...], message: str, hint: str
) -> None:
    root = () if "--root" in words else ("--root", "root")
    answer = called(desk, "closure", *words, *root)
    assert (answer.code, answer.out, answer.err.count("error: "), answer.err.count(" hint: ")) == (2, "", 1, 1)
    assert message in answer.err.split("\n hint: ")[0]
    assert hint in answer.err.split("\n hint: ")[1]


def test_the_short_way_and_the_whole_command_line_answer_alike(desk: Path) -> None:
    """Of the same call, the first is answered before invoke is loaded, and the second by invoke."""
    for file in ("/usr/bin/jq", "/usr/bin/broken", "/usr/bin/newer", "/usr/bin/none"):
        for form in ((), ("--json",)):
            short = called(desk, "closure", file, "--root", "root", *form)
            whole = called(desk, "closure", file, "--root=root", "--quiet", *form)
            assert short == whole


def test_it_is_the_same_in_a_process_of_its_own_and_as_an_invoke_task(desk: Path) -> None:
    here = Desk(desk, desk.parent / "store")
    expected = called(desk, "closure", "/usr/bin/jq", "--root", "root").out
    assert here.answer("closure", "/usr/bin/jq", "--root", "root") == expected
    invoke = invoke_in_checkout()
    several = here.call("closure", "/usr/bin/jq", "/usr/bin/true", "--root", "root", program=invoke)
    assert several.out.splitlines()[: len(expected.splitlines())] == expected.splitlines()
    assert text(several.out).splitlines()[-1] != text(expected).splitlines()[-1]


def test_a_reader_that_goes_away_is_no_error(desk: Path) -> None:
    here = Desk(desk, desk.parent / "store")
    with here.process("closure", "/usr/bin/jq", "--root", "root") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_a_program_of_this_machine_is_looked_at_with_the_libraries_of_a_sysroot(desk: Path) -> None:
    written(desk, {"/app": program("libjq.so.1")})
    answer = called(desk, "closure", "--root", "root", "./app")
    assert answer.code == 0, answer.err
    assert "libjq.so.1 => " in answer.out
