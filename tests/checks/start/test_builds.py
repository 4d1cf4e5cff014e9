"""The start check where users meet it: in `build`, as a recipe says under `check:`, and in its evidence."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from fromscratch.host.machine.package_data import shipped
from fromscratch.recipe import schema as recipe
from tests.cli.command import Desk
from tests.formats.elf.made import AARCH64, elf
from tests.sysroots import MULTIARCH, library, program, sysroot, written

NO_BASH = "image.cmd: /bin/bash is not in the image"
BASH = "/usr/bin/sh is there: write that, or add bash under rootfs:"
ANYWAY = "--start-check warn builds it all the same"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A folder with a root of GLIBC and a shell."""
    sysroot(tmp_path / "desk/root", {"/usr/bin/sh": program(), "/usr/bin/webd": program("libweb.so.1")})
    written(tmp_path / "desk/root", {f"{MULTIARCH}/libweb.so.1": library("libweb.so.1", "libc.so.6")})
    return Desk(tmp_path / "desk", tmp_path / "store")


def write(desk: Desk, text: str) -> None:
    (desk.folder / "fromscratch.yaml").write_text(f"name: app\nrootfs: [directory: root]\n{text}\n")


def evidence(desk: Desk) -> list[dict[str, Any]]:
    return json.loads((desk.folder / "build/app/evidence.json").read_text())["images"]  # type: ignore[no-any-return]


def test_an_image_that_cannot_start_is_not_built_and_has_one_hint(desk: Desk) -> None:
    write(desk, "image: {cmd: [/bin/bash]}")
    answer = desk.call("build")
    assert answer.code == 1
    assert answer.err.splitlines()[-2:] == [
        f"error: the image cannot start: {NO_BASH}",
        f" hint: {BASH}; {ANYWAY}",
    ]
    assert not (desk.folder / "build/app/evidence.json").exists()
    assert not (desk.folder / "build/app/oci").exists()


def test_all_errors_of_all_platforms_are_told_at_once(desk: Desk) -> None:
    text = "platforms: [linux/amd64, linux/arm64]\nimage: {cmd: [/usr/bin/webd], user: nobody, workdir: /usr/bin/sh}"
    write(desk, text)
    answer = desk.call("build")
    assert answer.code == 1
    user = "image.user: 'nobody' needs /etc/passwd, which is not in the image"
    assert answer.err[answer.err.index("error: ") :].splitlines() == [
        "error: the image cannot start:",
        user,
        "  -> add it with accounts: users:, or write a number",
        "image.workdir: /usr/bin/sh is a file, not a folder",
        "  -> name a folder; engines make one that is not there",
        "linux/arm64: image.cmd: /usr/bin/webd is a program for amd64, not for linux/arm64",
        "  -> bring the program for arm64, or build for linux/amd64",
        f" hint: fix them; {ANYWAY}",
    ]


def test_one_platform_of_two_that_cannot_start(desk: Desk) -> None:
    (desk.folder / "root/usr/bin/webd").write_bytes(elf(machine=AARCH64, type="exec"))
    write(desk, "platforms: [linux/amd64, linux/arm64]\nimage: {cmd: [/usr/bin/webd]}")
    answer = desk.call("build")
    assert answer.code == 1
    assert "start: linux/amd64: image.cmd: /usr/bin/webd is a program for arm64, not for linux/amd64\n" in answer.err


@pytest.mark.parametrize("check", ["check: warn", "check: {start: warn}"])
def test_with_warn_errors_are_notes_and_the_evidence_has_them(desk: Desk, check: str) -> None:
    write(desk, f"image: {{cmd: [/bin/bash]}}\n{check}")
    answer = desk.call("build")
    assert answer.code == 0
    assert f"start check: {NO_BASH} ({BASH})" in answer.err
    (image,) = evidence(desk)
    assert image["start"] == [{"level": "error", "text": NO_BASH, "hint": BASH}]


@pytest.mark.parametrize("check", ["check: off", "check: {start: off}"])
def test_switched_off_nothing_is_looked_at(desk: Desk, check: str) -> None:
    write(desk, f"image: {{cmd: [/bin/bash]}}\n{check}")
    answer = desk.call("build")
    assert (answer.code, "start check" in answer.err) == (0, False)
    assert evidence(desk)[0]["start"] is None


def test_a_word_that_check_does_not_know(desk: Desk) -> None:
    write(desk, "check: {start: wran}")
    answer = desk.call("build")
    assert answer.code == 2
    assert "check.start: 'wran' is not known here; did you mean 'warn'?" in answer.err


def test_the_call_goes_before_the_recipe(desk: Desk) -> None:
    write(desk, "image: {cmd: [/bin/bash]}\ncheck: off")
    assert desk.call("build", "--start-check", "error").code == 1
    assert f"start check: {NO_BASH}" in desk.call("build", "--start-check", "warn").err
    words = ("bundle", "--root", "root", "/usr/bin/webd", "--user", "gone")
    assert desk.call(*words).code == 1
    assert desk.call(*words, "--start-check", "warn").code == 0


