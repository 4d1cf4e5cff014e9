"""Finder for .NET: the assemblies of an application, the frameworks that it asks for, and ICU.

Follows "Runtime configuration files" and "Host components" of dotnet/runtime (NAME.runtimeconfig.json, NAME.deps.json,
host/fxr, shared/FRAMEWORK/VERSION), and System.Globalization.Native, which tries the versions of ICU by their numbers.
"""

from collections.abc import Iterator

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.linker.beyond.interpreters.loading import Loading, is_file, is_folder
from fromscratch.linker.beyond.rodata import texts
from fromscratch.model import view as views
from fromscratch.paths import TreePath, decode

KIND = "dotnet"
_CONFIGURATION, _DEPENDENCIES = ".runtimeconfig.json", ".deps.json"
_ASSET = lazy_regex(r'"((?:[\w.+-]+/)*[\w.+-]+\.(?:dll|exe|so))"')
_FRAMEWORK = lazy_regex(r'"name"\s*:\s*"([\w.]{1,100})"\s*,\s*"version"\s*:\s*"(\d{1,4})\.(\d{1,4})[\w.-]*"')
_INVARIANT = lazy_regex(r'"System\.Globalization\.Invariant"\s*:\s*"?true')
_SINGLE_FILE = lazy_regex(rb"(DOTNET_BUNDLE_EXTRACT_BASE_DIR)")
_NUMBER = lazy_regex(r"\d{1,6}")
# Debug symbols, documentation, and what sends events to LTTng where that is installed.
_SPARED = r".*\.(pdb|xml)|libcoreclrtraceptprovider\.so"
_ROOTS = ("/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet", "/opt/dotnet")
_LIBRARIES = ("/usr/lib/*", "/usr/lib64", "/usr/lib", "/lib/*")


def find(scene: Scene) -> Iterator[Finding]:
    """What the .NET applications of the image need, each by its configuration, which lies beside it."""
    bases = {place.removesuffix(_CONFIGURATION): place for place in scene.files if place.endswith(_CONFIGURATION)}
    for place in scene.requested:
        base = place.removesuffix(".dll")
        if is_file(scene, f"{base}.dll") and is_file(scene, f"{base}{_CONFIGURATION}"):
            bases.setdefault(base, place)
        elif place in scene.objects and texts(scene, place, _SINGLE_FILE):
            loading = Loading(scene, place, KIND)
            _icu(loading, place)
            yield from loading.findings()
    for base, place in sorted(bases.items()):
        loading = Loading(scene, _host(scene, base) or place, KIND)
        _application(loading, base, place)
        yield from loading.findings()


def _host(scene: Scene, base: str) -> TreePath | None:
    """The program that loads an application: one of its name, or dotnet."""
    found = [place for place in scene.objects if place == base or paths.name(place) == "dotnet"]
    return next(iter(sorted(found, key=lambda place: place != base)), None)


def _application(loading: Loading, base: str, by: TreePath) -> None:
    scene, folder = loading.scene, base.rpartition("/")[0]
    for end in (".dll", _CONFIGURATION, _DEPENDENCIES):
        loading.need(f"{base}{end}", by, "the application")
    listing = decode(scene.read(f"{base}{_DEPENDENCIES}") or b"")
    for asset in dict.fromkeys(_ASSET.findall(listing)):
        for path in (f"{folder}/{asset}", f"{folder}/{asset.rpartition('/')[2]}"):
            loading.need(path, f"{base}{_DEPENDENCIES}", "an assembly of the application")
    configuration = decode(scene.read(f"{base}{_CONFIGURATION}") or b"")
    if not is_file(scene, f"{folder}/libcoreclr.so"):
        _frameworks(loading, configuration, f"{base}{_CONFIGURATION}")
    if not _INVARIANT.search(configuration):
        _icu(loading, by)


def _frameworks(loading: Loading, configuration: str, by: str) -> None:
    """The frameworks, in the newest version there that has the major one asked for, and what resolves them."""
    scene = loading.scene
    beside = [paths.parent(place) for place in scene.objects if paths.name(place) == "dotnet"]
    written = decode(scene.read("/etc/dotnet/install_location") or b"").strip()
    roots = [each for each in (*beside, written, *_ROOTS) if each and is_folder(scene, f"{each}/shared")]
    pending = [(name, int(major)) for name, major, _ in _FRAMEWORK.findall(configuration)]
    seen: set[tuple[str, int]] = set()
    while pending:
        name, major = pending.pop(0)
        if (name, major) in seen:
            continue
        seen.add((name, major))
        versions = [path for root in roots for path in views.glob(scene.view, f"{root}/shared/{name}/{major}.*")]
        if not versions:
            where = ":".join(roots) or ":".join(_ROOTS)
            loading.warn(f"{by} asks for the framework {name} {major}, which is not in {where}")
            continue
        newest = max(versions, key=_by_version)
        loading.need_folder(newest, by, f"the framework {name}", spared=_SPARED)
        inner = decode(scene.read(f"{newest}/{name}{_CONFIGURATION}") or b"")
        pending += [(each, int(number)) for each, number, _ in _FRAMEWORK.findall(inner)]
        root = newest.rpartition("/shared/")[0]
        resolvers = [*views.glob(scene.view, f"{root}/host/fxr/*")]
        if resolvers:
            loading.need_folder(max(resolvers, key=_by_version), by, "finds frameworks")


def _icu(loading: Loading, by: TreePath) -> None:
    """The newest ICU. Without it, an application stops, unless it is configured to know no cultures."""
    found = [path for folder in _LIBRARIES for path in views.glob(loading.scene.view, f"{folder}/libicuuc.so.[0-9]*")]
    plain = [path for path in found if path.rpartition(".so.")[2].isdigit()]
    if not plain:
        loading.warn(f"{by} is of .NET, which needs ICU (libicuuc.so), unless System.Globalization.Invariant is set")
        return
    newest = max(plain, key=_by_version)
    for name in ("libicuuc", "libicui18n"):
        loading.need(newest.replace("libicuuc", name), by, "cultures of .NET")


def _by_version(path: str) -> list[int]:
    return [int(number) for number in _NUMBER.findall(path.rpartition("/")[2])]
