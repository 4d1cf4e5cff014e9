"""What a bundle takes and why: closures, what finders want, symlinks on the way, until nobody wants more."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from fromscratch.advice import Setting
from fromscratch.errors import NotInTree
from fromscratch.linker.beyond.contract import Finder, FinderWarning, Finding, GeneratedFile, NeededFile, Offer, Scene
from fromscratch.linker.closure import Linker
from fromscratch.linker.gather import GatherResult, gather
from fromscratch.model.entry import Directory, File, HardLink, Origin, Symlink
from fromscratch.paths import TreePath
from tests.formats.elf.made import AARCH64, elf
from tests.linker.roots import GLIBC, Link, Name, Piece, lib, program, tree_root

PROG = TreePath("/bin/prog")


def gather_from(pieces: Mapping[str, Piece], *finders: Finder, asked: tuple[str, ...] = (PROG,)) -> GatherResult:
    return gather(
        Linker([tree_root(pieces)]), {each: Origin("test", "asked for", each) for each in asked}, finders, "test"
    )


def paths_of(found: GatherResult) -> list[str]:
    """Every entry with its first reason, in the order of paths, but for the loader."""
    kinds = {Directory: "d", File: "f", Symlink: "l", HardLink: "h"}
    return [
        f"{kinds[type(entry)]} {path}: {entry.origins[0].reason} {entry.origins[0].detail}"
        for path, entry in sorted(found.entries.items())
        if path != GLIBC
    ]


def sure(found: GatherResult) -> dict[str, str]:
    """How sure it is that each object is wanted."""
    return {each.path: each.confidence for each in found.objects if each.kind != "loader"}


def wants(*findings: Finding) -> Finder:
    return lambda scene: iter(findings)


def when(place: str, finding: Callable[[TreePath], Finding]) -> Finder:
    """A finder that speaks as soon as this object or file is there."""

    def found(scene: Scene) -> Iterator[Finding]:
        if place in scene.objects or place in scene.files:
            yield finding(TreePath(place))

    return found


def want(path: str, by: str = PROG, **more: Any) -> NeededFile:
    made: dict[str, Any] = {"confidence": "likely", "kind": "test", "detail": by, **more}
    return NeededFile(path, TreePath(by), **made)


def test_a_program_comes_with_its_closure_and_the_reason_for_each_file() -> None:
    found = gather_from(
        {PROG: program("liba.so"), "/lib/liba.so": lib("libb.so"), "/lib/libb.so": lib(), "/lib/other": b""}
    )
    assert paths_of(found) == [
        "f /bin/prog: asked for /bin/prog",
        "f /lib/liba.so: needed by /bin/prog (DT_NEEDED liba.so)",
        "f /lib/libb.so: needed by /lib/liba.so (DT_NEEDED libb.so)",
    ]
    assert [each.reason for each in found.entries[TreePath(GLIBC)].origins] == ["interpreter of"]
    chain = [each.detail for each in found.entries[TreePath("/lib/libb.so")].origins[0].chain()]
    assert chain == ["/lib/liba.so (DT_NEEDED libb.so)", "/bin/prog (DT_NEEDED liba.so)", "/bin/prog"]
    assert {each.path: each.kind for each in found.objects} == {
        "/bin/prog": "program",
        GLIBC: "loader",
        "/lib/liba.so": "library",
        "/lib/libb.so": "library",
    }


def test_every_symlink_on_the_way_comes_along() -> None:
    found = gather_from(
        {
            "/usr/bin/prog": Link("/etc/alternatives/prog"),
            "/etc/alternatives/prog": Link("../../opt/bin/prog"),
            "/opt": Link("srv"),
            "/srv/bin/prog": program("liba.so.1", runpath="$ORIGIN/../lib"),
            "/srv/lib": Link("lib64"),
            "/srv/lib64/liba.so.1": Link("liba.so.1.2"),
            "/srv/lib64/liba.so.1.2": lib(),
        },
        asked=("/usr/bin/prog",),
    )
    assert paths_of(found) == [
        "l /etc/alternatives/prog: link to /srv/bin/prog",
        "l /opt: link to /srv/bin/prog",
        "f /srv/bin/prog: asked for /usr/bin/prog",
        "l /srv/lib: link to /srv/lib64/liba.so.1.2",
        "l /srv/lib64/liba.so.1: link to /srv/lib64/liba.so.1.2",
        "f /srv/lib64/liba.so.1.2: needed by /usr/bin/prog (DT_NEEDED liba.so.1)",
        "l /usr/bin/prog: link to /srv/bin/prog",
    ]


def test_a_folder_that_a_path_goes_back_out_of_comes_along() -> None:
    found = gather_from(
        {PROG: program("liba.so", rpath="/opt/gcc/12/../lib"), "/opt/gcc/12/other": b"", "/opt/gcc/lib/liba.so": lib()}
    )
    assert paths_of(found)[1:] == [
        "d /opt/gcc/12: parent of what lies beside it",
        "f /opt/gcc/lib/liba.so: needed by /bin/prog (DT_NEEDED liba.so)",
    ]
    assert found.root_numbers[TreePath("/opt/gcc/12")] == 0


def test_a_library_asked_for_by_two_names_comes_with_both() -> None:
    found = gather_from(
        {PROG: program("liba.so", "liba.so.1"), "/lib/liba.so": lib(), "/lib/liba.so.1": Link("liba.so")}
    )
    assert paths_of(found)[1:] == [
        "f /lib/liba.so: needed by /bin/prog (DT_NEEDED liba.so)",
        "l /lib/liba.so.1: link to /lib/liba.so",
    ]


def test_a_hard_link_comes_with_the_file_that_it_is_a_name_of() -> None:
    found = gather_from({PROG: program("liba.so"), "/lib/liba.so": Name("/etc/liba.so"), "/etc/liba.so": lib()})
    assert [each.split(":")[0] for each in paths_of(found)] == ["f /bin/prog", "f /etc/liba.so", "h /lib/liba.so"]


def test_a_file_that_is_no_program_is_taken_as_it_is() -> None:
    found = gather_from({"/bin/run": b"#!/bin/sh\n"}, asked=("/bin/run",))
    assert (paths_of(found), found.objects) == (["f /bin/run: asked for /bin/run"], ())


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(NotInTree, match="there is no /bin/none"):
        gather_from({PROG: program()}, asked=("/bin/none",))


def test_what_links_miss_is_told_once() -> None:
    found = gather_from({PROG: program("libno.so"), "/bin/twin": program("libno.so")}, asked=(PROG, "/bin/twin"))
    assert [(each.name, each.by) for each in found.missing] == [("libno.so", "/bin/prog"), ("libno.so", "/bin/twin")]


# Finders


def test_a_file_that_is_wanted_is_taken_and_its_reason_leads_back() -> None:
    found = gather_from({PROG: program(), "/etc/conf": b"x"}, wants(want("/etc/conf")))
    assert paths_of(found) == ["f /bin/prog: asked for /bin/prog", "f /etc/conf: opened by /bin/prog"]
    assert [each.reason for each in found.entries[TreePath("/etc/conf")].origins[0].chain()] == [
        "opened by",
        "asked for",
    ]


def test_a_whole_folder_is_taken_with_the_closures_of_what_is_in_it() -> None:
    found = gather_from(
        {
            PROG: program(),
            "/opt/plug/one.so": lib("liba.so"),
            "/opt/plug/sub/data": b"",
            "/opt/plug/broken": Link("none"),
            "/opt/plug/out": Link("/srv/file"),
            "/srv/file": b"",
            "/lib/liba.so": lib(),
        },
        wants(want("/opt/plug", whole=True, detail="plug")),
    )
    assert paths_of(found)[1:] == [
        "f /lib/liba.so: needed by /opt/plug/one.so (DT_NEEDED liba.so)",
        "d /opt/plug: opened by plug",
        "l /opt/plug/broken: opened by plug",
        "f /opt/plug/one.so: opened by plug",
        "l /opt/plug/out: link to /srv/file",
        "d /opt/plug/sub: opened by plug",
        "f /opt/plug/sub/data: opened by plug",
        "f /srv/file: opened by plug",
    ]


def test_a_library_by_its_soname_is_found_as_the_object_that_wants_it_would() -> None:
    found = gather_from(
        {
            PROG: program("liba.so", rpath="/opt"),
            "/opt/liba.so": lib(),
            "/opt/libz.so": lib("libb.so"),
            "/opt/libb.so": lib(),
        },
        wants(want("libz.so", "/opt/liba.so", library=True, detail="/opt/liba.so (dlopen libz.so)")),
    )
    assert paths_of(found)[2:] == [
        "f /opt/libb.so: needed by /opt/libz.so (DT_NEEDED libb.so)",
        "f /opt/libz.so: needed by /opt/liba.so (dlopen libz.so)",
    ]


def test_what_a_likely_library_needs_is_likely_too() -> None:
    found = gather_from(
        {
            PROG: program("liba.so"),
            "/lib/liba.so": lib(),
            "/lib/libz.so": lib("libb.so", "liba.so"),
            "/lib/libb.so": lib(),
        },
        wants(want("libz.so", library=True)),
    )
    assert sure(found) == {
        "/bin/prog": "certain",
        "/lib/liba.so": "certain",
        "/lib/libz.so": "likely",
        "/lib/libb.so": "likely",
    }


def test_nothing_is_surer_than_what_wants_it() -> None:
    pieces: dict[str, Piece] = {PROG: program(), "/opt/x.so": lib(), "/opt/y.so": lib("liba.so"), "/lib/liba.so": lib()}
    one = when(PROG, lambda place: want("/opt/x.so", place, confidence="possible"))
    two = when("/opt/x.so", lambda place: want("/opt/y.so", place, confidence="certain"))
    assert sure(gather_from(pieces, two, one)) == {
        "/bin/prog": "certain",
        "/opt/x.so": "possible",
        "/opt/y.so": "possible",
        "/lib/liba.so": "possible",
    }


def test_what_turns_out_surer_later_makes_what_it_needs_surer() -> None:
    pieces: dict[str, Piece] = {
        PROG: program(),
        "/lib/liba.so": lib("libb.so"),
        "/lib/libb.so": lib("libd.so"),
        "/lib/libd.so": lib(),
    }
    first = wants(want("liba.so", library=True, confidence="possible"))
    later = when("/lib/libd.so", lambda place: want("liba.so", PROG, library=True, confidence="declared"))
    assert sure(gather_from(pieces, first, later)) == {
        "/bin/prog": "certain",
        "/lib/liba.so": "declared",
        "/lib/libb.so": "declared",
        "/lib/libd.so": "declared",
    }


def test_finders_are_asked_until_none_has_anything_new() -> None:
    chain = [when(f"/etc/{number}", lambda place: want(f"/etc/{int(place[5:]) + 1}", place)) for number in range(9)]
    found = gather_from(
        {PROG: program(), **{f"/etc/{number}": b"" for number in range(10)}}, *reversed(chain), wants(want("/etc/0"))
    )
    assert [each[2:9].rstrip(":") for each in paths_of(found)][1:] == [f"/etc/{number}" for number in range(10)]


def test_a_scene_shows_what_is_there_and_what_was_asked() -> None:
    scenes: list[Scene] = []

    def looking(scene: Scene) -> Iterator[Finding]:
        scenes.append(scene)
        yield want("/etc/conf")

    gather_from({PROG: program("liba.so", imports=["getpwnam"]), "/lib/liba.so": lib(), "/etc/conf": b"text"}, looking)
    assert [sorted(scene.objects) for scene in scenes] == [["/bin/prog", "/lib/liba.so", GLIBC]] * 2
    assert [scene.files for scene in scenes] == [frozenset(), frozenset({"/etc/conf"})]
    assert scenes[0].requested == (PROG,)
    assert list(scenes[0].importing("getpwnam", "getgrnam")) == [PROG]
    assert scenes[0].read("/etc/conf") == b"text"
    assert scenes[0].read("/etc") is None


def test_what_is_wanted_and_not_there_is_missing_unless_it_is_optional() -> None:
    found = gather_from(
        {PROG: program(), "/loop": Link("loop")},
        wants(
            want("/etc/none"),
            want("/loop"),
            want("libno.so", library=True),
            want("/etc/may", optional=True),
            want("libmay.so", library=True, optional=True),
        ),
    )
    assert [(each.name, each.by, each.rule) for each in found.missing] == [
        ("/etc/none", "/bin/prog", "test"),
        ("/loop", "/bin/prog", "test"),
        ("libno.so", "/bin/prog", "test"),
    ]


def test_a_library_that_no_program_could_load_is_missing() -> None:
    found = gather_from(
        {"/bin/run": b"#!/bin/sh\n"}, wants(want("liba.so", "/bin/run", library=True)), asked=("/bin/run",)
    )
    assert [(each.name, each.by) for each in found.missing] == [("liba.so", "/bin/run")]


def test_a_file_can_be_made_and_takes_the_place_of_what_the_root_has() -> None:
    found = gather_from(
        {PROG: program(), "/etc/conf": b"host's"},
        wants(GeneratedFile(TreePath("/etc/conf"), b"ours", "the cut conf", "test")),
    )
    entry = found.entries[TreePath("/etc/conf")]
    assert isinstance(entry, File)
    assert (entry.content.size, entry.origins[0].reason, found.root_numbers[TreePath("/etc/conf")]) == (
        4,
        "made by",
        -1,
    )


def test_offers_are_those_of_the_last_round_and_warnings_those_of_all() -> None:
    def offering(scene: Scene) -> Iterator[Finding]:
        yield Offer(f"{len(scene.objects)} objects", Setting("dlopen", "all"), "test")
        yield FinderWarning(f"{len(scene.objects)} objects", "test")
        yield want("/opt/x.so")

    found = gather_from({PROG: program(), "/opt/x.so": lib()}, offering)
    assert [each.what for each in found.offers] == ["3 objects"]
    assert found.warnings == ("2 objects", "3 objects")


def test_offers_begin_with_what_a_program_most_likely_fails_without() -> None:
    def offering(scene: Scene) -> Iterator[Finding]:
        yield Offer("files of the package", Setting("package", "true"), "package", confidence="certain")
        yield Offer("one", Setting("add", "/one"), "test")
        yield Offer("two", Setting("add", "/two"), "test")
        yield Offer("modules", Setting("plugins", "/modules"), "test", confidence="likely")

    found = gather_from({PROG: program()}, offering)
    assert [each.what for each in found.offers] == ["modules", "one", "two", "files of the package"]


def test_an_object_for_others_is_data_if_it_is_not_followed() -> None:
    pieces = {PROG: program(), "/opt/fw": elf(machine=AARCH64, needed=["libno.so"])}
    linker = Linker([tree_root(pieces)])
    asked = {each: Origin("test", "asked for", each) for each in pieces}
    assert [each.name for each in gather(linker, asked, (), "test").missing] == ["libno.so"]
    found = gather(linker, asked, (), "test", follows=lambda elf: elf.machine != AARCH64)
    assert (found.missing, [each.path for each in found.objects]) == ((), [PROG, GLIBC])
    assert TreePath("/opt/fw") in found.entries


# Several roots


def staged(stage: Mapping[str, Piece], below: Mapping[str, Piece], *asked: str) -> GatherResult:
    linker = Linker([tree_root(stage, loader=None), tree_root(below)])
    return gather(linker, {each: Origin("test", "asked for", each) for each in asked}, (), "test")


def test_each_file_is_taken_from_the_root_that_has_it() -> None:
    found = staged(
        {PROG: program("liba.so", "libb.so"), "/lib/liba.so": lib()}, {"/lib/liba.so": b"", "/lib/libb.so": lib()}, PROG
    )
    assert found.root_numbers == {PROG: 0, "/lib/liba.so": 0, "/lib/libb.so": 1, GLIBC: 1}


def test_a_symlink_below_where_the_stage_has_a_folder_gives_way_to_it() -> None:
    found = staged(
        {"/usr/bin/prog": program("liba.so"), "/lib/own": b""},
        {"/lib": Link("usr/lib"), "/usr/lib/liba.so": lib()},
        "/usr/bin/prog",
    )
    assert "f /usr/lib/liba.so: needed by /usr/bin/prog (DT_NEEDED liba.so)" in paths_of(found)
    assert TreePath("/lib") not in found.entries


def test_a_symlink_of_the_stage_may_lead_into_the_root_below() -> None:
    found = staged(
        {"/usr/bin/prog": Link("/opt/app/prog")},
        {"/opt/app/prog": program("liba.so", runpath="$ORIGIN"), "/opt/app/liba.so": lib()},
        "/usr/bin/prog",
    )
    assert [each.split(":")[0] for each in paths_of(found)] == [
        "f /opt/app/liba.so",
        "f /opt/app/prog",
        "l /usr/bin/prog",
    ]


def test_what_a_guessed_library_misses_is_told_and_no_error() -> None:
    likely = want("libmay.so", library=True, optional=True, confidence="likely", kind="dlopen")
    found = gather_from({PROG: program(), "/usr/lib/libmay.so": lib("libgone.so")}, wants(likely))
    assert found.missing == ()
    assert found.warnings == ("libgone.so, which /usr/lib/libmay.so would need, is not there",)
