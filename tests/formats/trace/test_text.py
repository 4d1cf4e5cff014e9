"""Trace files: every trace comes back, a wrong line is named, and merged traces hold each run once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fromscratch.errors import FormatError
from fromscratch.formats.trace.events import Event, Run, Trace
from fromscratch.formats.trace.text import is_ours, merge, read, write
from fromscratch.paths import decode

HEAD = b"#fromscratch-trace\t1\n"
RUN = b"#run\t1\tstrace\t\tlinux/amd64\tls\t-l\n"
LINE = b"open\t/etc/passwd\t/bin/ls\t1\t12\n"

names = st.binary(max_size=12).map(lambda raw: decode(raw.replace(b"\0", b"")))
paths = names.map(lambda name: f"/{name}")
kinds = st.sampled_from(["open", "exec", "stat", "readlink", "missing"])


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    runs = [
        Run(number=number, command=tuple(words), image=image, recorder=recorder, platform=platform)
        for number, (words, image, recorder, platform) in enumerate(
            draw(st.lists(st.tuples(st.lists(names, max_size=3), names, names, names), min_size=1, max_size=3)), 1
        )
    ]
    events = draw(
        st.lists(
            st.builds(
                Event,
                kind=kinds,
                path=paths,
                process=paths | st.just(""),
                run=st.integers(1, len(runs)),
                time=st.integers(0, 10**12),
            ),
            min_size=1,
            unique_by=lambda event: (event.kind, event.path, event.process, event.run),
        )
    )
    return Trace(tuple(runs), tuple(events))


@given(traces())
def test_every_trace_comes_back(trace: Trace) -> None:
    data = write(trace)
    assert is_ours(data)
    assert read(data) == trace


@given(traces())
def test_there_is_one_event_a_line_and_nothing_that_moves_a_cursor(trace: Trace) -> None:
    lines = write(trace).decode().split("\n")
    assert len(lines) == 1 + len(trace.runs) + len(trace.events) + 1
    assert [len(line.splitlines()) for line in lines[:-1]] == [1] * (len(lines) - 1)
    assert not any("\x1b" in line or "\x9b" in line or "\r" in line for line in lines)


def test_what_a_file_looks_like() -> None:
    run = Run(command=("printf", "a\tb\n"), recorder="notification", platform="linux/amd64")
    events = (Event("open", "/etc/é", "/bin/sh", 1, 3), Event("missing", decode(b"/\xff\\\x1b")))
    assert write(Trace((run,), events)) == (
        b"#fromscratch-trace\t1\n"
        b"#run\t1\tnotification\t\tlinux/amd64\tprintf\ta\\tb\\n\n"
        b"open\t/etc/\xc3\xa9\t/bin/sh\t1\t3\n"
        b"missing\t/\\xff\\\\\\x1b\t\t1\t0\n"
    )


def test_an_event_that_stands_there_twice_is_read_once_and_remarks_are_skipped() -> None:
    trace = read(HEAD + b"# by hand\n" + RUN + LINE + b"# again\n" + LINE.replace(b"12", b"13"))
    assert trace.events == (Event("open", "/etc/passwd", "/bin/ls", 1, 12),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "t.trace is empty"),
        (b"/bin/ls\n", "t.trace is not a trace file: it does not start with #fromscratch-trace"),
        (b"#fromscratch-trace\t2\n", "t.trace is of version 2 of the format; this program knows 1"),
        (b"#fromscratch-trace\tnew\n", "t.trace, line 1: the first line does not give a version"),
        (HEAD, "t.trace holds no events: nothing was recorded"),
        (HEAD + RUN, "t.trace holds no events: nothing was recorded"),
        (HEAD + RUN + LINE[:-4], "t.trace, line 3: the file is cut off here"),
        (HEAD + LINE, "t.trace, line 2: there is no run 1 above"),
        (HEAD + RUN + RUN + LINE, "t.trace, line 3: there is a run 1 above"),
        (HEAD + RUN.replace(b"1\t", b"0\t", 1), "t.trace, line 2: runs are numbered from 1"),
        (HEAD + b"#ran\n", "t.trace, line 2: it is neither a run, an event nor a remark, which starts with '# '"),
        (HEAD + RUN + b"\n", "t.trace, line 3: an event has five fields between tabs, not 1"),
        (
            HEAD + RUN + LINE.replace(b"open", b"read"),
            "t.trace, line 3: 'read' is not a kind of event, which are open, exec, stat, readlink, missing",
        ),
        (
            HEAD + RUN + LINE.replace(b"/etc", b"etc"),
            "t.trace, line 3: 'etc/passwd' is not the absolute path of a file",
        ),
        (HEAD + RUN + LINE.replace(b"/bin", b"bin"), "t.trace, line 3: 'bin/ls' is not the absolute path of a file"),
        (HEAD + RUN + LINE.replace(b"passwd", b"\\x00"), "is not the absolute path of a file"),
        (HEAD + RUN + LINE.replace(b"12", b"+1"), "t.trace, line 3: '+1' is not a number"),
        (HEAD + RUN + LINE.replace(b"12", b"9" * 40), f"t.trace, line 3: '{'9' * 40}' is not a number"),
        (HEAD + RUN + LINE.replace(b"passwd", b"\\q"), "t.trace, line 3: a backslash stands before 't', 'n'"),
        (HEAD + RUN + LINE.replace(b"passwd", b"\\"), "t.trace, line 3: a backslash stands before 't', 'n'"),
    ],
)
def test_a_wrong_file_is_refused_with_the_line(data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as refused:
        read(data, "t.trace")
    assert message in refused.value.message
    assert refused.value.hint


def test_merged_traces_number_their_runs_anew() -> None:
    first = Trace((Run(command=("a",)),), (Event("open", "/a"),))
    second = Trace(
        (Run(command=("b",)), Run(number=7, command=("c",))),
        (Event("open", "/b"), Event("stat", "/c", run=7), Event("stat", "/b")),
    )
    assert merge([first, second]) == Trace(
        (Run(command=("a",)), Run(number=2, command=("b",)), Run(number=3, command=("c",))),
        (Event("open", "/a"), Event("open", "/b", run=2), Event("stat", "/c", run=3), Event("stat", "/b", run=2)),
    )


def test_a_command_that_was_run_twice_are_two_runs() -> None:
    first = Trace((Run(command=("a",)),), (Event("open", "/a", time=1),))
    second = Trace((Run(command=("a",)),), (Event("open", "/a", time=2),))
    assert len(merge([first, second]).runs) == 2


@given(traces(), traces())
def test_what_is_merged_again_changes_nothing(first: Trace, second: Trace) -> None:
    both = merge([first, second])
    assert merge([both]) == merge([both, second, both, first]) == both
    assert {replace(event, run=0) for event in both.events} == {
        replace(event, run=0) for event in (*first.events, *second.events)
    }
    assert read(write(both)) == both
