"""strace's logs in the forms that people have, and what is read from them."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.formats.trace.events import Event
from fromscratch.formats.trace.strace import parse, parse_several
from fromscratch.host.process import run
from fromscratch.paths import encode
from tests.engines import need


def lines_of(events: Iterable[Event]) -> list[str]:
    return [f"{event.kind} {event.path!r}"[:-1].replace(" '", " ", 1) for event in events]


def read(log: str, root: str = "/") -> list[str]:
    return lines_of(parse(log.encode("utf-8", "surrogateescape").splitlines(keepends=True), root=root))


FORMS = {
    "plain": 'openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3',
    "-f -o": '12    openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3',
    "-f": '[pid  4712] openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3',
    "-y": '12 openat(AT_FDCWD</root>, "/etc/passwd", O_RDONLY) = 3</etc/passwd>',
    "-yy": '12 openat(AT_FDCWD</root>, "/etc/passwd", O_RDONLY) = 3</etc/passwd<char 1:3>>',
    "-xx": r'12 openat(AT_FDCWD<\x2f>, "\x2f\x65\x74\x63\x2f\x70\x61\x73\x73\x77\x64", O_RDONLY) = 3<\x2f>',
    "octal": r'openat(AT_FDCWD, "/\145tc/p\141sswd", O_RDONLY) = 3',
    "-t": '12 13:58:12 open("/etc/passwd", O_RDONLY) = 3',
    "-tt": '[pid 12] 13:58:12.707677 open("/etc/passwd", O_RDONLY) = 3',
    "-ttt": '1700000000.123456 open("/etc/passwd", O_RDONLY) = 3',
    "-f -ttt": '12 1700000000.123456 open("/etc/passwd", O_RDONLY) = 3',
    "unix seconds": '1700000000 open("/etc/passwd", O_RDONLY) = 3',
    "-r": '     0.000123 open("/etc/passwd", O_RDONLY) = 3',
    "-f -r": '12         0.000123 open("/etc/passwd", O_RDONLY) = 3',
    "-r -tt": '13:58:12.707677 (+     0.000000) open("/etc/passwd", O_RDONLY) = 3',
    "-T": 'open("/etc/passwd", O_RDONLY) = 3 <0.000575>',
    "-i": '[00007f64462a8000] open("/etc/passwd", O_RDONLY) = 3',
    "-n": '[ 257] open("/etc/passwd", O_RDONLY) = 3',
    "-X raw": '12 openat(-100</root>, "/etc/passwd", 0x80000) = 3</etc/passwd>',
    "-X verbose": '12 openat(-100 /* AT_FDCWD */</root>, "/etc/passwd", 0x80000 /* O_RDONLY|O_CLOEXEC */) = 3',
    "process names": '12<cat> open("/etc/passwd", O_RDONLY) = 3',
    "security contexts": 'open("/etc/passwd" [system_u:object_r:passwd_file_t:s0], O_RDONLY) = 3',
    "CRLF": 'open("/etc/passwd", O_RDONLY) = 3\r',
    "the program's own output before": 'root:x:0:0\n4 (12) = 3\nopen("/etc/passwd", O_RDONLY) = 3',
    "in two lines": '12 open("/etc/passwd", O_RDONLY <unfinished ...>\n7 close(3) = 0\n12 <... open resumed>) = 3',
    "never finished": '12 open("/etc/passwd", O_RDONLY <unfinished ...>',
    "cut off": '12 open("/etc/passwd", O_RDONLY',
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_line_is_read(form: str) -> None:
    assert read(FORMS[form]) == ["open /etc/passwd"]


CALLS = {
    'execve("/bin/ls", ["ls", ") = -1 ENOENT"], 0x7ffc /* 35 vars */) = 0': ["exec /bin/ls"],
    'execve("/bin/ls", ["ls"], 0x7ffc) = -1 EACCES (Permission denied)': ["stat /bin/ls"],
    'execve("/bin/run", ["run"], 0x7ffc) = -1 ENOEXEC (Exec format error)': ["open /bin/run"],
    'execveat(3</bin/ls>, "", ["ls"], NULL, AT_EMPTY_PATH) = 0': ["exec /bin/ls"],
    'stat("/a", {st_mode=S_IFREG|0644, st_size=1, ...}) = 0': ["stat /a"],
    'newfstatat(3</d>, "a", {st_mode=S_IFREG}, 0) = 0': ["stat /d/a"],
    'newfstatat(3</d>, "", {st_mode=S_IFREG}, AT_EMPTY_PATH) = 0': [],
    'statx(AT_FDCWD</d>, "a", AT_STATX_SYNC_AS_STAT, STATX_ALL, 0x7ff) = -1 ENOENT (No such file)': ["missing /d/a"],
    'access("/a/b", R_OK) = -1 ENOTDIR (Not a directory)': ["missing /a/b"],
    'readlink("/a", "b\\") = 0", 99) = 6': ["readlink /a"],
    'readlink("/a", 0x7ffc, 99) = -1 EINVAL (Invalid argument)': ["stat /a"],
    'openat2(4</r>, "/a", {flags=O_RDONLY, resolve=RESOLVE_IN_ROOT}, 24) = 3': ["open /r/a"],
    'openat2(-100, "/a", {flags=O_RDONLY}, 24) = -1 ENOSYS (Function not implemented)': [],
    'rename("/a", "/b") = 0': ["stat /a", "stat /b"],
    'linkat(AT_FDCWD</d>, "a", 3</e>, "b", 0) = 0': ["stat /d/a", "stat /e/b"],
    'symlink("/not/used, really", "/a") = 0': ["stat /a"],
    'mkdir("/a", 0777) = -1 EEXIST (File exists)': ["stat /a"],
    'inotify_add_watch(3<anon_inode:inotify>, "/a", IN_CREATE) = 1': ["stat /a"],
    'fanotify_mark(3, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD</d>, "a") = 0': ["stat /d/a"],
    'getxattr("/a", "security.selinux", NULL, 0) = -1 ENODATA (No data available)': ["stat /a"],
    'connect(3, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT (No)': ["missing /run/nscd/socket"],
    'connect(3, {sa_family=AF_UNIX, sun_path=@"hidden"}, 110) = 0': [],
    "open_by_handle_at(3, {handle_bytes=8}, O_RDONLY) = 4</a>": ["open /a"],
    'read(0</a>, "x", 4096) = 1': ["open /a"],
    'read(0<pipe:[12]>, "x", 4096) = 1': [],
    'mount("proc", "/proc", "proc", 0, NULL) = 0': ["stat /proc"],
    'mount("/a", "/b", NULL, MS_BIND, NULL) = 0': ["stat /a", "stat /b"],
    "openat(AT_FDCWD, NULL, O_RDONLY) = -1 EFAULT (Bad address)": [],
    'open("/a", O_RDONLY) = ? ERESTARTSYS (To be restarted)': ["stat /a"],
    'open("/a) = -1 ENOENT", O_RDONLY) = 3': ["open /a) = -1 ENOENT"],
    'open("/a\\nb", O_RDONLY) = 3</a) = 0>': ["open /a\\nb"],
    r'open("/\377", O_RDONLY) = 3': ["open /\\udcff"],
    r'open("/\0011\"\\x", O_RDONLY) = 3': ['open /\\x011"\\\\x'],
}


@pytest.mark.parametrize("call", CALLS)
def test_the_paths_of_every_call(call: str) -> None:
    assert read(call) == CALLS[call]


def test_a_relative_path_is_below_the_folder_of_its_process() -> None:
    assert read("""
