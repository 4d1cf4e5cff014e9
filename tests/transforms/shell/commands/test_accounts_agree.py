"""Commands of the shadow suite beside the real ones, which change the files of a folder: useradd(8) --prefix."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.transforms.shell.machine import Machine
from tests.transforms.shell.commands.test_accounts import machine_of, rows, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("useradd"), reason="no useradd, or not as root"),
]

FILES = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n",
    "group": "root:x:0:\nmail:x:8:\nusers:x:100:\nnogroup:x:65534:\n",
    "shadow": "root:*:20000:0:99999:7:::\nmail:*:20000:0:99999:7:::\n",
    "gshadow": "root:*::\nmail:*::\nusers:*::\nnogroup:*::\n",
}
SCRIPTS = [
    "useradd -r -u 120 -g mail -d /x -s /bin/false -c c redis",
    "groupadd -g 120 redis\nuseradd -u 120 -g redis -N redis\nusermod -aG mail,users redis",
    "groupadd -g 120 redis\nuseradd -u 120 -g 120 -G users,mail redis\nusermod -G mail redis\nuserdel redis",
    "usermod -u 9 -g users -d /h -s /s -c 'a b' mail\nusermod -l post mail",
    "usermod -G users,nogroup mail\nusermod -l post mail\nusermod -L post\nusermod -U post",
    "groupadd -g 121 one\ngroupmod -n two one\ngroupmod -g 122 two\ngroupdel two",
    "groupadd -g 8 one",
    "groupadd mail",
    "groupadd -f mail",
    "groupdel mail",
    "useradd -u 8 other",
    "useradd -o -u 8 -g mail other",
    "useradd users",
    "useradd mail",
    "useradd -g none x",
    "useradd -G none -g mail -u 120 x",
    "usermod -g none mail",
    "usermod -s /bin/x none",
    "usermod -a -G none mail",
    "userdel none",
    "groupmod -n mail users",
]


def real(folder: Path, script: str) -> tuple[int, dict[str, list[str]]]:
    """The status of the last line of a script, and the rows of the files, without the days of passwords."""
    etc = folder / "etc"
    (etc / "default").mkdir(parents=True)
    (etc / "default/useradd").write_text("SHELL=/bin/sh\n")
    (etc / "login.defs").write_text("USERGROUPS_ENAB yes\n")
    for name, text in FILES.items():
        (etc / name).write_text(text)
    status = 0
    for line in script.splitlines():
        name, *words = shlex.split(line)
        done = subprocess.run([f"/usr/sbin/{name}", "--prefix", str(folder), *words], capture_output=True, check=False)
        status = done.returncode
    return status, {name: _plain(name, (etc / name).read_text().splitlines()) for name in FILES}


def _plain(name: str, lines: list[str]) -> list[str]:
    return [":".join(line.split(":")[:2]) if name == "shadow" else line for line in lines]


def ours(script: str) -> tuple[int | None, dict[str, list[str]]]:
    block = "\n".join(f"f 0644 0:0 /etc/{name} {text!r}" for name, text in FILES.items())
    machine: Machine = machine_of(block)
    assert isinstance(machine.tree, ChangingTree)
    status = run(machine, script).status
    return status, {name: _plain(name, rows(machine, f"/etc/{name}")) for name in FILES}


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_files_and_the_end_are_the_same(script: str, tmp_path: Path) -> None:
    assert ours(script) == real(tmp_path, script)
