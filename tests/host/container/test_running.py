"""A container that runs and is asked things, with this machine's own shell as the image.

Each test runs as root (if the tests do) and as an ordinary user, in a process of its own; its script prints what came.
"""

import os
import select
import subprocess
from pathlib import Path

import pytest

from fromscratch.host.container import process_limit
from fromscratch.host.process import run
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from tests.host.container.callers import HERE, Caller
from tests.host.container.test_private_root import ARM64_EXITS_WITH_7
from tests.hosttree import host_tree

pytestmark = pytest.mark.slow

TREE = host_tree("sh", "cat", "id", "ls", "sleep", "touch", "env", "setpriv", "busybox")
SERVER = RunConfig(cmd=("sh", "-c", "echo serving; exec busybox httpd -f -p 8080 -h /etc"))
FETCH = "import urllib.request as r; print(r.urlopen('http://localhost:8080/hostname').read().decode())"
UNTIL_SERVED = """
def served(container):
    for _ in range(1200):
        try:
            return container.connect("localhost", 8080, 5)
        except ConnectionRefusedError:
            time.sleep(0.05)
"""


def asked(caller: Caller, script: str, config: RunConfig = RunConfig(cmd=("sleep", "1000"))) -> list[str]:  # noqa: B008
    """What a script prints that has a running `container`."""
    inside = "".join(f"    {line}\n" for line in script.strip().splitlines())
    return caller.ask(TREE, f"with running(invocation) as container:\n{inside}", config=config)


def test_a_command_is_run_to_its_end(caller: Caller) -> None:
    script = """
print(container.exec(["sh", "-c", "echo good; echo bad >&2; exit 3"]))
print(container.exec(["sh", "-c", "kill -9 $$"]))
print(container.exec(["cat"], stdin=b"given").stdout)
print(container.exec(["cat"]).stdout)
print(container.exec(["sh", "-c", "echo again > /dev/stdout"]).stdout)
"""
    assert asked(caller, script) == [
        r"Outcome(code=3, stdout=b'good\n', stderr=b'bad\n')",
        "Outcome(code=137, stdout=b'', stderr=b'')",
        "b'given'",
        "b''",
        r"b'again\n'",
    ]


def test_much_input_and_output_go_through_and_the_end_of_it_stays(caller: Caller) -> None:
    script = """
print(container.exec(["cat"], stdin=b"x" * 900_000).stdout == b"x" * 900_000)
print(len(container.exec(["cat"], stdin=b"x" * 3_000_000 + b"end").stdout), end=" ")
print(container.exec(["cat"], stdin=b"x" * 3_000_000 + b"end").stdout[-4:])
print(container.exec(["sh", "-c", "exit 0"], stdin=b"x" * 3_000_000).code)
"""
    assert asked(caller, script) == ["True", "1048576 b'xend'", "0"]


def test_a_command_that_cannot_be_started_says_why(caller: Caller) -> None:
    script = 'for word in ("nope", "/etc"): print(container.exec([word]))'
    assert asked(caller, script) == [
        r"""Outcome(code=127, stdout=b'', stderr=b"cannot run 'nope' in the image: there is no such program\n")""",
        r"Outcome(code=126, stdout=b'', stderr=b"
        r""""cannot run '/etc' in the image: it is not executable for the image's user\n")""",
    ]


def test_environment_and_folder_are_the_images_and_those_that_are_given(caller: Caller) -> None:
    config = RunConfig(cmd=("sleep", "1000"), env={"PATH": "/bin", "A": "1", "B": "2"}, working_dir="/srv")
    script = """
print(sorted(container.exec(["env"], env={"B": "3"}).stdout.split()))
print(container.exec(["sh", "-c", "pwd"]).stdout, container.exec(["sh", "-c", "pwd"], cwd="/etc").stdout)
try:
    container.exec(["sh"], cwd="/nowhere")
except ImageError as error:
    print(error)
"""
    assert asked(caller, script, config) == [
        "[b'A=1', b'B=3', b'HOME=/root', b'PATH=/bin']",
        r"b'/srv\n' b'/etc\n'",
        "cannot enter the image's working directory: [Errno 2] No such file or directory: b'/nowhere'",
    ]


