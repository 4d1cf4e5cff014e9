"""expr, seq, date, and the commands that run another one: they print what the real ones print."""

import shlex

import pytest

from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, NotUnderstood, Result
from fromscratch.transforms.shell.standard_input import Input
from tests import trees
from tests.transforms.shell import beside

TREE = trees.tree("f 0644 0:0 /file 'one\\ntwo\\n'")
CASES = r"""
expr 1 + 2
expr 7 - 2 '*' 3
expr '(' 7 - 2 ')' '*' 3
expr -7 / 2
expr -7 % 2
expr 7 / 0
expr a + 1
expr 5 - 5
expr 10 '<' 9
expr 10 '>=' 10
expr a10 '<' a9
expr a != b
expr a = a
expr '' '|' x
expr 0 '|' ''
expr a '&' b
expr a '&' 0
expr abc : 'a.'
expr abc : 'b'
expr abc : '\(..\)'
expr abc : 'x\(.\)'
expr /usr/lib : '.*/\([^/]*\)$'
expr substr hello 2 3
expr substr hello 0 3
expr index hello lo
expr length hello
expr match hello 'h.*l'
expr + length
expr length
expr
expr 1 2
expr '(' 1
expr -- 3 + 4
seq 3
seq 2 4
seq 1 3 8
seq 5 -2 -1
seq 3 1
seq -s , 3
seq -w 8 11
seq
seq 1 0 2
date -u -d @86461
date -u -d @1000000000 '+%Y-%m-%d %H:%M:%S %s %j %a %b %e %y %% %F %T %Z %z%n%t|'
date -u -I -d @0
date -u -R -d @0
env A=b cat file
env -i cat file
nice cat file
nice -n 5 cat file
nice -5 cat file
nohup cat file
timeout 5 cat file
timeout -k 1 -s TERM 5s cat file
ionice -c 3 cat file
stdbuf -oL cat file
setsid cat file
env grep o
"""


@pytest.mark.parametrize("line", CASES.split("\n")[1:-1])
def test_a_command_is_like_the_real_one(line: str) -> None:
    words = [shlex.split(line)]
    assert beside.ours(TREE, words, b"to be\n") == beside.real(TREE, words, b"to be\n")


@pytest.mark.parametrize(
    "line", ["seq 0.5 2", "seq 1 1000000", "expr 10000000000000000000 + 1", "env", "date -d tomorrow", "su x -c ls"]
)
def test_what_is_not_known_is_not_done(line: str) -> None:
    with pytest.raises(NotUnderstood):
        beside.done(beside.machine_of(TREE), shlex.split(line))


def test_the_moment_is_the_same_in_every_build() -> None:
    assert beside.done(beside.machine_of(TREE), ["date", "+%Y%m%d"]).output == b"19700101\n"


def test_the_name_of_a_container_is_not_known_before_its_start() -> None:
    machine = beside.machine_of(TREE)
    assert beside.done(machine, ["hostname", "--fqdn"]).output == b"localhost\n"
    assert beside.done(machine, ["hostname", "-d"]).output == b"\n"
    assert {each.matter for each in machine.left_out} == {"content"}
    assert beside.done(machine, ["hostname", "-I"]).output is None


@pytest.mark.parametrize(
    "line", ["runuser -u man -- mandb -q", "setpriv --reuid man --regid man --init-groups -- /usr/bin/mandb -q"]
)
def test_another_user_may_do_what_does_nothing(line: str) -> None:
    assert beside.done(beside.machine_of(TREE), shlex.split(line)) == Result()
    with pytest.raises(NotUnderstood, match="another user"):
        beside.done(beside.machine_of(TREE), shlex.split(line.replace("mandb", "touch")))


def test_a_command_is_run_in_the_changed_environment() -> None:
    machine = beside.machine_of(TREE)
    seen: list[Call] = []

    def run(call: Call) -> Result:
        seen.append(call)
        return Result()

    machine.run = run
    call = Call(("env", "-u", "B", "C=d", "x", "y=z"), environment={"A": "1", "B": "2"}, stdin=Input(b"in"))
    COMMANDS["env"].run(machine, call)
    assert [(one.words, one.environment, one.read()) for one in seen] == [(("x", "y=z"), {"A": "1", "C": "d"}, b"in")]
