"""A new kind of source is one file and one line: a copy of the package gets both, and its command is used."""

import json
import shutil
from pathlib import Path

import pytest

import fromscratch
from fromscratch.sources.catalogue import KINDS
from tests.cli.command import Desk

FILE = '''\
"""Source `toy`: a file with a greeting."""

from typing import Annotated

from msgspec import Meta, Struct

from fromscratch.digest import Digest
from fromscratch.host.machine.doctor_check import Check
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline
from fromscratch.model.entry import Origin, file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.contract import Context, Kind, Template, TreeSource


class ToyOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A greeting."""

    text: Annotated[str, Meta(description="what it says")]


class ToySource(TreeSource):
    build_folders = ("toy",)

    def __init__(self, options: ToyOptions, context: Context) -> None:
        self.label = f"toy {options.text}"
        self._data = options.text.encode()

    def fetch(self, store: Store) -> None:
        store.add(self._data)

    def fingerprint(self, store: Store) -> str:
        return store.path(Digest.of(self._data)).name

    def build(self, store: Store) -> Rootfs:
        content = Inline(store.read(Digest.of(self._data)))
        return Rootfs({TreePath("/etc/greeting"): file(content, Origin(self.label, "asked for", "text"))})

    def configure(self, store: Store, *, menu: bool = False, part: str = "") -> str:
        return f"the configuration is {self.label}"


KIND = Kind(
    options=ToyOptions,
    bind=ToySource,
    shorthand="text",
    template=Template(items="  # A greeting.\\n  - toy: hello\\n"),
    checks=lambda: iter([Check("toy: voice", False, "it is hoarse", "drink tea")]),
)
'''
LINE = '    "toy": "fromscratch.sources.toy",\n'


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("extended")
    package = Path(fromscratch.__file__).parent
    shutil.copytree(package, place / package.name)  # what is compiled of it too
    rooms = place / package.name / "sources"
    (rooms / "toy.py").write_text(FILE)
    before, bracket, after = (rooms / "catalogue.py").read_text().partition("\n}\n")
    (rooms / "catalogue.py").write_text(f"{before}\n{LINE}{bracket.lstrip()}{after}")
    return place


@pytest.fixture
def desk(extended: Path, tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store", {"PYTHONPATH": str(extended)})
    made.folder.mkdir()
    return made


def test_a_recipe_of_the_new_kind_is_written_fetched_built_and_explained(desk: Desk) -> None:
    assert desk.answer("init", "--from", "toy").startswith("wrote fromscratch.yaml")
    assert "rootfs:\n  # A greeting.\n  - toy: hello\n" in (desk.folder / "fromscratch.yaml").read_text()
    early = desk.call("build")
    assert (early.code, early.err.splitlines()[-1]) == (1, " hint: run fetch first")
    recipe = desk.folder / "fromscratch.yaml"
    recipe.write_text(f"{recipe.read_text()}check: off\n")  # a greeting alone starts nothing
    desk.answer("fetch", "build")
    assert desk.answer("configure") == "the configuration is toy hello\n"
    assert "asked for text  [toy hello]" in desk.answer("why", "/etc/greeting")
    desk.write("fromscratch.yaml", "name: several\nrootfs:\n  - toy: hello\n  - toy: {text: bye}\n")
    refused = desk.call("fetch", "build")
    assert refused.code == 1
    assert "/etc/greeting" in refused.err
    desk.write("fromscratch.yaml", "name: several\nrootfs:\n  - toy: hello\n  - toy: {text: bye}\n    replace: true\n")
    recipe = desk.folder / "fromscratch.yaml"
    recipe.write_text(f"{recipe.read_text()}check: off\n")  # a greeting alone starts nothing
    desk.answer("fetch", "build")
    assert "asked for text  [toy bye]" in desk.answer("why", "/etc/greeting")


def test_schema_help_doctor_and_hints_know_the_new_kind(desk: Desk) -> None:
    schema = json.loads(desk.answer("schema"))
    assert schema["$defs"]["ToyOptions"]["properties"]["text"]["description"] == "what it says"
    assert {"$ref": "#/$defs/ToyOptions"} in schema["$defs"]["SourceItem"]["properties"]["toy"]["anyOf"]
    assert ", ".join([*(word for word in KINDS if word != "overlay"), "toy"]) in " ".join(
        desk.answer("--help", "init").split()
    )
    assert "--  toy: voice" in desk.answer("doctor")
    assert "did you mean toy?" in desk.call("init", "--from", "toi").err
    desk.write("fromscratch.yaml", "rootfs:\n  - toy: {txt: hello}\n")
    assert "fromscratch.yaml:2: rootfs[0].toy.txt: no such key; did you mean 'text'?" in desk.call("build").err


@pytest.mark.slow
def test_a_second_build_under_other_conditions_knows_the_new_kind(desk: Desk) -> None:
    desk.write("fromscratch.yaml", "name: twice\nrootfs: [{toy: hello}]\n")
    answer = desk.answer("fetch", "build", "--check")
    assert "the same twice: " in answer
    assert "not built twice: rootfs[0] (toy), whose root comes from the store" in answer
