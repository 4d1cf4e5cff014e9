"""Commands of single packages, and those that ask a running system."""

import shlex

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.interpreter import run_script
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood, Result
from tests.trees import listed, tree

PARTS = r"""
    f 0644 0:0 /etc/lighttpd/conf-available/10-fastcgi.conf 'server.modules += ( "mod_fastcgi" )\n'
    f 0644 0:0 /etc/lighttpd/conf-available/15-php.conf '# -*- depends: fastcgi -*-\n'
    f 0644 0:0 /etc/lighttpd/conf-available/20-other.conf '# -*- conflicts: php -*-\n'
    d 0755 0:0 /etc/lighttpd/conf-enabled
"""


def machine_of(block: str) -> Machine:
    return Machine(ChangingTree(tree(block)), label="source", architecture="amd64", packages=())


def run(machine: Machine, line: str) -> Result:
    words = tuple(shlex.split(line))
    return COMMANDS[words[0]].run(machine, Call(words))


def links(machine: Machine) -> list[str]:
    return [line.split("/")[-1] for line in listed(machine.tree.finished()).splitlines() if line.startswith("l ")]


def test_a_part_of_lighttpd_is_enabled_with_what_it_depends_on_and_disabled_with_what_needs_it() -> None:
    machine = machine_of(PARTS)
    assert run(machine, "lighty-enable-mod php").status == 0
    assert links(machine) == ["10-fastcgi.conf", "15-php.conf"]
    assert run(machine, "lighttpd-enable-mod php").status == 2
    assert run(machine, "lighty-enable-mod other").status == 1
    assert run(machine, "lighty-enable-mod unknown").status == 2
    assert run(machine, "lighttpd-disable-mod fastcgi").status == 0
    assert links(machine) == []


def test_capabilities_are_given_and_taken_away() -> None:
    machine = machine_of("f 0755 0:0 /usr/bin/ping")
    assert run(machine, "getcap /usr/bin/ping").output == b""
    assert run(machine, "setcap cap_net_raw+ep /usr/bin/ping").status == 0
    assert "security.capability=0x0100000200200000000000000000000000000000" in listed(machine.tree.finished())
    assert run(machine, "getcap /usr/bin/ping").output is None
    assert run(machine, "setcap -r /usr/bin/ping").status == 0
    assert "security" not in listed(machine.tree.finished())
    assert run(machine, "setcap cap_net_raw+ep /usr/bin/missing").status == 1
    with pytest.raises(NotUnderstood):
        run(machine, "setcap cap_unheard_of+ep /usr/bin/ping")


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("pgrep -x redis-server", Result(1)),
        ("mountpoint -q /proc", Result()),
        ("mountpoint -q /srv", Result(32)),
        ("ss -nlt", Result()),
        ("df --output=avail /var/lib/mysql", Result(output=b"Avail\n1099511627776\n")),
    ],
)
def test_nothing_runs_and_nothing_is_full_in_an_image(line: str, result: Result) -> None:
    assert run(machine_of(""), line) == result


def test_a_disk_of_this_machine_is_not_known() -> None:
    with pytest.raises(NotUnderstood):
        run(machine_of(""), "df -h /")


@pytest.mark.parametrize(
    ("line", "output"),
    [("uname", b"Linux\n"), ("uname -s", b"Linux\n"), ("uname -ms", b"Linux x86_64\n"), ("uname -r", None)],
)
def test_the_kernel_has_a_name_and_a_machine_but_no_release(line: str, output: bytes | None) -> None:
    assert run(machine_of(PARTS), line).output == output


def test_whether_there_is_a_perl_is_known() -> None:
    assert run(machine_of("f 0755 0:0 /usr/bin/perl 'elf'"), "perl -e ''").status == 0
    assert run(machine_of(PARTS), "perl -e ''").status == 127
    with pytest.raises(NotUnderstood):
        run(machine_of(PARTS), "perl -e 'print 1'")


SQUID = r"""
    d 0755 0:0 /etc/squid/conf.d
    f 0644 0:0 /etc/squid/conf.d/debian.conf 'logfile_rotate 0\n'
    f 0644 0:0 /etc/squid/squid.conf '# cache_dir /a\nacl here src 10.0.0.0/8\ninclude /etc/squid/conf.d/*.conf\n'
"""


def test_squid_prints_its_configuration() -> None:
    printed = b"Processing: acl here src 10.0.0.0/8\nProcessing: logfile_rotate 0\n"
    assert run(machine_of(SQUID), "squid -k parse") == Result(output=printed)
    with pytest.raises(NotUnderstood, match="programs are not run"):
        run(machine_of(SQUID), "squid -z")
    with pytest.raises(NotUnderstood, match="conditions"):
        run(machine_of("f 0644 0:0 /etc/squid/squid.conf 'endif'"), "squid -k parse")


def test_the_key_that_a_container_makes_is_roots_until_its_script_gives_it_away() -> None:
    machine = machine_of("d 0755 0:0 /etc/bind")
    with pytest.raises(NotUnderstood, match="a key belongs to one container"):
        run(machine, "rndc-confgen -a")
    assert run(machine, "ls -ln /etc/bind/rndc.key").output == b"-rw------- 1 0 0 0 Jan  1  1970 /etc/bind/rndc.key\n"
    assert run(machine, "chown 0 /etc/bind/rndc.key") == Result()
    assert run(machine, "chmod g+r /etc/bind/rndc.key") == Result()
    assert listed(machine.tree.finished()) == listed(tree("d 0755 0:0 /etc/bind"))


def test_links_to_the_certificate_that_a_container_makes() -> None:
    machine = machine_of("d 0755 0:0 /etc/web")
    script = """
make-ssl-cert generate-default-snakeoil
if [ ! -e /etc/web/key ] && [ -e /etc/ssl/private/ssl-cert-snakeoil.key ]; then
    ln -s /etc/ssl/private/ssl-cert-snakeoil.key /etc/web/key
fi
"""
    run_script(machine, script, package="web", script="postinst", arguments=("configure",), environment={})
    assert links(machine) == ["ssl-cert-snakeoil.key"]
