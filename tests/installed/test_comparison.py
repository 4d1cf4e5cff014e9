"""The comparison with installed packages: what it looks at, and how it names a difference."""

from collections.abc import Sequence
from pathlib import Path

from tests.installed.comparison import Installed, differences
from tests.installed.listing import Listing, of_folder, of_tree
from tests.trees import tree

BEFORE = r"""
    f 0644 0:0 /etc/passwd 'root:x:0:0::/root:/bin/sh\n'
    f 0644 0:0 /etc/issue 'the base\n'
    f 0755 0:0 /usr/bin/apt
"""
AFTER = r"""
    f 0644 0:0 /etc/passwd 'root:x:0:0::/root:/bin/sh\nredis:x:100:101::/var/lib/redis:/bin/false\n'
    f 0644 0:0 /etc/group 'root:x:0:\nredis:x:101:\n'
    f 0644 0:0 /etc/issue 'the base\n'
    f 0640 100:101 /etc/redis.conf 'bind 127.0.0.1\n'
    l 0777 0:0 /usr/bin/redis -> redis-server
    f 0755 0:0 /usr/bin/apt
    d 0750 100:101 /var/lib/redis
    f 0644 0:0 /var/lib/dpkg/status
"""
OURS = r"""
    f 0644 0:0 /etc/passwd 'root:x:0:0::/root:/bin/sh\nredis:x:873:873::/var/lib/redis:/bin/false\n'
    f 0644 0:0 /etc/group 'root:x:0:\nredis:x:873:\n'
    f 0640 873:873 /etc/redis.conf 'bind 127.0.0.1\n'
    l 0777 0:0 /usr/bin/redis -> redis-server
    d 0750 873:873 /var/lib/redis
"""
OWNERS = {"/usr/bin/apt": {"apt"}, "/etc/redis.conf": {"redis"}, "/usr/bin/redis": {"redis"}}


def compared(ours: str, notes: Sequence[str] = ()) -> list[str]:
    installed = Installed(before=listing(BEFORE), after=listing(AFTER), owners=OWNERS)
    found = differences(listing(ours), installed, {"redis"}, notes)
    return [f"{one.verdict}: {one}" for one in found if one.verdict != "never wanted"]


def listing(block: str) -> Listing:
    return of_tree(tree(block))


def test_accounts_and_owners_are_compared_by_name_and_other_packages_not_at_all() -> None:
    assert compared(OURS) == []


def test_what_is_missing_or_otherwise_is_named() -> None:
    ours = (
        OURS.replace("0640 873:873", "0644 0:0")
        .replace("127.0.0.1", "::")
        .replace("d 0750 873:873 /var/lib/redis", "d 0755 0:0 /var/lib")
    )
    assert compared(ours.replace("-> redis-server", "-> redis-tools")) == [
        "unexplained: /etc/redis.conf: mode 0644, installed 0640; root:root, installed redis:redis; "
        "other content (-bind :: | +bind 127.0.0.1)",
        "unexplained: /usr/bin/redis: redis-tools, installed redis-server",
        "unexplained: /var/lib/redis: missing: directory 0750 redis:redis",
    ]


def test_what_the_build_said_is_told() -> None:
    note = "redis: left out: mkdir /var/lib/redis"
    ours = OURS.replace("d 0750 873:873 /var/lib/redis", "d 0755 0:0 /var/lib")
    assert compared(ours, [note]) == [
        f"left out and told: /var/lib/redis: missing: directory 0750 redis:redis ({note})"
    ]


def test_what_no_installation_has_is_named() -> None:
    assert compared(OURS + "f 0600 0:0 /etc/stray\n") == [
        "unexplained: /etc/stray: not there when installed: file 0600 root:root"
    ]


def test_a_folder_is_listed_as_its_tree_is(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/issue").write_text("the base\n")
    (tmp_path / "etc/link").symlink_to("issue")
    facts = (tmp_path / "etc/issue").stat()
    owner = f"{facts.st_uid}:{facts.st_gid}"
    expected = rf"""
        d {(tmp_path / "etc").stat().st_mode & 0o777:04o} {owner} /etc
        f {facts.st_mode & 0o777:04o} {owner} /etc/issue 'the base\n'
        l 0777 {owner} /etc/link -> issue
    """
    assert of_folder(tmp_path) == listing(expected)
