"""What every source promises, as a suite: subclass `SourceContract` and say how to make the source.

class TestDirectory(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        (tmp_path / "tree").mkdir()
        ...
        return Subject(DirectoryOptions(path="tree"), folder=tmp_path, change=lambda: ...)
"""

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

import fromscratch
from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import Conflict, ImageError, NotFetched
from fromscratch.flow.assembly import Job
from fromscratch.flow.base_images import named_image
from fromscratch.formats.databases.catalogue import records
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Entry, File, Origin, file
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.progress import SILENT, Progress
from fromscratch.proof.twice import build_twice
from fromscratch.recipe.schema import Recipe
from fromscratch.sources.catalogue import bind, word_of
from fromscratch.sources.contract import Context, Pinned, Source
from tests.sameness import archive_of, everything
from tests.sources.table import row_of
from tests.trees import listed

BELOW = Origin("below", "found in", "below")


@dataclass
class Subject:
    """A source to put to the test.

    `folder` is where the recipe would lie. `change` changes an input that lies outside the options
    and the store; leave it None where there is none. `other` are options that must have another
    fingerprint. `below` is a folder that has to lie below the source's tree in a recipe.

    What proves the source's row in docs/sources.md: `spoil` puts the input of another signer in the place of the
    honest one; `elsewhere` are a platform of another architecture and options that can be had for it; `recorded` is a
    package that its records name; `scripted` is what the script of a package would make.
    """

    options: Struct
    folder: Path
    change: Callable[[], object] | None = None
    other: Struct | None = None
    platform: Platform = Platform("linux", "amd64")  # noqa: RUF009  frozen
    below: str = ""
    progress: Progress = SILENT
    spoil: Callable[[], object] | None = None
    elsewhere: tuple[Platform, Struct] | None = None
    recorded: str = ""
    scripted: str = ""

    def bind(self, folder: Path | None = None) -> Source:
        return bind(self.options, self.context(folder))

    def context(self, folder: Path | None = None) -> Context:
        return Context(
            folder=folder or self.folder,
            place="rootfs[0]",
            platform=self.platform,
            progress=self.progress,
            named_image=named_image,
        )

    def laid(self, store: Store) -> Rootfs:
        """The tree of a newly bound source, over what has to be below it."""
        return self.bind().lay(self.lower(), store, replace=True)

    def lower(self) -> Rootfs:
        if not self.below:
            return Rootfs()
        return scan(self.folder / self.below, BELOW, owner=(0, 0))


