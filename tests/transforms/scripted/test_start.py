"""What a container of a package starts, as the files of the package say."""

import pytest
from msgspec.structs import replace

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.entry import Origin
from fromscratch.transforms.scripted.foreground import in_foreground
from fromscratch.transforms.scripted.start import Start, lacks_shell, start_of
from tests.trees import tree

BASE = r"""
f 0644 0:0 /etc/passwd 'root:x:0:0:root:/root:/bin/sh\nweb:x:970:970::/var/lib/web:/bin/false\n'
d 0750 970:970 /var/lib/web
f 0755 0:0 /usr/sbin/web ''
f 0755 0:0 /usr/bin/web-tool ''
"""


def start(package: str, *lines: str, **units: str) -> Start:
    """The start of a package, whose units are given by name without ".service"; it ships all of them."""
    files = [
        f"f 0644 0:0 /usr/lib/systemd/system/{name.replace('_', '-')}.service {'[Service]' + chr(10) + text!r}"
        for name, text in units.items()
    ]
    changing = ChangingTree(tree("\n".join([BASE, *lines, *files])))
    for path in [*changing.within(changing.resolve("/"))]:
        entry = changing.find(path, follow_last=False)
        if entry is not None and path.endswith((".service", "web-tool")):
            changing.put(path, replace(entry, origins=(Origin("source", "shipped in", "web 1.0"),)))
    return start_of(changing, package)


def test_a_service_says_the_command_the_user_and_the_variables() -> None:
    found = start(
        "web",
        r"f 0644 0:0 /etc/default/web 'OPTS=\"-a  -b\"\nEMPTY=\n'",
        r"f 0644 0:0 /etc/web.conf '# port 1\nlisten 127.0.0.1:8080\n'",
        web="User=web\nGroup=adm\nWorkingDirectory=~\nEnvironment=MODE=x\nEnvironmentFile=-/etc/default/web\n"
        "ExecStart=web /etc/web.conf $OPTS ${MODE}y $NONE ${NONE}\n",
    )
    assert found == Start(
        command=("/usr/sbin/web", "/etc/web.conf", "-a", "-b", "xy", ""),
        user="web:adm",
        environment={"HOME": "/var/lib/web", "MODE": "x", "OPTS": "-a  -b"},
        working_folder="/var/lib/web",
        ports=("8080",),
        because="ExecStart= of /usr/lib/systemd/system/web.service",
    )


@pytest.mark.parametrize("package", ["web", "web-server", "web2.0", "web-imapd"])
def test_the_service_of_the_name_comes_first(package: str) -> None:
    assert start(package, other="ExecStart=/other", web="ExecStart=/usr/sbin/web").command == ("/usr/sbin/web",)


def test_of_several_services_the_likest_is_taken_and_no_task_that_ends() -> None:
    found = start("web", wub="ExecStart=/usr/sbin/web a", nmb="ExecStart=/x", web="Type=oneshot\nExecStart=/bin/true")
    assert found.command == ("/usr/sbin/web", "a")


def test_a_package_without_a_service_starts_the_program_of_its_name() -> None:
    assert start("web").command == ("/usr/sbin/web",)
    assert start("web", "f 0755 0:0 /etc/init.d/web ''").command == ()
    assert start("none").notes == (
        "none has no service, and no program of its name either: say under cmd: what to start",
    )


def test_of_the_ports_of_a_profile_that_of_the_configuration_comes_first() -> None:
    profile = r"f 0644 0:0 /etc/ufw/applications.d/web '[Web]\nports=2048,3128,4827\n'"
    configuration = r"f 0644 0:0 /etc/web.conf '# http_port 2048\nhttp_port 3128\n'"
    assert start("web", profile, configuration, web="ExecStart=/usr/sbin/web").ports == ("3128", "2048", "4827")


def test_ports_of_a_socket_come_before_those_of_a_profile() -> None:
    unit = "ExecStart=/usr/sbin/web"
    profile = r"f 0644 0:0 /etc/ufw/applications.d/web '[Web]\nports=80,443/tcp|53/udp\n[Other]\nports=1\n'"
    socket = r"f 0644 0:0 /usr/lib/systemd/system/web.socket '[Socket]\nListenStream=[::1]:99\nListenStream=/s\n'"
    assert start("web", profile, web=unit).ports == ("80", "443", "53/udp")
    assert start("web", profile, socket, web=unit).ports == ("99",)


def test_ports_stand_in_the_configuration_of_the_name() -> None:
    listening = r"f 0644 0:0 /etc/web/ports.conf 'Listen 80\n<If ssl>\n  Listen 443\n</If>\n#Listen 1\n'"
    assert start("web", listening, web="ExecStart=/usr/sbin/web").ports == ("80", "443")


