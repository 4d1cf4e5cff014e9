"""What is taken out of the root that a tool has made, and what is put in its place."""

from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta, file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.sources.bootstrap.leftovers import cleaned
from fromscratch.sources.bootstrap.tools import debian
from tests.trees import listed, text, tree

SINCE, UNTIL = 1_800_000_000_000_000_000, 1_800_000_060_000_000_000


def test_what_is_of_the_machine_or_the_moment_goes_and_folders_stay() -> None:
    made = tree("""
        d 0755 0:0 /dev
        f 0666 0:0 /dev/null
        d 0755 0:0 /etc
        f 0644 0:0 /etc/hostname 'builder'
        f 0444 0:0 /etc/machine-id '0123'
        f 0644 0:0 /etc/passwd 'root'
        f 0644 0:0 /etc/passwd- 'root'
        d 0755 0:0 /run
        d 0755 0:0 /run/lock
        d 1777 0:0 /tmp
        f 0644 0:0 /tmp/x
        d 0755 0:0 /var
        d 0755 0:0 /var/cache
        d 0755 0:0 /var/cache/apt
        f 0644 0:0 /var/cache/apt/pkgcache.bin 'x'
        d 0755 0:0 /var/lib
        d 0755 0:0 /var/lib/apt
        d 0755 0:0 /var/lib/apt/lists
        f 0640 0:0 /var/lib/apt/lists/x_InRelease 'x'
        f 0640 0:0 /var/lib/apt/extended_states 'x'
        d 0755 0:0 /var/log
        d 2755 0:4 /var/log/app
        f 0640 0:4 /var/log/app/log 'x'
    """)
    assert listed(cleaned(made, debian.LEFTOVERS, {}, (SINCE, UNTIL))) == text("""
        d 0755 0:0 /dev
        d 0755 0:0 /etc
        f 0644 0:0 4 /etc/passwd
        d 0755 0:0 /run
        d 1777 0:0 /tmp
        d 0755 0:0 /var
        d 0755 0:0 /var/cache
        d 0755 0:0 /var/cache/apt
        d 0755 0:0 /var/lib
        d 0755 0:0 /var/lib/apt
        f 0640 0:0 1 /var/lib/apt/extended_states
        d 0755 0:0 /var/lib/apt/lists
        d 0755 0:0 /var/log
        d 2755 0:4 /var/log/app
    """)


def test_the_configuration_names_the_repositories_themselves_and_records_one_time() -> None:
    def made(path: str, data: bytes, mtime: int = 0) -> Rootfs:
        return Rootfs({tree_path(path): File(Meta(0o644, mtime=mtime), Inline(data))})

    addresses = {
        "copy:///tmp/bootstrap/mirror/repo1": "https://x.example/b",
        "copy:///tmp/bootstrap/mirror/repo10": "https://x.example/c",
    }
    before = made("/etc/apt/sources.list", b"deb copy:///tmp/bootstrap/mirror/repo10 sid main\n")
    before = before.merged(made("/var/lib/pacman/local/app-1/desc", b"%NAME%\napp\n\n%INSTALLDATE%\n1790000000\n\n"))
    times = {"/srv/old": SINCE - 1, "/srv/first": SINCE, "/srv/last": UNTIL, "/srv/future": UNTIL + 1}
    for path, mtime in times.items():
        before = before.merged(made(path, b"x", mtime))
    after = cleaned(before, (), addresses, (SINCE, UNTIL))

    def content(path: str) -> bytes:
        entry = after.find(path)
        assert isinstance(entry, File)
        return entry.content.open().read()

    assert content("/etc/apt/sources.list") == b"deb https://x.example/c sid main\n"
    assert content("/var/lib/pacman/local/app-1/desc") == b"%NAME%\napp\n\n%INSTALLDATE%\n1700000000\n\n"
    assert {path: after[tree_path(path)].meta.mtime for path in times} == {
        "/srv/old": SINCE - 1,
        "/srv/first": 1_700_000_000_000_000_000,
        "/srv/last": 1_700_000_000_000_000_000,
        "/srv/future": UNTIL + 1,
    }


def test_a_tree_without_leftovers_stays_as_it_is() -> None:
    made = Rootfs({tree_path("/usr/bin/app"): file(Inline(b"app"))})
    assert listed(cleaned(made, (), {}, (SINCE, UNTIL))) == listed(made)
