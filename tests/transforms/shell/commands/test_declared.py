"""What packages declare in sysusers.d and tmpfiles.d, as a tree has it afterwards."""

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.transforms.scripted.account_files import AccountNumbers
from fromscratch.transforms.scripted.account_numbers import stable_number
from fromscratch.transforms.shell.commands.accounts.declared import make_accounts, make_files
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood
from tests.trees import listed, text, tree

ACCOUNTS = r"""
f 0644 0:0 /etc/passwd 'root:x:0:0:root:/root:/bin/sh\nsvc:x:970:970::/:/bin/false\n'
f 0644 0:0 /etc/group 'root:x:0:\nsvc:x:970:\nadm:x:4:\n'
f 0640 0:42 /etc/shadow 'root:*:::::::\n'
"""


def machine_of(block: str) -> Machine:
    return Machine(ChangingTree(tree(block)), label="source", architecture="amd64", packages=())


def rows(machine: Machine, path: str) -> list[str]:
    entry = machine.tree.find(path)
    assert isinstance(entry, File)
    return read(entry.content).decode().splitlines()


REDIS = stable_number("redis", ())


def test_accounts_of_all_files_have_numbers_of_their_names() -> None:
    machine = machine_of(
        ACCOUNTS
        + r"""
        f 0644 0:0 /usr/lib/sysusers.d/a.conf 'u redis - "Redis" /var/lib/redis\n'
        f 0644 0:0 /usr/lib/sysusers.d/b.conf 'g mail 8\nm redis mail\n'
        """
    )
    make_accounts(machine)
    assert rows(machine, "/etc/passwd")[2:] == [f"redis:x:{REDIS}:{REDIS}:Redis:/var/lib/redis:/usr/sbin/nologin"]
    assert rows(machine, "/etc/group")[3:] == ["mail:x:8:redis", f"redis:x:{REDIS}:"]
    entry = machine.tree.find("/etc/passwd")
    assert entry is not None
    assert [origin.detail for origin in entry.origins] == [
        "line 1 of /usr/lib/sysusers.d/a.conf",
        "line 1 of /usr/lib/sysusers.d/b.conf",
        "line 2 of /usr/lib/sysusers.d/b.conf",
    ]


def test_numbers_of_the_recipe_win_over_those_of_a_file() -> None:
    machine = machine_of(ACCOUNTS + r"f 0644 0:0 /usr/lib/sysusers.d/a.conf 'u redis 6:adm\nu web\n'")
    given = machine.state(AccountNumbers)
    given.users["redis"], given.groups["web"] = 6379, 80
    make_accounts(machine)
    assert rows(machine, "/etc/passwd")[2:] == [
        "redis:x:6379:4::/:/usr/sbin/nologin",
        "web:x:80:80::/:/usr/sbin/nologin",
    ]


def test_only_the_files_that_a_script_names() -> None:
    machine = machine_of(
        ACCOUNTS
        + r"""
        f 0644 0:0 /usr/lib/sysusers.d/a.conf 'g one 1\n'
        f 0644 0:0 /usr/lib/sysusers.d/b.conf 'g two 2\n'
        f 0644 0:0 /usr/lib/tmpfiles.d/a.conf 'd /run/a\n'
        f 0644 0:0 /usr/lib/tmpfiles.d/b.conf 'd /run/b\n'
        """
    )
    COMMANDS["systemd-sysusers"].run(machine, Call(("systemd-sysusers", "b.conf")))
    COMMANDS["systemd-tmpfiles"].run(machine, Call(("systemd-tmpfiles", "--create", "b.conf")))
    COMMANDS["systemd-tmpfiles"].run(machine, Call(("systemd-tmpfiles", "--remove", "a.conf")))
    assert rows(machine, "/etc/group")[3:] == ["two:x:2:"]
    assert machine.tree.children(machine.tree.resolve("/run")) == ["b"]


@pytest.mark.parametrize(
    "words",
    ["systemd-tmpfiles --create --prefix=/run", "systemd-sysusers --root=/mnt", "systemd-tmpfiles --create --user"],
)
def test_what_is_not_followed(words: str) -> None:
    call = Call(tuple(words.split()))
    with pytest.raises(NotUnderstood):
        COMMANDS[call.name].run(machine_of(ACCOUNTS), call)


def made(lines: str, block: str = "") -> list[str]:
    """The entries that tmpfiles.d lines add or change."""
    machine = machine_of(f"{ACCOUNTS}\n{block}\nf 0644 0:0 /usr/lib/tmpfiles.d/a.conf {lines!r}")
    before = listed(machine.tree.finished()).splitlines()
    make_files(machine)
    return [line for line in listed(machine.tree.finished()).splitlines() if line not in before]


