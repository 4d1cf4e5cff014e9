"""Layers laid over each other, each a list of entries and whiteouts."""

import pytest

from fromscratch.errors import Conflict, FormatError, ImageError
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, HardLink, Meta, Origin, Symlink, is_implied
from fromscratch.model.layers import LayerStack
from fromscratch.model.whiteouts import is_whiteout
from fromscratch.paths import TreePath, tree_path
from tests.steps import check_growth
from tests.trees import listed, text, tree

LOWER = """
    d 0750 1:2 /etc
    f 0644 0:0 /etc/a 'a'
    d 0755 0:0 /etc/deep
    d 0755 0:0 /etc/deep/er
    f 0644 0:0 /etc/deep/er/x 'x'
    f 0644 0:0 /other 'o'
    h 0644 0:0 /same => /other
    l 0777 0:0 /link -> etc
    l 0777 0:0 /absolute -> /etc/deep
"""


def origin(number: int) -> Origin:
    return Origin("image", "found in", f"layer {number}")


def file(data: str = "") -> File:
    return File(Meta(0o600), Inline(data.encode()), (origin(2),))


def directory(mode: int = 0o700) -> Directory:
    return Directory(Meta(mode), (origin(2),))


def over(stack: LayerStack, entries: dict[str, Entry], *whiteouts: str) -> LayerStack:
    stack.begin([tree_path(path) for path in whiteouts])
    for path, entry in entries.items():
        stack.put(tree_path(path), entry)
    stack.end()
    return stack


def lower() -> LayerStack:
    stack = LayerStack()
    stack.begin([])
    for path, entry in list(tree(LOWER).items())[1:]:
        stack.put(path, entry)
    stack.end()
    return stack


def lines(stack: LayerStack, *gone: str) -> list[str]:
    """What differs from the lower layer alone: lines that are new, and with a - those that are gone."""
    before, after = set(listed(tree(LOWER)).splitlines()), set(listed(stack.build()).splitlines())
    return sorted(after - before) + sorted(f"- {line}" for line in before - after)


def test_nothing_over_something_is_that() -> None:
    assert lines(over(lower(), {})) == []


@pytest.mark.parametrize(
    "whiteout", ["/etc/deep/.wh.er", "/link/deep/.wh.er", "/absolute/.wh.er", "/link/../absolute/.wh.er"]
)
def test_a_whiteout_takes_away_all_below_its_name(whiteout: str) -> None:
    stack = lower()
    stack.begin([TreePath(whiteout)])
    stack.end()
    assert [line for line in lines(stack) if "er" in line] == [
        "- d 0755 0:0 /etc/deep/er",
        "- f 0644 0:0 1 /etc/deep/er/x",
    ]


def test_a_whiteout_of_what_is_not_there_does_nothing() -> None:
    assert lines(over(lower(), {}, "/etc/.wh.nothing", "/.wh.z")) == []


def test_a_whiteout_makes_nothing() -> None:
    assert lines(over(lower(), {}, "/new/er/.wh.x", "/other/.wh.x", "/other/y/.wh..wh..opq")) == []


def test_an_opaque_root_is_empty() -> None:
    assert listed(over(lower(), {"/x": file()}, "/.wh..wh..opq").build()) == "f 0600 0:0 0 /x"


@pytest.mark.parametrize("whiteouts", [("/etc/.wh..wh..opq",), ("/.wh.etc",)])
def test_what_the_layer_itself_brings_stays(whiteouts: tuple[str, ...]) -> None:
    stack = over(lower(), {"/etc": directory(), "/etc/a": file("new"), "/etc/deep/b": file()}, *whiteouts)
    assert [line for line in listed(stack.build()).splitlines() if " /etc" in line and "->" not in line] == [
        "d 0700 0:0 /etc",
        "f 0600 0:0 3 /etc/a",
        "d 0755 0:0 /etc/deep",
        "f 0600 0:0 0 /etc/deep/b",
    ]


def test_a_directory_keeps_what_is_in_it_and_gets_new_metadata_and_reasons() -> None:
    stack = over(lower(), {"/etc": Directory(Meta(0o711, 5, 6, 7), (origin(2),))})
    assert lines(stack) == ["d 0711 5:6 /etc", "- d 0750 1:2 /etc"]
    assert stack.build()[TreePath("/etc")].meta.mtime == 7


