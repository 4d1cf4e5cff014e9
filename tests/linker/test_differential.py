"""The loader model against the real loaders, on random roots that are made to be awkward."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.linker.closure import Linker, Program
from fromscratch.linker.symbol_versions import Versions
from tests.engines import missing, need, need_root
from tests.linker.roots import GLIBC, MUSL
from tests.linker.roots import missing as lost
from tests.linker.scenes import OTHER, GlibcOutput, Scene, built, one_slash, run_glibc_loader, run_musl_loader, scenes

LIBC = Path("/lib/x86_64-linux-gnu/libc.so.6")
# pytest --hypothesis-profile=thorough asks for thousands. What fails is not made smaller: that takes too long here.
_SETTINGS = settings(
    max_examples=max(300, settings().max_examples),
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


def _environment(scene: Scene) -> dict[str, str]:
    env = {"LD_LIBRARY_PATH": ":".join(scene.library_path)} if scene.library_path else {}
    return {**env, "LD_PRELOAD": ":".join(scene.preload)} if scene.preload else env


def _linker(scene: Scene, root: Path) -> Linker:
    roots = [MachineRoot(root)]
    return Linker(roots, cache_only=True, library_path=scene.library_path, preload=scene.preload)


def _programs(scene: Scene) -> list[str]:
    """Both may stand alone first in the linker, which shares what they have in common."""
    return [scene.path, *([OTHER] if OTHER in scene.files else [])]


@pytest.mark.slow
@_SETTINGS
@given(scene=scenes())
def test_glibc_maps_what_the_model_says(scene: Scene) -> None:
    need_root("entering a root")
    if not LIBC.exists():
        missing("there is no C library of Debian for x86-64")
    with built(scene, Path(GLIBC), LIBC) as root:
        if scene.cache != "none":
            subprocess.run([need("ldconfig"), "-r", str(root)], check=True, capture_output=True)
        if scene.cache == "stale":
            for path in set(list(scene.files)[:2]) - {scene.path, OTHER}:
                (root / path[1:]).unlink(missing_ok=True)
        linker = _linker(scene, root)
        for path in _programs(scene):
            agree(linker.program(path), run_glibc_loader(root, path, _environment(scene)))


def agree(ours: Program, theirs: GlibcOutput) -> None:
    # What cannot be preloaded is passed over, whatever it is.
    stopped = [each for each in ours.missing if "ends there" in each.fault or "stops at" in each.fault]
    stopped = [each for each in stopped if each.rule != "LD_PRELOAD"]
    if theirs.stopped:
        assert stopped, theirs.stopped
        return
    loaded = {node.path for node in ours.nodes[1:]}
    assert loaded == theirs.loaded, (sorted(loaded - theirs.loaded), sorted(theirs.loaded - loaded), lost(ours))
    # The loader lists an auxiliary library that is not there too, and not one to be preloaded.
    auxiliaries = {name for node in ours.nodes for name in node.elf.auxiliaries}
    own = {_in_its_words(each.name, each.by) for each in ours.missing if each.rule != "LD_PRELOAD"}
    assert own <= theirs.missing <= own | auxiliaries
    assert not stopped
    if any(node.elf.filters or node.elf.auxiliaries for node in ours.nodes):
        return  # the loader then moves objects, and of two that go by one name may check the other
    # Of a name that is also missing somewhere the tracing loader has a stand-in, whose versions it does not check.
    doubtful = {link.to for link in ours.links if _in_its_words(link.name, link.by) in own}
    doubtful |= {node.path for node in ours.nodes if node.elf.soname in own}
    assert {tuple(each) for each in Versions().missing(ours) if each.library not in doubtful} == {
        each for each in theirs.missing_versions if each[1] not in doubtful
    }


def _in_its_words(name: str, by: str) -> str:
    """A name with its tokens replaced, as the loader prints it."""
    name = name.replace("$ORIGIN", by.rpartition("/")[0] or "/")
    return re.sub(r"\$LIB\b", "lib/x86_64-linux-gnu", name)


@pytest.mark.slow
@_SETTINGS
@given(scene=scenes(musl=True))
def test_musl_maps_what_the_model_says(scene: Scene) -> None:
    need_root("entering a root")
    if not Path(MUSL).exists():
        missing("there is no loader of musl")
    with built(scene, Path(MUSL)) as root:
        linker = _linker(scene, root)
        for path in _programs(scene):
            theirs = run_musl_loader(root, path, _environment(scene))
            ours = linker.program(path)
            own = {one_slash(node.path) for node in ours.nodes[1:]}
            assert own - {MUSL} == theirs.loaded - {MUSL}, (own, theirs.loaded, lost(ours))
            own_lost = {(each.name, one_slash(each.by)) for each in ours.missing if each.rule != "LD_PRELOAD"}
            assert own_lost == theirs.missing
