"""What the maintainer scripts of packages do, made without running them: Debian Policy 6.

The scripts are read by `transforms.shell` in the order in which dpkg would run them on a fresh system that does not
run: the preinst of every package, then of each, after those that it depends on, config and postinst.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.debian.version import parse_relations
from fromscratch.formats.installed import Records
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.debian.opened import Opened
from fromscratch.transforms.shell.interpreter import run_script
from fromscratch.transforms.shell.machine import LeftOut, Machine, Package

_ENVIRONMENT = {
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
    "DEBIAN_FRONTEND": "noninteractive",
    "DPKG_ADMINDIR": "/var/lib/dpkg",
    "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT": "1",
    "DPKG_ROOT": "",
    "DPKG_RUNNING_VERSION": "1.22.21",
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


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
    label: str,
    architecture: str,
) -> Configured:
    """The tree with what the scripts of these packages do; `origins` say why each is there.

    `below` are the records of packages that were there before, whose scripts have run.
    """
    known = [*_present(below), *(_package(one, origins.get(name)) for name, one in packages.items())]
    machine = Machine(ChangingTree(tree), label=label, architecture=architecture, packages=known)
    essential = {name for name, one in packages.items() if one.stanza.get("essential") == "yes"}
    needs = {name: _needs(one) for name, one in packages.items()}
    order = [packages[name] for name in in_order(needs, essential)]
    for one in order:
        _run(machine, one, "preinst", ("install",))
    for one in order:
        _run(machine, one, "config", ("configure", ""))
        _run(machine, one, "postinst", ("configure", ""))
    return Configured(machine.tree.finished(), tuple(machine.left_out))


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


def _needs(one: Opened) -> list[str]:
    """The names of packages that it depends on, sorted; of alternatives all of them."""
    names: set[str] = set()
    for field in ("pre-depends", "depends"):
        try:
            relations = parse_relations(one.stanza.get(field, ""))
        except FormatError:
            continue
        names |= {relation.name for alternatives in relations for relation in alternatives}
    return sorted(names)


def _present(below: Records) -> Iterator[Package]:
    for one in below.of("dpkg"):
        yield Package(name=one.name, version=one.version, architecture=one.architecture)


def _package(one: Opened, origin: Origin | None) -> Package:
    return Package(
        name=one.name,
        version=one.planned.version,
        architecture=one.planned.architecture,
        configuration=tuple(conffiles(one.text("conffiles"))),
        templates=one.text("templates"),
        origin=origin,
    )


def conffiles(text: str) -> Iterator[str]:
    """The paths in a file conffiles; those to be removed on an upgrade are left out: deb-conffiles(5)."""
    for line in text.splitlines():
        if line.startswith("/"):
            yield line.rstrip()


def _run(machine: Machine, one: Opened, script: str, arguments: Iterable[str]) -> None:
    text = one.text(script)
    if not text:
        return
    environment = {
        **_ENVIRONMENT,
        "DPKG_MAINTSCRIPT_ARCH": one.planned.architecture,
        "DPKG_MAINTSCRIPT_NAME": script,
        "DPKG_MAINTSCRIPT_PACKAGE": one.name,
    }
    run_script(machine, text, package=one.name, script=script, arguments=tuple(arguments), environment=environment)
