"""Symlinks to a program that starts itself by other names."""

from fromscratch.linker.beyond import own_names
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.scenes import listing

ROOT = """
    l 0777 0:0 /usr/bin/git-upload-pack -> git
    l 0777 0:0 /usr/bin/git-shell -> git
    l 0777 0:0 /usr/bin/other -> env
    f 0755 0:0 /usr/bin/env '\\x7fELF'
"""


def says(made: bytes) -> str:
    return listing(own_names.find(system(ROOT, {"/usr/bin/git": made})))


def test_names_in_the_data_of_a_program_that_starts_programs_are_taken_where_they_lead_to_it() -> None:
    assert says(program("execve", data="git-upload-pack\0other\0none")) == (
        "names likely optional /usr/bin/git-upload-pack opened by /usr/bin/git (names git-upload-pack, which is itself)"
    )


def test_a_program_that_starts_none_needs_no_other_name() -> None:
    assert says(program("puts", data="git-upload-pack")) == ""