def test_notes_do_not_keep_an_image_from_being_built(desk: Desk) -> None:
    write(desk, "image: {cmd: [/usr/bin/webd], volumes: [/data], user: '7'}")
    answer = desk.call("build")
    assert answer.code == 0
    assert "start check: image.volumes: /data is not in the image: engines make it for root" in answer.err
    assert [each["level"] for each in evidence(desk)[0]["start"]] == ["note"]


def test_what_trim_took_is_named_with_the_rule(desk: Desk) -> None:
    write(desk, "image: {cmd: [/usr/bin/webd]}\ntrim: [/usr/lib/*/libweb*]")
    answer = desk.call("build")
    assert answer.code == 1
    assert answer.err.splitlines()[-2:] == [
        "error: the image cannot start: image.cmd: libweb.so.1, needed by /usr/bin/webd, is not in the image",
        f" hint: '/usr/lib/*/libweb*' under trim: took it; put '!{MULTIARCH}/libweb.so.1' behind that rule; {ANYWAY}",
    ]


def test_programs_that_an_item_names_are_looked_at_too(desk: Desk) -> None:
    """Such as one that the command starts: its library was trimmed, or lies where its loader would not look."""
    binaries = "name: app\nrootfs: [binaries: {paths: [/usr/bin/sh, /usr/bin/webd], root: root}]\nimage: {cmd: [sh]}\n"
    recipe_file = desk.folder / "fromscratch.yaml"
    recipe_file.write_text(f"{binaries}trim: [/usr/lib/*/libweb*]\n")
    answer = desk.call("build")
    assert answer.code == 1
    assert "cannot start: libweb.so.1, needed by /usr/bin/webd, is not in the image" in answer.err
    written(desk.folder / "root", {"/etc/ld.so.conf": "/opt/lib\n", "/opt/lib/libweb.so.1": library("libweb.so.1")})
    (desk.folder / f"root{MULTIARCH}/libweb.so.1").unlink()
    recipe_file.write_text(binaries.replace("root: root", "root: root, ld_cache: never"))
    answer = desk.call("build")
    assert answer.code == 1
    assert (
        "libweb.so.1, needed by /usr/bin/webd, is in the image (/opt/lib/libweb.so.1), but its loader would not find it"
    ) in answer.err
    recipe_file.write_text(binaries)
    assert desk.call("build").code == 0


def test_names_of_any_bytes_can_be_told_and_recorded(desk: Desk) -> None:
    (desk.folder / "root/run").write_bytes(b"#!/bin/sh\xff/x \xfe\n")
    (desk.folder / "root/run").chmod(0o755)
    (desk.folder / os.fsdecode(b"root/link\xff")).symlink_to(os.fsdecode(b"/gone\xff"))
    for command in ("/run", "/x"):
        (desk.folder / "root/x").write_bytes(b"#!/link\xff\n")
        (desk.folder / "root/x").chmod(0o755)
        write(desk, f"image: {{cmd: [{command}]}}\ncheck: warn")
        answer = desk.call("build")
        assert answer.code == 0
        assert "\\xff" in answer.err
        assert "xff" in evidence(desk)[0]["start"][0]["text"]


def test_a_program_that_is_the_command_too_is_named_once(desk: Desk) -> None:
    (desk.folder / "root/usr/bin/alias").symlink_to("webd")
    text = "rootfs: [binaries: {paths: [/usr/bin/alias], root: root}]\nimage: {cmd: [/usr/bin/alias]}"
    (desk.folder / "fromscratch.yaml").write_text(f"name: app\n{text}\ntrim: [/usr/lib/*/libweb*]\n")
    answer = desk.call("build")
    assert answer.code == 1
    assert answer.err.count("is not in the image") == 1


def test_a_library_that_an_item_may_lack_or_that_its_programs_are_led_to(desk: Desk) -> None:
    (desk.folder / f"root{MULTIARCH}/libweb.so.1").unlink()
    items = "paths: [/usr/bin/sh, /usr/bin/webd], root: root"
    for more in ("allow_missing: [libweb.so.1]", "search: [/opt/lib]"):
        text = f"name: app\nrootfs: [binaries: {{{items}, {more}}}]\nimage: {{cmd: [sh]}}\n"
        (desk.folder / "fromscratch.yaml").write_text(text)
        assert desk.call("build").code == 0
        written(desk.folder / "root", {"/opt/lib/libweb.so.1": library("libweb.so.1")})


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in shipped("recipes").glob("*.yaml")))
def test_no_shipped_recipe_is_refused_or_talked_about(name: str, tmp_path: Path) -> None:
    made = recipe.load(shipped("recipes") / f"{name}.yaml")
    kinds = {item.kind for item in made.items()}
    if "buildroot" in kinds:
        pytest.skip("it takes an hour to build")
    programs = [path for item in made.items() for path in getattr(item.options, "paths", ())]
    if absent := [path for path in programs if shutil.which(path) is None]:
        pytest.skip(f"this machine has no {', '.join(absent)}")
    desk = Desk(tmp_path / "desk", tmp_path / "store")
    desk.folder.mkdir()
    answer = desk.call("fetch", "build", "--recipe", name)
    assert answer.code == 0, answer.err
    assert "start check" not in answer.err
    (proof,) = json.loads((desk.folder / f"build/{name}/evidence.json").read_text())["images"]
    assert proof["start"] == []
