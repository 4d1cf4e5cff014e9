"""Commands of scripts that make users and groups, as the account files show them afterwards."""

import shlex

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.transforms.scripted.account_files import AccountNumbers
from fromscratch.transforms.scripted.account_numbers import ORDINARY, stable_number
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood, Result
from tests.trees import listed, text, tree

BASE = r"""
f 0644 0:0 /etc/passwd 'root:x:0:0:root:/root:/bin/sh\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n'
f 0644 0:0 /etc/group 'root:x:0:\nmail:x:8:\nusers:x:100:\nnogroup:x:65534:\n'
f 0640 0:42 /etc/shadow 'root:*:20000:0:99999:7:::\nmail:*:20000:0:99999:7:::\n'
f 0644 0:0 /etc/skel/.profile 'umask 022\n'
"""


def machine_of(block: str = BASE) -> Machine:
    machine = Machine(ChangingTree(tree(block)), label="source", architecture="amd64", packages=())
    machine.package, machine.script, machine.line = "pkg", "postinst", 7
    return machine


def run(machine: Machine, script: str) -> Result:
    """Run commands, one a line; the end of the last one."""
    result = Result()
    for line in script.strip().splitlines():
        words = tuple(shlex.split(line))
        result = COMMANDS[words[0].rpartition("/")[2]].run(machine, Call(words))
    return result


def rows(machine: Machine, path: str) -> list[str]:
    entry = machine.tree.find(path)
    assert isinstance(entry, File)
    return read(entry.content).decode().splitlines()


def added(script: str, block: str = BASE) -> list[str]:
    """The rows of passwd and group that a script adds or changes."""
    machine = machine_of(block)
    before = {*rows(machine, "/etc/passwd"), *rows(machine, "/etc/group")}
    run(machine, script)
    return [row for path in ("/etc/passwd", "/etc/group") for row in rows(machine, path) if row not in before]


REDIS, WEB = stable_number("redis", ()), stable_number("web", ())


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("adduser --system redis", [f"redis:x:{REDIS}:65534::/nonexistent:/usr/sbin/nologin"]),
        (
            "adduser --system --group --quiet --home /var/lib/redis --no-create-home --gecos 'a b' redis",
            [f"redis:x:{REDIS}:{REDIS}:a b:/var/lib/redis:/usr/sbin/nologin", f"redis:x:{REDIS}:"],
        ),
        ("adduser --system --ingroup mail redis", [f"redis:x:{REDIS}:8::/nonexistent:/usr/sbin/nologin"]),
        ("adduser -system -shell=/bin/sh --gid 8 redis", [f"redis:x:{REDIS}:8::/nonexistent:/bin/sh"]),
        ("adduser --system --uid 120 redis", ["redis:x:120:65534::/nonexistent:/usr/sbin/nologin"]),
        ("addgroup --system redis", [f"redis:x:{REDIS}:"]),
        ("addgroup --system --gid 120 redis", ["redis:x:120:"]),
        ("adduser --system --firstuid 500 --lastuid 500 web", ["web:x:500:65534::/nonexistent:/usr/sbin/nologin"]),
        ("adduser mail users", ["users:x:100:mail"]),
        ("addgroup mail users", ["users:x:100:mail"]),
        (
            "groupadd --system redis\nadduser --system --ingroup redis redis",
            [f"redis:x:{REDIS}:{REDIS}::/nonexistent:/usr/sbin/nologin", f"redis:x:{REDIS}:"],
        ),
        (
            "useradd -r -g mail -d /x -s /bin/false -c c redis",
            [f"redis:x:{REDIS}:8:c:/x:/bin/false"],
        ),
        ("useradd -rU redis", [f"redis:x:{REDIS}:{REDIS}::/home/redis:/bin/sh", f"redis:x:{REDIS}:"]),
        ("useradd -r -N -G mail,users redis", [
            f"redis:x:{REDIS}:100::/home/redis:/bin/sh", "mail:x:8:redis", "users:x:100:redis"]),
        ("usermod -aG users mail\nusermod -a -G nogroup mail", ["users:x:100:mail", "nogroup:x:65534:mail"]),
        ("usermod -G users mail\nusermod -G nogroup mail", ["nogroup:x:65534:mail"]),
        ("usermod -d /h -s /s -c c -g users mail", ["mail:x:8:100:c:/h:/s"]),
        ("usermod -l post mail", ["post:x:8:8:mail:/var/mail:/usr/sbin/nologin"]),
        ("chsh -s /bin/bash mail\nchfn -f Mail mail", ["mail:x:8:8:Mail,,,:/var/mail:/bin/bash"]),
        ("gpasswd -a mail users", ["users:x:100:mail"]),
        ("gpasswd -a mail users\ngpasswd -d mail users", []),
        ("gpasswd -M root,mail users", ["users:x:100:root,mail"]),
        ("groupmod -g 9 -n post mail", ["mail:x:8:9:mail:/var/mail:/usr/sbin/nologin", "post:x:9:"]),
        ("adduser --system --group redis\ndeluser redis", []),
        ("useradd redis\nuserdel redis", []),
        ("groupadd redis\ndelgroup redis\ngroupadd -r redis\ngroupdel redis", []),
    ],
)  # fmt: skip
def test_rows_of_passwd_and_group(script: str, expected: list[str]) -> None:
    assert added(script) == expected


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("adduser --system mail", 0),
        ("adduser --system --uid 9 mail", 13),
        ("adduser --system --ingroup none redis", 12),
        ("adduser mail none", 12),
        ("adduser --disabled-password mail", 11),
        ("adduser --system --uid 8 redis", 21),
        ("addgroup --gid 8 redis", 21),
        ("addgroup mail", 11),
        ("addgroup --system users", 0),
        ("useradd mail", 9),
        ("useradd users", 9),
        ("useradd -g none redis", 6),
        ("useradd -u 8 redis", 4),
        ("groupadd mail", 9),
        ("groupadd -f mail", 0),
        ("groupadd -g 8 redis", 4),
        ("groupdel mail", 8),
        ("usermod -g none mail", 6),
        ("usermod -s /bin/sh none", 6),
        ("gpasswd -a none users", 3),
        ("deluser none", 12),
        ("deluser --system none", 0),
    ],
)
def test_how_a_command_ends(command: str, status: int) -> None:
    assert run(machine_of(), command).status == status


