"""A running container that is watched: every command's system calls come to a listener, and its root is its own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.image import RunConfig
from fromscratch.paths import tree_path
from tests.host.container.callers import Caller
from tests.hosttree import host_tree

pytestmark = pytest.mark.slow

TREE = host_tree("sh", "cat", "sleep", "id", "touch", "ls")
LISTENING = Path(__file__).with_name("listening.py").read_text()
WATCHED = f"""
{LISTENING}
watch = Listening()
"""


def test_every_command_is_heard(caller: Caller) -> None:
    script = f"""{WATCHED}
with running(invocation, watch) as container:
    print(container.wait(20).code)
    print(container.exec(["sh", "-c", "cat /etc/passwd | cat > /dev/null; cat /nowhere"]).code)
    print(container.exec(["nope"]).code)
    container.stop()
print(*sorted(path for path in watch.opened["cat /etc/group"] if "lib" not in path and "/etc/ld" not in path))
(label,) = set(watch.opened) - {{"cat /etc/group", "nope"}}
print(label, *sorted(path for path in watch.opened[label] if "lib" not in path and "/etc/ld" not in path))
print(watch.processes)
"""
    assert caller.ask(TREE, script, config=RunConfig(cmd=("cat", "/etc/group"))) == [
        "0",
        "1",
        "127",
        "/etc/group",
        "sh -c 'cat /etc/passwd | cat > /dev/null; cat /nowhere' /dev/null /etc/passwd /nowhere",
        "['1']",
    ]


def test_what_the_confinement_refuses_is_refused_still(caller: Caller) -> None:
    script = f"""{WATCHED}
with running(invocation, watch) as container:
    print(container.exec(["unshare", "--user", "id"]))
"""
    tree = TREE.with_entries(dict(host_tree("unshare")))
    assert caller.ask(tree, script, config=RunConfig(cmd=("sleep", "100"))) == [
        r"Outcome(code=1, stdout=b'', stderr=b'unshare: unshare failed: Operation not permitted\n')"
    ]


def test_the_root_is_a_filesystem_of_its_own_for_root(caller: Caller) -> None:
    script = f"""{WATCHED}
with running(invocation, watch) as container:
    print(container.exec(["touch", "/etc/new"]).code, watch.roots[-1] == "overlay")
"""
    said = caller.ask(TREE, script, config=RunConfig(cmd=("sleep", "100")))
    assert said == [f"0 {caller.name == 'root'}"]


def test_a_setuid_program_works_while_it_is_heard(caller: Caller, tmp_path: Path) -> None:
    """With no_new_privs, which an ordinary user's container has, it would not get its owner's rights."""
    source, program = tmp_path / "who.c", tmp_path / "who"
    source.write_text('#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%d\\n", geteuid()); }\n')
    compiler = shutil.which("cc") or pytest.skip("there is no C compiler here")
    subprocess.run([compiler, "-static", "-o", program, source], check=True)
    tree = TREE.with_entries({tree_path("/bin/who"): File(Meta(0o4755), Inline(program.read_bytes()))})
    script = f"""{WATCHED}
with running(invocation, watch) as container:
    print(container.exec(["who"]).stdout.decode().strip())
"""
    said = caller.ask(tree, script, config=RunConfig(cmd=("sleep", "100"), user="web"))
    assert said == ["0" if caller.name == "root" else "65532"]


def test_several_containers_start_over_one_written_root(caller: Caller) -> None:
    script = """
from fromscratch.host.container.lifetime import written_root
with written_root(invocation) as root:
    for _ in range(2):
        with running(invocation, root=root) as one, running(invocation, root=root) as other:
            print(one.exec(["sh", "-c", "echo x >> /etc/passwd; touch /etc/new; ls /etc; id -u"]).stdout.split())
            print(other.exec(["ls", "/etc"]).stdout.split())
    print(sorted(os.listdir(root.place / "root/etc")), sorted(os.listdir(root.place)))
"""
    changed = "[b'group', b'hostname', b'hosts', b'new', b'passwd', b'0']"
    unchanged = "[b'group', b'hostname', b'hosts', b'passwd']"
    assert caller.ask(TREE, script, config=RunConfig(cmd=("sleep", "100"))) == [
        *(changed, unchanged) * 2,
        "['group', 'hostname', 'hosts', 'passwd'] ['changes', 'root']",
    ]


def test_the_network_of_this_machine_can_be_used(caller: Caller) -> None:
    script = """
with running(invocation, network="host") as container:
    print(container.exec(["cat", "/proc/net/dev"]).stdout.count(b":") == Path("/proc/net/dev").read_text().count(":"))
    print(container.exec(["cat", "/etc/resolv.conf"]).stdout == Path("/etc/resolv.conf").read_bytes())
"""
    if not os.access("/etc/resolv.conf", os.R_OK):
        pytest.skip("this machine has no /etc/resolv.conf")
    assert caller.ask(TREE, script, config=RunConfig(cmd=("sleep", "100"))) == ["True", "True"]