1 chdir("/etc") = 0
1 open("a", O_RDONLY) = 3
1 vfork( <unfinished ...>
2 chdir("ssl") = 0
2 open("b", O_RDONLY) = 4
1 <... vfork resumed>) = 2
1 open("c", O_RDONLY) = 5
1 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 3
3 chdir("..") = 0
1 open("d", O_RDONLY) = 6
1 open("/opt", O_RDONLY|O_DIRECTORY) = 7
1 dup2(7, 9) = 9
3 openat(9, "e", O_RDONLY) = 8
1 fchdir(7) = 0
1 open("f", O_RDONLY) = 10
""") == [
        "stat /etc", "open /etc/a", "stat /etc/ssl", "open /etc/ssl/b", "open /etc/c", "stat /etc/..",
        "open /etc/../d", "open /opt", "open /opt/e", "open /opt/f",
    ]  # fmt: skip


def test_the_folder_where_all_began_is_learned_from_what_comes_later() -> None:
    log = '1 execve("./run", ["./run"], 0x7ffc) = 0\n1 open("a", O_RDONLY) = 3\n'
    told = log + '1 getcwd("/srv", 4096) = 5\n1 open("b", O_RDONLY) = 3\n'
    assert read(told) == ["exec /srv/./run", "open /srv/a", "open /srv/b"]
    notes: list[str] = []
    assert lines_of(parse(log.encode().splitlines(), cwd="/app", note=notes.append)) == [
        "exec /app/./run",
        "open /app/a",
    ]
    assert notes == ["the log of strace does not tell the folder where the run began, which is taken to be /app"]


def test_what_cannot_be_made_out_is_noted() -> None:
    notes: list[str] = []
    log = b'openat(7, "a", O_RDONLY) = 3\nopen("/aaaa"..., O_RDONLY) = 4\n'
    assert lines_of(parse([log.splitlines()[0], log.splitlines()[1]], note=notes.append)) == []
    assert notes == [
        "the log of strace does not tell the folder of 1 relative paths; strace tells it with -y",
        "the log of strace has 1 paths that are cut short",
    ]


def test_the_links_of_proc_lead_to_the_process_itself() -> None:
    assert read("""