def test_what_no_program_can_be_given_is_an_error(caller: Caller) -> None:
    script = """
for argv, env in (([], {}), ([""], {}), (["a\\0b"], {}), (["id"], {"A=B": ""}), (["id"], {"A": "\\0"})):
    try:
        container.exec(argv, env=env)
    except ImageError as error:
        print(error)
"""
    assert asked(caller, script) == [
        "the command is empty",
        "the command is empty",
        "a word or variable of the command holds a NUL byte",
        "'A=B' is not the name of a variable",
        "a word or variable of the command holds a NUL byte",
    ]


BECOME = 'BECOME = ("setpriv", "--regid=65533", "--clear-groups", "--reuid")'


def test_a_server_can_give_files_away_and_become_its_user(caller: Caller) -> None:
    """With one user, that succeeds and does nothing; where the image's user is not root, it is refused as anywhere."""
    script = """
print(container.exec(["busybox", "chown", "web:extra", "/etc/group"]).code)
print(container.exec(["busybox", "stat", "-c", "%u", "/etc/group"]).stdout)
print(container.exec([*BECOME, "65532", "id", "-u"]).stdout)
"""
    number = "65532" if caller.name == "root" else "0"
    assert asked(caller, BECOME + script) == ["0", *[rf"b'{number}\n'"] * 2]
    script = """
print(container.exec(["busybox", "chown", "root", "/etc/group"]).code)
print(container.exec([*BECOME, "0", "id", "-u"]).code)
"""
    assert "0" not in asked(caller, BECOME + script, RunConfig(cmd=("sleep", "1000"), user="web"))


def test_every_user_can_listen_at_a_low_port(caller: Caller) -> None:
    script = """
print(container.exec(["busybox", "httpd", "-p", "80"]))
container.connect("localhost", 80).close()
"""
    config = RunConfig(cmd=("sleep", "1000"), user="web")
    assert asked(caller, script, config) == ["Outcome(code=0, stdout=b'', stderr=b'')"]


def test_its_name_is_known_whatever_the_image_says(caller: Caller) -> None:
    tree = TREE.with_entries({tree_path("/etc/hosts"): File(Meta(0o644), Inline(b""))})
    script = """
with running(invocation, start=False) as container:
    print(container.exec(["cat", "/etc/hostname", "/etc/hosts"]).stdout)
"""
    assert caller.ask(tree, script) == [r"b'fromscratch\n127.0.0.1 localhost fromscratch\n'"]


def test_another_user_can_be_asked_for(caller: Caller) -> None:
    script = """
try:
    print(container.exec(["sh", "-c", "id -u; id -g; id -G; echo $HOME"], user="web").stdout.split())
except ImageError as error:
    print(error)
"""
    said = asked(caller, script)
    if caller.name == "root":
        assert said == ["[b'65532', b'65533', b'65533', b'7000', b'/srv']"]
    else:
        assert said == ["cannot run a command as 'web' here: an ordinary user's container has one user, 0"]


def test_a_command_that_takes_too_long_is_killed_with_its_children(caller: Caller) -> None:
    script = r"""
print(container.exec(["sh", "-c", "echo begun; sleep 2000 & sleep 3000"], timeout=0.5))
print(container.exec(["sh", "-c", "cat /proc/[0-9]*/cmdline"]).stdout.count(b"000"))
"""
    assert asked(caller, script) == [
        r"Outcome(code=124, stdout=b'begun\n', "
        r"""stderr=b"sh -c 'echo begun; sleep 2000 & sleep 3000' did not end within 0.5 seconds\n")""",
        "1",
    ]


def test_what_a_command_leaves_running_does_not_hold_it_up_and_lives_on(caller: Caller) -> None:
    script = r"""
print(container.exec(["sh", "-c", "(sleep 1; echo late; touch /tmp/late; sleep 1000) & echo begun"]).stdout)
while container.exec(["ls", "/tmp/late"]).code:
    time.sleep(0.1)
print("it was not ended by SIGPIPE")
"""
    assert asked(caller, script) == [r"b'begun\n'", "it was not ended by SIGPIPE"]


