"""Accounts as busybox 1.36 of Alpine 3.20 made them from the same calls, over the lists of alpine-baselayout."""

import pytest

from fromscratch.errors import ImageError
from fromscratch.formats.alpine.account_script import accounts_of
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import File, Origin, file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.transforms.scripted.busybox_accounts import with_busybox_accounts

MADE = Origin("alpine", "made by", "a script")
PASSWD = "root:x:0:0:root:/root:/bin/sh\nguest:x:405:100:guest:/dev/null:/sbin/nologin\n"
GROUP = "root:x:0:root\nwww-data:x:82:\nusers:x:100:games\nnogroup:x:65533:\n"


def after(script: str, passwd: str = PASSWD, group: str = GROUP) -> Rootfs:
    lists = {"/etc/passwd": passwd, "/etc/group": group}
    tree = Rootfs({tree_path(path): file(Inline(text.encode()), MADE) for path, text in lists.items()})
    return with_busybox_accounts(tree, accounts_of(script).calls, MADE)


def added(script: str) -> tuple[str, str]:
    """The lines of passwd and group that are new."""
    tree = after(script)

    def new(path: str, before: str) -> str:
        return "\n".join(line for line in text(tree, path).splitlines() if line not in before.splitlines())

    return new("/etc/passwd", PASSWD), new("/etc/group", GROUP)


def text(tree: Rootfs, path: str) -> str:
    entry = tree.find(path)
    assert isinstance(entry, File)
    return read(entry.content).decode()


@pytest.mark.parametrize(
    ("script", "passwd", "group"),
    [
        (
            "addgroup -S aaa\nadduser -S -D -H -h /var/lib/nginx -s /sbin/nologin -G aaa -g aaa aaa",
            "aaa:x:100:101:aaa:/var/lib/nginx:/sbin/nologin",
            "aaa:x:101:aaa",
        ),
        ("adduser -S bbb", "bbb:x:100:65533:Linux User,,,:/home/bbb:/sbin/nologin", "nogroup:x:65533:bbb"),
        ("adduser -D ccc", "ccc:x:1000:1000:Linux User,,,:/home/ccc:/bin/sh", "ccc:x:1000:"),
        ("adduser -D -u 1500 eee", "eee:x:1500:1500:Linux User,,,:/home/eee:/bin/sh", "eee:x:1500:"),
        ("addgroup -g 2000 gg", "", "gg:x:2000:"),
        ("addgroup -S -g 82 www", "", ""),
        ("adduser -S -G www -u 82 fff", "", ""),
        ("addgroup guest www-data", "", "www-data:x:82:guest"),
        ("addgroup nobody www-data", "", ""),
        ("adduser -S -u 405 x", "", ""),
        (
            "addgroup -S nginx\nadduser -SDH -G nginx -s /bin/false iii",
            "iii:x:100:101:Linux User,,,:/home/iii:/bin/false",
            "nginx:x:101:iii",
        ),
    ],
)
def test_as_busybox_does_it(script: str, passwd: str, group: str) -> None:
    assert added(script) == (passwd, group)


def test_a_password_is_locked_without_a_day() -> None:
    assert text(after("adduser -S bbb"), "/etc/shadow").endswith("bbb:!:::::::\n")


def test_home_folders() -> None:
    meta = after("adduser -S bbb")[TreePath("/home/bbb")].meta
    assert (meta.mode, meta.uid, meta.gid) == (0o2755, 100, 65533)
    assert "/home/bbb" not in after("adduser -SH bbb")


def test_no_number_is_left() -> None:
    full = "".join(f"u{number}:x:{number}:0::/:/x\n" for number in range(100, 1000))
    with pytest.raises(ImageError, match="there is no number left for the account a"):
        after("adduser -S a", passwd=full)
