"""A source that depends on what none may depend on: in this process, and in every Python that this one starts.

It is the overlay of the house with one file more, /told, which holds what an expression gives. Processes that are
started take it in as their `sitecustomize`, as they would a library user's own source.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

_MODULE = """\
import os, sys, time

from fromscratch.errors import ImageError
from fromscratch.formats.packing import codec
from fromscratch.host.process import perturb
from fromscratch.model.content import Inline
from fromscratch.model.entry import Origin, file
from fromscratch.paths import TreePath
from fromscratch.sources.overlay import OverlaySource

whole = OverlaySource.build
umask = perturb.umask


def build(self, store):
    context = self._context
    tree = whole(self, store)
    told, why = (EXPRESSION), "an expression"
    if isinstance(told, tuple):
        told, why = told
    origin = Origin(self.label, "made by", why)
    return tree.with_entries({TreePath("/told"): file(Inline(f"{told}".encode()), origin)})


def fail(message):
    raise ImageError(message, "try something else")
"""


def depend_on(expression: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let overlays hold the value of an expression, here and in processes that are started from here on.

    A tuple is the value and the detail of its reason. `umask()` tells the umask, `context` what surrounds the source.
    """
    module = folder / "of_the_test" / "dependent_source.py"
    module.parent.mkdir()
    module.write_text(_MODULE.replace("EXPRESSION", expression))
    (module.parent / "sitecustomize.py").write_text(
        "import dependent_source as source\nsource.OverlaySource.build = source.build\n"
    )
    patch.syspath_prepend(str(module.parent))
    spec = importlib.util.spec_from_file_location("dependent_source", module)
    assert spec is not None
    assert spec.loader is not None
    here = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(here)
    patch.setattr(here.OverlaySource, "build", here.build)
    assert "dependent_source" not in sys.modules