class SourceContract:
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path_factory: pytest.TempPathFactory) -> Store:
        return Store(tmp_path_factory.mktemp("store"))

    def test_its_label_is_one_line_that_names_it(self, subject: Subject) -> None:
        label = subject.bind().label
        assert label.strip() == label != ""
        assert "\n" not in label

    def test_binding_touches_nothing(self, subject: Subject, tmp_path: Path) -> None:
        subject.bind(tmp_path / "there" / "is" / "no" / "such" / "folder")

    def test_build_before_fetch_works_or_says_that_fetch_has_to_run(self, subject: Subject, store: Store) -> None:
        early = laid_or_none(subject, store)
        subject.bind().fetch(store)
        if early is not None:
            assert everything(early) == everything(subject.laid(store))

    @pytest.mark.slow
    def test_another_process_under_other_conditions_makes_the_same_image(
        self, subject: Subject, store: Store, tmp_path: Path
    ) -> None:
        word = word_of(type(subject.options))
        items: list[dict[str, Any]] = [{"directory": {"path": subject.below}}] if subject.below else []
        made = {"name": "contract", "rootfs": [*items, {word: msgspec.to_builtins(subject.options), "replace": True}]}
        subject.bind().fetch(store)
        twice = build_twice(
            Job(
                recipe=msgspec.convert(made, Recipe),
                folder=subject.folder,
                store=store,
                output=tmp_path / "output of the contract",
                platforms=(subject.platform,),
            )
        )
        assert twice.difference is None, twice.difference.described()
        others = [each for each in twice.conditions if each.why and not (each.name == "user" and hindered())]
        assert others == [], others

    def test_fetch_twice_is_as_good_as_once(self, subject: Subject, store: Store) -> None:
        subject.bind().fetch(store)
        once = everything(subject.laid(store))
        subject.bind().fetch(store)
        assert everything(subject.laid(store)) == once

    def test_build_uses_no_network(self, subject: Subject, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        subject.bind().fetch(store)

        monkeypatch.setattr(socket.socket, "connect", refuse_network)
        monkeypatch.setattr(socket, "getaddrinfo", refuse_network)
        subject.bind().fingerprint(store)
        subject.laid(store)

    def test_what_fetch_settled_is_pinned_and_told_without_the_network(
        self, subject: Subject, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = subject.bind()
        if not isinstance(source, Pinned):
            return  # what it takes lies on this machine
        source.fetch(store)
        monkeypatch.setattr(socket.socket, "connect", refuse_network)
        pins = list(source.pins(store))
        assert pins
        other = subject.bind()
        assert isinstance(other, Pinned)
        assert list(other.pins(store)) == pins
        for pin in pins:
            assert pin.name
            assert str(Digest.parse(pin.digest)) == pin.digest if pin.digest else pin.version
            assert str(Address(pin.url)) == pin.url

    def test_the_same_input_gives_the_same_tree_and_archive(
        self, subject: Subject, store: Store, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        subject.bind().fetch(store)
        first = subject.laid(store)
        other_store = Store(tmp_path_factory.mktemp("other-store"))
        subject.bind().fetch(other_store)
        second = subject.laid(other_store)
        assert listed(first) == listed(second)
        assert everything(first) == everything(second)
        assert archive_of(first) == archive_of(second)

    def test_its_inputs_come_from_where_the_table_says(self, subject: Subject, tmp_path: Path) -> None:
        where = row_of(subject.options).inputs
        before_fetch = laid_or_none(subject, Store(tmp_path / "empty-store")) is not None
        assert where in {True: ("either", "this machine"), False: ("either", "the network, in fetch")}[before_fetch]

    def test_it_makes_trees_for_the_architectures_that_the_table_says(self, subject: Subject, store: Store) -> None:
        if row_of(subject.options).architectures == "any":
            if subject.elsewhere is None:
                return  # proven by another subject of the kind
            platform, options = subject.elsewhere
            assert len(fetched_and_laid(replace(subject, options=options, platform=platform), store)) > 1
            return
        other = replace(subject, platform=Platform("linux", "s390x"))
        with pytest.raises(ImageError, match="s390x"):
            fetched_and_laid(other, store)

    def test_what_another_has_signed_is_refused_where_the_table_says_so(self, subject: Subject, store: Store) -> None:
        if row_of(subject.options).signatures != "required":
            return
        assert subject.spoil is not None
        subject.spoil()
        with pytest.raises(ImageError, match="sign"):
            subject.bind().fetch(store)

    def test_scripts_have_their_effect_only_where_the_table_says_so(self, subject: Subject, store: Store) -> None:
        made = {"not run": False, "read, not run": True}.get(row_of(subject.options).scripts)
        if made is None:
            return
        assert subject.scripted
        assert (fetched_and_laid(subject, store).find(tree_path(subject.scripted)) is not None) == made

    def test_scanners_find_the_packages_where_the_table_says_so(self, subject: Subject, store: Store) -> None:
        names = [each.package.name for each in records(fetched_and_laid(subject, store)).installed]
        if row_of(subject.options).records in ("none", "on request"):
            assert names == []
        elif subject.recorded:
            assert subject.recorded in names

    def test_what_is_below_stays_and_is_replaced_only_where_the_recipe_says_so(
        self, subject: Subject, store: Store
    ) -> None:
        subject.bind().fetch(store)
        alone, lower = subject.laid(store), subject.lower()
        path = next(path for path, entry in alone.items() if path not in lower and is_fetched(entry))
        below = lower.merged(Rootfs({each: file(Inline(b"below"), BELOW) for each in (path, tree_path("/below"))}))
        with pytest.raises(Conflict):
            subject.bind().lay(below, store, replace=False)
        laid = subject.bind().lay(below, store, replace=True)
        assert (content(laid, tree_path("/below")), content(laid, path)) == (b"below", content(alone, path))

    def test_every_entry_tells_why_it_is_there(self, subject: Subject, store: Store) -> None:
        subject.bind().fetch(store)
        tree = subject.laid(store)
        without_reason = [path for path, entry in tree.items() if not entry.origins and path != "/"]
        assert without_reason == []
        sources = {origin.source for entry in tree.values() for origin in entry.origins}
        assert sources <= {subject.bind().label, BELOW.source}

    def test_the_fingerprint_stays_while_nothing_changes(self, subject: Subject, store: Store) -> None:
        subject.bind().fetch(store)
        before = subject.bind().fingerprint(store)
        subject.laid(store)
        assert subject.bind().fingerprint(store) == before != ""

    def test_the_fingerprint_changes_with_the_input(self, subject: Subject, store: Store) -> None:
        if subject.change is None:
            return  # nothing outside the options and the store can change
        subject.bind().fetch(store)
        before = subject.bind().fingerprint(store)
        subject.change()
        subject.bind().fetch(store)
        assert subject.bind().fingerprint(store) != before

    def test_the_fingerprint_changes_with_the_options(self, subject: Subject, store: Store) -> None:
        if subject.other is None:
            return
        subject.bind().fetch(store)
        other = bind(subject.other, subject.context())
        other.fetch(store)
        assert other.fingerprint(store) != subject.bind().fingerprint(store)

    def test_the_options_are_strict_and_described(self, subject: Subject) -> None:
        kind = type(subject.options)
        assert issubclass(kind, msgspec.Struct)
        assert kind.__struct_config__.frozen
        assert kind.__struct_config__.forbid_unknown_fields
        [schema] = [
            schema
            for name, schema in msgspec.json.schema(kind)["$defs"].items()
            if name.rpartition(".")[2] == kind.__name__
        ]
        assert schema.get("description")
        assert [name for name, field in schema["properties"].items() if not described(field)] == []


def refuse_network(*_: Any) -> None:
    raise AssertionError("build reached for the network")


def hindered() -> bool:
    """Whether no build can be done as another user: only root becomes one, who may not reach this Python or package."""
    places = [Path(each).resolve() for each in (sys.executable, sys.prefix, fromscratch.__file__)]
    folders = {folder for place in places for folder in place.parents}
    return os.geteuid() != 0 or not all(folder.stat().st_mode & 0o001 for folder in folders)


def fetched_and_laid(subject: Subject, store: Store) -> Rootfs:
    subject.bind().fetch(store)
    return subject.laid(store)


def laid_or_none(subject: Subject, store: Store) -> Rootfs | None:
    """The tree, or None when fetch has to run first."""
    try:
        return subject.laid(store)
    except NotFetched:
        return None


def content(tree: Rootfs, path: TreePath) -> bytes:
    entry = tree.find(path)
    assert isinstance(entry, File)
    return read(entry.content)


def is_fetched(entry: Entry) -> bool:
    """Whether it is a file of the source itself, and none that is made where the tree has none of its name."""
    return isinstance(entry, File) and entry.origins[0].reason in ("asked for", "found in", "shipped in")


def described(field: dict[str, Any]) -> bool:
    return "description" in field or any("description" in kind for kind in field.get("anyOf", ()))
