"""What dpkg and its companions answer scripts, and change in a tree."""

import shlex
import shutil
import subprocess

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.entry import Origin
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.commands.dpkg.architectures import variables
from fromscratch.transforms.shell.commands.dpkg.triggers import Triggers
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood, Package, Result
from tests.trees import listed, text, tree

BASE = r"""
f 0644 0:0 /etc/group 'root:x:0:\nmail:x:8:\n'
f 0644 0:0 /etc/passwd 'root:x:0:0:root:/root:/bin/sh\nmail:x:8:8::/var/mail:/usr/sbin/nologin\n'
f 0644 0:0 /etc/pkg.conf 'a=1\n'
l 0777 0:0 /etc/dpkg/origins/default -> derived
f 0644 0:0 /etc/dpkg/origins/debian 'Vendor: Debian\n'
f 0644 0:0 /etc/dpkg/origins/derived 'Vendor: Derived\nParent: Debian\n'
f 0755 0:0 /usr/bin/tool 'tool'
"""


def machine_of(block: str = BASE) -> Machine:
    packages = (
        Package(name="pkg", version="1.0-2", architecture="amd64", configuration=("/etc/pkg.conf",)),
        Package(name="lib", version="2:3~rc1", architecture="all"),
    )
    machine = Machine(ChangingTree(tree(block)), label="source", architecture="amd64", packages=packages)
    machine.package, machine.script, machine.line = "pkg", "postinst", 7
    return machine


def run(machine: Machine, line: str) -> Result:
    words = tuple(shlex.split(line))
    return COMMANDS[words[0]].run(machine, Call(words))


@pytest.mark.parametrize("right", ["", "1.0", "1:0.9", "1.0~rc1", "1.0-1"])
@pytest.mark.parametrize(
    "operator", ["lt", "le", "eq", "ne", "ge", "gt", "lt-nl", "ge-nl", "le-nl", "gt-nl", "<<", ">="]
)
@pytest.mark.skipif(not shutil.which("dpkg"), reason="no dpkg here to compare with")
def test_versions_compare_as_the_real_dpkg_does(operator: str, right: str) -> None:
    for left in ("", "1.0", "1.0-1"):
        call = ["dpkg", "--compare-versions", left, operator, right]
        assert COMMANDS["dpkg"].run(machine_of(), Call(tuple(call))).status == subprocess.run(call).returncode


@pytest.mark.parametrize(
    ("line", "status", "output"),
    [
        ("dpkg --print-architecture", 0, "amd64\n"),
        ("dpkg --print-foreign-architectures", 0, ""),
        ("dpkg --assert-multi-arch", 0, ""),
        ("dpkg-query -W -f ${Version} pkg", 0, "1.0-2"),
        (r"dpkg-query --showformat='${Package} ${db:Status-Status}\n' --show 'p*'", 0, "pkg installed\n"),
        ("dpkg-query -W '-f=${Status}' lib:all", 0, "install ok installed"),
        ("dpkg-query -f '${Package}' -W pkg other", 1, "pkg"),
        ("dpkg -s other", 1, ""),
        (
            "dpkg -s pkg",
            0,
            "Package: pkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-2\n"
            "Conffiles:\n /etc/pkg.conf d5e29449b9e66d5b4bb0d6ce48fbbcb1\n\n",
        ),
        ("dpkg-architecture -qDEB_HOST_MULTIARCH", 0, "x86_64-linux-gnu\n"),
        ("dpkg-vendor --is Derived", 0, ""),
        ("dpkg-vendor --derives-from debian", 0, ""),
        ("dpkg-vendor --derives-from Other", 1, ""),
        ("dpkg-vendor --query Vendor", 0, "Derived\n"),
        ("dpkg-maintscript-helper supports rm_conffile", 0, ""),
        ("dpkg-maintscript-helper supports juggling", 1, ""),
        ("dpkg-maintscript-helper rm_conffile /etc/pkg.conf 0.9 -- install", 0, ""),
    ],
)
def test_questions_are_answered(line: str, status: int, output: str) -> None:
    assert run(machine_of(), line) == Result(status, output.encode())


@pytest.mark.parametrize("line", ["dpkg -i a.deb", "dpkg-query -W -f '${Depends}' pkg", "dpkg-vendor --juggle x"])
def test_what_is_not_known_is_not_guessed(line: str) -> None:
    with pytest.raises(NotUnderstood):
        run(machine_of(), line)


@pytest.mark.skipif(not shutil.which("dpkg-architecture"), reason="no dpkg-architecture here to compare with")
@pytest.mark.parametrize("architecture", ["amd64", "arm64", "armel", "armhf", "i386", "ppc64el", "riscv64", "s390x"])
def test_names_of_architectures_are_those_of_the_real_dpkg(architecture: str) -> None:
    call = ["dpkg-architecture", "-a", architecture, "-A", architecture]
    real = subprocess.run(call, capture_output=True, text=True, check=True).stdout.splitlines()
    ours = {f"{name}={value}" for name, value in variables(architecture).items() if "_BUILD_" not in name}
    assert ours <= {*real}


