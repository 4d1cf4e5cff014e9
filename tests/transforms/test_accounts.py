"""Accounts of the recipe in passwd(5), group(5) and shadow(5)."""

import pytest

from fromscratch.errors import Conflict, ImageError, UsageError
from fromscratch.formats.glibc.passwd import identity
from fromscratch.model.content import read
from fromscratch.model.entry import File, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.transforms.accounts import Group, User, check_passwords, with_accounts
from tests.trees import listed, text, tree

ASKED = Origin("recipe", "asked for", "accounts")
APP = User(name="app", uid=1000, gid=1000, home="/srv/app", shell="/bin/sh")


def content(root: Rootfs, path: str) -> str:
    entry = root.find(path)
    assert isinstance(entry, File)
    return read(entry.content).decode()


def test_an_empty_root_gets_root_the_user_its_group_and_its_home() -> None:
    made = with_accounts(Rootfs(), [APP], [], ASKED)
    assert listed(made) == text(
        """
        d 0755 0:0 /etc
        f 0644 0:0 22 /etc/group
        f 0644 0:0 64 /etc/passwd
        f 0640 0:0 27 /etc/shadow
        d 0755 0:0 /srv
        d 0755 1000:1000 /srv/app
        """
    )
    assert content(made, "/etc/passwd") == "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv/app:/bin/sh\n"
    assert content(made, "/etc/group") == "root:x:0:\napp:x:1000:\n"
    assert content(made, "/etc/shadow") == "root:*:::::::\napp:*:::::::\n"


def test_lines_that_are_there_stay_and_one_of_the_same_name_is_replaced() -> None:
    root = tree(
        """
        f 0644 0:0 /etc/passwd 'root:x:0:0:r:/root:/bin/bash\\napp:x:5:5::/:/bin/false\\n'
        f 0600 0:42 /etc/shadow 'root:!:1::::::\\n'
        """
    )
    made = with_accounts(root, [APP], [Group(name="app", gid=1000), Group(name="log", gid=4, members=("app",))], ASKED)
    assert content(made, "/etc/passwd") == "root:x:0:0:r:/root:/bin/bash\napp:x:1000:1000::/srv/app:/bin/sh\n"
    assert content(made, "/etc/group") == "root:x:0:\napp:x:1000:\nlog:x:4:app\n"
    assert content(made, "/etc/shadow").startswith("root:!:1::::::\n")
    assert "f 0600 0:42" in listed(made)
    who = identity(made, "app")
    assert (who.uid, who.gid) == (1000, 1000)


SHADOW = "f 0600 0:0 /etc/shadow 'root::1::::::\\nbob::1::::::\\n'"


def test_a_root_without_a_password_is_locked_unless_it_is_given_one_or_may_be_so() -> None:
    root = tree(f"f 0644 0:0 /etc/passwd 'root::0:0:root:/root:/bin/sh\\n'\n{SHADOW}")
    made = with_accounts(root, [], [], ASKED)
    assert content(made, "/etc/passwd") == "root:x:0:0:root:/root:/bin/sh\n"
    assert content(made, "/etc/shadow") == "root:*:1::::::\nbob::1::::::\n"
    given = with_accounts(root, [User(name="root", uid=0, gid=0, home="/root", password="$6$a$b")], [], ASKED)
    assert content(given, "/etc/shadow").startswith("root:$6$a$b:")
    left = with_accounts(root, [], [], ASKED, empty_passwords=["root"])
    assert content(left, "/etc/shadow") == content(root, "/etc/shadow")


def test_a_root_whose_password_was_kept_out_of_shadow_is_locked_there() -> None:
    made = with_accounts(tree("f 0644 0:0 /etc/passwd 'root::0:0::/:/bin/sh\\n'"), [], [], ASKED)
    assert content(made, "/etc/shadow") == "root:*:::::::\n"
    hashed = "f 0644 0:0 /etc/passwd 'root::0:0::/:/bin/sh\\n'\nf 0600 0:0 /etc/shadow 'root:$6$a$b:::::::\\n'"
    assert content(with_accounts(tree(hashed), [], [], ASKED), "/etc/shadow") == "root:$6$a$b:::::::\n"


@pytest.mark.parametrize(
    ("lines", "reported"),
    [
        (SHADOW, "/etc/shadow gives bob an empty password\n/etc/shadow gives root an empty password"),
        ("f 0644 0:0 /etc/passwd 'root:x:0:0::/:\\nbob::1:1::/:/bin/sh\\n'", "/etc/passwd gives bob an empty password"),
        ("l 0777 0:0 /etc -> data\nf 0600 0:0 /data/shadow ' root::'", "/etc/shadow gives root an empty password"),
        ("f 0600 0:0 /etc/shadow 'root:*::\\nroot::1\\n'", "/etc/shadow gives root an empty password"),
    ],
)
def test_accounts_that_anybody_could_take_on_are_refused_by_name(lines: str, reported: str) -> None:
    with pytest.raises(ImageError) as caught:
        check_passwords(tree(lines))
    assert caught.value.message == f"{reported}\nany user of a container could become them"
    assert "empty_passwords: [" in caught.value.hint
    assert ("lock root" in caught.value.hint) == ("root" in reported)
    check_passwords(tree(lines), ["root", "bob"])


def test_accounts_with_a_password_or_locked_ones_and_what_is_no_account_pass() -> None:
    lines = ["root:*:", "a:!:", "b:$6$a$b:", "", "# c::", "+::", "-d::", "word"]
    check_passwords(tree(f"f 0600 0:0 /etc/shadow {chr(10).join(lines)!r}\nd 0755 0:0 /etc/passwd"))


def test_a_number_that_is_somebody_elses_is_a_conflict_that_names_both() -> None:
    root = tree("f 0644 0:0 /etc/passwd 'bob:x:1000:1000::/:/bin/sh\\n'")
    with pytest.raises(Conflict, match="1000 to bob already, and the recipe to app"):
        with_accounts(root, [APP], [], ASKED)


def test_a_field_that_would_break_its_line_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot stand in /etc/passwd"):
        with_accounts(Rootfs(), [User(name="app", uid=1, gid=1, comment="a:b")], [], ASKED)


def test_a_group_that_the_recipe_names_is_not_lost_to_a_user_of_its_name() -> None:
    with pytest.raises(Conflict, match="the group app the number 2000, and the user of that name the group 1000"):
        with_accounts(Rootfs(), [APP], [Group(name="app", gid=2000)], ASKED)


def test_nothing_of_what_is_there_is_lost() -> None:
    lines = ["#", "bob:x:5:5:a\u2028b:/:/bin/sh", "bob:x:6:6::/:/bin/sh", "# bob", "eve:x:\u00b2:7::/:/bin/sh"]
    root = tree(f"f 0644 0:0 /etc/passwd {chr(10).join(lines)!r}")
    made = content(with_accounts(root, [APP], [], ASKED), "/etc/passwd").split("\n")
    assert made[: len(lines)] == lines