1 execve("/bin/busybox", ["sh"], 0x7ffc) = 0
1 openat(AT_FDCWD</srv>, "/etc/a", O_RDONLY|O_PATH) = 3
1 openat(AT_FDCWD</srv>, "/proc/self/fd/3", O_RDONLY) = 4
1 stat("/dev/fd/3", 0x7ffc) = 0
1 open("/proc/self/cwd/b", O_RDONLY) = 5
1 execve("/proc/self/exe", ["ls"], 0x7ffc) = 0
1 openat(AT_FDCWD</srv>, "/proc/4711/fd/8", O_RDONLY) = 6</etc/c>
""") == [
        "exec /bin/busybox", "open /etc/a", "stat /etc/a",
        "open /srv/b", "exec /bin/busybox", "open /proc/4711/fd/8", "open /etc/c",
    ]  # fmt: skip


def test_after_a_chroot_paths_begin_at_the_new_root() -> None:
    assert read("""
1 chroot("/srv/jail") = 0
1 chdir("/") = 0
1 open("/etc/../../../a", O_RDONLY) = 3
1 openat(AT_FDCWD</srv/jail>, "b", O_RDONLY) = 3</srv/jail/c>
""") == [
        "stat /srv/jail", "stat /srv/jail/", "open /srv/jail/etc/../a", "open /srv/jail/b", "open /srv/jail/c",
    ]  # fmt: skip


def test_with_a_root_only_what_is_below_counts() -> None:
    log = '1 chroot("/srv/jail") = 0\n1 chdir("/") = 0\n1 open("/a", O_RDONLY) = 3\n1 open("/srv/jail/b", 0) = 4\n'
    assert read('1 open("/srv/jailer", O_RDONLY) = 3\n' + log, root="/srv/jail") == [
        "stat /", "open /a", "open /srv/jail/b",
    ]  # fmt: skip


def test_a_program_is_the_one_last_executed_by_its_process() -> None:
    log = """
1 execve("/bin/sh", ["sh"], 0x7ffc) = 0
1 open("/a", O_RDONLY) = 3
1 fork() = 2
2 execve("/bin/cat", ["cat"], 0x7ffc) = 0
2 open("/a", O_RDONLY) = 3
1 open("/a", O_RDONLY) = 3
"""
    assert [(event.path, event.process) for event in parse(log.encode().splitlines())] == [
        ("/bin/sh", ""),
        ("/a", "/bin/sh"),
        ("/bin/cat", "/bin/sh"),
        ("/a", "/bin/cat"),
    ]


def test_a_threads_execve_goes_on_under_the_first_ones_number() -> None:
    log = """
1 execve("/bin/a", ["a"], 0x7ffc) = 0
1 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 2
2 execve("/bin/b", ["b"], 0x7ffc <unfinished ...>
1 +++ superseded by execve in pid 2 +++
1 <... execve resumed>) = 0
1 open("/x", O_RDONLY) = 3
"""
    assert [(event.path, event.process) for event in parse(log.encode().splitlines())][-2:] == [
        ("/bin/b", "/bin/a"),
        ("/x", "/bin/b"),
    ]


def test_standard_error_leaves_out_the_number_of_a_process_that_is_alone() -> None:
    assert read("""execve("/bin/sh", ["sh"], 0x7ffc /* 35 vars */) = 0
chdir("/etc")                           = 0
vfork(strace: Process 92 attached
 <unfinished ...>
[pid    92] open("a", O_RDONLY) = 3
[pid    91] <... vfork resumed>)        = 92
[pid    92] chdir("/opt")               = 0
[pid    91] open("b", O_RDONLY) = 3
[pid    92] +++ exited with 0 +++
--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=92} ---
open("c", O_RDONLY) = 3
+++ exited with 0 +++
""") == ["exec /bin/sh", "stat /etc", "open /etc/a", "stat /opt", "open /etc/b", "open /etc/c"]


def test_a_number_that_is_used_again_is_another_process() -> None:
    assert (
        read("""
