"""What goes wrong with traces: runs that were cut off, strange names, and files that are not what they should be."""

import json
from pathlib import Path

import pytest

from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Event, Run, Trace
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Directory
from fromscratch.paths import decode
from tests.cli.command import Answer
from tests.cli.in_process import called

STRANGE = [b"a\nb", b"a\tb\\n", b"\xff\xfe", b" blanks ", b"#x", b"\xe2\x80\xa8", b"-", b"*", b"a" * 255]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a plain root, of which traces use a part."""
    folder = tmp_path / "desk"
    for name in ("etc", "strange", "srv"):
        (folder / "root" / name).mkdir(parents=True)
    (folder / "root/etc/shadow").write_text("root:*:1::::::\n")
    (folder / "root/etc/app.conf").write_text("x")
    (folder / "root/srv/unused").write_text("x")
    for raw in STRANGE:
        (folder / "root/strange" / decode(raw)).write_bytes(b"x")
    return folder


def slimmed(desk: Path, trace: bytes, *more: str) -> Answer:
    (desk / "the.trace").write_bytes(trace)
    return called(desk, "slim", "dir:root", "--trace", "the.trace", "--output", "small", *more)


def files(desk: Path) -> list[str]:
    (image,) = read_layout(desk / "small/oci")
    tree = root_tree(image, Store(desk.parent / "store"))
    return [path for path, entry in tree.items() if not isinstance(entry, Directory)]


def ours(*paths: str, run: Run | None = None) -> bytes:
    return text.write(Trace((run or Run(command=("app",)),), tuple(Event("open", path) for path in paths)))


def test_names_of_every_kind_are_kept_by_every_form_of_trace(desk: Path) -> None:
    paths = [f"/strange/{decode(name)}" for name in STRANGE]
    logged = b"".join(b'7 open("%b", O_RDONLY) = 3\n' % _quoted(f"/strange/{decode(name)}") for name in STRANGE)
    for trace in (ours(*paths), logged, b"".join(b"/strange/%b\0" % name for name in STRANGE)):
        answer = slimmed(desk, trace)
        assert answer.code == 0, answer.err
        assert files(desk) == sorted(paths)


def _quoted(path: str) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in path.encode("utf-8", "surrogateescape"))


def test_a_log_that_was_cut_off_says_what_it_has(desk: Path) -> None:
    """strace was killed: its last line ends anywhere, and calls have no end."""
    log = b'7 open("/etc/app.conf", O_RDONLY <unfinished ...>\n8 openat(AT_FDCWD, "/srv/unus'
    assert slimmed(desk, log).code == 0
    assert files(desk) == ["/etc/app.conf"]


def test_a_trace_of_ours_that_was_cut_off_is_refused_with_its_line(desk: Path) -> None:
    whole = ours("/etc/app.conf", "/srv/unused")
    answer = slimmed(desk, whole[:-8])
    assert answer.code == 1
    assert "the.trace, line 4: the file is cut off here" in answer.err
    assert not (desk / "small").exists()


@pytest.mark.parametrize(
    ("trace", "code", "error"),
    [
        (b"", 1, "the.trace is empty"),
        (b"# no path\n", 1, "the.trace tells of no file that was used"),
        (text.write(Trace((Run(command=("app",)),), ())), 1, "the.trace"),
        (ours("/etc/app.conf", run=Run(image="sha256:" + "1" * 64)), 2, "recorded in another image, sha256:1111"),
        (ours(*(f"/opt/other/{number}" for number in range(99))), 1, "has no file of all that the trace names"),
        (b"/etc/app.conf\n" + b"/x" * 600_000 + b"\n", 1, "line 2 of the.trace has 1200000 bytes"),
        (b"\x0a\x0d\x0d\x0a" + b"x" * 99, 1, "the.trace is a capture of sysdig"),
    ],
    ids=["empty", "no path", "no event", "another image", "another root", "long line", "capture"],
)
def test_a_trace_that_says_nothing_of_the_image_is_refused(desk: Path, trace: bytes, code: int, error: str) -> None:
    answer = slimmed(desk, trace)
    assert (answer.code, error in answer.err) == (code, True), answer.err
    assert not (desk / "small").exists()


def test_a_path_that_leaves_the_root_stays_in_it_and_the_machines_own_file_is_not_taken(desk: Path) -> None:
    (desk / "root/etc/link").symlink_to("../../../../../etc/hostname")
    answer = slimmed(desk, ours("/../../../etc/passwd", "/etc/link", "/../etc/app.conf"))
    assert answer.code == 0, answer.err
    assert files(desk) == ["/etc/app.conf", "/etc/link"]
    assert "leads above the root" in answer.err


def test_passwords_that_a_trace_names_are_said_to_be_kept(desk: Path) -> None:
    answer = slimmed(desk, ours("/etc/shadow", "/etc/app.conf"))
    assert files(desk) == ["/etc/app.conf", "/etc/shadow"]
    assert "/etc/shadow is kept" in answer.err
    assert slimmed(desk, ours("/etc/shadow", "/etc/app.conf"), "--drop", "/etc/shadow").code == 0
    assert files(desk) == ["/etc/app.conf"]


def test_traces_of_others_are_merged_into_one_of_ours(desk: Path) -> None:
    (desk / "a.trace").write_bytes(ours("/etc/app.conf"))
    (desk / "log.7").write_text('chdir("/srv") = 0\nfork() = 8\n')
    (desk / "log.8").write_text('open("unused", O_RDONLY) = 3\n')
    (desk / "files.txt").write_text("/etc/app.conf\n")
    words = ("a.trace", "log.7", "log.8", "files.txt", "--output", "merged.trace")
    assert called(desk, "trace", "--merge", *words).code == 0
    merged = text.read((desk / "merged.trace").read_bytes())
    assert [(run.number, run.recorder) for run in merged.runs] == [(1, ""), (2, "list"), (3, "strace")]
    assert (desk / "merged.trace").read_text().splitlines()[-1] == "open\t/srv/unused\t\t3\t0"
    (desk / "log.8").write_bytes(b"\x1f\x8b")
    refused = called(desk, "trace", "--merge", "a.trace", "log.8", "--output", "merged.trace")
    assert (refused.code, "log.8 is compressed" in refused.err) == (1, True)


@pytest.mark.slow
def test_a_hundred_thousand_files_are_read_and_kept(desk: Path) -> None:
    for number in range(100):
        (desk / f"root/many/{number}").mkdir(parents=True)
        for each in range(1000):
            (desk / f"root/many/{number}/{each}").touch()
    log = b"".join(b'7 open("/many/%d/%d", O_RDONLY) = 3\n' % divmod(number, 1000) for number in range(100_000))
    answer = slimmed(desk, log, "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["entries"] == 100_000 + 100 + 3  # folders: /many and what it has, /etc, the root
