"""pam-auth-update(8): what it writes on Debian of these profiles."""

import pytest

from fromscratch.errors import NotInTree
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood, Result
from tests.trees import tree

TYPES = ("account", "auth", "password", "session", "session-noninteractive")
TEMPLATE = """# common
# here are the per-package modules (the "Primary" block)
$primary
# here's the fallback if no module succeeds
x	requisite			pam_deny.so
# and here are more per-package modules (the "Additional" block)
$additional
# end of pam-auth-update config
"""
UNIX = """Name: Unix authentication
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
DIRECTORY = """Name: Directory
Default: yes
Priority: 128
Auth-Type: Primary
Auth-Final:
	[success=end default=ignore]	pam_directory.so use_first_pass
	[success=end default=ignore]	pam_directory.so
Session-Interactive-Only: yes
Session-Type: Additional
Session:
	optional			pam_home.so
	[success=1 end=end]	pam_last.so  a   b
"""


def machine_of(**profiles: str) -> Machine:
    lines = [f"f 0644 0:0 /usr/share/pam/common-{kind} {TEMPLATE!r}" for kind in TYPES]
    lines += [f"f 0644 0:0 /usr/share/pam-configs/{name} {text!r}" for name, text in profiles.items()]
    return Machine(
        ChangingTree(tree("\n".join(["d 0755 0:0 /etc/pam.d", *lines]))), label="source", architecture="", packages=()
    )


def run(machine: Machine, *words: str) -> Result:
    return COMMANDS["pam-auth-update"].run(machine, Call(("pam-auth-update", *words)))


def text(machine: Machine, path: str) -> str:
    entry = machine.tree.find(path)
    assert isinstance(entry, File)
    return read(entry.content).decode()


def modules(machine: Machine, kind: str) -> list[str]:
    """The lines that are not comments."""
    return [line for line in text(machine, f"/etc/pam.d/common-{kind}").splitlines() if line[0] not in "#x"]


def test_modules_of_all_profiles_are_put_by_priority_and_jumps_lead_behind_them() -> None:
    machine = machine_of(unix=UNIX, directory=DIRECTORY, manual=UNIX.replace("Default: yes", "Default: no"))
    assert run(machine, "--root", "", "--package", "--force") == Result()
    assert modules(machine, "auth") == [
        "auth\t[success=3 default=ignore]\tpam_unix.so nullok",
        "auth\t[success=2 default=ignore]\tpam_directory.so use_first_pass",
        "auth\t[success=1 default=ignore]\tpam_directory.so ",
    ]
    assert modules(machine, "session") == [
        "session\t[default=1]\t\t\tpam_permit.so",
        "session\trequired\tpam_unix.so ",
        "session\toptional\t\t\tpam_home.so ",
        "session\t[success=1 0=0]\tpam_last.so a b",
    ]
    assert modules(machine, "session-noninteractive") == modules(machine, "session")[:2]
    assert text(machine, "/etc/pam.d/common-auth").startswith("# common\n# here are the per-package")
    assert text(machine, "/var/lib/pam/auth").startswith("Module: unix\n[success=end default=ignore]\tpam_unix.so null")
    assert text(machine, "/var/lib/pam/seen") == "unix\nmanual\ndirectory\n"


def test_a_profile_comes_to_those_before_and_goes() -> None:
    machine = machine_of(unix=UNIX)
    run(machine, "--force")
    before = text(machine, "/etc/pam.d/common-auth")
    machine.tree.put(TreePath("/usr/share/pam-configs/directory"), _file(DIRECTORY))
    machine.tree.put(TreePath("/usr/share/pam-configs/manual"), _file(DIRECTORY.replace("Default: yes", "Default: no")))
    run(machine, "--package")
    assert [line.split()[3] for line in modules(machine, "auth")] == ["pam_unix.so", *["pam_directory.so"] * 2]
    run(machine, "--enable", "manual", "--package")
    assert len(modules(machine, "auth")) == 5
    run(machine, "--disable", "manual", "directory")
    assert text(machine, "/etc/pam.d/common-auth") == before
    run(machine, "--package")
    assert text(machine, "/etc/pam.d/common-auth") == before


def _file(data: str) -> File:
    entry = tree(f"f 0644 0:0 /f {data!r}")[TreePath("/f")]
    assert isinstance(entry, File)
    return entry


def test_a_profile_in_conflict_with_another_takes_its_place() -> None:
    machine = machine_of(unix=UNIX, directory=f"{DIRECTORY}Conflicts: unix, x\n")
    run(machine, "--force")
    assert "pam_unix.so" not in text(machine, "/etc/pam.d/common-auth")
    assert text(machine, "/var/lib/pam/seen") == "unix\ndirectory\n"


def test_files_that_somebody_changed_are_not_written() -> None:
    machine = machine_of(unix=UNIX)
    assert run(machine, "--package") == Result()
    assert machine.tree.find("/etc/pam.d/common-auth") is None
    run(machine, "--force")
    machine.tree.put(
        TreePath("/etc/pam.d/common-auth"), _file(text(machine, "/etc/pam.d/common-auth").replace("nullok", ""))
    )
    with pytest.raises(NotUnderstood):
        run(machine, "--package")


def test_what_is_missing_is_said() -> None:
    machine = machine_of()
    with pytest.raises(NotInTree):
        run(machine, "--force")
    with pytest.raises(NotUnderstood):
        run(machine_of(unix=UNIX), "--root", "/srv")
