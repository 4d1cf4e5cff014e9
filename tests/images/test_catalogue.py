"""The catalogue and the transports that it names say the same of each."""

import subprocess
import sys
from pathlib import Path

import pytest

from fromscratch.errors import UsageError
from fromscratch.images import catalogue
from fromscratch.images.catalogue import TRANSPORTS, Line
from fromscratch.images.dir import RootFolder
from tests.made_images import HERE, at, image_of

EVERY = pytest.mark.parametrize("line", TRANSPORTS, ids=lambda line: line.scheme)


@EVERY
def test_a_line_and_its_transport_say_the_same(line: Line) -> None:
    kind = catalogue.load(line)
    assert kind.scheme == line.scheme
    assert kind.example.startswith(line.scheme)
    assert catalogue.of_name(kind.example) == line
    assert kind.place == {"FILE": "file", "DIR": "folder", "REF": ""}[line.operand.partition("[")[0]]
    assert kind.several == ("[:" in line.operand or line.operand == "REF")
    assert bool(kind.suffix) == (line.role == "form")


@EVERY
def test_the_class_of_a_form_or_an_engine_is_found_by_its_word(line: Line) -> None:
    if line.word in (*catalogue.forms(), *catalogue.engines()):
        assert catalogue.by_word(line.word) is catalogue.load(line)


def test_a_folder_is_read_and_not_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dir: images are read and not written"):
        at(RootFolder, tmp_path).write([image_of(platform=HERE)], "")


def test_naming_transports_loads_none_of_them() -> None:
    script = "import sys; from fromscratch.images import catalogue; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.startswith("fromscratch")}
    assert ours == {"fromscratch", "fromscratch.images", "fromscratch.images.catalogue"}
    assert "msgspec" not in loaded