def test_a_command_of_a_shell_needs_one() -> None:
    found = start("web", web="ExecStart=sh -c 'exec web'")
    assert lacks_shell(ChangingTree(tree(BASE)), found)
    assert not lacks_shell(ChangingTree(tree(BASE + "f 0755 0:0 /usr/bin/sh ''")), found)
    assert lacks_shell(ChangingTree(tree(BASE)), Start(command=("/usr/sbin/web",), first=("make-key",)))


def test_what_nobody_can_follow_is_said() -> None:
    found = start("web", web="Type=forking\nExecStartPre=/usr/bin/make-key 'a b'\nExecStart=/usr/sbin/web -x")
    assert found.command == ()
    assert found.notes == (
        "/usr/sbin/web -x goes into the background: say under cmd: how it stays in the foreground",
        "before its start systemd would run: /usr/bin/make-key 'a b'",
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("/usr/sbin/nginx -g daemon", ("/usr/sbin/nginx", "-g", "daemon off;")),
        ("/usr/sbin/apachectl start", ("/usr/sbin/apachectl", "-D", "FOREGROUND")),
        ("postfix debian-systemd-start", ("postfix", "start-fg")),
        ("/x/proftpd -c /etc/p --nodaemon", ("/x/proftpd", "-c", "/etc/p", "--nodaemon")),
        ("/usr/sbin/privoxy --user p /etc/p", ("/usr/sbin/privoxy", "--no-daemon", "--user", "p", "/etc/p")),
        ("/usr/sbin/any --daemon -x", ("/usr/sbin/any", "-x")),
        ("/usr/sbin/any -x", None),
    ],
)
def test_servers_that_go_into_the_background_are_kept_in_front(words: str, expected: tuple[str, ...] | None) -> None:
    assert in_foreground(words.split(), forks=True) == expected


def test_a_server_that_stays_is_left_as_it_is_but_for_the_sockets_of_systemd() -> None:
    assert in_foreground(["/usr/sbin/nginx", "-x"], forks=False) == ("/usr/sbin/nginx", "-x")
    words = ["dbus-daemon", "--system", "--address=systemd:", "--nofork", "--systemd-activation"]
    assert in_foreground(words, forks=False) == ("dbus-daemon", "--system", "--nofork")


def test_a_package_that_stands_for_a_version_starts_the_service_of_that() -> None:
    unit = r"f 0644 0:0 /usr/lib/systemd/system/web8.4-fpm.service '[Service]\nExecStart=/usr/sbin/web -x\n'"
    assert start("web-fpm", unit).command == ("/usr/sbin/web", "-x")


def test_a_template_starts_the_one_instance_that_its_configuration_makes() -> None:
    unit = r"ExecStart=/usr/sbin/web --config /etc/web/%i.conf"
    instances = "d 0755 0:0 /etc/web\nf 0644 0:0 /etc/web/main.conf ''\nf 0644 0:0 /etc/web/README ''"
    assert start("web", instances, **{"web@": unit}).command == ("/usr/sbin/web", "--config", "/etc/web/main.conf")
    assert start("web", **{"web@": unit, "web": "Type=oneshot\nExecStart=/bin/true"}).notes == (
        "web is started once for each instance %i, and the image has none: say under cmd: what to start, "
        "in the foreground",
        "ExecStart= of /usr/lib/systemd/system/web@.service: /usr/sbin/web --config /etc/web/%i.conf",
    )


def test_a_port_stands_beside_its_word() -> None:
    listening = r"f 0644 0:0 /etc/web/web.conf 'Port\n2048 is not one\nport: 81\n'"
    assert start("web", listening, web="ExecStart=/usr/sbin/web").ports == ("81",)


def test_a_command_that_systemd_starts_as_root_has_no_user() -> None:
    found = start("web", web="User=web\nExecStart=!/usr/sbin/web -x")
    assert (found.command, found.user) == (("/usr/sbin/web", "-x"), "")


def test_a_known_server_behind_a_script_that_goes_into_the_background_is_started_itself() -> None:
    found = start("dnsmasq", "f 0755 0:0 /usr/sbin/dnsmasq ''", dnsmasq="Type=forking\nExecStart=/usr/share/help exec")
    assert found.command == ("/usr/sbin/dnsmasq", "--keep-in-foreground")


def test_a_cluster_of_postgresql_is_made_once_and_started() -> None:
    found = start(
        "postgresql-17",
        "f 0755 0:0 /usr/bin/pg_ctlcluster ''",
        "f 0755 0:0 /usr/lib/postgresql/17/bin/postgres ''",
        "f 0755 0:0 /usr/lib/postgresql/9.6/bin/psql ''",
        **{"postgresql@": "Type=forking\nExecStart=-/usr/bin/pg_ctlcluster --skip-systemctl-redirect %i start"},
    )
    make = "[ -e /etc/postgresql/17/main ] || pg_createcluster 17 main > /dev/null"
    command = ("/usr/bin/pg_ctlcluster", "--foreground", "17", "main", "start")
    assert (found.first, found.command, found.ports) == ((make,), command, ("5432",))
