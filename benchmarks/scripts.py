"""`python -m benchmarks scripts FOLDER`: the maintainer scripts of all packages in a folder, interpreted over one tree.

The files of the packages are laid into the tree, the last by name where two have the same path; then every preinst,
config and postinst is read as on a first installation. Printed is how many packages are followed whole, in part or not
at all, what the rest fails for most often, and which scripts took longest. A script that raises anything, or takes more
than a minute, is a fault of the interpreter: exit status 1.
"""

import argparse
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import ImageError
from fromscratch.formats.debian import deb822
from fromscratch.formats.debian import package as deb
from fromscratch.formats.debian.deb822 import Stanza
from fromscratch.formats.tar.tree import read_tree
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.entry import Directory, HardLink, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, decode
from fromscratch.sources.debian.scripts.natives import with_defaults
from fromscratch.transforms.shell.interpreter import run_script
from fromscratch.transforms.shell.left_out import LeftOut
from fromscratch.transforms.shell.machine import Machine, Package

_LABEL = "debian"
_LONGEST = 60
_ORIGIN = Origin(_LABEL, "shipped in", "a package")
_MERGED = ("bin", "lib", "lib64", "sbin")
_SCRIPTS = (("preinst", ("install",)), ("config", ("configure", "")), ("postinst", ("configure", "")))
_ENVIRONMENT = {
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
    "DEBIAN_FRONTEND": "noninteractive",
    "DPKG_ADMINDIR": "/var/lib/dpkg",
    "DPKG_MAINTSCRIPT_ARCH": "amd64",
    "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT": "1",
    "DPKG_ROOT": "",
    "DPKG_RUNNING_VERSION": "1.22.21",
}


class TakesTooLong(BaseException):
    """A script is interpreted for more than a minute; not an Exception, so that nothing on the way catches it."""


class One(Struct, frozen=True):
    """A package in the folder, and the texts of its control archive."""

    file: Path
    stanza: Stanza
    texts: dict[str, str]

    @property
    def name(self) -> str:
        return self.stanza["package"]


