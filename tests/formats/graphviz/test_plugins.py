"""What plugins of Graphviz offer, and the configuration made of them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.graphviz.plugins import Offer, Plugin, read_plugin, written
from tests.formats.elf.files import built, opened, workshop  # noqa: F401
from tests.formats.elf.made import elf, reader

SOURCE = """
typedef struct { int id; const char *type; int quality; void *engine, *features; } type;
typedef struct { int api; type *types; } api;
typedef struct { char *package; api *apis; } library;
static int engine;
static type render[] = {{0, "ink", -3, &engine, &engine}, {0}};
type devices[] = {{0, "pen:ink", 7, &engine, 0}, {1, "pen:chalk", 1, 0, 0}, {0}};
static api apis[] = {{0, render}, {3, devices}, {0}};
library gvplugin_draw_LTX_library = {"drawing", apis};
"""
DRAWING = Plugin(
    "libgvplugin_draw.so.6",
    "drawing",
    (Offer("render", (("ink", -3),)), Offer("device", (("pen:ink", 7), ("pen:chalk", 1)))),
)
INSTALLED = sorted(Path("/usr/lib").glob("*/graphviz/libgvplugin_*.so.6"))


@pytest.mark.parametrize("compiler", ["gcc", "gcc -m32", "aarch64-linux-gnu-gcc", "gcc -Wl,-z,pack-relative-relocs"])
def test_the_table_of_a_plugin_is_read_for_any_machine(workshop: Path, compiler: str) -> None:  # noqa: F811
    program, *flags = compiler.split()
    name = f"{compiler.replace(' ', '')}.so"
    library = built(workshop, name, SOURCE, "-shared", "-fPIC", "-nostdlib", *flags, compiler=[program])
    with opened(library) as (_, read):
        assert read_plugin("libgvplugin_draw.so.6", read).offers == DRAWING.offers


def test_what_needs_a_renderer_that_no_plugin_has_is_marked() -> None:
    lines = written([DRAWING]).splitlines()
    assert lines[8:] == [
        "libgvplugin_draw.so.6 drawing {",
        "\trender {",
        "\t\tink -3",
        "\t}",
        "\tdevice {",
        "\t\tpen:ink 7",
        "#FAILS\t\tpen:chalk 1",
        "\t}",
        "}",
    ]


def test_a_library_without_the_table_is_refused() -> None:
    raw = elf(exports=["other"])
    with pytest.raises(FormatError, match="is not a plugin"):
        read_plugin("libgvplugin_draw.so.6", reader(raw))


@pytest.mark.slow
@pytest.mark.skipif(not (INSTALLED and shutil.which("dot")), reason="no Graphviz here to compare with")
def test_the_list_of_the_plugins_here_is_the_one_of_graphviz() -> None:
    configuration = INSTALLED[0].parent / "config6a"
    before = configuration.read_bytes()
    subprocess.run(["dot", "-c"], check=True)
    try:
        plugins = []
        for path in INSTALLED:
            with opened(path) as (_, read):
                plugins.append(read_plugin(path.name, read))
        assert written(plugins) == configuration.read_text()
    finally:
        configuration.write_bytes(before)
