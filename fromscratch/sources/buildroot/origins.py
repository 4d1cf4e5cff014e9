"""Which package brought each file of the image, and why that package is there."""

from collections.abc import Callable, Iterable, Mapping

from fromscratch.model.entry import Origin
from fromscratch.paths import TreePath, tree_path
from fromscratch.sources.buildroot.progress import Package

_SYMBOL = "BR2_PACKAGE_"


def read_file_list(text: str) -> dict[TreePath, str]:
    """The package of each path, from build/packages-file-list.txt; the last to install a file has it."""
    pairs = (line.partition(",") for line in text.splitlines() if "," in line)
    return {tree_path(path): package for package, _, path in pairs}


def origins(
    label: str, packages: Mapping[str, Package], asked: Mapping[str, str], files: Mapping[TreePath, str]
) -> Callable[[str], Origin]:
    """A function from a path to the reason for what stands there.

    `asked` has the symbols that are on by somebody's wish, with who asked.
    """
    reasons = _reasons(label, packages, asked)
    finishing = Origin(label, "made by", "Buildroot's last steps", Origin(label, "asked for", "the image"))

    def origin(path: str) -> Origin:
        package = files.get(tree_path(path))
        if package is None:
            return finishing
        return Origin(label, "shipped in", _with_version(packages.get(package), package), reasons.get(package))

    return origin


def _reasons(label: str, packages: Mapping[str, Package], asked: Mapping[str, str]) -> dict[str, Origin]:
    """Why each package is there: asked for, or needed by one that is; nearest first."""
    reasons: dict[str, Origin] = {}
    front = []
    for name in packages:
        if by := asked.get(_SYMBOL + name.upper().replace("-", "_").replace(".", "_")):
            reasons[name] = Origin(label, "asked for", f"{name} ({by})")
            front.append(name)
    _spread(label, packages, front, reasons)
    # What nobody asked for by name is needed by the image itself.
    rest = [name for name, one in packages.items() if name not in reasons and not one.is_image]
    tops = [name for name in rest if not any(name in packages[other].dependencies for other in rest)]
    for name in tops:
        reasons[name] = Origin(label, "needed by", "every Buildroot image")
    _spread(label, packages, tops, reasons)
    return reasons


def _spread(label: str, packages: Mapping[str, Package], front: Iterable[str], reasons: dict[str, Origin]) -> None:
    waiting = list(front)
    for name in waiting:
        for needed in packages[name].dependencies:
            if needed in packages and needed not in reasons:
                reasons[needed] = Origin(label, "needed by", _with_version(packages[name], name), reasons[name])
                waiting.append(needed)


def _with_version(package: Package | None, name: str) -> str:
    return f"{name} {package.version}".strip() if package else name
