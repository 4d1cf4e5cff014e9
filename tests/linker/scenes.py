"""Random small roots on disk, for which real loaders answer what our model of them must."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import strategies as st

from tests.formats.elf.made import AARCH64, I386, elf
from tests.linker.roots import GLIBC, MUSL, NODEFLIB, Link, Name, Piece


@dataclass(frozen=True)
class Scene:
    """A random root: `files` are arguments of `elf`, or bytes, or links. `path` is that of a program.

    There may be another one, /opt/b/other, and the same linker is asked about both.
    """

    path: str
    files: dict[str, dict[str, Any] | Piece]
    conf: tuple[str, ...] = ()
    cache: str = "none"
    library_path: tuple[str, ...] = ()
    path_file: str | None = None
    preload: tuple[str, ...] = ()


NAMES = tuple(f"lib{letter}.so" for letter in "abcdef")
FOLDERS = (
    "/lib",
    "/usr/lib",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/local/lib",
    "/opt/a",
    "/opt/b",
)
SEARCHED = (
    *(
        "/opt/a",
        "/opt/b",
        "/opt/a/sub",
        "/opt/link",
        "/usr/local/lib",
        "/usr/lib",
        "/none",
        "/opt/b/",
        "/opt//a",
        "rel",
    ),
    *("$ORIGIN", "${ORIGIN}", "$ORIGIN/sub", "$ORIGIN/../b", "${ORIGIN}/../a", "/opt/../opt/b", "", "/opt/$LIB"),
    *("/opt/${LIB}", "/$LIB", "$ORIGINAL", "$UNKNOWN/x", "/opt/$ORIGINx", "$ORIGIN/../../usr/$LIB"),
)
MUSL_SEARCHED = (*(each for each in SEARCHED if "LIB" not in each), "/opt/$LIB")


def _mostly(usual: Sequence[str], odd: Sequence[str]) -> st.SearchStrategy[str]:
    return st.integers(0, 5).flatmap(lambda number: st.sampled_from(usual if number < 5 else odd))


def _paths(among: Sequence[str]) -> st.SearchStrategy[str | None]:
    return st.none() | st.lists(st.sampled_from(among), min_size=1, max_size=3).map(":".join)


@st.composite
def _library(draw: st.DrawFn, among: Sequence[str], extra: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["needed"] = tuple(draw(st.lists(_mostly(NAMES, extra), max_size=4, unique=True)))
    made["rpath"] = draw(_paths(among))
    made["runpath"] = draw(_paths(among)) if draw(st.integers(0, 2)) == 0 else None
    made["soname"] = draw(st.none() | st.sampled_from(NAMES)) if draw(st.booleans()) else None
    if draw(st.integers(0, 5)) == 0:
        made["flags_1"] = NODEFLIB
    if draw(st.integers(0, 9)) == 0:  # none of those leads back, which GLIBC's loader does not bear
        made[draw(st.sampled_from(("auxiliaries", "filters")))] = (draw(st.sampled_from(("libe.so", "libf.so"))),)
    if draw(st.integers(0, 2)) == 0:
        made["provides_versions"] = tuple(draw(st.lists(st.sampled_from(("V1", "V2")), unique=True)))
    wants = [each for each in made["needed"] if "/" not in each and each != "libnone.so"]
    if wants and draw(st.integers(0, 2)) == 0:
        made["needs_versions"] = {draw(st.sampled_from(wants)): (draw(st.sampled_from(("V1", "V2", "V3"))),)}
        made["weak_versions"] = tuple(draw(st.sampled_from(((), ("V1",), ("V3",)))))
    return {key: value for key, value in made.items() if value not in (None, ())}


def _without_filters(made: dict[str, Any]) -> None:
    made.pop("auxiliaries", None)
    made.pop("filters", None)


# At each of these GLIBC's loader gives up. musl's asks less, so it is only shown the first two.
_BAD: tuple[bytes | dict[str, Any], ...] = (
    *(b"/* GNU ld script */\n", b"\x7fELF"),
    *({"os_abi": 9}, {"type": "exec", "flags_1": 1}, {"flags_1": 0x08000000}),
)


@st.composite
def scenes(draw: st.DrawFn, *, musl: bool = False) -> Scene:
    among = MUSL_SEARCHED if musl else SEARCHED
    extra = ["/opt/a/liba.so", "/opt/b/libb.so", "libnone.so", "libc.so" if musl else "libc.so.6", "$ORIGIN/libc.so"]
    extra += ["/opt/a/../b/libd.so", "libmissing.so.1"] + ([] if musl else ["lib$LIBe.so", "/opt/$LIB/liba.so"])
    files: dict[str, Any] = {}
    everywhere = (*FOLDERS, "/opt/a/sub", "/opt/lib/x86_64-linux-gnu")
    folders = draw(st.lists(st.sampled_from(everywhere), min_size=3, max_size=5, unique=True))
    spots = st.tuples(st.sampled_from(folders), st.sampled_from(NAMES)).map("/".join)
    library = _library((*among, *folders, *folders, *folders), extra)
    for spot in draw(st.lists(spots, min_size=8, max_size=14, unique=True)):
        kind = draw(st.integers(0, 39))
        if kind < 28:
            files[spot] = draw(library)
            if spot.endswith(("e.so", "f.so")):
                _without_filters(files[spot])
        elif kind < 31:
            files[spot] = {"bits": 32, "machine": I386}
        elif kind < 33 and not musl:
            files[spot] = draw(
                st.sampled_from(({"machine": AARCH64}, {"big": True}, {"machine": AARCH64, "os_abi": 9}))
            )
        elif kind < 34:
            files[spot] = draw(st.sampled_from(_BAD[:2] if musl else _BAD))
        elif kind < 37:
            files[spot] = Link(draw(st.sampled_from(NAMES)))
        elif kind < 39:
            files[spot] = Link(draw(spots))
        elif (first := next((path for path, each in files.items() if isinstance(each, dict)), None)) is not None:
            files[spot] = Name(first)
    if draw(st.booleans()):
        files["/opt/link"] = Link(draw(st.sampled_from(("a", "/opt/b", "../usr/lib", *(() if musl else ("link",))))))
    path = draw(st.sampled_from(("/prog", "/opt/prog", "/opt/a/prog", "/usr/bin/prog")))
    made = draw(library)
    made.pop("flags_1", None)
    _without_filters(made)
    made.setdefault("needed", tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))))
    made["needed"] = (
        *(each for each in made.get("needed", ()) if each != "libc.so.6"),
        *(() if musl else ("libc.so.6",)),
    )
    files[path] = {**made, "interpreter": MUSL if musl else GLIBC}
    if draw(st.booleans()):
        files[path].pop("soname", None)
    if draw(st.booleans()):  # another one that needs the same, elsewhere
        files[OTHER] = files[path] if draw(st.booleans()) else {**files[path], "rpath": None, "runpath": None}
    ways = st.lists(st.sampled_from((*folders, "/opt/a", "/opt/b", "/usr/local/lib", "/none", "/opt/link")), max_size=2)
    return Scene(
        path=path,
        files=files,
        conf=tuple(draw(st.lists(st.sampled_from(("/usr/local/lib", "/opt/a", "/opt/b", "/usr/lib")), max_size=2))),
        cache=draw(st.sampled_from(("none", "made", "stale"))),
        library_path=tuple(draw(ways)) if draw(st.booleans()) else (),
        path_file=draw(st.none() | st.sampled_from(("", "/opt/b\n/usr/lib", "/usr/lib:/opt/a/\n", "rel\n\n/opt//b")))
        if musl
        else None,
        preload=tuple(draw(st.lists(st.sampled_from(NAMES[:3]), max_size=1))) if draw(st.integers(0, 3)) == 0 else (),
    )


OTHER = "/opt/b/other"


@contextmanager
def built(scene: Scene, loader: Path, library: Path | None = None) -> Iterator[Path]:
    """The root of a scene on disk, with this loader and C library in it."""
    root = Path(mkdtemp(prefix="scene"))
    try:
        for path, made in scene.files.items():
            if not isinstance(made, Name):
                _put(root / path[1:], made)
        for path, made in scene.files.items():
            if isinstance(made, Name):
                (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
                os.link(root / made[1:], root / path[1:])
        interpreter = scene.files[scene.path]["interpreter"]  # type: ignore[call-overload,index]
        _copy(loader, root / interpreter[1:])
        if library is not None:
            _copy(library, root / "lib/x86_64-linux-gnu/libc.so.6")
        (root / "etc").mkdir()
        (root / "etc/ld.so.conf").write_text("".join(f"{each}\n" for each in scene.conf))
        if scene.path_file is not None:
            (root / "etc/ld-musl-x86_64.path").write_text(scene.path_file)
        yield root
    finally:
        shutil.rmtree(root)


def _put(where: Path, made: dict[str, Any] | Piece) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    match made:
        case Link():
            where.symlink_to(made)
        case bytes():
            where.write_bytes(made)
        case dict():
            where.write_bytes(elf(**made))


def _copy(file: Path, where: Path) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, where)
    where.chmod(0o755)


@dataclass(frozen=True)
class GlibcOutput:
    """`missing_versions` are (by, library, version); `stopped` is why the loader gave up, before it listed anything."""

    loaded: frozenset[str]
    missing: frozenset[str]
    missing_versions: frozenset[tuple[str, str, str]]
    stopped: str


def run_glibc_loader(root: Path, path: str, env: dict[str, str]) -> GlibcOutput:
    """The answer of GLIBC's loader, asked as ldd(1) asks it: so it goes on where something is missing."""
    done = _run(root, [GLIBC, path], {**env, "LD_TRACE_LOADED_OBJECTS": "1"})
    loaded, lost = set(), set()
    for line in done.stdout.splitlines():
        name, _, rest = line.strip().rpartition(" => ")
        if not name:
            loaded |= {rest.rpartition(" (")[0]} if rest.startswith("/") else set()
        elif rest == "not found":
            lost.add(name)
        elif rest.startswith("/"):
            loaded.add(rest.rpartition(" (")[0])
    missing_versions = re.findall(
        r"^\S+: (\S+): version `(\S+)' not found \(required by (\S+)\)$", done.stdout + done.stderr, re.M
    )
    stopped = re.search("error while loading shared libraries: .*", done.stderr)
    if done.returncode and not stopped:
        raise AssertionError(f"the loader ended with {done.returncode}: {done.stderr}")
    reported = frozenset((by, library, version) for library, version, by in missing_versions)
    return GlibcOutput(frozenset(loaded), frozenset(lost), reported, stopped[0] if stopped else "")


def _run(root: Path, argv: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program in a root; chroot(8) would listen to these variables itself."""

    def enter() -> None:
        os.chroot(root)
        os.chdir("/")

    return subprocess.run(
        argv,
        capture_output=True,
        check=False,
        env=env,
        timeout=60,
        text=True,
        preexec_fn=enter,
    )


@dataclass(frozen=True)
class MuslOutput:
    loaded: frozenset[str]
    missing: frozenset[tuple[str, str]]


def run_musl_loader(root: Path, path: str, env: dict[str, str]) -> MuslOutput:
    """The answer of musl's loader: the paths that it took, and what it did not find for whom."""
    done = _run(root, [MUSL, "--list", path], env)
    rows = re.findall(r"^\t(\S+) => (\S+) \(0x", done.stdout, re.MULTILINE)
    lost = re.findall(r"^Error loading shared library (\S+?): .* \(needed by (\S+)\)$", done.stderr, re.MULTILINE)
    return MuslOutput(frozenset(one_slash(where) for _, where in rows), frozenset((n, one_slash(w)) for n, w in lost))


def one_slash(path: str) -> str:
    return re.sub("//+", "/", path)
