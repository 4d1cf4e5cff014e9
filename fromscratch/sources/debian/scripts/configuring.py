"""What the maintainer scripts of packages do, made without running them: Debian Policy 6.

The scripts are read by `transforms.shell` in the order in which dpkg would run them on a fresh system that does not
run: the preinst of every package, then of each, after those that it depends on, config and postinst, and then the
postinst of those that a trigger concerns. What packages declare in files, for systemd, comes last.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec import Struct

from fromscratch.errors import FormatError, NotInTree
from fromscratch.formats.debian.version import parse_relations
from fromscratch.formats.installed import Records
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.entry import Directory, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from fromscratch.sources.debian.opened import Opened
from fromscratch.sources.debian.scripts.maintainer_scripts import as_package, run
from fromscratch.transforms.scripted.account_files import AccountNumbers
from fromscratch.transforms.scripted.account_numbers import GivenNumbers
from fromscratch.transforms.shell.commands.accounts.declared import make_accounts, make_files
from fromscratch.transforms.shell.commands.dpkg.diversions import Diversion, Diversions
from fromscratch.transforms.shell.commands.dpkg.triggers import Triggers
from fromscratch.transforms.shell.left_out import LeftOut
from fromscratch.transforms.shell.machine import Machine, Package
from fromscratch.transforms.shell.unit_folders import make_unit_folders


class Configured(Struct, frozen=True):
    """A tree after the scripts of its packages, and what of them was not followed."""

    tree: Rootfs
    left_out: tuple[LeftOut, ...] = ()


def configured(
    tree: Rootfs,
    packages: Mapping[str, Opened],
    origins: Mapping[str, Origin],
    below: Records,
    *,
    diversions: Mapping[str, Diversion],
    label: str,
    architecture: str,
    numbers: GivenNumbers,
    scripts: bool,
    declared: bool = True,
) -> Configured:
    """The tree with what is `declared` in files, and with `scripts` with what the scripts of these packages do.

    `origins` say why each package is there; `below` are the records of those that were there before, whose scripts
    have run; with the `diversions` they were unpacked; `numbers` are those that the recipe gives to accounts. Declared
    accounts come before the scripts, which give files to them, and folders after, since scripts make accounts too.
    """
    known = [*_present(below), *(as_package(one, origins.get(name)) for name, one in packages.items())]
    machine = Machine(ChangingTree(tree), label=label, architecture=architecture, packages=known)
    machine.state(Diversions).by_path.update(diversions)
    machine.state(AccountNumbers).add(numbers)
    if declared:
        make_accounts(machine)
    if scripts:
        _run_all(machine, packages)
    if declared:
        make_files(machine)
        make_unit_folders(machine)
    return Configured(machine.tree.finished(), tuple(machine.left_out))


def _run_all(machine: Machine, packages: Mapping[str, Opened]) -> None:
    essential = {name for name, one in packages.items() if one.stanza.get("essential") == "yes"}
    provided: dict[str, list[str]] = {}
    for name, one in packages.items():
        for virtual in _names(one, "provides"):
            provided.setdefault(virtual, []).append(name)
    needs = {
        name: sorted(
            each for other in _names(one, "pre-depends", "depends") for each in (other, *provided.get(other, ()))
        )
        for name, one in packages.items()
    }
    order = [packages[name] for name in in_order(needs, essential)]
    own = _own_files(machine, [one for one in order if one.text("preinst")])
    for one in order:
        with _without(machine.tree, own.get(one.name, ())):
            run(machine, one, "preinst", ("install",))
    for one in order:
        run(machine, one, "config", ("configure", ""))
        run(machine, one, "postinst", ("configure", ""))
    for one, names in triggered(machine, order):
        run(machine, one, "postinst", ("triggered", " ".join(names)))


def _own_files(machine: Machine, packages: Sequence[Opened]) -> dict[str, list[TreePath]]:
    """The files of these packages, by their names."""
    origins = {machine.packages[one.name].origin: one.name for one in packages}
    found: dict[str, list[TreePath]] = {}
    for path in machine.tree.within(ROOT) if packages else ():
        entry = machine.tree.find(path, follow_last=False)
        if entry is not None and not isinstance(entry, Directory) and entry.origins and entry.origins[0] in origins:
            found.setdefault(origins[entry.origins[0]], []).append(path)
    return found


@contextmanager
def _without(tree: ChangingTree, files: Sequence[TreePath]) -> Iterator[None]:
    """The tree without these files for a while: a preinst runs before its package is unpacked."""
    hidden = {path: tree.at(path) for path in files if tree.at(path) is not None}
    for path in reversed(hidden):
        tree.remove(path)
    yield
    for path, entry in hidden.items():
        if entry is not None and not isinstance(tree.at(path), Directory):
            tree.put(path, entry)


def in_order(needs: Mapping[str, Sequence[str]], essential: Collection[str]) -> list[str]:
    """The names of packages, each after those that it needs: essential ones first, of equals by name.

    Where packages need each other, the first by this order comes after the rest of its circle.
    """
    ranked = sorted(needs, key=lambda name: (name not in essential, name))
    found: dict[str, None] = {}
    entered: set[str] = set()
    for top in ranked:
        # Not recursive: a chain may be as long as there are packages.
        stack = [(top, iter(needs[top]))] if top not in entered else []
        entered.add(top)
        while stack:
            name, rest = stack[-1]
            following = next((each for each in rest if each not in entered and each in needs), None)
            if following is None:
                found[name] = None
                stack.pop()
            else:
                entered.add(following)
                stack.append((following, iter(needs[following])))
    return list(found)


def _names(one: Opened, *fields: str) -> set[str]:
    """The names of packages in these fields; of alternatives all of them."""
    names: set[str] = set()
    for field in fields:
        try:
            relations = parse_relations(one.stanza.get(field, ""))
        except FormatError:
            continue
        names |= {relation.name for alternatives in relations for relation in alternatives}
    return names


def triggered(machine: Machine, packages: Sequence[Opened]) -> Iterator[tuple[Opened, list[str]]]:
    """The packages that triggers concern, with those: activated by another package, by name or by a file of it."""
    declared = {one.name: list(_trigger_lines(one.text("triggers"))) for one in packages}
    active = {*machine.state(Triggers).activated}
    active |= {name for lines in declared.values() for verb, name in lines if verb.startswith("activate")}
    for one in packages:
        interests = [name for verb, name in declared[one.name] if verb.startswith("interest")]
        names = [name for name in interests if name in active or _is_shipped(machine, name, one.planned.shown)]
        if names:
            yield one, names


def _trigger_lines(text: str) -> Iterator[tuple[str, str]]:
    """The directives of a file triggers with their names: deb-triggers(5)."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 2:
            yield words[0], words[1]


def _is_shipped(machine: Machine, path: str, besides: str) -> bool:
    """Whether a package has a file at or below a path; the one that is shown as `besides` does not count."""
    if not path.startswith("/"):
        return False
    try:
        top = machine.tree.resolve(path)
    except NotInTree:
        return False
    for place in machine.tree.within(top):
        entry = machine.tree.find(place, follow_last=False)
        if entry is None or isinstance(entry, Directory):
            continue
        if any(origin.reason == "shipped in" and origin.detail != besides for origin in entry.origins):
            return True
    return False


def _present(below: Records) -> Iterator[Package]:
    for one in below.of("dpkg"):
        yield Package(name=one.name, version=one.version, architecture=one.architecture)
