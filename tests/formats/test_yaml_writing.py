"""Values written as YAML, and read again."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fromscratch.formats.yaml import document, writing

texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    (
        "",
        " ",
        "a: b",
        "#",
        "- x",
        "yes",
        "1.0",
        "0755",
        "null",
        "~",
        "a\nb\n",
        "a\n\n",
        "\ta",
        "x: ",
        "é",
        "|",
        "'",
        '"',
    )
)
values = st.recursive(
    texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts.filter(bool), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=80)
@given(st.dictionaries(texts, values, max_size=4))
def test_what_is_written_is_read_as_it_was(value: dict[str, Any]) -> None:
    text = writing.written(value)
    assert document.load(text, "text").value == (value or None)


def test_lists_stand_on_one_line_while_they_are_short_and_texts_of_several_lines_in_blocks() -> None:
    value = {
        "rootfs": [{"debian": {"suite": "trixie", "packages": ["a", "b"]}}],
        "paths": [{"path": "/etc/motd", "type": "file", "content": "Hello\n  you\n"}],
        "epoch": 0,
        "user": "65532",
        "strict": True,
    }
    assert writing.written(value) == (
        "rootfs:\n"
        "  - debian: {suite: trixie, packages: [a, b]}\n"
        "paths:\n"
        "  - path: /etc/motd\n"
        "    type: file\n"
        "    content: |\n"
        "      Hello\n"
        "        you\n"
        "epoch: 0\n"
        'user: "65532"\n'
        "strict: true\n"
    )
