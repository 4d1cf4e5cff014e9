"""`bundle` that learns from runs on this machine what reading its programs does not show."""

import shlex
from pathlib import Path

import pytest

from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Event, Run, Trace
from tests.cli.command import Desk
from tests.cli.in_process import called
from tests.engines import need, spare
from tests.sysroots import library, program, sysroot

PLUGIN = "/usr/lib/query/plugin.so"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    folder = tmp_path / "desk"
    folder.mkdir()
    sysroot(folder / "root", {"/usr/bin/query": program(), PLUGIN: library("plugin.so", "libc.so.6")})
    return folder


def bundle(folder: Path, trace: Trace) -> str:
    (folder / "query.trace").write_bytes(text.write(trace))
    answer = called(folder, "bundle", "--root", "root", "/usr/bin/query", "--trace", "query.trace")
    return answer.err if answer.code else answer.out


def test_what_a_trace_names_is_taken_and_why_names_the_run(desk: Path) -> None:
    events = (Event("open", PLUGIN, "/usr/bin/query"), Event("missing", "/etc/query.conf", "/usr/bin/query"))
    assert "error" not in bundle(desk, Trace((Run(command=("query", "all")),), events))
    assert "opened by /usr/bin/query in run 1: query all" in called(desk, "why", PLUGIN, "--output", "build/query").out


def test_a_trace_of_an_image_is_refused(desk: Path) -> None:
    trace = Trace((Run(image="sha256:ab"),), (Event("open", PLUGIN),))
    assert "query.trace: recorded in the image sha256:ab, and not on this machine" in bundle(desk, trace)


def test_a_trace_that_is_not_there_or_is_not_one_is_an_error(desk: Path) -> None:
    assert called(desk, "bundle", "--root", "root", "/usr/bin/query", "--trace", "none").code == 2
    (desk / "empty").write_bytes(b"")
    answer = called(desk, "bundle", "--root", "root", "/usr/bin/query", "--trace", "empty")
    assert answer.code
    assert "empty is empty" in answer.err


@pytest.mark.parametrize(
    ("command", "message"),
    [("", "--exec: it names no command"), ("echo 'a", "--exec echo 'a: No closing quotation")],
)
def test_a_command_that_is_none_is_refused(desk: Path, command: str, message: str) -> None:
    answer = called(desk, "bundle", "--root", "root", "/usr/bin/query", "--exec", command)
    assert answer.code == 2
    assert message in answer.err


def test_a_wrong_name_is_refused_before_anything_is_recorded(desk: Path) -> None:
    answer = called(desk, "bundle", "--root", "root", "/usr/bin/query", "--exec", "true", "--name", "../up")
    assert answer.code == 2
    assert "--name ../up: it names a folder and an image" in answer.err
    assert not (desk.parent / "up").exists()


@pytest.mark.slow
def test_a_command_that_fails_stops_the_bundle(desk: Path) -> None:
    answer = called(desk, "bundle", "/bin/true", "--exec", "false")
    assert answer.code
    assert "false ended with code 1 while it was recorded" in answer.err
    assert not (desk / "build").exists()


PROGRAMS = {
    "gawk": ("gawk -l filefuncs 'BEGIN { print 42 }'", "-l filefuncs 'BEGIN { print 42 }'", "42"),
    "tclsh": ("tclsh clock.tcl", "/srv/clock.tcl", "Thu Jan 01 00:00:00 GMT 1970"),
    "dot": ("dot -Tsvg graph.dot -o graph.svg", "-Tsvg /srv/graph.dot", "<svg"),
    "gpg": (
        "gpg --homedir home --batch --passphrase x --pinentry-mode loopback --quick-generate-key a@b rsa2048",
        "--homedir /tmp --batch --passphrase x --pinentry-mode loopback --quick-generate-key a@b rsa2048",
        "revocation certificate",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_work_that_static_reading_alone_does_not_make_work(name: str, tmp_path: Path) -> None:
    command, words, expected = PROGRAMS[name]
    file = need(name) if name == "gpg" else spare(name)
    desk = Desk(tmp_path, tmp_path / "store")
    desk.folder.joinpath("graph.dot").write_text("digraph { a -> b }")
    desk.folder.joinpath("clock.tcl").write_text("package require http; puts [clock format 0 -gmt 1]")
    desk.folder.joinpath("home").mkdir(mode=0o700)
    data = [word for each in ("graph.dot", "clock.tcl") for word in ("--add", f"{each}:/srv/{each}")]
    made = desk.call("bundle", file, "--exec", command, "--user", "0:0", "--output", "out", *data)
    assert made.code == 0, made.err
    answer = desk.call("run", "--image", "oci:out/oci", "--engine", "none", "--", *shlex.split(words))
    assert expected in answer.out + answer.err