def test_its_ports_are_reached(caller: Caller) -> None:
    script = f"""{UNTIL_SERVED}
with running(invocation) as container:
    with served(container) as connection:
        connection.sendall(b"GET /hostname HTTP/1.0\\r\\n\\r\\n")
        print(connection.makefile("rb").read().splitlines()[-1])
    container.connect("127.0.0.1", 8080).close()
    try:
        container.connect("localhost", 8081)
    except OSError as error:
        print(repr(error))
    try:
        container.connect("elsewhere", 8080)
    except ImageError as error:
        print(error)
    print(container.outside([{caller.python()!r}, "-c", {FETCH!r}]).stdout)
    print(container.outside(["sh", "-c", "sleep 1000"], timeout=0.3))
    print(container.output())
"""
    assert caller.ask(TREE, script, config=SERVER) == [
        "b'fromscratch'",
        "ConnectionRefusedError(111, 'Connection refused')",
        "elsewhere is not a host of the container's network",
        r"b'fromscratch\n\n'",
        r"""Outcome(code=124, stdout=b'', stderr=b"sh -c 'sleep 1000' did not end within 0.3 seconds\n")""",
        r"b'serving\n'",
    ]


@pytest.mark.parametrize(
    ("shell", "stop_signal", "outcome"),
    [
        (
            "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done",
            "",
            r"Outcome(code=5, stdout=b'up\nbye\n'",
        ),
        ("trap 'exit 6' USR1; echo up; while :; do sleep 0.05; done", "SIGUSR1", r"Outcome(code=6, stdout=b'up\n'"),
        ("trap '' TERM; echo up; while :; do sleep 0.05; done", "", r"Outcome(code=137, stdout=b'up\n'"),
        ("echo up; exec sleep 1000", "", r"Outcome(code=143, stdout=b'up\n'"),
        ("echo up; exit 7", "", r"Outcome(code=7, stdout=b'up\n'"),
    ],
)
def test_stopping_sends_the_images_signal_and_kills_after_a_while(
    caller: Caller, shell: str, stop_signal: str, outcome: str
) -> None:
    script = r"""
while not container.output():
    time.sleep(0.05)
print(container.stop(grace=1))
print(container.exec(["sh", "-c", "ls -d /proc/[0-9]*"]).stdout.count(b"proc"))
"""
    said = asked(caller, script, RunConfig(cmd=("sh", "-c", shell), stop_signal=stop_signal))
    assert said == [f"{outcome}, stderr=b'')", "2"]  # process 1 and the shell


def test_the_container_outlives_its_command(caller: Caller) -> None:
    script = r"""
print(container.wait(10))
print(container.command(), container.exec(["id", "-u"]).stdout)
"""
    ended = r"Outcome(code=3, stdout=b'over\n', stderr=b'')"
    assert asked(caller, script, RunConfig(cmd=("sh", "-c", "echo over; exit 3"))) == [ended, rf"{ended} b'0\n'"]


def test_how_it_ended_can_be_asked_for_afterwards(caller: Caller) -> None:
    script = """
with running(invocation) as container:
    while not container.output():
        time.sleep(0.05)
print(container.command())
try:
    container.exec(["id"])
except ImageError as error:
    print(error)
"""
    said = caller.ask(TREE, script, config=RunConfig(cmd=("sh", "-c", "echo up; exec sleep 100")))
    assert said == [r"Outcome(code=137, stdout=b'up\n', stderr=b'')", "the container has ended"]


def test_several_threads_can_ask(caller: Caller) -> None:
    script = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    print(sorted(pool.map(lambda n: container.exec(["sh", "-c", f"sleep 0.1; exit {n}"]).code, range(16))))
"""
    assert asked(caller, script) == [str(list(range(16)))]


def test_without_a_start_nothing_of_the_image_runs(caller: Caller) -> None:
    script = r"""
with running(invocation, start=False) as container:
    print(container.command(), container.exec(["sh", "-c", "ls -d /proc/[0-9]*"]).stdout.count(b"proc"))
    container.start()
    print(container.wait(10))
