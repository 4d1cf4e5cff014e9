"""The store of certificates that ca-certificates-java has Java write."""

from pathlib import Path

import pytest

from fromscratch.formats.trust.java_keystore import written
from fromscratch.formats.trust.x509 import certificates
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.interpreter import run_script
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.standard_input import Input
from tests.trees import tree

PEM = sorted((Path(__file__).parents[3] / "formats/trust/certificates").glob("*.crt"))[0].read_bytes()
JAR = ("-Xmx64m", "-jar", "/usr/share/ca-certificates-java/ca-certificates-java.jar", "-storepass", "secret")


def machine_of(*, installed: bool = True) -> Machine:
    lines = [f"f 0644 0:0 /etc/ssl/certs/{name}.pem {PEM.decode()!r}" for name in ("A", "b")]
    lines += ["f 0755 0:0 /usr/bin/java 'elf'"] if installed else []
    return Machine(ChangingTree(tree("\n".join(lines))), label="source", architecture="", packages=())


def run(machine: Machine, *words: str, lines: str = "") -> Result:
    return COMMANDS["java"].run(machine, Call(("java", *words), stdin=Input(lines.encode())))


def test_certificates_are_added_and_removed_by_their_names() -> None:
    machine = machine_of()
    assert run(machine, *JAR, lines="+/etc/ssl/certs/A.pem\n+/etc/ssl/certs/b.pem\n-a.pem\n").status == 0
    entry = machine.tree.find("/etc/ssl/certs/java/cacerts")
    assert isinstance(entry, File)
    assert read(entry.content) == written({"debian:b.pem": certificates(PEM)[0]}, "secret")


def test_a_script_hands_it_the_lines_in_a_file() -> None:
    machine = machine_of()
    script = f"mkdir /tmp; echo +/etc/ssl/certs/A.pem > /tmp/fresh; java {' '.join(JAR)} < /tmp/fresh"
    assert run_script(machine, script, package="p", script="postinst", arguments=("configure", "")) == 0
    entry = machine.tree.find("/etc/ssl/certs/java/cacerts")
    assert isinstance(entry, File)
    assert read(entry.content) == written({"debian:a.pem": certificates(PEM)[0]}, "secret")


def test_whether_there_is_a_java_is_known_but_nothing_that_it_says() -> None:
    assert run(machine_of(), "-version") == Result(0, None)
    assert run(machine_of(installed=False), "-version").status == 127


def test_any_other_program_is_not_run() -> None:
    for words in (("-jar", "/srv/other.jar"), ("-cp", "/srv", "Main"), (*JAR, "more")):
        with pytest.raises(NotUnderstood):
            run(machine_of(), *words)