def test_a_file_takes_the_place_of_a_directory_and_a_directory_that_of_a_link() -> None:
    stack = over(lower(), {"/etc/deep": file(), "/link": directory(), "/link/y": file()})
    assert lines(stack) == [
        "d 0700 0:0 /link",
        "f 0600 0:0 0 /etc/deep",
        "f 0600 0:0 0 /link/y",
        "- d 0755 0:0 /etc/deep",
        "- d 0755 0:0 /etc/deep/er",
        "- f 0644 0:0 1 /etc/deep/er/x",
        "- l 0777 0:0 /link -> etc",
    ]


def test_what_passes_a_link_is_written_where_that_leads() -> None:
    stack = over(lower(), {"/link/y": file(), "/absolute/z": file()})
    assert lines(stack) == ["f 0600 0:0 0 /etc/deep/z", "f 0600 0:0 0 /etc/y"]


def test_links_never_lead_out_of_the_root() -> None:
    out: dict[str, Entry] = {"/out": Symlink(Meta(0o777), "../../../../tmp"), "/out/x": file()}
    assert "f 0600 0:0 0 /tmp/x" in lines(over(lower(), out))


def test_of_several_entries_of_one_path_the_last_counts() -> None:
    stack = lower()
    stack.begin([])
    for entry in (file("1"), directory(), Symlink(Meta(0o777), "a"), file("four")):
        stack.put(TreePath("/etc/new"), entry)
    stack.end()
    assert lines(stack) == ["f 0600 0:0 4 /etc/new"]


def test_a_name_that_is_replaced_leaves_the_other_names_of_its_file() -> None:
    assert lines(over(lower(), {"/other": file("other")})) == [
        "f 0600 0:0 5 /other",
        "f 0644 0:0 1 /same",
        "- f 0644 0:0 1 /other",
        "- h 0644 0:0 /same => /other",
    ]


def link(target: str, mode: int = 0o644) -> HardLink:
    return HardLink(Meta(mode), TreePath(target), (origin(2),))


@pytest.mark.parametrize(
    "reported",
    [Meta(0o600), Meta(0o644, 1), Meta(0o644, 0, 1), Meta(0o644, 0, 0, 10**9), Meta(0o644, xattrs=(("user.x", b"x"),))],
)
def test_a_hard_link_that_says_something_else_of_its_file_is_refused(reported: Meta) -> None:
    with pytest.raises(FormatError, match="/p is a hard link and says other"):
        lower().put(TreePath("/p"), HardLink(reported, TreePath("/other")))


def test_hard_links_go_on_with_files_that_the_layer_takes_away() -> None:
    stack = over(
        lower(), {"/p": link("/etc/a"), "/q": link("/etc/a"), "/r": link("/other")}, "/etc/.wh.a", "/.wh.other"
    )
    assert (
        listed(stack.build()).splitlines()[-5:]
        == text("""
        l 0777 0:0 /link -> etc
        f 0644 0:0 1 /p
        h 0644 0:0 /q => /p
        f 0644 0:0 1 /r
        h 0644 0:0 /same => /r
    """).splitlines()
    )
    again = over(stack, {"/s": link("/p")})
    with pytest.raises(FormatError, match="/t is a hard link to /etc/a"):
        again.put(TreePath("/t"), link("/etc/a"))


@pytest.mark.parametrize(
    ("path", "target"),
    [("/p", "/etc"), ("/p", "/nothing"), ("/p", "/p"), ("/other", "/other"), ("/link/a", "/etc/a")],
)
def test_a_hard_link_to_a_directory_to_nothing_or_to_itself_is_refused(path: str, target: str) -> None:
    with pytest.raises(FormatError, match=f"{path} is a hard link to"):
        lower().put(TreePath(path), link(target))


def test_the_root_is_no_file() -> None:
    with pytest.raises(Conflict, match="is the root"):
        lower().put(TreePath("/"), file())


def test_nothing_lies_below_a_file() -> None:
    with pytest.raises(ImageError, match="/other is a file"):
        lower().put(TreePath("/other/x"), file())