"""
    said = caller.ask(TREE, script, config=RunConfig(cmd=("id", "-u")))
    assert said == ["None 2", r"Outcome(code=0, stdout=b'0\n', stderr=b'')"]


def test_a_command_that_is_not_there_is_an_error_and_leaves_nothing(caller: Caller) -> None:
    script = """
try:
    with running(invocation):
        print("it runs")
except ImageError as error:
    print(type(error).__name__, error)
"""
    said = caller.ask(TREE, script, config=RunConfig(cmd=("nope",)))
    assert said == ["CannotStart cannot run 'nope' in the image: there is no such program"]
    assert caller.left() == []


def test_no_descriptor_of_ours_reaches_a_command(caller: Caller) -> None:
    assert asked(caller, 'print(container.exec(["ls", "/proc/self/fd"]).stdout.split())') == [
        "[b'0', b'1', b'2', b'3']"
    ]


def test_process_1_cannot_be_looked_into(caller: Caller) -> None:
    script = """
for place in ("fd/0", "cwd/etc/group", "root/etc/group", "ns/net", "environ", "mem"):
    print(container.exec(["cat", f"/proc/1/{place}"]).stderr.split(b": ")[-1].strip().decode())
print(container.exec(["sh", "-c", "kill -9 1; kill -15 1; kill -17 1; kill -19 1"]).code)
print(container.exec(["id", "-u"]).stdout)
"""
    assert asked(caller, script) == [*["Permission denied"] * 6, "0", r"b'0\n'"]


def test_the_end_of_its_maker_is_the_end_of_the_container(caller: Caller) -> None:
    """Even by SIGKILL: no process is left, nor a mount; the folder is removed by the next one that starts there."""
    caller.call(TREE, None, RunConfig(cmd=("sleep", "2345")), HERE)
    script = "with running(invocation) as container:\n    print(container.init_pid, flush=True); time.sleep(100)"
    with subprocess.Popen(caller.words(script), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = int(process.stdout.readline())
        pid = os.pidfd_open(first)
        process.kill()
    assert _ends(pid)
    assert mounts(caller) == []
    assert asked(caller, "print('again')") == ["again"]


def mounts(caller: Caller) -> list[str]:
    """What is mounted where the caller works. The other mounts of the machine come and go meanwhile."""
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(caller.folder) in line]


def _ends(pid: int) -> bool:
    try:
        return bool(select.select([pid], [], [], 60)[0])
    finally:
        os.close(pid)


def can_limit() -> bool:
    with process_limit.limited(5) as join_group, subprocess.Popen(["sleep", "100"]) as process:
        join_group(process.pid)
        groups = Path(f"/proc/{process.pid}/cgroup").read_text()
        process.kill()
    return "fromscratch-" in groups


def test_nothing_is_left_of_a_container(caller: Caller) -> None:
    script = r"""
container.exec(["sh", "-c", "sleep 3456 &"])
print(container.init_pid)
print(*re.findall(r"fromscratch-\w+", Path(f"/proc/{container.init_pid}/cgroup").read_text()))
"""
    first, groups = asked(caller, script)
    assert bool(groups) == (caller.name == "root" and can_limit())
    assert not Path("/proc", first).exists()
    for group in groups.split():
        assert not [place for place, _, _ in os.walk("/sys/fs/cgroup") if Path(place).name == group]
    assert mounts(caller) == []
    assert caller.left() == []


@pytest.mark.skipif(run.find("qemu-aarch64-static") is None, reason="qemu-aarch64-static is not on this machine")
@pytest.mark.skipif(HERE.architecture == "arm64", reason="arm64 is not foreign here")
def test_a_foreign_image_can_be_asked_too(caller: Caller) -> None:
    tree = Rootfs({tree_path("/exit7"): File(Meta(0o755), Inline(ARM64_EXITS_WITH_7))})
    script = """
with running(invocation) as container:
    print(container.wait(60), container.exec(["/exit7"]))
"""
    outcome = "Outcome(code=7, stdout=b'', stderr=b'')"
    said = caller.ask(tree, script, config=RunConfig(cmd=("/exit7",)), platform=Platform("linux", "arm64"))
    assert said == [f"{outcome} {outcome}"]
