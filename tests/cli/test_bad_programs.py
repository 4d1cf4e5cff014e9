"""Files that are no programs, or damaged, or hostile: a clear error or a right answer, and nothing is ever executed."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.command import Answer
from tests.cli.in_process import called
from tests.engines import missing, need
from tests.formats.elf.made import elf
from tests.steps import GROWTH, check_growth
from tests.sysroots import MULTIARCH, library, program, sysroot, written

VERBS = ("closure", "bundle")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    folder = tmp_path / "desk"
    folder.mkdir()
    sysroot(folder / "root", {f"{MULTIARCH}/libjq.so.1": library("libjq.so.1", "libc.so.6")})
    return folder


def of_type(number: int) -> bytes:
    """An ELF file of this e_type."""
    raw = bytearray(elf())
    raw[16:18] = struct.pack("<H", number)
    return bytes(raw)


def expect_error(answer: Answer, code: int, message: str, hint: str = "") -> None:
    """One message, one hint, and no half of an answer."""
    assert answer.code == code, answer.err
    assert "Traceback" not in answer.err
    assert (answer.err.count("error: "), answer.err.count(" hint: ")) == (1, 1), answer.err
    problem, _, advice = answer.err.partition("\n hint: ")
    assert message in problem
    assert hint in advice


FILES: dict[str, bytes] = {
    "text": b"hello\n",
    "empty": b"",
    "libx.so": b"/* GNU ld script */\nGROUP ( /lib/x86_64-linux-gnu/libc.so.6 )\n",
    "magic": b"\x7fELF",
    "header": elf()[:40],
    "cut": elf(needed=["libc.so.6"])[:100],
    "object.o": of_type(1),
    "core": of_type(4),
}
FAULTS = {
    "text": "text is neither an ELF file nor a script",
    "empty": "empty is neither an ELF file nor a script",
    "libx.so": "libx.so is neither an ELF file nor a script",
    "magic": "it ends after 4 bytes, within the header",
    "header": "it ends after 40 bytes, within the header",
    "cut": "its program headers lead beyond its end",
    "object.o": "object.o is an object file, which no loader takes",
    "core": "core is a core dump",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_program(desk: Path, verb: str, name: str) -> None:
    (desk / name).write_bytes(FILES[name])
    (desk / name).chmod(0o755)
    expect_error(called(desk, verb, f"./{name}"), 2, FAULTS[name])
    assert not (desk / "build").exists()


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_regular_file(desk: Path, verb: str) -> None:
    (desk / "folder").mkdir()
    os.mkfifo(desk / "fifo")
    (desk / "loop").symlink_to("loop")
    (desk / "dangling").symlink_to("nothing")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(desk / "socket"))
    expect_error(called(desk, verb, "./folder"), 2, "folder is a folder")
    for name in ("./fifo", "./socket", "/dev/null"):
        expect_error(called(desk, verb, name), 2, f"{name.removeprefix('.')} is not a regular file")
    for name in ("loop", "dangling"):
        expect_error(called(desk, verb, f"./{name}"), 2, f"{name} is a symlink that leads")
    expect_error(called(desk, verb, "./fiffo"), 2, "there is no ", "/fifo?")


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_this_user_may_not_read(verb: str) -> None:
    with tempfile.TemporaryDirectory() as name, unprivileged(Path(name)):
        folder = Path(name) / "desk"
        folder.mkdir()
        (folder / "secret").write_bytes(program())
        (folder / "secret").chmod(0o311)
        expect_error(called(folder, verb, "./secret"), 1, "secret", "read")
        assert not (folder / "build").exists()


@contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """As root may read everything: be nobody for a while, whom the folder belongs to then."""
    if os.geteuid() != 0:
        yield
        return
    called(folder, "closure", "/nowhere")  # what is loaded on the way need not be readable for others
    called(folder, "bundle", "/nowhere", "--quiet")
    os.chown(folder, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    "name", ["two\nlines", "tab\there", "\x1b[31mred", "ünïcode", "with blank", "-dash", "a:b", "%s{}"]
)
def test_any_name_that_is_utf_8_can_be_bundled_and_is_told_on_one_line(desk: Path, name: str) -> None:
    written(desk, {f"/{name}": program("libnone.so")})
    assert called(desk, "closure", f"./{name}", "--root", "root").code == 1
    answer = called(desk, "closure", f"./{name}", "--search", "/nowhere")
    assert answer.code == 1
    assert all(char.isprintable() for line in (answer.out + answer.err).splitlines() for char in line)
    failed = called(desk, "bundle", f"./{name}", "--root", "root")
    expect_error(failed, 1, "libnone.so, needed by ")
    assert all(char.isprintable() for line in failed.err.splitlines() for char in line)
    (desk / name).write_bytes(program())
    assert called(desk, "bundle", f"./{name}", "--root", "root").code == 0


def test_a_name_that_is_not_utf_8(desk: Path) -> None:
    written(desk, {"/stage/bin/by\udcffte": program(), "/stage/lib/own\udcfe.so": b"x"})
    name = "./stage/bin/by\udcffte"
    answer = called(desk, "closure", name)
    assert (answer.code, r"by\xffte  (linux/amd64" in answer.out) == (0, True)
    expect_error(called(desk, "bundle", name), 2, r"by\xffte is not UTF-8", "--add")
    stage = called(desk, "bundle", "--stage", "stage", "--root", "root")
    expect_error(stage, 2, r"/bin/by\xffte is not UTF-8")  # as an entry point, which a configuration holds
    whole = called(desk, "bundle", "--stage", "stage", "--root", "root", "--entrypoint", "")
    assert whole.code == 0, whole.err
    assert r"/lib/own\xfe.so" in called(desk, "ls", "stage").out


@pytest.mark.parametrize("verb", VERBS)
def test_a_machine_that_nobody_knows(desk: Path, verb: str) -> None:
    written(desk, {"/odd": elf(machine=9999, needed=["libodd.so"], interpreter="/lib/ld-odd.so")})
    expect_error(called(desk, verb, "./odd"), 1, "/lib/ld-odd.so")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("#!/no/such/interpreter", "/no/such/interpreter"),
        ("#!/usr/bin/env no-such-program", "no-such-program"),
        ("#!/bin/sh\r", r"/bin/sh\x0d"),
    ],
)
def test_a_script_whose_interpreter_is_missing(desk: Path, verb: str, line: str, message: str) -> None:
    written(desk, {"/script": f"{line}\necho\n"})
    expect_error(called(desk, verb, "./script"), 1, message)


@pytest.mark.parametrize("verb", VERBS)
def test_a_script_that_runs_itself_ends(desk: Path, verb: str) -> None:
    written(desk, {"/self": f"#!{desk}/self\n"})
    answer = called(desk, verb, "./self")
    assert "cannot start" in answer.out + answer.err


def test_a_linker_script_where_a_library_should_be(desk: Path) -> None:
    written(desk / "root", {"/usr/bin/app": program("libx.so"), f"{MULTIARCH}/libx.so": FILES["libx.so"].decode()})
    for verb in VERBS:
        expect_error(called(desk, verb, "/usr/bin/app", "--root", "root"), 1, "libx.so")
    expect_error(called(desk, "bundle", "/usr/bin/app", "--root", "root"), 1, "it is not an ELF file")


def test_libraries_that_need_each_other(desk: Path) -> None:
    pair = {f"{MULTIARCH}/lib{one}.so": library(f"lib{one}.so", f"lib{other}.so") for one, other in ("ab", "ba")}
    written(desk / "root", {"/usr/bin/app": program("liba.so"), **pair})
    assert called(desk, "closure", "/usr/bin/app", "--root", "root").code == 0
    assert called(desk, "bundle", "/usr/bin/app", "--root", "root").code == 0


def test_a_link_that_leads_out_of_the_root(desk: Path) -> None:
    written(desk, {"/outside.so": library("libout.so")})
    written(desk / "root", {"/usr/bin/app": program("libout.so")})
    (desk / f"root{MULTIARCH}/libout.so").symlink_to("../../../../outside.so")
    (desk / "root/opt").symlink_to("/etc")
    for verb in VERBS:
        expect_error(called(desk, verb, "/usr/bin/app", "--root", "root"), 1, "libout.so")
    expect_error(called(desk, "closure", "/opt/passwd", "--root", "root"), 2, "there is no file /opt/passwd")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("/usr/bin/app", "--root", "file"), "file", ""),
        (("--stage", "hollow"), "the stage hollow is empty", "DESTDIR"),
        (("--stage", "file"), "file is not a folder", ""),
        (("file:/app", "other:/app"), "file:/app and other:/app cannot both be /app", "FILE:/DEST"),
        (("file:/app", "--stage", "stage"), "stage and file:/app cannot both be /app", "FILE:/DEST"),
        (("locked",), "nobody may execute", "chmod +x"),
        (("file:/../app",), "leads outside the root", ""),
        (("file:/",), "would be everything", ""),
        (("--add", "fifo"), "fifo is not a regular file", ""),
        (("file", "--plugins", "../*.so"), "plugins: ", ""),
        (("file", "--preload", "a b"), "preload: 'a b'", ""),
    ],
)
def test_options_that_cannot_be(desk: Path, words: tuple[str, ...], message: str, hint: str) -> None:
    (desk / "hollow").mkdir()
    os.mkfifo(desk / "fifo")
    files: dict[str, bytes | str] = {
        "/file": program(),
        "/other": program(data=b"x"),
        "/stage/app": program(data=b"y"),
        "/locked": program(),
    }
    written(desk, files)
    (desk / "locked").chmod(0o644)
    root = () if "--root" in words else ("--root", "root")
    answer = called(desk, "bundle", *words, *root)
    expect_error(answer, 1 if "cannot both" in message else 2, message, hint)
    assert not (desk / "build").exists()


def test_a_socket_in_a_stage_is_told(desk: Path) -> None:
    written(desk, {"/stage/bin/app": program()})
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(desk / "stage/s"))
    expect_error(called(desk, "bundle", "--stage", "stage", "--root", "root"), 1, "stage/s is a socket")
    assert not (desk / "build").exists()


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_the_work_grows_with_the_number_of_programs_only(desk: Path, verb: str) -> None:
    names = [f"/many/p{number}" for number in range(30 * GROWTH)]
    written(desk / "root", {name: program("libjq.so.1", data=name.encode()) for name in names})

    def work(count: int) -> None:
        answer = called(desk, verb, *names[:count], "--root", "root")
        assert answer.code == 0, answer.err

    check_growth(work, 30)


def test_what_a_user_has_told_invoke_is_not_about_us(desk: Path) -> None:
    (desk / ".invoke.yaml").write_text("tasks: {dedupe: [")
    assert called(desk, "bundle", "--json", "--root", "root", "--add", f"root{MULTIARCH}:/l", HOME=str(desk)).code == 0


# Whatever the bytes are


@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_programs_get_an_answer_or_an_error(desk: Path, data: st.DataObject) -> None:
    """Bytes of a program and of its library, changed and cut at random."""
    whole = {
        "root/usr/bin/app": program("libjq.so.1", runpath="$ORIGIN/../lib"),
        f"root{MULTIARCH}/libjq.so.1": library("libjq.so.1"),
    }
    (desk / "root/usr/bin").mkdir(exist_ok=True)
    for name, raw in whole.items():
        damaged = bytearray(raw)
        for _ in range(data.draw(st.integers(0, 4))):
            damaged[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.one_of(st.none(), st.integers(0, len(raw))))
        (desk / name).write_bytes(bytes(damaged[:cut]))
        (desk / name).chmod(0o755)
    for verb in VERBS:
        answer = called(desk, verb, "/usr/bin/app", "--root", "root")
        assert answer.code in (0, 1, 2)
        assert answer.code == 0 or answer.err.count("error: ") == 1
        shutil.rmtree(desk / "build", ignore_errors=True)


# Nothing is executed

# It needs nothing of a C library that is set up, so that it can be the loader of another program.
MARKING = """\
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
void _start(void) {{
    syscall(SYS_openat, AT_FDCWD, "{mark}", O_CREAT | O_WRONLY, 0644);
    syscall(SYS_exit_group, 0);
}}
"""
CONSTRUCTOR = """\
#include <fcntl.h>
__attribute__((constructor)) void marks(void) {{ open("{mark}", O_CREAT | O_WRONLY, 0644); }}
int used(void) {{ return 1; }}
"""


@pytest.fixture
def trap(desk: Path) -> Path:
    """Programs, a library, a loader and scripts of which each would leave a file named mark."""
    gcc, mark = need("gcc"), desk / "mark"
    (desk / "marking.c").write_text(MARKING.format(mark=mark))
    (desk / "constructor.c").write_text(CONSTRUCTOR.format(mark=mark))
    (desk / "plain.c").write_text("int main(void) { return 0; }\n")
    (desk / "using.c").write_text("int used(void);\nint main(void) { return used() - 1; }\n")
    for words in (
        ("-static", "-nostartfiles", "-fno-stack-protector", "marking.c", "-o", "ld-marking.so"),
        ("plain.c", "-o", "odd", f"-Wl,--dynamic-linker={desk}/ld-marking.so"),
        ("-shared", "-fPIC", "constructor.c", "-o", "libmarks.so"),
        ("using.c", "-o", "using", "-L.", "-lmarks", "-Wl,-rpath,$ORIGIN"),
    ):
        subprocess.run([gcc, *words], cwd=desk, check=True)
    written(desk, {"/script": f"#!/bin/sh\n: >{mark}\n", "/odd-script": f"#!{desk}/ld-marking.so\n"})
    return mark


def test_nothing_of_what_is_looked_at_is_executed(desk: Path, trap: Path) -> None:
    names = ("ld-marking.so", "odd", "using", "script", "odd-script")
    for name in names:
        subprocess.run([desk / name], check=False)
        assert trap.exists(), name  # or the trap would catch nothing
        trap.unlink()
    for name in names:
        assert called(desk, "closure", f"./{name}").code == 0
        assert called(desk, "closure", f"./{name}", "--beyond").code == 0
        assert called(desk, "bundle", f"./{name}").code == 0
        assert not trap.exists(), name


@pytest.mark.parametrize(
    ("program_", "source"),
    [("python3", "import marks\n"), ("perl", "use lib '{folder}'; use marks;\n")],
)
def test_no_module_of_a_script_is_executed(desk: Path, program_: str, source: str) -> None:
    interpreter = shutil.which(program_)
    if interpreter is None:
        missing(f"{program_} is not on this machine")
    mark = desk / "mark"
    modules = {
        "/marks.py": f"open({str(mark)!r}, 'w').close()\n",
        "/marks.pm": f"package marks; BEGIN {{ open(my $m, '>', '{mark}') }} 1;\n",
    }
    written(desk, {"/script": f"#!{interpreter}\n{source.format(folder=desk)}", **modules})
    subprocess.run([desk / "script"], check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert mark.exists()
    mark.unlink()
    assert called(desk, "closure", "./script", "--beyond").code == 0
    assert called(desk, "bundle", "./script", "--add", "marks.py", "--add", "marks.pm").code == 0
    assert not mark.exists()