@pytest.mark.parametrize(
    "command",
    ["adduser redis", "passwd root", "chsh root", "useradd --root /mnt redis", "useradd --unknown x",
     "usermod -md /x mail",
     "deluser --remove-home mail", "getent hosts localhost", "adduser --system --uid x redis"],
)  # fmt: skip
def test_what_is_not_followed(command: str) -> None:
    with pytest.raises(NotUnderstood):
        run(machine_of(), command)


def test_a_home_belongs_to_its_user_and_ordinary_ones_get_the_skeleton() -> None:
    machine = machine_of("f 0644 0:0 /etc/skel/.profile ''")
    run(machine, "adduser --system --group --home /var/lib/redis redis")
    run(machine, "adduser --disabled-password --uid 1500 --gecos x joe")
    run(machine, "useradd -r -m -d /var/lib/web web")
    homes = [line for line in listed(machine.tree.finished()).splitlines() if " /etc" not in line]
    assert (
        "\n".join(homes)
        == text(
            f"""
        d 0755 0:0 /home
        d 0700 1500:1500 /home/joe
        f 0644 1500:1500 /home/joe/.profile
        d 0755 0:0 /var
        d 0755 0:0 /var/lib
        d 0755 {REDIS}:{REDIS} /var/lib/redis
        d 0755 {WEB}:{WEB} /var/lib/web
        """
        )
        or homes
    )


def test_passwords_are_locked_and_have_no_day() -> None:
    machine = machine_of()
    run(machine, "adduser --system redis\nuseradd -r web\npasswd -l mail\nchage -M -1 mail")
    assert rows(machine, "/etc/shadow") == [
        "root:*:20000:0:99999:7:::",
        "mail:!*:20000:0::7:::",
        "redis:!:::::::",
        "web:!:::::::",
    ]


def test_passwords_move_into_the_files_of_root() -> None:
    machine = machine_of(
        r"""
        f 0644 0:0 /etc/passwd 'root:*:0:0:root:/root:/bin/sh\n'
        f 0644 0:0 /etc/group 'root:*:0:\nmail:*:8:\n'
        """
    )
    run(machine, "shadowconfig on\naddgroup --system redis")
    assert rows(machine, "/etc/passwd") == ["root:x:0:0:root:/root:/bin/sh"]
    assert rows(machine, "/etc/shadow") == ["root:*:::::::"]
    assert rows(machine, "/etc/gshadow") == ["root:*::", "mail:*::", "redis:!::"]


def test_the_order_of_accounts_does_not_change_their_numbers() -> None:
    one = {*added("adduser --system a\nadduser --system --group b\ngroupadd -r c")}
    assert one == {*added("groupadd -r c\nadduser --system --group b\nadduser --system a")}


def test_numbers_of_the_recipe_count_first() -> None:
    machine = machine_of()
    given = machine.state(AccountNumbers)
    given.users["redis"], given.groups["post"] = 6379, 25
    run(machine, "adduser --system --group redis\naddgroup --system post")
    assert rows(machine, "/etc/passwd")[-1] == "redis:x:6379:6379::/nonexistent:/usr/sbin/nologin"
    assert rows(machine, "/etc/group")[-2:] == ["redis:x:6379:", "post:x:25:"]


def test_a_second_user_gets_another_number_where_two_names_meet() -> None:
    block = BASE.replace("mail:x:8:8:", f"mail:x:{REDIS}:8:")
    assert added("adduser --system redis", block)[0] != f"redis:x:{REDIS}:65534::/nonexistent:/usr/sbin/nologin"


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("getent passwd mail", "mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n"),
        ("getent passwd 8", "mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n"),
        ("getent group users", "users:x:100:\n"),
        ("getent group", "root:x:0:\nmail:x:8:\nusers:x:100:\nnogroup:x:65534:\n"),
        ("id -u mail", "8\n"),
        ("id -un", "root\n"),
        ("id -u", "0\n"),
        ("id -ng mail", "mail\n"),
        ("id -Gn mail", "mail\n"),
        ("id mail", "uid=8(mail) gid=8(mail) groups=8(mail)\n"),
        ("groups mail", "mail : mail\n"),
    ],
)
def test_what_is_looked_up(command: str, output: str) -> None:
    assert run(machine_of(), command) == Result(0, output.encode())


@pytest.mark.parametrize(("command", "status"), [("getent passwd none", 2), ("id none", 1), ("groups none", 1)])
def test_what_is_not_there(command: str, status: int) -> None:
    assert run(machine_of(), command) == Result(status, b"")


def test_ordinary_groups_have_numbers_of_people() -> None:
    assert added("groupadd joe") == [f"joe:x:{stable_number('joe', (), ORDINARY)}:"]


def test_the_lines_of_scripts_are_the_reasons_of_the_files() -> None:
    machine = machine_of()
    run(machine, "adduser --system redis")
    machine.line = 9
    run(machine, "adduser --system web")
    entry = machine.tree.find("/etc/passwd")
    assert entry is not None
    assert [origin.detail for origin in entry.origins] == [
        "line 7 of the postinst of pkg",
        "line 9 of the postinst of pkg",
    ]