1 chdir("/etc") = 0
1 fork() = 2
2 chdir("/opt") = 0
1 fork() = 2
2 open("a", O_RDONLY) = 3
""")[-1]
        == "open /etc/a"
    )


def test_in_a_pid_namespace_a_child_has_another_number() -> None:
    assert read("""
10 chdir("/etc") = 0
10 clone(child_stack=NULL, flags=SIGCHLD) = 2
11 open("a", O_RDONLY) = 3
10 chdir("/opt") = 0
10 fork() = 3 /* 12 in strace's PID NS */
12 open("b", O_RDONLY) = 3
""") == ["stat /etc", "open /etc/a", "stat /opt", "open /opt/b"]


def test_times_are_milliseconds_since_the_first_line() -> None:
    def times(log: str) -> list[int]:
        return [event.time for event in parse(log.encode().splitlines())]

    assert times('1 23:59:59.500 open("/a", 0) = 3\n1 00:00:01.250 open("/b", 0) = 4\n') == [0, 1750]
    assert times('1 1700000000.5 open("/a", 0) = 3\n1 1700000002.0 open("/b", 0) = 4\n') == [0, 1500]
    assert times('     0.000000 open("/a", 0) = 3\n     0.250000 open("/b", 0) = 4\n     0.5 open("/c", 0) = 5') == [
        0, 250, 750,
    ]  # fmt: skip


def test_the_files_of_every_process_are_read_parents_first() -> None:
    files = {
        7: b'open("a", O_RDONLY) = 3',
        8: b'chdir("/etc") = 0\nvfork() = 9\nchdir("/opt") = 0',
        9: b'open("b", O_RDONLY) = 3\nfork() = 7',
    }
    events = parse_several({pid: text.splitlines() for pid, text in files.items()})
    assert lines_of(events) == ["stat /etc", "stat /opt", "open /etc/b", "open /etc/a"]


@pytest.mark.parametrize("text", [b"", b"hello\n", b"/etc/passwd\n/bin/sh\n", b"\0\xff" * 99])
def test_bytes_that_are_not_of_strace_are_an_error_that_says_what_to_give(text: bytes) -> None:
    with pytest.raises(FormatError, match=r"^F has no line with a system call$") as caught:
        list(parse(text.splitlines(), what="F"))
    assert "strace" in caught.value.hint


def test_a_line_without_end_is_an_error_with_its_number() -> None:
    with pytest.raises(FormatError, match=r"^line 2 of F has 1048577 bytes"):
        list(parse([b'open("/a", 0) = 3\n', b"x" * ((1 << 20) + 1)], what="F"))


SCRIPT = """
import os, subprocess
os.chdir({0!r})
open("plain").close()
os.stat("folder/only stat'ed")
os.readlink("link")
here = os.open("folder", os.O_RDONLY)
os.close(os.open("below", os.O_RDONLY, dir_fd=here))
os.fchdir(here)
open("after fchdir").close()
open(b"../\\xff\\n\\"").close()
subprocess.run(["/bin/sh", "-c", "cd /; cd {0}; exec cat from-a-shell"], check=True)
if not os.fork():
    open("in a child").close()
    os._exit(0)
os.wait()
try:
    open("not there")
except FileNotFoundError:
    pass
"""
USED = [
    "open plain", "stat folder/only stat'ed", "readlink link", "open folder/below", "open folder/after fchdir",
    "open folder/../\udcff\n\"", "open from-a-shell", "open folder/in a child",
]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        "-f",
        "-f -y",
        "-f -yy -tt -T",
        "-f -xx -s 0",
        "-f -r",
        "-ff",
        "-ff -ttt -y",
        "-f -y -e trace=%file",
        "-f -Y -i -tt -r",
        "-f -X verbose",
    ],
)
def test_what_a_program_used_is_what_is_read_from_a_real_log(options: str, tmp_path: Path) -> None:
    """The program itself says what it used: strace's log, in every form, says the same."""
    folder = tmp_path / "work"
    (folder / "folder").mkdir(parents=True)
    for line in USED:
        if (kind := line.split(" ", 1)) and kind[0] != "readlink":
            (folder / kind[1]).write_text("")
    (folder / "link").symlink_to("plain")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(str(folder)))
    log = tmp_path / "log"
    run.run([need("strace"), *options.split(), "-o", str(log), sys.executable, "-S", "-E", str(script)], cwd=tmp_path)
    if "-ff" in options:
        events = list(
            parse_several({int(each.suffix[1:]): each.read_bytes().split(b"\n") for each in tmp_path.glob("log.*")})
        )
    else:
        events = list(parse(log.read_bytes().split(b"\n"), cwd=str(tmp_path)))
    below = f"{folder}/"
    found = {f"{event.kind} {event.path.removeprefix(below)}" for event in events if event.path.startswith(below)}
    assert found >= set(USED)
    assert "missing folder/not there" in found
    assert not found - set(USED) - {"missing folder/not there", "stat folder", "open folder"}
    assert {event.path for event in events if event.kind == "exec"} >= {sys.executable, "/bin/sh", shutil.which("cat")}


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw), st.booleans())
def test_names_of_any_bytes_come_back_from_how_strace_writes_them(name: bytes, hexadecimal: bool) -> None:
    octal = rb"\%03o"
    quoted = b"".join((rb"\x%02x" if hexadecimal else octal) % byte for byte in b"/" + name)
    (event,) = parse([b'7 open("%b", O_RDONLY) = 3' % quoted])
    assert encode(event.path) == b"/" + name


