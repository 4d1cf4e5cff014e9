"""What a service needs before it starts, made beforehand."""

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.transforms.scripted.account_numbers import stable_number
from fromscratch.transforms.shell.machine import Machine
from fromscratch.transforms.shell.unit_folders import make_unit_folders
from tests.trees import listed, text, tree

BASE = r"""
d 0755 0:0 /run
f 0644 0:0 /etc/passwd 'root:x:0:0:root:/root:/bin/sh\nweb:x:970:970::/:/bin/false\n'
f 0644 0:0 /etc/group 'root:x:0:\nweb:x:970:\nadm:x:4:\n'
f 0755 0:0 /usr/sbin/web ''
d 0755 0:0 /var/lib
d 0755 0:0 /var/log
"""


def prepared(unit: str, block: str = "", name: str = "web") -> tuple[list[str], list[str]]:
    """The entries that are added or changed for a service, and what was left out."""
    quoted = repr("[Service]\n" + unit)
    root = tree(f"{BASE}\n{block}\nf 0644 0:0 /usr/lib/systemd/system/{name}.service {quoted}")
    machine = Machine(ChangingTree(root), label="source", architecture="amd64", packages=())
    make_unit_folders(machine)
    before = listed(root).splitlines()
    made = [line for line in listed(machine.tree.finished()).splitlines() if line not in before]
    return made, [f"{one.command}: {one.why}" for one in machine.left_out]


def test_folders_belong_to_the_user_and_those_of_configuration_to_root() -> None:
    unit = """
    User=web
    Group=adm
    ExecStart=web
    RuntimeDirectory=web/inner
    RuntimeDirectoryMode=2750
    LogsDirectory=web
    ConfigurationDirectory=web
    """
    assert prepared(unit) == (
        text(
            """
            d 0755 0:0 /etc/web
            d 0755 0:0 /run/web
            d 2750 970:4 /run/web/inner
            d 0755 970:4 /var/log/web
            """
        ).splitlines(),
        [],
    )


def test_a_folder_of_root_is_given_to_the_user_with_what_it_holds() -> None:
    block = "d 0750 0:0 /var/lib/web\nf 0600 0:0 /var/lib/web/state ''\nd 0700 5:5 /var/log/web"
    assert prepared("User=web\nExecStart=/usr/sbin/web\nStateDirectory=web\nLogsDirectory=web", block)[0] == [
        "d 0750 970:970 /var/lib/web",
        "f 0600 970:970 0 /var/lib/web/state",
    ]


def test_nothing_is_made_for_a_program_that_is_not_there() -> None:
    assert prepared("User=none\nExecStart=/usr/sbin/other\nStateDirectory=other") == ([], [])


def test_a_masked_service_is_none() -> None:
    mask = "l 0777 0:0 /etc/systemd/system/web.service -> /dev/null"
    assert prepared("ExecStart=/usr/sbin/web\nStateDirectory=web", mask) == ([], [])


def test_drop_ins_count() -> None:
    drop = r"f 0644 0:0 /etc/systemd/system/web.service.d/a.conf '[Service]\nStateDirectory=\nCacheDirectory=web\n'"
    assert [line.split()[-1] for line in prepared("ExecStart=/usr/sbin/web\nStateDirectory=web", drop)[0]] == [
        "/var/cache",
        "/var/cache/web",
    ]


def test_a_user_that_is_missing_is_left_out() -> None:
    assert prepared("User=none\nExecStart=/usr/sbin/web\nStateDirectory=web") == (
        [],
        ["User=none: there is no account none"],
    )


def test_a_dynamic_user_gets_an_account() -> None:
    number = stable_number("dyn", ())
    made, left_out = prepared("DynamicUser=yes\nExecStart=/usr/sbin/web\nStateDirectory=dyn", name="dyn")
    assert f"d 0755 {number}:{number} /var/lib/dyn" in made
    assert left_out == []
