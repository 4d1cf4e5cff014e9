"""Linux as the oracle: an image that the start check refuses does not start in a private root, and any other does."""

import json
from pathlib import Path

import pytest
from msgspec import Struct

from tests.cli.command import Desk

pytestmark = pytest.mark.slow


class Case(Struct, frozen=True):
    """Files of an overlay with their modes, what the recipe says under `image:`, and whether it starts."""

    what: str
    image: str
    files: dict[str, tuple[str, int]] = {}
    links: dict[str, str] = {}
    starts: bool = False


SH = "/bin/sh"
SAY = "echo started\n"
CASES = [
    Case("a shell", f"{{cmd: [{SH}, -c, 'echo started']}}", starts=True),
    Case("a script", "{cmd: [/x]}", {"x": (f"#!{SH}\n{SAY}", 0o755)}, starts=True),
    Case("a script by env", "{cmd: [x]}", {"usr/bin/x": (f"#!/usr/bin/env sh\n{SAY}", 0o755)}, starts=True),
    Case("env -S", "{cmd: [/x]}", {"x": (f"#!/usr/bin/env -S sh -e\n{SAY}", 0o755)}, starts=True),
    Case("two scripts", "{cmd: [/x]}", {"x": ("#!/y\n", 0o755), "y": (f"#!{SH}\n{SAY}", 0o755)}, starts=True),
    Case("a symlink", "{cmd: [/y]}", {"x": (f"#!{SH}\n{SAY}", 0o755)}, {"y": "x"}, starts=True),
    Case("a relative path", "{cmd: [./x], workdir: /srv}", {"srv/x": (f"#!{SH}\n{SAY}", 0o755)}, starts=True),
    Case("a working directory that is made", f"{{cmd: [{SH}, -c, 'echo started'], workdir: /a/b}}", starts=True),
    Case("a user by number", "{cmd: [/x], user: '7:8'}", {"x": (f"#!{SH}\n{SAY}", 0o755)}, starts=True),
    Case("nothing there", "{cmd: [/bin/gone]}"),
    Case("a name that is in no folder of PATH", "{cmd: [dash], env: {PATH: /nowhere}}"),
    Case("several words in one", f"{{cmd: ['{SH} -c true']}}"),
    Case("a directory", "{cmd: [/usr]}"),
    Case("a mode without x", "{cmd: [/x]}", {"x": (f"#!{SH}\n{SAY}", 0o644)}),
    Case("a dangling symlink", "{cmd: [/y]}", {}, {"y": "gone"}),
    Case("a circle of symlinks", "{cmd: [/y]}", {}, {"y": "z", "z": "y"}),
    Case("no interpreter", "{cmd: [/x]}", {"x": ("#!/usr/bin/gone\n", 0o755)}),
    Case("CR LF", "{cmd: [/x]}", {"x": (f"#!{SH}\r\n{SAY}", 0o755)}),
    Case("env without -S", "{cmd: [/x]}", {"x": ("#!/usr/bin/env sh -e\n", 0o755)}),
    Case("env without a program", "{cmd: [/x]}", {"x": ("#!/usr/bin/env gone\n", 0o755)}),
    Case("a circle of scripts", "{cmd: [/x]}", {"x": ("#!/y\n", 0o755), "y": ("#!/x\n", 0o755)}),
    Case("text", "{cmd: [/x]}", {"x": (SAY, 0o755)}),
    Case("an empty file", "{cmd: [/x]}", {"x": ("", 0o755)}),
    Case("a byte order mark", "{cmd: [/x]}", {"x": (f"\ufeff#!{SH}\n{SAY}", 0o755)}),
    Case("an unknown user", f"{{cmd: [{SH}], user: gone}}"),
    Case("an unknown group", f"{{cmd: [{SH}], user: 'root:gone'}}"),
    Case("a file as working directory", f"{{cmd: [{SH}], workdir: /etc/passwd}}"),
    Case("a file where /proc is mounted", f"{{cmd: [{SH}]}}", {"proc": ("", 0o644)}),
]


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_linux_and_the_start_check_agree(case: Case, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", tmp_path / "store")
    programs = f"binaries: {{paths: [{SH}, /usr/bin/env]}}"
    desk.write("fromscratch.yaml", f"name: t\nrootfs: [{programs}, overlay: files]\nimage: {case.image}\ncheck: warn\n")
    (desk.folder / "files").mkdir()
    for path, (text, mode) in case.files.items():
        desk.write(f"files/{path}", text).write_bytes(text.encode())
        (desk.folder / "files" / path).chmod(mode)
    for path, target in case.links.items():
        (desk.folder / "files" / path).symlink_to(target)
    desk.answer("build")
    (image,) = json.loads((desk.folder / "build/t/evidence.json").read_text())["images"]
    errors = [each["text"] for each in image["start"] if each["level"] == "error"]
    run = desk.call("run", "--engine", "none")
    assert (run.code == 0, "started" in run.out) == (case.starts, case.starts), run.err
    assert (errors == []) == case.starts, errors


def test_a_library_that_is_missing_or_of_an_older_kind(tmp_path: Path) -> None:
    """The loader of the image ends the program, as the check says."""
    desk = Desk(tmp_path / "desk", tmp_path / "store")
    desk.write(
        "fromscratch.yaml",
        f"name: t\nrootfs: [binaries: {{paths: [{SH}]}}]\nimage: {{cmd: [{SH}, -c, 'echo started']}}\n"
        "check: warn\ntrim: ['**/libc.so.6']\n",
    )
    desk.answer("build")
    (image,) = json.loads((desk.folder / "build/t/evidence.json").read_text())["images"]
    assert [each["text"] for each in image["start"] if each["level"] == "error"] == [
        f"image.cmd: libc.so.6, needed by {SH}, is not in the image"
    ]
    assert desk.call("run", "--engine", "none").code == 127
