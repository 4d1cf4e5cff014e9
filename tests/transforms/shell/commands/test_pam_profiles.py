"""pam-auth-update(8), as the files that it writes out of profiles."""

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood
from tests.trees import tree

TEMPLATE = """# here are the per-package modules (the "Primary" block)
${kind}_primary
# here's the fallback if no module succeeds
{kind}	requisite			pam_deny.so
# and here are more per-package modules (the "Additional" block)
${kind}_additional
# end of pam-auth-update config
"""
UNIX = """Name: Unix
Default: yes
Priority: 256
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_unix.so nullok try_first_pass
Auth-Initial:
	[success=end default=ignore]	pam_unix.so nullok
Session-Type: Additional
Session:
	required	pam_unix.so
"""
LDAP = """Name: LDAP
Default: yes
Priority: 128
Conflicts: other
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_ldap.so   minimum_uid=1000
	[success=end default=ignore]	pam_ldap.so   again
Session-Interactive-Only: yes
Session-Type: Additional
Session:
	[success=ok default=end]	pam_ldap.so
"""
OTHER = LDAP.replace("128", "64").replace("LDAP", "Other").replace("ldap", "other").replace("Conflicts: other", "")
OFF = UNIX.replace("yes", "no").replace("pam_unix", "pam_off")


def template(kind: str) -> str:
    return TEMPLATE.replace("{kind}", kind.removesuffix("-noninteractive"))


def machine_of(**profiles: str) -> Machine:
    lines = [f"f 0644 0:0 /usr/share/pam-configs/{name} {text!r}" for name, text in profiles.items()]
    for kind in ("auth", "account", "password", "session", "session-noninteractive"):
        lines.append(f"f 0644 0:0 /usr/share/pam/common-{kind} {template(kind)!r}")
    return Machine(ChangingTree(tree("\n".join(lines))), label="source", architecture="", packages=())


def run(machine: Machine, *words: str) -> None:
    assert COMMANDS["pam-auth-update"].run(machine, Call(("pam-auth-update", *words))).status == 0


def lines(machine: Machine, kind: str) -> list[str]:
    """What is written in place of the template's two marks."""
    entry = machine.tree.find(f"/etc/pam.d/common-{kind}")
    assert isinstance(entry, File)
    fixed = template(kind).splitlines()
    return [line for line in read(entry.content).decode().splitlines() if line not in fixed]


def test_profiles_stand_in_the_order_of_their_priority_and_jump_over_those_below() -> None:
    machine = machine_of(ldap=LDAP, unix=UNIX, off=OFF, other=OTHER)
    run(machine, "--root", "", "--package", "--force")
    assert lines(machine, "auth") == [
        "auth\t[success=3 default=ignore]\tpam_unix.so nullok",
        "auth\t[success=2 default=ignore]\tpam_ldap.so minimum_uid=1000",
        "auth\t[success=1 default=ignore]\tpam_ldap.so again",
    ]
    assert lines(machine, "session") == [
        "session\t[default=1]\t\t\tpam_permit.so",
        "session\trequired\tpam_unix.so ",
        "session\t[success=ok default=0]\tpam_ldap.so ",
    ]
    assert lines(machine, "session-noninteractive") == [
        "session\t[default=1]\t\t\tpam_permit.so",
        "session\trequired\tpam_unix.so ",
    ]
    assert lines(machine, "password") == ["password\t[default=1]\t\t\tpam_permit.so"]


def test_a_script_turns_profiles_on_and_off() -> None:
    machine = machine_of(unix=UNIX, off=OFF)
    run(machine, "--enable", "off", "--disable", "unix")
    assert lines(machine, "auth") == ["auth\t[success=1 default=ignore]\tpam_off.so nullok"]
    run(machine, "--package", "--remove", "off", "--enable", "unix")
    assert lines(machine, "auth") == ["auth\t[success=1 default=ignore]\tpam_unix.so nullok"]


def test_another_root_is_not_followed() -> None:
    with pytest.raises(NotUnderstood):
        run(machine_of(unix=UNIX), "--root", "/srv/root")