class Outcome(Struct):
    """What became of the scripts of one package."""

    seconds: dict[str, float] = {}
    faults: dict[str, str] = {}
    left_out: list[LeftOut] = []
    ended: int = 0
    """How many of its scripts were followed to their end."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scripts", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of .deb files")
    parser.add_argument("--only", nargs="*", default=[], help="run the scripts of these packages alone")
    parser.add_argument("--no-files", action="store_true", help="lay the files of Essential packages alone")
    parser.add_argument("--all", action="store_true", help="print every line that is left out")
    parser.add_argument("--most", type=int, default=60, help="how many reasons to print (default: %(default)s)")
    parser.add_argument("--expanded", type=Path, help="keep the packages' expanded files here for the next run")
    options = parser.parse_args(arguments)
    packages = {one.name: one for folder in options.folders for one in opened(sorted(folder.glob("*.deb")))}
    with tempfile.TemporaryDirectory(prefix="scripts-") as scratch:
        laid = [one for one in packages.values() if not options.no_files or one.stanza.get("essential") == "yes"]
        machine = machine_of(packages.values(), laid, options.expanded or Path(scratch))
        found = {one.name: interpreted(machine, one) for one in ordered(packages) if _wanted(one, options.only)}
    for line in report({name: one for name, one in found.items() if one.seconds}, options.most, everything=options.all):
        print(line)
    sys.exit(any(one.faults for one in found.values()))


def _wanted(one: One, only: Iterable[str]) -> bool:
    return not only or one.name in only


def opened(files: Iterable[Path]) -> Iterator[One]:
    for file in files:
        texts = {name: decode(data) for name, data in deb.control_files(file).items()}
        yield One(file, deb822.stanza(texts["control"], file.name), texts)


def ordered(packages: dict[str, One]) -> Iterator[One]:
    """Each package after those in the folder that it depends on; of equals the Essential first."""
    done: set[str] = set()

    def after(one: One) -> Iterator[One]:
        if one.name in done:
            return
        done.add(one.name)
        for field in ("pre-depends", "depends"):
            for word in sorted(one.stanza.get(field, "").replace(",", " ").replace("|", " ").split()):
                if word in packages:
                    yield from after(packages[word])
        yield one

    for one in sorted(packages.values(), key=lambda one: (one.stanza.get("essential") != "yes", one.name)):
        yield from after(one)


def machine_of(packages: Iterable[One], laid: Iterable[One], scratch: Path) -> Machine:
    tree = ChangingTree(Rootfs({}))
    for name in _MERGED:
        tree.put(TreePath(f"/usr/{name}"), Directory(Meta(0o755)))
        tree.put(TreePath(f"/{name}"), Symlink(Meta(0o777), f"usr/{name}"))
    for one in laid:
        data = scratch / f"{one.file.stem}.tar"
        if not data.exists():
            deb.expand_data(one.file, data)
        _lay(tree, read_tree(data, _ORIGIN, title=one.file.name))
    known = [
        Package(
            name=one.name,
            version=one.stanza["version"],
            architecture=one.stanza["architecture"],
            configuration=tuple(one.texts.get("conffiles", "").splitlines()),
            templates=one.texts.get("templates", ""),
        )
        for one in packages
    ]
    tree = ChangingTree(with_defaults(tree.finished(), _LABEL))
    return Machine(tree, label=_LABEL, architecture="amd64", packages=known)


def _lay(tree: ChangingTree, files: Rootfs) -> None:
    for path, entry in files.items():
        if path == ROOT or (isinstance(entry, Directory) and tree.find(path) is not None):
            continue
        try:
            if isinstance(entry, HardLink):
                entry = replace(files.inode(path), origins=entry.origins)
            tree.put(path, entry)
        except ImageError as error:
            print(f"{path}: {error}", file=sys.stderr)


def interpreted(machine: Machine, one: One) -> Outcome:
    found = Outcome()
    before = len(machine.left_out)
    for script, words in _SCRIPTS:
        text = one.texts.get(script)
        if text is None:
            continue
        environment = {**_ENVIRONMENT, "DPKG_MAINTSCRIPT_NAME": script, "DPKG_MAINTSCRIPT_PACKAGE": one.name}
        begin = time.perf_counter()
        signal.signal(signal.SIGALRM, _alarm)
        signal.alarm(_LONGEST)
        try:
            status = run_script(
                machine, text, package=one.name, script=script, arguments=words, environment=environment
            )
            found.ended += status == 0
        except (Exception, TakesTooLong):
            found.faults[script] = traceback.format_exc()
        signal.alarm(0)
        found.seconds[script] = time.perf_counter() - begin
    found.left_out = list(machine.left_out)[before:]
    return found


def _alarm(number: int, frame: FrameType | None) -> None:
    raise TakesTooLong


def report(found: dict[str, Outcome], most: int, *, everything: bool) -> Iterator[str]:
    for name, one in found.items():
        for script, text in one.faults.items():
            yield f"{name}.{script}: {text}"
    scripts = sum(len(one.seconds) for one in found.values())
    whole = [name for name, one in found.items() if not one.left_out and one.ended == len(one.seconds)]
    none = [name for name, one in found.items() if not one.ended and name not in whole]
    counts = f"{len(whole)} followed whole, {len(found) - len(whole) - len(none)} in part, {len(none)} not to the end"
    faults = sum(len(one.faults) for one in found.values())
    yield f"{len(found)} packages with {scripts} scripts: {counts}; {faults} faults"
    times = sorted(
        ((value, f"{name}.{script}") for name, one in found.items() for script, value in one.seconds.items())
    )
    yield f"{sum(value for value, _ in times):.1f} s; the longest: " + ", ".join(
        f"{name} {value:.2f} s" for value, name in reversed(times[-5:])
    )
    reasons: defaultdict[str, set[str]] = defaultdict(set)
    for name, one in found.items():
        for each in one.left_out:
            reasons[f"{each.command.split()[0] if each.command.split() else ''}: {each.why}"].add(name)
    ranked = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    for reason, names in ranked[:most]:
        yield f"{len(names):5} {reason[:150]!r}  ({', '.join(sorted(names)[:3])})"
    matters = Counter(each.matter for one in found.values() for each in one.left_out)
    yield "what the images lack: " + ", ".join(f"{count} {matter}" for matter, count in matters.most_common())
    if everything:
        for one in found.values():
            for each in one.left_out:
                why = each.why.replace("\n", " ")
                yield f"{each.package}.{each.script}:{each.line} [{each.matter}] {each.command!r}: {why}"
