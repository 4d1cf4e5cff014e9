"""Traces of others: which form a file has, plain lists, several files at once, and what cannot be read."""

import json
from collections.abc import Iterable

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Event, Run, Trace
from fromscratch.formats.trace.listing import parse, parse_separated
from fromscratch.formats.trace.recognise import Reading, form_of, read, read_all

STRACE = b'12 openat(AT_FDCWD</root>, "/etc/passwd", O_RDONLY) = 3</etc/passwd>\n'
SYSDIG = b"1 12:02:36.2 2 a (7) < open fd=3(<f>/etc/passwd) name=/etc/passwd flags=1(O_RDONLY) mode=0\n"
LIST = b"java\n/etc/passwd\n/usr/share/stat file\n"
OURS = text.write(Trace((Run(command=("a",)),), (Event("open", "/etc/passwd"),)))
REPORT = json.dumps(
    {
        "system": {"type": "Linux"},
        "monitors": {"fan": {}, "pt": {"fs_activity": {"/a/asked for": {"ops_all": 1}}}},
        "image": {
            "files": [
                {"file_type": "File", "file_path": "/etc/passwd", "mode": "-rw-r--r--", "flags": {"R": True}},
                {"file_type": "File", "file_path": "/bin/sh", "mode": "-rwxr-xr-x", "flags": {"R": True, "X": True}},
                {"file_type": "Symlink", "file_path": "/lib", "mode": "Lrwxrwxrwx", "link_ref": "usr/lib"},
            ]
        },
    }
).encode()


def lines_of(events: Iterable[Event]) -> list[str]:
    return [f"{event.kind} {event.path}" for event in events]


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (OURS, "fromscratch"),
        (STRACE, "strace"),
        (b"root:x:0:0\n" * 50 + STRACE, "strace"),
        (SYSDIG, "sysdig"),
        (b"openat /etc/passwd cat\nstat /etc/group id\n", "sysdig"),
        (LIST, "list"),
        (b"\n# needed by hand\r\n/etc/passwd\r\n", "list"),
        (b"/usr/bin/open\n/usr/share/a stat b\n", "list"),
        (b"/etc/passwd\0/a\nb\0", "separated list"),
        (REPORT, "slimtoolkit"),
    ],
)
def test_the_form_is_recognised_by_the_bytes(data: bytes, form: str) -> None:
    assert form_of(data) == form
    assert "/etc/passwd" in {event.path for event in read(data).events} or form == "list"


@pytest.mark.parametrize("data", [STRACE, SYSDIG, LIST, REPORT, b"/a\0/b\xff"])
def test_what_was_read_of_others_can_be_written_as_ours(data: bytes) -> None:
    trace = read(data)
    assert text.read(text.write(trace)) == trace


def test_a_list_has_one_path_a_line() -> None:
    found = parse(b"/bin/sh\r\n  /a b \r\n\r\n# a comment\n<NA>\nlib/x\n/bin/sh\n/no/\xff\n".split(b"\n"), cwd="/srv")
    assert lines_of(found) == ["open /bin/sh", "open /a b", "open /srv/lib/x", "open /no/\udcff"]


def test_a_bare_name_is_looked_up_in_the_search_path() -> None:
    there = {"/usr/bin/java", "/bin/java"}
    assert lines_of(parse([b"java", b"absent"], exists=there.__contains__)) == ["exec /usr/bin/java"]
    assert lines_of(parse([b"java"], search=("/opt/bin/", "/bin"))) == ["exec /opt/bin/java", "exec /bin/java"]


def test_paths_with_newlines_have_nuls_between() -> None:
    assert lines_of(parse_separated(b"/a\nb\0 c \0\0/\xff")) == ["open /a\nb", "open / c ", "open /\udcff"]


def test_a_report_of_slimtoolkit() -> None:
    assert lines_of(read(REPORT).events) == [
        "open /etc/passwd", "exec /bin/sh", "open /lib", "stat /a/asked for",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "F is empty"),
        (b"\n \n", "F is empty"),
        (b"\x0a\x0d\x0d\x0a" + b"x" * 40, "F is a capture of sysdig"),
        (b"\x1f\x8b\x08\x00", "F is compressed"),
        (b"\x7fELF\x02", "F is a program"),
        (b"# nothing but a remark\n", "F tells of no file that was used (read as: list)"),
        (b"/bin/sh\nhello world\n", "line 2 of F is neither a path nor the name of a program: hello world"),
        (b"/a\0/b\x01\0", r"name 2 of F is not a path: /b\x01"),
        (b"a" * 257 + b"ustar", "F is an archive"),
        (
            b'1 open("/x") = -1 ENOSYS (Function not implemented)\n',
            "F tells of no file that was used (read as: strace)",
        ),
        (b"/bin/sh\n/etc/\x01\n", r"line 2 of F is not a path: /etc/\x01"),
        (b"/bin/sh\n/" + b"x" * 5000, "line 2 of F is not a path: /" + "x" * 59),
        (b'{"monitors": 1, "image": []}', "F is not a report of slimtoolkit"),
        (b'{"monitors": {"image"', "F is not a report of slimtoolkit"),
    ],
)
def test_what_is_not_a_trace_is_an_error_that_says_what_to_do(data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(data, "F")
    assert caught.value.message == message
    assert caught.value.hint


def test_several_files_are_one_trace_with_a_run_for_each() -> None:
    trace = read_all({"a.trace": OURS, "files.txt": b"/bin/sh\n", "log": STRACE})
    assert [(run.number, run.recorder) for run in trace.runs] == [(1, ""), (2, "list"), (3, "strace")]
    assert [(event.run, event.path) for event in trace.events] == [
        (1, "/etc/passwd"),
        (2, "/bin/sh"),
        (3, "/etc/passwd"),
    ]


def test_the_files_of_strace_ff_are_one_run() -> None:
    trace = read_all(
        {"log.12": b'chdir("/etc") = 0\nfork() = 13\n', "log.13": b'open("passwd", O_RDONLY) = 3\n', "log.14": b""}
    )
    assert [run.recorder for run in trace.runs] == ["strace"]
    assert lines_of(trace.events) == ["stat /etc", "open /etc/passwd"]
    assert lines_of(read_all({"log.13": b'open("passwd", O_RDONLY) = 3\n'}, Reading(cwd="/srv")).events) == [
        "open /srv/passwd"
    ]


def test_a_list_named_like_a_file_of_strace_is_a_list() -> None:
    assert lines_of(read_all({"files.1": b"/bin/sh\n", "files.2": b"/bin/ls\n"}).events) == [
        "open /bin/sh",
        "open /bin/ls",
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"1 open(" + b"<" * 500_000, b"1 open(" + b'"' * 500_001, b"1 open(" + b") = " * 200_000, b"1 2 " * 200_000,
        b'1 open("' + b"\\" * 500_001, b"1 open(" + b"3<" * 200_000 + b'"/x"',
        b"1 a (7) < open name=" + b"(/" * 400_000,
        b"1 a (7) < open " + b" name=" * 100_000, b"(1) " * 200_000 + b"< open name=/x", b"< " * 400_000,
        b"[pid " * 200_000, b'{"a":' * 150_000, b"1 (7) < open fd=3(" + b"<f>" * 200_000,
    ],
)  # fmt: skip
def test_a_line_of_a_megabyte_is_read_in_time_that_grows_with_it_only(line: bytes) -> None:
    """Nothing is timed here: an expression that tries all ways to match would not end at all."""
    good = STRACE if b"open(" in line else SYSDIG
    assert read(good * 3 + line).events[0].path == "/etc/passwd"