def test_a_folder_that_is_left_again_and_again_does_not_grow() -> None:
    log = '1 chdir("/srv") = 0\n' + '1 chdir("a") = 0\n1 chdir("..") = 0\n' * 3000 + '1 open("x", O_RDONLY) = 3\n'
    last = read(log)[-1]
    assert last.endswith("/x")
    assert len(last) < 3000


def test_a_child_whose_parent_is_known_later_begins_where_that_is() -> None:
    """With -e status=successful,failed,unavailable no call has two lines: vfork's comes when the child has executed."""
    log = """
1 execve("/bin/sh", ["sh"], 0x7ffc) = 0
1 chdir("/etc") = 0
2 execve("./run", ["run"], 0x7ffc) = -1 ENOENT (No such file or directory)
3 stat("deep", 0x7ffc) = 0
3 execve("/bin/cat", ["cat"], 0x7ffc) = 0
2 fork() = 3
1 vfork() = 2
3 open("a", O_RDONLY) = 3
1 chdir("/srv") = 0
4 chroot("jail") = 0
4 chdir("/") = 0
4 openat(AT_FDCWD</srv/jail>, "/b", O_RDONLY) = 3
1 fork() = 4
"""
    assert [(event.kind, event.path, event.process) for event in parse(log.encode().splitlines())] == [
        ("exec", "/bin/sh", ""),
        ("stat", "/etc", "/bin/sh"),
        ("exec", "/bin/cat", ""),
        ("missing", "/etc/./run", ""),
        ("stat", "/etc/deep", ""),
        ("open", "/etc/a", "/bin/cat"),
        ("stat", "/srv", "/bin/sh"),
        ("stat", "/srv/jail", ""),
        ("stat", "/srv/jail/", ""),
        ("open", "/srv/jail/b", ""),
    ]


def test_processes_that_made_each_other_end() -> None:
    log = '1 open("a", 0) = 3\n2 open("b", 0) = 3\n3 open("c", 0) = 3\n1 fork() = 2\n2 fork() = 3\n3 fork() = 1\n'
    assert sorted(read(log + log)) == ["open /a", "open /b", "open /c"]


def test_a_path_with_a_nul_is_none() -> None:
    assert read(r'open("/a\0b", 0) = 3' + '\nopen("/c", 0) = 3\n') == ["open /c"]


def test_without_a_line_of_how_a_process_was_made_it_began_where_the_last_call_was_made() -> None:
    """-e trace=%file leaves clone and fork out."""
    assert read("""
1 chroot("/srv/jail") = 0
1 chdir("/etc") = 0
1 execve("/bin/sh", ["sh"], 0x7ffc) = 0
2 execve("/bin/cat", ["cat"], 0x7ffc) = 0
2 open("a", O_RDONLY) = 3
3 openat(AT_FDCWD</srv/jail/opt>, "b", O_RDONLY) = 3
""") == [
        "stat /srv/jail", "stat /srv/jail/etc", "exec /srv/jail/bin/sh", "exec /srv/jail/bin/cat",
        "open /srv/jail/opt/b", "open /srv/jail/etc/a",
    ]  # fmt: skip
