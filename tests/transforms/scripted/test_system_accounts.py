"""System accounts that packages declare, in passwd(5) and group(5)."""

from fromscratch.formats.sysusers import Line, parse
from fromscratch.model.content import read
from fromscratch.model.entry import File, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.transforms.scripted.system_accounts import declared, with_system_accounts
from fromscratch.transforms.scripted.temporary_files import declared as temporary_files
from fromscratch.transforms.scripted.temporary_files import with_temporary_files
from tests.trees import listed, text, tree

MADE = Origin("source", "made by", "systemd-sysusers")


def content(root: Rootfs, path: str) -> str:
    entry = root.find(path)
    assert isinstance(entry, File)
    return read(entry.content).decode()


def accounts(lines: str, below: str = "") -> list[str]:
    made = with_system_accounts(tree(below), parse(lines).lines, MADE)
    return [line for path in ("/etc/passwd", "/etc/group") for line in content(made, path).splitlines()]


def test_numbers_are_those_of_the_lines_and_the_highest_free_ones() -> None:
    assert accounts("u svc 970 'Svc' /srv\nu any -\ng input -\nm any input\nu web -:mail\ng mail 12") == [
        "root:x:0:0:root:/root:/bin/sh",
        "svc:x:970:970:Svc:/srv:/usr/sbin/nologin",
        "any:x:998:998::/:/usr/sbin/nologin",
        "web:x:997:12::/:/usr/sbin/nologin",
        "root:x:0:",
        "input:x:999:any",
        "mail:x:12:",
        "svc:x:970:",
        "any:x:998:",
    ]


def test_accounts_of_the_tree_stay_and_their_numbers_are_not_given_again() -> None:
    below = """
    f 0644 0:0 /etc/passwd 'root:x:0:0:r:/root:/bin/sh\\nsvc:x:5:5::/:/bin/sh\\nold:x:999:999::/:\\n'
    f 0644 0:0 /etc/group 'root:x:0:\\nmail:x:12:old\\n'
    """
    assert accounts("u svc 970\nu new 999\nm svc mail", below) == [
        "root:x:0:0:r:/root:/bin/sh",
        "svc:x:5:5::/:/bin/sh",
        "old:x:999:999::/:",
        "new:x:998:998::/:/usr/sbin/nologin",
        "root:x:0:",
        "mail:x:12:old,svc",
        "new:x:998:",
    ]


def test_nothing_declared_changes_nothing() -> None:
    root = tree("d 0755 0:0 /etc")
    assert with_system_accounts(root, (), MADE) is root


def test_files_are_read_by_name_and_one_of_etc_hides_another() -> None:
    root = tree(
        """
        f 0644 0:0 /etc/sysusers.d/b.conf ''
        f 0644 0:0 /usr/lib/sysusers.d/a.conf 'u a 1\\nu 1bad\\n'
        f 0644 0:0 /usr/lib/sysusers.d/b.conf 'u hidden 2\\n'
        f 0644 0:0 /usr/lib/sysusers.d/c.txt 'u text 3\\n'
        """
    )
    found = declared(root)
    assert (found.lines, found.faults) == ((Line("u", "a", "1"),), ("/usr/lib/sysusers.d/a.conf: line 2: 'u 1bad'",))


def test_what_a_start_would_make() -> None:
    root = tree(
        """
        f 0644 0:0 /etc/passwd 'svc:x:970:970::/:/bin/false\\n'
        f 0644 0:0 /etc/group 'svc:x:970:\\n'
        f 0600 0:0 /etc/there 'there'
        f 0644 0:0 /usr/share/factory/etc/issue 'hello'
        f 0644 0:0 /usr/lib/tmpfiles.d/a.conf 'd /var/lib/svc 0750 svc svc -\\nd /tmp/x\\nd /var/u 0755 who\\n\
f /etc/there - - - - new\\nC /etc/issue\\nL /etc/mtab - - - - ../proc/self/mounts\\nd /run/lock 1777\\n'
        """
    )
    made = with_temporary_files(root, temporary_files(root).lines, MADE)
    assert set(listed(made).splitlines()) - set(listed(root).splitlines()) == set(
        text(
            """
            f 0644 0:0 5 /etc/issue
            l 0777 0:0 /etc/mtab -> ../proc/self/mounts
            d 0755 0:0 /run
            d 1777 0:0 /run/lock
            d 0755 0:0 /var
            d 0755 0:0 /var/lib
            d 0750 970:970 /var/lib/svc
            """
        ).splitlines()
    )
    assert content(made, "/etc/there") == "there"
