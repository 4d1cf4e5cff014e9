"""msgspec without typing_extensions: the same records, and the package is there for whoever asks for it later."""

import subprocess
import sys

_DECODED = """
from typing import Annotated, NotRequired, TypedDict
import msgspec

class Extra(TypedDict):
    size: NotRequired[int]

class Record(msgspec.Struct, frozen=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    extra: Extra = {}

print(msgspec.json.decode(b'{"name": "x", "extra": {"size": 3}}', type=Record), msgspec.json.schema(Record))
try:
    msgspec.json.decode(b'{"name": ""}', type=Record)
except msgspec.ValidationError as error:
    print(error)
"""
_LEAN = "from fromscratch.cli import lean_msgspec; lean_msgspec.load()"
_LATER = """
import sys
print("inspect" in sys.modules, "msgspec" in sys.modules)
try:
    import typing_extensions
    print(typing_extensions.Protocol is not None)
except ModuleNotFoundError as error:
    print(error)
"""


def answer(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout


def test_records_are_decoded_as_ever() -> None:
    assert answer(_LEAN + _DECODED) == answer(_DECODED)
    assert "Record(name='x', extra={'size': 3})" in answer(_DECODED)


def test_the_package_is_there_for_others() -> None:
    later = answer(_LEAN + _LATER).splitlines()
    assert later[0] == "False True"
    assert later[1] in {"True", "No module named 'typing_extensions'"}
    assert "None in sys.modules" not in later[1]


def test_nothing_is_changed_where_the_package_is_loaded_already() -> None:
    script = (
        f"import sys; sys.modules['typing_extensions'] = sys; {_LEAN}; print(sys.modules['typing_extensions'] is sys)"
    )
    assert answer(script) == "True\n"
