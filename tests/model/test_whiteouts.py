"""Which whiteouts of a layer count, and which are refused since engines make different things of them."""

import pytest

from fromscratch.errors import FormatError
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, Symlink
from fromscratch.model.whiteouts import effective
from fromscratch.paths import TreePath
from tests.trees import tree

LOWER = tree("""
    l 0777 0:0 /lib -> usr/lib
    d 0755 0:0 /usr
    d 0755 0:0 /usr/lib
    f 0644 0:0 /usr/lib/x 'x'
    f 0644 0:0 /file 'f'
    d 0755 0:0 /folder
    f 0644 0:0 /folder/x 'x'
""")


def changes(*names: str) -> list[tuple[TreePath, Entry | None]]:
    """`/lib/` is a directory, `/lib -> x` a symlink, `/.wh.lib` a whiteout, all else a file."""
    made: list[tuple[TreePath, Entry | None]] = []
    for name in names:
        path, _, target = name.partition(" -> ")
        entry: Entry | None = File(Meta(0o644), Inline(b""))
        if target:
            entry = Symlink(Meta(0o777), target)
        elif path.endswith("/"):
            entry = Directory(Meta(0o755))
        elif "/.wh." in path:
            entry = None
        made.append((TreePath(path.rstrip("/")), entry))
    return made


@pytest.mark.parametrize(
    "layer",
    [
        ("/folder/.wh.x",),
        ("/folder/", "/folder/.wh.x"),
        ("/folder/.wh.x", "/folder/"),
        ("/folder/.wh.x", "/folder/x"),
        ("/folder/", "/folder/new", "/folder/.wh..wh..opq"),
        ("/folder/.wh..wh..opq", "/folder/", "/folder/x"),
        ("/folder/.wh.x", "/folder -> usr"),
        ("/lib/.wh.x",),
        ("/.wh.lib", "/lib/"),
        ("/.wh.nothing",),
    ],
)
def test_these_take_away_what_lower_layers_have(layer: tuple[str, ...]) -> None:
    [mark] = [name for name in layer if "/.wh." in name]
    assert effective(LOWER, changes(*layer)) == [mark]


@pytest.mark.parametrize(
    "layer",
    [
        ("/lib/", "/lib/.wh..wh..opq"),
        ("/lib/", "/lib/.wh.x"),
        ("/lib/", "/lib/deep/", "/lib/deep/.wh.x"),
        ("/file/", "/file/.wh..wh..opq"),
        ("/new/", "/new/.wh..wh..opq"),
        # As umoci writes them, when a directory became something else:
        ("/folder", "/folder/.wh.x"),
        ("/folder", "/folder/.wh.deep"),
        ("/folder -> usr", "/folder/.wh.x"),
        ("/folder -> nowhere", "/folder/.wh.x"),
    ],
)
def test_a_directory_in_the_place_of_something_else_has_nothing_to_take_away(layer: tuple[str, ...]) -> None:
    assert effective(LOWER, changes(*layer)) == []


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (("/lib/.wh.x", "/lib/"), "before what its own layer has at /lib"),
        (("/lib/.wh..wh..opq", "/lib/"), "before what its own layer has at /lib"),
        (("/lib/.wh.x", "/lib -> folder"), "before what its own layer has at /lib"),
        (("/lib -> folder", "/lib/.wh.x"), "passes the symlink /lib of its own layer"),
        (("/folder -> usr/lib", "/folder/.wh.x"), "passes the symlink /folder"),
        (("/folder -> usr/lib", "/folder/.wh..wh..opq"), "passes the symlink /folder"),
        (("/new -> folder", "/new/.wh.x"), "passes the symlink /new"),
        (("/folder/x", "/folder/.wh.x"), "behind what its own layer has there"),
        (("/folder/deep/new", "/.wh.folder"), "behind what its own layer has there"),
        (("/lib/.wh..wh..opq",), "is in a symlink"),
        (("/file/.wh.x", "/file/"), "before what its own layer has at /file"),
        (("/.wh.folder", "/folder/"), "of a directory that its own layer has again"),
        # Through symlinks below, what the layer itself has written:
        (("/usr/lib/y", "/lib/.wh.y"), "takes away what its own layer has in /usr/lib/y"),
        (("/lib/y", "/lib/", "/usr/lib/.wh.y"), "takes away what its own layer has in /usr/lib/y"),
        (("/lib/y", "/lib/", "/usr/lib/.wh..wh..opq"), "takes away what its own layer has in /usr/lib"),
        (("/lib/y", "/lib/", "/.wh.usr"), "takes away what its own layer has in /usr"),
    ],
)
def test_what_engines_read_in_different_ways_is_refused(layer: tuple[str, ...], message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        effective(LOWER, changes(*layer))
    assert caught.value.hint
