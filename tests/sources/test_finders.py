"""Finders of languages, which are slow to load, are asked where the image has an interpreter or its library."""

import re
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.linker.beyond.node import finder as node
from fromscratch.linker.beyond.perl import finder as perl
from fromscratch.linker.beyond.python import tree as python
from fromscratch.linker.beyond.ruby import finder as ruby
from fromscratch.sources.binaries.finders import find_modules
from tests.linker.beyond.scenes import elf, scene

Language = Literal["python", "perl", "ruby", "node"]
ROOT = """
    f 0755 0:0 /usr/bin/{name} '\\x7fELF'
    f 0755 0:0 /srv/app '#!/usr/bin/{name}\\nrequire("./other")'
    f 0644 0:0 /srv/other.js ''
"""


@pytest.mark.parametrize(
    ("language", "names"),
    [("python", python._OBJECT), ("perl", perl._OBJECT), ("ruby", ruby._OBJECT), ("node", node._OBJECT)],
)
@given(data=st.data())
def test_whatever_a_finder_takes_for_an_interpreter_has_the_name_of_the_language(
    language: Language, names: re.Pattern[str], data: st.DataObject
) -> None:
    assert language in data.draw(st.from_regex(names.pattern, fullmatch=True))


@pytest.mark.parametrize(("name", "found"), [("nodejs", ["/srv/other.js"]), ("bun", [])])
def test_a_finder_is_asked_where_there_is_one(name: str, found: list[str]) -> None:
    place = f"/usr/bin/{name}"
    it = scene(ROOT.format(name=name), place, "/srv/app", objects={place: elf()})
    assert [getattr(each, "path", each) for each in find_modules(it, language="node")] == found
