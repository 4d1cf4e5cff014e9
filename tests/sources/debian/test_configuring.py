"""What maintainer scripts of packages make, in which order they count, and what is said of the rest."""

from collections.abc import Callable

import pytest

from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.debian.scripts.configuring import in_order
from fromscratch.sources.debian.source import DebianSource
from fromscratch.transforms.scripted.account_numbers import GivenNumbers, stable_number
from tests.sources.debian.mirror import Mirror, package
from tests.sources.debian.test_debian import debian, made, mirror, store, why
from tests.trees import listed, tree

__all__ = ["debian", "mirror", "store"]
Debian = Callable[..., DebianSource]

ACCOUNTS = package(
    "base-passwd",
    {
        "usr/share/base-passwd/passwd.master": b"root:*:0:0:root:/root:/bin/sh\n",
        "usr/share/base-passwd/group.master": b"root:*:0:\nnogroup:*:65534:\n",
    },
)
SERVER = """\
#!/bin/sh
set -e
. /usr/share/debconf/confmodule
if [ "$1" = configure ]; then
    adduser --system --group --quiet --home /var/lib/server --no-create-home server
    install -d -o server -g server -m 0750 /var/lib/server
    db_get server/port
    echo "port $RET" > /etc/server.conf
    ldd /usr/bin/server
fi
"""
TEMPLATES = "Template: server/port\nType: string\nDefault: 6379\n"


def server() -> bytes:
    files = {"usr/bin/server@755": b"server"}
    extra = {"postinst": SERVER.encode(), "templates": TEMPLATES.encode()}
    return package("server", files, depends="base-passwd", extra=extra)


def rows(tree: Rootfs, word: str) -> list[str]:
    return [line for line in listed(tree).splitlines() if word in line]


def test_accounts_folders_and_files_are_made(debian: Debian, mirror: Mirror, store: Store) -> None:
    mirror.publish(ACCOUNTS, server())
    source = debian(packages=["server"], records=False)
    tree = made(source, store)
    number = stable_number("server", ())
    assert [*rows(tree, "lib/server"), *rows(tree, "server.conf")] == [
        f"d 0750 {number}:{number} /var/lib/server",
        "f 0644 0:0 10 /etc/server.conf",
    ]
    assert why(tree, "/var/lib/server")[:3] == [
        "made by line 6 of the postinst of server",
        "shipped in server 1",
        "asked for server in rootfs[0]",
    ]
    assert [(one.package, one.script, one.line, one.command) for one in source.left_out(store)] == [
        ("server", "postinst", 9, "ldd /usr/bin/server")
    ]


def test_an_answer_without_default_is_not_known_where_a_program_would_have_decided_it(
    debian: Debian, mirror: Mirror, store: Store
) -> None:
    postinst = b"#!/bin/sh\n. /usr/share/debconf/confmodule\n" + b"".join(
        b'db_get a/%s\necho "$RET" > /etc/%s\n' % (name, name) for name in (b"port", b"relay")
    )
    questions = b"Template: a/port\nType: string\nDefault: 25\n\nTemplate: a/relay\nType: string\n"
    extra = {"postinst": postinst, "templates": questions, "config": b"#!/usr/bin/perl\nprint 1;\n"}
    mirror.publish(package("a", {"usr/bin/a@755": b"a"}, extra=extra))
    source = debian(packages=["a"], records=False)
    assert rows(made(source, store), "/etc/") == ["f 0644 0:0 3 /etc/port"]
    assert [one.command for one in source.left_out(store)] == ["the whole script", "what is written to /etc/relay"]


def test_without_scripts_nothing_of_them_is_made(debian: Debian, mirror: Mirror, store: Store) -> None:
    mirror.publish(ACCOUNTS, server())
    source = debian(packages=["server"], records=False, scripts="none")
    tree = made(source, store)
    assert rows(tree, "server") == ["f 0755 0:0 6 /usr/bin/server"]
    assert not source.left_out(store)


def test_packages_below_have_run_their_scripts_already(debian: Debian, mirror: Mirror, store: Store) -> None:
    mirror.publish(ACCOUNTS, server())
    below = tree(
        """
        f 0644 0:0 /etc/group 'root:x:0:\\nserver:x:7:\\n'
        f 0644 0:0 /etc/passwd 'root:x:0:0::/root:/bin/sh\\nserver:x:7:7::/:/bin/sh\\n'
        """
    )
    source = debian(packages=["server"], records=False)
    source.fetch(store)
    laid = source.lay(below, store, replace=False)
    assert "d 0750 7:7 /var/lib/server" in listed(laid)


def test_a_preinst_comes_before_every_postinst(debian: Debian, mirror: Mirror, store: Store) -> None:
    files = {"etc": None}
    mirror.publish(
        package("a", files, extra={"postinst": b"#!/bin/sh\ncat /etc/said > /etc/seen\n"}),
        package("b", files, extra={"preinst": b"#!/bin/sh\necho $1 $DPKG_MAINTSCRIPT_PACKAGE > /etc/said\n"}),
    )
    tree = made(debian(packages=["a", "b"], records=False), store)
    assert "f 0644 0:0 10 /etc/seen" in listed(tree)


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"a": ["b"], "b": ["c"], "c": []}, ["c", "b", "a"]),
        ({"a": [], "z": []}, ["z", "a"]),
        ({"a": ["c"], "b": ["a"], "c": ["b"]}, ["b", "c", "a"]),
        ({"a": ["not-there"]}, ["a"]),
    ],
    ids=["after what they need", "Essential first", "a circle", "what is not there"],
)
def test_order(needs: dict[str, list[str]], expected: list[str]) -> None:
    assert in_order(needs, essential={"z"}) == expected