def test_records_of_old_storage_drivers_hold_files_for_links_and_go() -> None:
    stack = lower()
    assert is_whiteout(TreePath("/.wh..wh.plnk"))
    assert not is_whiteout(TreePath("/.wh..wh.plnk/1.2"))
    links = {"/p": link("/.wh..wh.plnk/1.2", 0o600), "/q": link("/.wh..wh.plnk/1.2", 0o600)}
    assert lines(over(stack, {"/.wh..wh.plnk/1.2": file("x"), **links})) == [
        "f 0600 0:0 1 /p",
        "h 0600 0:0 /q => /p",
    ]


@pytest.mark.parametrize(
    ("path", "found"),
    [("/etc/.wh.a", True), ("/.wh..wh..opq", True), ("/a.wh.b", False), ("/.wh....", True), ("/.what", False)],
)
def test_whiteouts_are_known_by_their_names(path: str, found: bool) -> None:
    assert is_whiteout(TreePath(path)) is found


@pytest.mark.parametrize("path", ["/.wh.", "/.wh..", "/.wh...", "/etc/.wh.", "/etc/.wh..", "/etc/.wh..."])
def test_a_whiteout_of_the_directory_itself_is_refused(path: str) -> None:
    with pytest.raises(FormatError, match="the directory that it is in"):
        is_whiteout(TreePath(path))


@pytest.mark.parametrize("path", ["/.wh.a/b", "/etc/.wh.a/b/c", "/etc/.wh..wh.plnk/1", "/.wh.a/.wh.b"])
def test_what_lies_below_a_whiteout_is_refused(path: str) -> None:
    with pytest.raises(FormatError, match="below a whiteout"):
        is_whiteout(TreePath(path))


def test_nothing_becomes_a_whiteout_through_a_symlink() -> None:
    with pytest.raises(FormatError, match=r"/way/x leads to /\.wh\.a/x"):
        over(over(lower(), {"/way": Symlink(Meta(0o777), ".wh.a")}), {"/way/x": file()})


def test_implied_directories_say_so() -> None:
    made = over(lower(), {"/new/x": file()}).build()
    assert is_implied(made[TreePath("/new")])


@pytest.mark.parametrize("shape", ["links", "directories", "give way", "deep", "whiteouts"])
def test_work_grows_with_the_number_of_entries_only(shape: str) -> None:
    """Each of these took work that grew with the square of the number where every change looked through all entries."""

    def work(count: int) -> None:
        stack = LayerStack()
        for number in range(count):
            match shape:
                case "links":
                    stack.put(TreePath(f"/{number}"), file())
                    stack.put(TreePath(f"/{number}.link"), link(f"/{number}", 0o600))
                    stack.put(TreePath(f"/{number}"), file())
                case "directories":
                    stack.put(TreePath(f"/{number}"), directory())
                    stack.put(TreePath(f"/{number}"), file())
                case "give way":
                    stack.put(TreePath("/a/b"), file())
                    stack.put(TreePath(f"/{number}/b"), file())
                    stack.put(TreePath("/a"), file())
                    stack.put(TreePath("/a"), directory())
                case "deep":
                    stack.put(TreePath("/d" * 300), file())
                    stack.put(TreePath(f"/d/{number}"), file())
                case _:
                    stack.put(TreePath(f"/a/{number}"), file())
                    stack.begin([TreePath(f"/a/.wh.{number}")])
        stack.build()

    check_growth(work, 40)


def test_weight_counts_what_is_there_and_what_it_takes() -> None:
    stack = LayerStack()
    stack.put(TreePath("/a/b"), file())
    assert stack.weight == 3
    stack.put(TreePath("/a"), file())
    assert stack.weight == 2
    stack.put(TreePath("/l"), Symlink(Meta(0o777), "x" * 3000))
    assert stack.weight == 5
    stack.put(TreePath("/x"), File(Meta(0o644, xattrs=(("user.x", bytes(5000)),)), Inline(b"")))
    assert stack.weight == 10
    stack.begin([TreePath("/.wh.l"), TreePath("/.wh.x")])
    assert stack.weight == 2
    stack.put(TreePath("/l"), Symlink(Meta(0o777), "/".join("." * 1000)))
    stack.put(TreePath("/l/x"), file())
    assert stack.weight > 10
