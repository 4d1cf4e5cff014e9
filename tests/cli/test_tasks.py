"""The tasks of a checkout are the verbs of the command, read in the same way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fromscratch.cli.verbs.catalogue import VERBS
from tests.cli.command import Desk, invoke_in_checkout


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\n")
    made.write("files/bin/app", "app\n")
    return made


def test_each_verb_is_a_task_with_the_options_of_the_verb() -> None:
    checkout = invoke_in_checkout()[-1]
    script = (
        "import json, sys; sys.path.insert(0, sys.argv.pop()); from tasks import ns\n"
        "print(json.dumps({name: [each.name for each in task.get_arguments()] for name, task in ns.tasks.items()}))"
    )
    done = subprocess.run([sys.executable, "-c", script, checkout], capture_output=True, text=True, check=True)
    assert {name: {f"--{each}" for each in names} for name, names in json.loads(done.stdout).items()} == {
        name: set(verb.flags()) for name, verb in VERBS.items()
    }


@pytest.mark.parametrize(
    "line",
    [
        "ls demo ls dir:files",
        "build --output build/demo why /bin --json",
        "ls --image=dir:files --path /bin",
        "closure PROGRAM --search /a --search=/b --json",
        "build ls --recipe nope",
        "build --jsn",
        "why /bin/app /bin/sh",
        "build -- x",
        "run demo --engine none -- ''",
    ],
)
def test_a_call_has_the_answer_of_the_command(desk: Desk, line: str) -> None:
    desk.answer("build")
    words = [sys.executable if word == "PROGRAM" else word.strip("'") for word in line.split()]
    assert desk.call(*words, program=invoke_in_checkout()) == desk.call(*words)


def test_options_of_invoke_itself_stay_its_own(desk: Desk) -> None:
    invoke = invoke_in_checkout()
    assert desk.call("-e", "build", "--echo", "--quiet", program=invoke).code == 0
    assert "--also-tag" in desk.call("--help", "push", program=invoke).out
    assert desk.call("--list", program=invoke).out.count("\n  ") >= len(VERBS)
    assert "biuld" in desk.call("biuld", program=invoke).err
