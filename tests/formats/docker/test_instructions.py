"""Dockerfiles read."""

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.docker import instructions
from fromscratch.formats.docker.instructions import duration, expand, pairs, read, split

TEXT = """\
# syntax=docker/dockerfile:1

FROM alpine:3 AS one
RUN  apk add \\
    # a comment
    --no-cache \\

    jq
copy --from=one --chown=1:2 a b /
CMD [ "sh", "-c", "a b" ]
ENTRYPOINT [sh]
COPY <<EOF <<-"END" /etc/
one $A
EOF
\ttwo $A
\tEND
LABEL a=1
"""


def test_instructions_have_their_lines_flags_words_and_documents() -> None:
    found = read(TEXT, "Dockerfile").instructions
    assert [(each.line, each.last, each.name, each.rest) for each in found] == [
        (3, 3, "FROM", "alpine:3 AS one"),
        (4, 8, "RUN", "apk add     --no-cache     jq"),
        (9, 9, "COPY", "a b /"),
        (10, 10, "CMD", '[ "sh", "-c", "a b" ]'),
        (11, 11, "ENTRYPOINT", "[sh]"),
        (12, 16, "COPY", '<<EOF <<-"END" /etc/'),
        (17, 17, "LABEL", "a=1"),
    ]
    assert found[2].flags == (("from", "one"), ("chown", "1:2"))
    assert (found[3].words, found[4].words) == (("sh", "-c", "a b"), None)
    assert [(each.name, each.text, each.expanded) for each in found[5].heredocs] == [
        ("EOF", "one $A\n", True),
        ("END", "two $A\n", False),
    ]


def test_an_escape_character_alone_at_the_end_says_nothing() -> None:
    assert [each.name for each in read("FROM a\n\\\n", "Dockerfile").instructions] == ["FROM"]


def test_the_escape_character_can_be_another() -> None:
    found = read("# escape=`\nFROM a\nCOPY c:\\x `\n  d\n", "Dockerfile")
    assert found.escape == "`"
    assert found.instructions[1].rest == "c:\\x   d"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM a\n<html>\n", "D:2: '<html>' is not an instruction"),
        ("# escape=x\nFROM a\n", "D:1: escape is"),
        ("RUN <<EOF\na\n", "D:1: the here-document EOF has no end"),
        ("FROM a\n" * 20_001, "more than 20000 instructions"),
    ],
)
def test_what_is_no_dockerfile_is_refused_by_its_line(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(text, "D")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A-${A}", "1-1"),
        ("${B:-x$A}${B-y}${E:-z}${E-w}", "x1yz"),
        ("${A:+yes}${B:+no}", "yes"),
        (r"\$A '$A' \"$A\" \\", '$A $A "1" \\'),
        ('"a b"$A', "a b1"),
        ("${A", "${A"),
        ("$", "$"),
    ],
)
def test_words_are_expanded_as_the_builder_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "E": ""}) == expected


def test_documents_keep_their_quotes() -> None:
    assert expand("say \"$A\" 'b' \\n \\$A\n", {"A": "1"}, quotes=False) == "say \"1\" 'b' \\n $A\n"


def test_words_and_pairs_may_have_blanks_in_quotes() -> None:
    assert split(r"a\ b 'c d' e") == [r"a\ b", "'c d'", "e"]
    assert pairs('A=1 B="x y"') == [("A", "1"), ("B", '"x y"')]
    assert pairs("PATH /bin:$PATH more") == [("PATH", "/bin:$PATH more")]


def test_durations_are_those_of_go() -> None:
    assert [duration(text) for text in ("1m30s", "500ms", "1.5h", "5", "")] == [90, 0.5, 5400, None, None]


def test_text_that_comes_close_to_a_dockerfile_is_read_in_a_bounded_time() -> None:
    instructions.read("COPY " + "${A:-" * 5000 + "\n", "D")
    assert expand("${A:-" * 5000 + "}" * 5000, {}) != ""
