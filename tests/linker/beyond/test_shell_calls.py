"""/bin/sh: taken for programs that run shell commands, offered to those that only might."""

from typing import Literal

import pytest
from msgspec.structs import replace

from fromscratch.linker.beyond import shell_calls
from fromscratch.paths import tree_path
from tests.linker.beyond.objects import LIBC, libc, program, system
from tests.linker.beyond.scenes import listing
from tests.trees import text

ROOT = """
    l 0777 0:0 /bin -> usr/bin
    f 0755 0:0 /usr/bin/dash '\\x7fELF'
    l 0777 0:0 /usr/bin/sh -> dash
"""
Shell = Literal["auto", "always", "none"]


def says(objects: dict[str, bytes], *extra: str, shell: Shell = "auto", block: str = ROOT) -> str:
    return listing(shell_calls.find(system(block, {LIBC: libc(), **objects}, *extra), shell=shell))


@pytest.mark.parametrize(
    ("made", "how"),
    [
        (program("popen"), "calls popen"),
        (program("system", "popen"), "calls system"),
        (program("execl", data="/bin/sh"), "calls execl and names /bin/sh"),
        (program("posix_spawn", data="/bin/sh"), "calls posix_spawn and names /bin/sh"),
        (program("execvp", data="sh"), "calls execvp and names sh"),
        (program("execv", data="sh"), ""),
        (program("execve", data="/bin/shadow"), ""),
        (program("puts", data="/bin/sh"), ""),
    ],
)
def test_a_program_that_runs_shell_commands_gets_a_shell(made: bytes, how: str) -> None:
    expected = f"shell likely optional /bin/sh opened by /usr/bin/it ({how})" if how else ""
    assert says({"/usr/bin/it": made}) == expected


def test_a_library_that_bears_the_name_of_the_program_counts_as_the_program() -> None:
    own = {"/usr/bin/gs": program("puts"), "/usr/lib/libgs.so.10": program("popen", soname="libgs.so.10")}
    assert says(own) == "shell likely optional /bin/sh opened by /usr/lib/libgs.so.10 (calls popen)"


def offered(objects: dict[str, bytes]) -> bool:
    """Whether a shell is offered where only the first of these objects is requested."""
    scene = replace(system(ROOT, {LIBC: libc(), **objects}), requested=(tree_path(next(iter(objects))),))
    return listing(shell_calls.find(scene)).startswith("offer shell /bin/sh")


def test_other_libraries_and_runtimes_of_languages_get_an_offer() -> None:
    assert offered({"/usr/bin/it": program("puts"), "/usr/lib/libother.so.1": program("popen", soname="libother.so.1")})
    assert offered({"/usr/bin/python3.11": program("system")})
    assert not offered({"/usr/bin/it": program("puts")})


@pytest.mark.parametrize(
    ("script", "is_taken"),
    [
        ("import subprocess\nsubprocess.run('ls', shell=True)", True),
        ("import os; os.system('ls')", True),
        ("import os; os.getpid()", False),
    ],
)
def test_a_script_that_has_a_shell_run_something_needs_one(script: str, is_taken: bool) -> None:
    root = ROOT + f"f 0755 0:0 /srv/it {script!r}"
    found = says({"/usr/bin/python3.11": program("system")}, "/srv/it", block=root)
    assert found.startswith("shell likely optional /bin/sh" if is_taken else "offer shell")


def test_it_can_be_had_in_any_case_or_not_at_all() -> None:
    plain = {"/usr/bin/it": program("puts")}
    assert says(plain, shell="always").startswith("shell possible optional /bin/sh")
    assert says({"/usr/bin/it": program("popen")}, shell="none") == ""
    assert says({"/usr/bin/it": program("popen")}, block="d 0755 0:0 /bin") == ""


def test_a_shell_does_not_ask_for_itself() -> None:
    assert says({"/usr/bin/dash": program("execve", data="/bin/sh")}) == ""


def test_a_large_shell_is_offered() -> None:
    large = ROOT.replace(r"'\x7fELF'", repr("x" * ((2 << 20) + 1)))
    assert says({"/usr/bin/it": program("popen")}, block=large) == text("""
        offer shell /bin/sh, which /usr/bin/it may run (calls popen)
    """)