def test_files_of_a_package_are_those_that_are_there_because_of_it() -> None:
    machine = machine_of()
    origin = Origin("source", "shipped in", "pkg 1.0-2")
    machine.packages["pkg"] = Package(name="pkg", version="1.0-2", origin=origin)
    place = machine.tree.resolve("/usr/bin/tool")
    entry = machine.tree.find(place)
    assert entry is not None
    machine.tree.put(
        place, type(entry)(**{**{f: getattr(entry, f) for f in entry.__struct_fields__}, "origins": (origin,)})
    )
    assert run(machine, "dpkg -L pkg") == Result(0, b"/usr/bin/tool\n")
    assert run(machine, "dpkg -S /usr/bin/tool") == Result(0, b"pkg: /usr/bin/tool\n")
    assert run(machine, "dpkg -S /etc/pkg.conf").status == 1
    for pattern in ("/usr/bin/*", "bin/to", "*/tool"):
        assert run(machine, f"dpkg -S '{pattern}'") == Result(0, b"pkg: /usr/bin/tool\n")
    assert run(machine, "dpkg -S '/etc/init.d/*'").status == 1


def test_a_diversion_gives_the_file_another_name_and_is_undone() -> None:
    machine = machine_of()
    add = "dpkg-divert --package pkg --rename --divert /usr/bin/tool.real --add /usr/bin/tool"
    assert run(machine, add).status == 0
    assert machine.tree.find("/usr/bin/tool") is None
    assert run(machine, add).status == 0, "again, it is there"
    assert run(machine, "dpkg-divert --package other --divert /x --add /usr/bin/tool").status == 2
    assert run(machine, "dpkg-divert --truename /usr/bin/tool").output == b"/usr/bin/tool.real\n"
    assert run(machine, "dpkg-divert --listpackage /usr/bin/tool").output == b"pkg\n"
    assert run(machine, "dpkg-divert --list '*tool*'").output == (
        b"diversion of /usr/bin/tool to /usr/bin/tool.real by pkg\n"
    )
    assert run(machine, "dpkg-divert --package pkg --rename --remove /usr/bin/tool").status == 0
    assert listed(machine.tree.finished()) == listed(tree(BASE))
    assert run(machine, "dpkg-divert --truename /usr/bin/tool").output == b"/usr/bin/tool\n"


def test_an_override_sets_owner_and_mode() -> None:
    machine = machine_of()
    assert run(machine, "dpkg-statoverride --list /usr/bin/tool").status == 1
    assert run(machine, "dpkg-statoverride --update --add root mail 2755 /usr/bin/tool").status == 0
    assert run(machine, "dpkg-statoverride --update --add root mail 2755 /usr/bin/tool").status == 2
    assert run(machine, "dpkg-statoverride --list /usr/bin/tool").output == b"root mail 2755 /usr/bin/tool\n"
    assert "f 2755 0:8 4 /usr/bin/tool" in listed(machine.tree.finished())
    assert run(machine, "dpkg-statoverride --force --quiet --add '#3' '#4' 0700 /usr/bin/tool").status == 0
    assert "f 0700 3:4 4 /usr/bin/tool" in listed(machine.tree.finished())


def test_triggers_are_remembered() -> None:
    machine = machine_of()
    run(machine, "dpkg-trigger --no-await update-things")
    run(machine, "dpkg-trigger --by-package=pkg /usr/share/things")
    assert [*machine.state(Triggers).activated] == ["update-things", "/usr/share/things"]


def test_a_configuration_file_is_copied_where_none_is() -> None:
    machine = machine_of(
        """
        f 0644 0:0 /usr/share/pkg/a.conf 'new'
        f 0644 0:0 /etc/there.conf 'old'
        d 0755 0:0 /etc
        """
    )
    assert run(machine, "ucf --three-way --debconf-ok /usr/share/pkg/a.conf /etc/a.conf").status == 0
    assert run(machine, "ucf /usr/share/pkg/a.conf /etc/there.conf").status == 0
    assert run(machine, "ucfr pkg /etc/a.conf").status == 0
    assert listed(machine.tree.finished()) == text(
        """
        d 0755 0:0 /etc
        f 0644 0:0 3 /etc/a.conf
        f 0644 0:0 3 /etc/there.conf
        d 0755 0:0 /usr
        d 0755 0:0 /usr/share
        d 0755 0:0 /usr/share/pkg
        f 0644 0:0 3 /usr/share/pkg/a.conf
        """
    )


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("invoke-rc.d pkg start", 0),
        ("update-rc.d pkg defaults", 0),
        ("deb-systemd-helper enable pkg.service", 0),
        ("systemctl --system daemon-reload", 0),
        ("systemctl is-active --quiet pkg", 3),
        ("policy-rc.d pkg start", 101),
        ("ischroot", 0),
        ("pidof pkg", 1),
        ("py3compile -p pkg", 0),
        ("python3.13 -E -S /usr/lib/python3.13/py_compile.py /usr/lib/python3.13/abc.py", 0),
    ],
)
def test_nothing_is_running(line: str, status: int) -> None:
    machine = machine_of()
    assert run(machine, line).status == status
    assert listed(machine.tree.finished()) == listed(tree(BASE))


@pytest.mark.parametrize(
    "line", ["make-ssl-cert generate-default-snakeoil", "openssl rand 9", "systemd-machine-id-setup"]
)
def test_what_belongs_to_one_container_is_not_made(line: str) -> None:
    with pytest.raises(NotUnderstood, match=r"an image|one container"):
        run(machine_of(), line)


def test_programs_are_found_in_the_tree_and_where_every_installation_has_them() -> None:
    assert run(machine_of(), "which tool dpkg-trigger") == Result(0, b"/usr/bin/tool\n/usr/bin/dpkg-trigger\n")
    assert run(machine_of(), "which tool not-there") == Result(1, b"/usr/bin/tool\n")
