"""`python -m benchmarks resolving`: random sets of packages, decided by apt and by us, over the same index.

apt's library (python3-apt) works in a root of its own with nothing installed, without recommendations. A difference
is shown with the packages that only one of the two takes; what both refuse is the same answer. Ours has "fewer
packages" where each is among apt's, and together they need nothing more: apt takes the first of several alternatives
before it sees that another will be there anyway.
"""

import argparse
import collections
import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.debian_sets import _own
from fromscratch.errors import ImageError
from fromscratch.formats.debian.index import PackageIndex, compact
from fromscratch.formats.debian.version import parse_relations, shown
from fromscratch.sources.debian.package_request import parse_package_request
from fromscratch.sources.debian.planning.catalogue import Catalogue, satisfies
from fromscratch.sources.debian.planning.choices import refusals
from fromscratch.sources.debian.planning.resolver import resolve
from fromscratch.sources.debian.planning.selection import Request

Answer = dict[str, str]
"""The version of each package; empty for a set that cannot be installed."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks resolving", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="how many sets (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=6, help="packages of a set at most (default: %(default)s)")
    parser.add_argument("--suite", default="trixie")
    parser.add_argument("--architecture", default="amd64")
    parser.add_argument("--mirror", help="of the suite; where this machine's own apt has bookworm when left out")
    parser.add_argument("sets", nargs="*", help="these sets instead of random ones, packages joined by commas")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder, ExitStack() as stack:
        apt = _Apt(Path(folder), options.suite, options.mirror or _own("bookworm"), options.architecture)
        index = Path(folder, "index")
        index.write_bytes(b"".join(compact(apt.packages())))
        catalogue = Catalogue([stack.enter_context(PackageIndex(index))], options.architecture)
        sets = [each.split(",") for each in options.sets] or list(_sets(catalogue, options))
        _compare(apt, catalogue, sets)


def _sets(catalogue: Catalogue, options: argparse.Namespace) -> Iterator[list[str]]:
    chance = random.Random(options.seed)
    names = catalogue._all_names  # virtual ones too
    for _ in range(options.count):
        count, found = chance.randint(1, options.most), set[str]()
        while len(found) < count:
            name = chance.choice(names)
            found.update({name} if catalogue.with_name(name) else ())
        yield sorted(found)


def _compare(apt: "_Apt", catalogue: Catalogue, sets: Sequence[Sequence[str]]) -> None:
    kinds: collections.Counter[str] = collections.Counter()
    for number, packages in enumerate(sets):
        theirs, ours = apt.answer(packages), _ours(catalogue, packages)
        kind = _kind(theirs, ours, catalogue)
        kinds[kind] += 1
        if kind not in ("same", "both refuse"):
            lacking = " ".join(sorted(theirs.keys() - ours.keys()))
            added = " ".join(sorted(ours.keys() - theirs.keys()))
            print(f"{','.join(packages)}: {kind}; apt alone: {lacking[:160]}; ours alone: {added[:160]}", flush=True)
        if number % 100 == 99:
            print(f"# {number + 1}: {dict(kinds)}", flush=True)
    print(f"{len(sets)} sets: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}")


def _kind(theirs: Answer, ours: Answer, catalogue: Catalogue) -> str:
    if theirs == ours:
        return "same" if theirs else "both refuse"
    if not theirs or not ours:
        return "apt alone refuses" if ours else "we alone refuse"
    if theirs.keys() == ours.keys():
        return "other versions"
    unmet = _unmet(catalogue, ours)
    if unmet:
        return f"not installable ({unmet})"
    return "fewer packages" if ours.keys() < theirs.keys() else "other packages"


def _unmet(catalogue: Catalogue, answer: Answer) -> str:
    """A dependency that the packages of an answer lack, or a conflict among them; empty if there is none."""
    packages = [one for name in answer for one in catalogue.with_name(name) if one.version == answer[name]]
    for package in packages:
        for alternatives in parse_relations(f"{package.pre_depends}, {package.depends}".strip(", ")):
            if not any(satisfies(other, relation) for relation in alternatives for other in packages):
                return f"{package.name} lacks {shown(alternatives)}"
        for _, relation in refusals(package, catalogue.architecture):
            if any(other is not package and satisfies(other, relation) for other in packages):
                return f"{package.name} does not go with {relation}"
    return ""


def _ours(catalogue: Catalogue, packages: Sequence[str]) -> Answer:
    try:
        found = resolve(catalogue, Request(tuple(map(parse_package_request, packages))))
    except ImageError:
        return {}
    return {one.package.name: one.package.version for one in found}


class _Apt:
    """apt in a root of its own, with an index and nothing installed."""

    def __init__(self, folder: Path, suite: str, mirror: str, architecture: str) -> None:
        self._folder = folder
        for name in ("lists/partial", "cache/archives/partial", "etc"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "etc/sources.list").write_text(f"deb [trusted=yes] {mirror} {suite} main\n")
        self._settings = (
            f"Dir::State={folder}", f"Dir::State::status={folder}/status", f"Dir::State::lists={folder}/lists",
            f"Dir::Cache={folder}/cache", f"Dir::Etc={folder}/etc", "Dir::Etc::sourceparts=-",
            f"APT::Architecture={architecture}", f"APT::Architectures={architecture}",
            "APT::Install-Recommends=false", "Acquire::Languages=none", "APT::Sandbox::User=root",
        )  # fmt: skip
        self._options = [word for setting in self._settings for word in ("-o", setting)]
        self._solver: subprocess.Popen[str] | None = None
        self._run("update", check=True)

    def packages(self) -> bytes:
        (found,) = (self._folder / "lists").glob("*_Packages*")
        return subprocess.run(
            ["/usr/lib/apt/apt-helper", *self._options, "cat-file", str(found)], check=True, capture_output=True
        ).stdout

    def answer(self, packages: Sequence[str]) -> Answer:
        if self._solver is None:
            solver = str(Path(__file__).with_name("apt_solver.py"))
            self._solver = subprocess.Popen(
                ["/usr/bin/python3", solver, *self._settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._solver.stdin
        assert self._solver.stdout
        self._solver.stdin.write(f"{' '.join(packages)}\n")
        self._solver.stdin.flush()
        return dict(each.split("=", 1) for each in self._solver.stdout.readline().split())

    def _run(self, *words: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["apt-get", *self._options, *words], check=check, capture_output=True, text=True)