@pytest.mark.parametrize(
    ("lines", "block", "expected"),
    [
        ("d /var/lib/x/y 700 svc svc\nd /var/lib/x 750 svc", "", "d 0755 0:0 /var\nd 0755 0:0 /var/lib\n"
         "d 0750 970:0 /var/lib/x\nd 0700 970:970 /var/lib/x/y"),
        ("d /srv/x 700 svc svc", "d 0755 0:0 /srv/x", "d 0700 970:970 /srv/x"),
        ("d /srv/x :700 :svc svc", "d 0755 0:0 /srv/x", "d 0755 0:970 /srv/x"),
        ("d /srv/x - - -", "d 0711 970:0 /srv/x", ""),
        ("f /srv/x 600 svc - - hi", "f 0644 0:0 /srv/x 'text'", "f 0600 970:0 4 /srv/x"),
        ("f+ /srv/x - - - - hi", "f 0644 0:0 /srv/x 'text'", "f 0644 0:0 2 /srv/x"),
        ("w /srv/[a-x] - - - - hi", "f 0640 970:0 /srv/x 'text'", "f 0640 970:0 2 /srv/x"),
        ("w /srv/none - - - - hi", "d 0755 0:0 /srv", ""),
        ("p /srv/p 600 svc", "d 0755 0:0 /srv", "p 0600 970:0 /srv/p"),
        ("L /srv/l - - - - /x", "f 0644 0:0 /srv/l ''", ""),
        ("L+ /srv/l - - - - /x", "f 0644 0:0 /srv/l ''", "l 0777 0:0 /srv/l -> /x"),
        ("z /srv/*/x 2750 svc adm", "d 0755 0:0 /srv/a/x\nd 0755 0:0 /srv/b/x\nd 0755 0:0 /srv/.c/x",
         "d 2750 970:4 /srv/a/x\nd 2750 970:4 /srv/b/x"),
        ("Z /srv ~2775 svc", "d 0755 0:0 /srv\nf 0600 0:0 /srv/f ''\nl 0777 0:0 /srv/l -> f",
         "d 2775 970:0 /srv\nf 0664 970:0 0 /srv/f"),
        ("C /srv/x 700 svc - - /usr/share/t",
         "f 0640 0:0 /usr/share/t/f 'hi'\nd 0755 0:0 /srv", "d 0700 970:0 /srv/x\nf 0640 0:0 2 /srv/x/f"),
        ("C /etc/issue", "f 0640 0:0 /usr/share/factory/etc/issue 'hi'", "f 0640 0:0 2 /etc/issue"),
        ("C /srv/x - - - - /none", "d 0755 0:0 /srv", ""),
        ("C /srv/x - - - - /srv", "d 0755 0:0 /srv", ""),
        ("d /tmp/x\nd /dev/x\nd /srv/../x", "d 0755 0:0 /srv", ""),
        ("d /srv/f/x", "f 0644 0:0 /srv/f ''", ""),
        ("d /srv/x 700\nd /srv/x 755", "d 0755 0:0 /srv", "d 0700 0:0 /srv/x"),
    ],
)  # fmt: skip
def test_what_is_made_and_changed(lines: str, block: str, expected: str) -> None:
    assert made(lines, block) == text(expected).splitlines()


def test_a_line_for_an_unknown_account_is_left_out() -> None:
    machine = machine_of(r"f 0644 0:0 /usr/lib/tmpfiles.d/a.conf '#\nd /run/x 700 who\n'")
    make_files(machine)
    assert [(one.script, one.line, one.command, one.why, one.matter) for one in machine.left_out] == [
        ("/usr/lib/tmpfiles.d/a.conf", 2, "d /run/x 700 who", "there is no account who", "account")
    ]


def test_missing_accounts_of_every_system_are_added() -> None:
    machine = machine_of(
        ACCOUNTS
        + r"""
        f 0644 0:0 /usr/share/base-passwd/passwd.master 'root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:33:w:/w:/n\n'
        f 0644 0:0 /usr/share/base-passwd/group.master 'adm:*:4:\nwww-data:*:33:\n'
        """
    )
    COMMANDS["update-passwd"].run(machine, Call(("update-passwd", "--verbose")))
    assert rows(machine, "/etc/passwd")[2:] == ["www-data:*:33:33:w:/w:/n"]
    assert rows(machine, "/etc/group")[3:] == ["www-data:*:33:"]