def test_what_packages_declare_in_files_is_made_around_their_scripts(
    debian: Debian, mirror: Mirror, store: Store
) -> None:
    files = {
        "usr/bin/declared@755": b"program",
        "usr/lib/sysusers.d/declared.conf": b"u declared 444\n",
        "usr/lib/tmpfiles.d/declared.conf": b"d /var/lib/declared 0700 late late\n",
        "usr/lib/systemd/system/declared.service": (
            b"[Service]\nUser=declared\nExecStart=/usr/bin/declared\nRuntimeDirectory=declared\n"
        ),
    }
    script = b"#!/bin/sh\naddgroup --system --gid 445 late\nadduser --system --uid 445 --ingroup late late\n"
    mirror.publish(ACCOUNTS, package("declared", files, depends="base-passwd", extra={"postinst": script}))
    tree = made(debian(packages=["declared"], records=False), store)
    assert [*rows(tree, "/run/declared"), *rows(tree, "lib/declared")] == [
        "d 0755 444:444 /run/declared",
        "d 0700 445:445 /var/lib/declared",
    ]
    assert why(tree, "/run/declared")[0] == "made by RuntimeDirectory= of /usr/lib/systemd/system/declared.service"


def test_a_number_that_the_recipe_gives_is_that_of_the_account(debian: Debian, mirror: Mirror, store: Store) -> None:
    mirror.publish(ACCOUNTS, server())
    plain = debian(packages=["server"], records=False)
    given = debian(packages=["server"], records=False, numbers=GivenNumbers({"server": 6379}, {"server": 6380}))
    tree = made(given, store)
    assert rows(tree, "lib/server") == ["d 0750 6379:6380 /var/lib/server"]
    plain.fetch(store)
    assert plain.fingerprint(store) != given.fingerprint(store)


def test_triggers_run_after_all_for_those_whom_they_concern(debian: Debian, mirror: Mirror, store: Store) -> None:
    told = b'#!/bin/sh\nset -e\nmkdir -p /etc\necho "$*" >> /etc/told\n'
    interests = b"# comment\ninterest-noawait /usr/share/plugins\ninterest by-name\ninterest never\n"
    sleeping = b"interest /usr/share/asleep\n"
    mirror.publish(
        package("a", {"usr/share/asleep/own": b""}, extra={"postinst": told, "triggers": sleeping}),
        package("b", extra={"postinst": told, "triggers": interests}),
        package("c", {"usr/share/plugins/c": b"plugin"}, extra={"postinst": b"#!/bin/sh\ndpkg-trigger by-name\n"}),
    )
    told_of = made(debian(packages=["a", "b", "c"], records=False), store).find("/etc/told")
    assert isinstance(told_of, File)
    assert read(told_of.content) == b"configure \nconfigure \ntriggered /usr/share/plugins by-name\n"


def test_what_packages_declare_for_systemd_is_made_without_scripts_too(
    debian: Debian, mirror: Mirror, store: Store
) -> None:
    files = {
        "usr/lib/sysusers.d/d.conf": b"u declared 77\n",
        "usr/lib/tmpfiles.d/d.conf": b"d /var/lib/d 0700 declared\n",
    }
    mirror.publish(ACCOUNTS, package("d", files, depends="base-passwd"))
    for scripts in ("none", "interpret"):
        assert "d 0700 77:0 /var/lib/d" in listed(made(debian(packages=["d"], records=False, scripts=scripts), store))


def test_a_diverted_file_of_another_package_gets_another_name(debian: Debian, mirror: Mirror, store: Store) -> None:
    divert = "dpkg-divert --package full --add --rename --divert /usr/share/vi/help.tiny /usr/share/vi/help\n"
    mirror.publish(
        package("full", {"usr/share/vi/help": b"full"}, extra={"preinst": f"#!/bin/sh\n{divert}".encode()}),
        package("tiny", {"usr/share/vi/help": b"ti"}),
    )
    laid = made(debian(packages=["full", "tiny"], records=False), store)
    assert rows(laid, "vi/help") == ["f 0644 0:0 4 /usr/share/vi/help", "f 0644 0:0 2 /usr/share/vi/help.tiny"]


def test_a_preinst_does_not_see_the_files_of_its_own_package(debian: Debian, mirror: Mirror, store: Store) -> None:
    preinst = b"#!/bin/sh\n[ ! -e /etc/mine ] || mv /etc/mine /etc/mine.old\nrm -f /usr/share/mine\n"
    mirror.publish(package("a", {"etc/mine": b"new", "usr/share/mine": b"new"}, extra={"preinst": preinst}))
    laid = made(debian(packages=["a"], records=False), store)
    assert rows(laid, "mine") == ["f 0644 0:0 3 /etc/mine", "f 0644 0:0 3 /usr/share/mine"]
