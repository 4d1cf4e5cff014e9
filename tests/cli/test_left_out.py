"""What `build` says of commands in scripts that were not followed."""

from msgspec.structs import replace

from fromscratch.cli.output.left_out import left_out_lines
from fromscratch.flow.source_evidence import SourceEvidence
from fromscratch.transforms.shell.left_out import LeftOut
from tests.flow.test_evidence import made

FOUND = [
    LeftOut("web", "postinst", 9, "make-cache", "make-cache is not a command that is known", "cache"),
    LeftOut("web", "postinst", 4, "useradd $name", "$name is not known", "account"),
    LeftOut("db", "preinst", 2, "link\n  it", "it asks", "link"),
]


def lines(*, every: bool) -> list[str]:
    sources = [SourceEvidence(label="a", left_out=FOUND[:1]), SourceEvidence(label="b", left_out=FOUND[1:])]
    return left_out_lines(replace(made().images[0], sources=sources), every=every)


def test_a_package_has_one_line_about_what_matters_most() -> None:
    assert lines(every=False) == [
        "  web: left out: useradd $name (line 4 of the postinst: $name is not known); --all lists 1 more",
        "  db: left out: link it (line 2 of the preinst: it asks)",
    ]


def test_every_command_is_listed_on_request() -> None:
    assert lines(every=True) == [
        "  web: left out: useradd $name (line 4 of the postinst: $name is not known)",
        "  web: left out: make-cache (line 9 of the postinst: make-cache is not a command that is known)",
        "  db: left out: link it (line 2 of the preinst: it asks)",
    ]
