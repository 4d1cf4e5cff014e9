"""Trimming: categories, globs, exceptions, and symlinks that would be left dangling."""

import pytest

from fromscratch.errors import NotInTree, UsageError
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.transforms.trim import selected
from tests.trees import listed, text, tree

ROOT = """
    f 0644 0:0 /usr/lib/libz.a ''
    f 0644 0:0 /usr/lib/libz.so.1 ''
    d 0755 0:0 /usr/lib/locale
    d 0755 0:0 /usr/lib/locale/C.utf8
    f 0644 0:0 /usr/lib/locale/C.utf8/LC_CTYPE ''
    f 0644 0:0 /usr/lib/locale/locale-archive ''
    d 0755 0:0 /usr/share/doc/jq
    f 0644 0:0 /usr/share/doc/jq/README ''
    f 0644 0:0 /usr/share/doc/jq/copyright ''
    l 0777 0:0 /usr/share/doc/libjq1 -> jq
    f 0644 0:0 /usr/share/man/man1/jq.1.gz ''
    l 0777 0:0 /etc/manual -> ../usr/share/man/man1/jq.1.gz
    d 0755 0:0 /var/cache
    f 0644 0:0 /var/cache/debconf/config.dat ''
"""


def trimmed(given: Rootfs, rules: list[str]) -> Rootfs:
    return given.without(selected(given, rules))


def test_categories_take_documentation_locales_static_libraries_and_caches() -> None:
    made = trimmed(tree(ROOT), ["docs", "locales", "static-libraries", "caches"])
    assert listed(made) == text(
        """
        d 0755 0:0 /etc
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        f 0644 0:0 0 /usr/lib/libz.so.1
        d 0755 0:0 /usr/lib/locale
        d 0755 0:0 /usr/lib/locale/C.utf8
        f 0644 0:0 0 /usr/lib/locale/C.utf8/LC_CTYPE
        d 0755 0:0 /usr/share
        d 0755 0:0 /usr/share/doc
        d 0755 0:0 /usr/share/doc/jq
        f 0644 0:0 0 /usr/share/doc/jq/copyright
        d 0755 0:0 /var
        d 0755 0:0 /var/cache
        d 0755 0:0 /var/cache/debconf
        """
    )


def test_caches_leave_the_places_where_servers_write() -> None:
    root = """
    d 0755 0:0 /var
    d 0755 0:0 /var/log
    d 0750 5:5 /var/log/web
    f 0640 5:5 /var/log/web/old.log 'text'
    f 0640 5:5 /var/log/web.log ''
    f 0640 0:0 /var/log/root.log ''
    """
    left = text(root).splitlines()
    assert listed(trimmed(tree(root), ["caches"])).splitlines() == [*left[:3], "f 0640 5:5 0 /var/log/web.log"]


def test_licences_go_only_when_they_are_named() -> None:
    assert "/usr/share/doc/jq/copyright" not in trimmed(tree(ROOT), ["docs", "licences"])


def test_a_glob_takes_what_it_matches_and_a_later_exception_keeps_some() -> None:
    made = trimmed(tree(ROOT), ["/usr/share/**", "!/usr/share/doc/jq/README"])
    assert [path for path in made if path.startswith("/usr/share")] == [
        "/usr/share",
        "/usr/share/doc",
        "/usr/share/doc/jq",
        "/usr/share/doc/jq/README",
    ]


def test_what_is_taken_names_its_rule_and_a_dangling_symlink_goes_along() -> None:
    assert selected(tree(ROOT), ["docs"])[tree_path("/etc/manual")] == "docs, which takes /usr/share/man/man1/jq.1.gz"
    assert selected(tree(ROOT), ["*.a"]) == {"/usr/lib/libz.a": "*.a"}


MERGED = """
    l 0777 0:0 /lib -> usr/lib
    f 0644 0:0 /usr/lib/systemd/unit ''
    f 0644 0:0 /usr/lib/x[1]/y ''
    l 0777 0:0 /lib1 -> usr/lib/x[1]
    f 0644 0:0 /usr/lib64/libz.a ''
"""


@pytest.mark.parametrize(
    ("rule", "removed"),
    [
        ("/lib/systemd", ["/usr/lib/systemd", "/usr/lib/systemd/unit"]),
        ("/lib/*/u*", ["/usr/lib/systemd/unit"]),
        ("/lib1/y", ["/usr/lib/x[1]/y"]),
        ("/lib", ["/lib"]),
        ("/lib/nothing*", []),
        ("static-libraries", ["/usr/lib64/libz.a"]),
    ],
)
def test_a_rule_goes_through_symlinks_among_its_folders(rule: str, removed: list[str]) -> None:
    assert list(selected(tree(MERGED), [rule])) == removed


def test_a_link_whose_way_is_cut_goes_along_and_one_whose_target_stays_stays() -> None:
    given = tree(
        """
        l 0777 0:0 /etc/alternatives/awk -> /usr/bin/mawk
        l 0777 0:0 /etc/mtab -> /proc/mounts
        l 0777 0:0 /lib -> usr/lib
        l 0777 0:0 /loader -> lib/ld.so
        l 0777 0:0 /manual -> usr/share/doc/jq
        l 0777 0:0 /usr/bin/awk -> ../../etc/alternatives/awk
        l 0777 0:0 /usr/bin/nawk -> awk
        f 0755 0:0 /usr/bin/mawk ''
        f 0755 0:0 /usr/lib/ld.so ''
        f 0644 0:0 /usr/share/doc/jq/README ''
        f 0644 0:0 /usr/share/doc/jq/copyright ''
        """
    )
    assert selected(given, ["docs", "/etc/alternatives", "/lib"]) == {
        "/etc/alternatives": "/etc/alternatives",
        "/etc/alternatives/awk": "/etc/alternatives",
        "/lib": "/lib",
        "/loader": "a rule that takes a symlink on its way",
        "/usr/bin/awk": "/etc/alternatives, which takes /etc/alternatives/awk",
        "/usr/bin/nawk": "/etc/alternatives, which takes /etc/alternatives/awk",
        "/usr/share/doc/jq/README": "docs",
    }


@pytest.mark.parametrize("rule", ["/", "!", "!/", "//"])
def test_everything_is_no_rule(rule: str) -> None:
    with pytest.raises(UsageError, match="would be everything"):
        selected(tree(ROOT), [rule])


def test_a_plain_path_that_is_not_there_and_an_unknown_word_are_errors() -> None:
    with pytest.raises(NotInTree, match="there is no /usr/share/dco"):
        trimmed(tree(ROOT), ["/usr/share/dco"])
    with pytest.raises(UsageError, match="did you mean 'locales'"):
        trimmed(tree(ROOT), ["locale"])


def test_the_records_of_every_package_manager_can_be_left_out() -> None:
    given = tree(
        """
        f 0644 0:0 /lib/apk/db/installed ''
        f 0644 0:0 /usr/lib/sysimage/rpm/rpmdb.sqlite ''
        f 0644 0:0 /var/db/pkg/a/b/CONTENTS ''
        f 0644 0:0 /var/lib/dpkg/status ''
        f 0644 0:0 /var/lib/rpm/Packages ''
        """
    )
    assert [path for path, rule in selected(given, ["package-records"]).items() if not given.children(path)] == [
        path for path in given if not given.children(path)
    ]
