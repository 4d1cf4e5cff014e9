"""One script of one package, run as dpkg would, but read."""

from collections.abc import Iterator, Sequence

from fromscratch.model.entry import Origin
from fromscratch.sources.debian.opened import Opened
from fromscratch.transforms.shell.commands.debconf import Debconf
from fromscratch.transforms.shell.interpreter import run_script
from fromscratch.transforms.shell.machine import Machine, Package

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


def as_package(one: Opened, origin: Origin | None = None) -> Package:
    """What commands know of a package; `origin` is the reason for it."""
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


def run(machine: Machine, one: Opened, script: str, arguments: Sequence[str]) -> None:
    """Do to the machine what a script of a package does; nothing if it has none."""
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
    # What is left out as a whole, such as a script of perl, is noted at line 0.
    whole = ((one.name, script, 0) == (each.package, each.script, each.line) for each in machine.left_out)
    if script == "config" and any(whole):
        machine.state(Debconf).load(machine).leave_undecided(machine.packages[one.name])
