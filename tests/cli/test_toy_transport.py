"""A new transport is one file and one line of the catalogue: the whole command line knows it then."""

import sys
from pathlib import Path

import pytest

from tests.cli.command import Desk

TOY = '''
"""`toy:FILE`: a line of its own, and the tar of the root behind it."""

from collections.abc import Sequence
from typing import ClassVar

from fromscratch.digest import Digest
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.images.layers import root_tar
from fromscratch.images.contract import ALL, Naming, Receipt, Selection
from fromscratch.images.local import LocalTransport
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image
from fromscratch.model.rootfs import Rootfs


class Toy(LocalTransport, frozen=True):
    scheme: ClassVar[str] = "toy:"
    example: ClassVar[str] = "toy:hello.toy"
    place = "file"
    suffix: ClassVar[str] = ".toy"
    naming: ClassVar[Naming] = "none"

    def read(self, name: str, selection: Selection = ALL) -> Rootfs:
        self.check_readable()
        tar = self.store.add(self.path.read_bytes().partition(b"toy\\n")[2])
        return read_tree(self.store.path(tar), Origin(self.label, "found in", "a toy"))

    def write(self, images: Sequence[Image], name: str) -> Receipt:
        with root_tar(self.only(images), self.store) as tar:
            data = b"toy\\n" + tar.read()
        self.path.write_bytes(data)
        return Receipt(self.label, Digest.of(data))
'''
LINE = 'Line("toy:", "FILE", "toy:Toy", "form")'
TOY_ENGINE = '''
"""`toybox:REF`: an engine whose images are files in a folder."""

import os
import shutil
from pathlib import Path

from fromscratch.digest import Digest
from fromscratch.formats.docker.archive import docker_archive
from fromscratch.host.engines.contract import Engine, Status
from fromscratch.images.engine import EngineImages


class Toybox(Engine, frozen=True, kw_only=True):
    program: tuple[str, ...] = ("toybox",)
    kind = "toybox"
    ways = "load"
    install = "apt-get install toybox"
    lists = "ls"

    def status(self):
        return Status(engine=self, version="1")

    def image_id(self, image):
        return str(Digest.of(self.file(image).read_bytes())) if self.file(image).exists() else None

    def save(self, image, path, platforms=()):
        shutil.copy(self.file(image), path)

    def file(self, image):
        return Path(os.environ["TOYBOX"], str(image))


class ToyboxImages(EngineImages, frozen=True, kw_only=True):
    scheme = "toybox:"
    example = "toybox:hello:latest"
    kind = Toybox
    engine: Toybox

    def _load(self, image, name, state):
        self.engine.file(name).write_bytes(b"".join(docker_archive(image, name)))

    _import = _load
'''
PROGRAM = """\
import sys
from fromscratch.images import catalogue
from fromscratch.images.catalogue import Line
catalogue.TRANSPORTS += ({line},)
from fromscratch.cli.main import main
sys.exit(main())
"""
ENGINE_LINE = 'Line("toybox:", "REF", "toybox:ToyboxImages", "runner")'


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(
        tmp_path / "desk", tmp_path / "store", {"PYTHONPATH": f"{tmp_path}/modules:{Path(__file__).parents[2]}"}
    )
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\nimage: {cmd: [/bin/app]}\ncheck: off\n")
    made.write("files/bin/app", "app\n")
    return made


def call(desk: Desk, *words: str, line: str = LINE) -> str:
    """What a call says, or of what it complains, with one more line in the catalogue."""
    answer = desk.call(*words, program=(sys.executable, "-c", PROGRAM.format(line=line)))
    return answer.out if answer.code == 0 else answer.err


def test_an_image_is_written_and_read_by_a_new_form(desk: Desk) -> None:
    desk.write("../modules/toy.py", TOY)
    assert call(desk, "build", "pack", "--to", "toy", "--output", "demo.toy").endswith("wrote toy:demo.toy\n")
    assert call(desk, "ls", "toy:demo.toy") == call(desk, "ls")
    assert "toy:demo.toy" in call(desk, "ls", "demo.toy").partition("hint: name a file with its kind: tar:demo.toy")[2]


def test_help_and_completion_and_guesses_know_a_new_form(desk: Desk) -> None:
    desk.write("../modules/toy.py", TOY)
    assert "toy" in call(desk, "--complete", "--", "fromscratch", "pack", "--to", "").split()
    assert "toy:" in call(desk, "--complete", "--", "fromscratch", "bundle", "x", "--to", "").split()
    assert "toy:" in call(desk, "--complete", "--", "fromscratch", "run", "").split()
    assert "aci, toy" in " ".join(call(desk, "--help", "pack").split())
    assert "toy:FILE" in call(desk, "--help", "ls")
    assert "did you mean toy?" in call(desk, "pack", "--to", "toi", "--output", "x")
    assert "--output image.toy" in call(desk, "pack", "--to", "toy")
    assert "toy: names nothing\n hint: write what is meant after the colon, as in toy:hello.toy" in call(
        desk, "ls", "toy:"
    )


def test_an_image_goes_into_a_new_engine_and_comes_back(desk: Desk) -> None:
    desk.write("../modules/toybox.py", TOY_ENGINE)
    desk.write("../box/.keep", "")
    desk.variables["TOYBOX"] = str(desk.folder.parent / "box")
    made = call(desk, "build", "import", "--engine", "toybox", "--tag", "demo:1", line=ENGINE_LINE)
    assert "toybox has demo:1 as sha256:" in made
    assert call(desk, "ls", "toybox:demo:1", line=ENGINE_LINE) == call(desk, "ls", line=ENGINE_LINE)
    assert "toybox" in call(desk, "--complete", "--", "fromscratch", "run", "--engine", "", line=ENGINE_LINE).split()
    assert "toybox" in call(desk, "--help", "import", line=ENGINE_LINE)
    assert "engine: toybox" in call(desk, "doctor", line=ENGINE_LINE)
