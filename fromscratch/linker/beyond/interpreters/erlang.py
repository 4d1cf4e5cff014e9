"""Finder for Erlang and Elixir: the programs and boot files of a root folder, and the applications that are used.

Follows erl(1) (ROOTDIR, BINDIR), the OTP Design Principles, "Releases", and application resource files, app(4).
"""

from collections.abc import Iterator

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.linker.beyond.interpreters.loading import SMALL, Loading, is_file, is_folder, total
from fromscratch.linker.beyond.scripts.shebang import lookup
from fromscratch.model import view as views
from fromscratch.paths import TreePath, decode

KIND = "erlang"
_STARTER = lazy_regex(
    r"(.+)/(?:erts-[\d.]+/)?bin/(?:erl|escript|erlexec|beam(?:\.smp)?|erlc|dialyzer|run_erl|start_erl)"
)
_ELIXIR = lazy_regex(r"(.+)/bin/(?:elixir|iex|mix|elixirc)")
_IN_BIN = lazy_regex(r"/.+/bin/[^/]+")
_DEPENDENCIES = lazy_regex(r"\{\s*(?:included_)?applications\s*,\s*\[([^\]]{0,4000})\]")
_SPARED = r"src|include|doc|examples|man|c_src|emacs|.*\.(erl|hrl|ex|html|chunk)"
_ALWAYS = ("kernel", "stdlib", "compiler")


def find(scene: Scene) -> Iterator[Finding]:
    """The root folder of every Erlang that is started; a release, which is made for one program, is taken whole."""
    homes: dict[str, TreePath] = {}
    for place in sorted((*scene.files, *scene.objects), key=paths.sort_key):
        if (found := _STARTER.fullmatch(place)) and any(views.glob(scene.view, f"{found[1]}/erts-*/bin/erlexec")):
            homes.setdefault(found[1], place)
        elif (found := _ELIXIR.fullmatch(place)) and is_folder(scene, f"{found[1]}/lib/elixir/ebin"):
            yield from _elixir(scene, found[1], place)
    for home, starter in homes.items():
        yield from _home(scene, home, starter)
    releases = {paths.parent(paths.parent(place)): place for place in sorted(scene.files) if _IN_BIN.fullmatch(place)}
    for folder, place in releases.items():
        if is_file(scene, f"{folder}/releases/start_erl.data") and _is_release(scene, folder):
            yield from _release(scene, folder, place)


def _is_release(scene: Scene, folder: str) -> bool:
    """Whether it is of a program: what is installed as Erlang itself has no configuration of one."""
    patterns = (f"{folder}/releases/*/{name}" for name in ("sys.config", "sys.config.src", "vm.args", "vm.args.src"))
    return any(path for pattern in patterns for path in views.glob(scene.view, pattern))


def _release(scene: Scene, folder: str, starter: TreePath) -> Iterator[Finding]:
    loading = Loading(scene, starter, KIND)
    loading.need_folder(folder, starter, "its release", spared=r"tmp|log|src|include")
    yield from loading.findings()


def _home(scene: Scene, home: str, starter: TreePath) -> Iterator[Finding]:
    loading = Loading(scene, starter, KIND)
    _commands(loading)
    for folder in views.glob(scene.view, f"{home}/erts-*/bin"):
        loading.need_folder(
            folder, starter, "the programs of Erlang", spared=r"erlc|dialyzer|typer|ct_run|.*\.src|erl_call|.*\.debug.*"
        )
    for path in (*views.glob(scene.view, f"{home}/bin/*.boot"), *views.glob(scene.view, f"{home}/releases/RELEASES")):
        loading.need(path, starter, "the boot files of Erlang")
    for path in views.glob(scene.view, f"{home}/releases/*/OTP_VERSION"):
        loading.need(path, starter, "the version of Erlang")
    selected: dict[str, None] = {}
    pending = list(_ALWAYS)
    for file in sorted(scene.files):
        if file.endswith(".app") and not file.startswith(f"{home}/lib/"):
            pending += _dependencies(scene, file)
    while pending:
        name = pending.pop(0)
        application = _application(scene, home, name)
        if application is None or application in selected:
            continue
        selected[application] = None
        loading.need_folder(application, starter, f"the application {name}", spared=_SPARED)
        pending += _dependencies(scene, f"{application}/ebin/{name}.app")
    for folder in views.glob(scene.view, f"{home}/lib/*"):
        if folder not in selected and is_folder(scene, f"{folder}/ebin"):
            if total(scene, folder, _SPARED) <= SMALL:
                loading.need_folder(folder, starter, "an application of Erlang", spared=_SPARED)
            else:
                loading.offer(folder, "an application of Erlang", "likely", spared=_SPARED)
    yield from loading.findings()


def _commands(loading: Loading) -> None:
    """The script that starts Erlang, which escript runs too, and what it and that of Elixir call."""
    starter = paths.name(loading.interpreter)
    names = () if starter in ("erlexec", "beam.smp", "beam") else ("erl", "dirname", "basename", "readlink", "sh")
    for name in names:
        loading.need(lookup(loading.scene, name).path, loading.interpreter, f"command {name}")


def _application(scene: Scene, home: str, name: str) -> str | None:
    """The newest version of an application, whose folder is NAME-VERSION, or NAME alone."""
    found = [each for each in views.glob(scene.view, f"{home}/lib/{name}-[0-9]*") if is_folder(scene, each)]
    newest = max(
        found,
        key=lambda each: [int(part) for part in each.rpartition("-")[2].split(".") if part.isdigit()],
        default=None,
    )
    return newest or (f"{home}/lib/{name}" if is_folder(scene, f"{home}/lib/{name}") else None)


def _dependencies(scene: Scene, path: str) -> list[str]:
    text = decode(scene.read(path) or b"")
    return [name.strip(" '\n\t") for found in _DEPENDENCIES.findall(text) for name in found.split(",")]


def _elixir(scene: Scene, home: str, starter: TreePath) -> Iterator[Finding]:
    """The applications of Elixir, which are small, and the Erlang that its scripts start by its name."""
    loading = Loading(scene, starter, "elixir")
    _commands(loading)
    loading.need_folder(f"{home}/lib", starter, "the library of Elixir", spared=_SPARED)
    for name in ("elixir", "iex"):
        loading.need(f"{home}/bin/{name}", starter, "starts Elixir")
    if (erl := lookup(scene, "erl")).searched:
        loading.warn(f"{starter} starts erl, which is not in {':'.join(erl.searched)}")
    loading.need(f"{home}/VERSION", starter, "the version of Elixir")
    yield from loading.findings()
