"""The shipped recipes of programs of this machine are built and do what their first lines say."""

from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from tests.cli.command import Desk
from tests.engines import missing
from tests.examples.containers import Container
from tests.examples.rooms import Step

pytestmark = [pytest.mark.slow, pytest.mark.engine]

_PYTHON = (
    "import sqlite3, ssl; ssl.create_default_context(); print(sqlite3.connect(':memory:').execute('SELECT 6 * 7'))"
)
_COMMITS = (
    "git init -q x && cd x && git -c user.name=a -c user.email=b commit -q --allow-empty -m one && git log --oneline"
)


@pytest.mark.parametrize(
    ("name", "program", "step"),
    [
        ("git", "/usr/bin/git", Step(("-c", _COMMITS), says=" one\n", entrypoint="/bin/sh")),
        ("nginx", "/usr/sbin/nginx", Step(("-t",), says="test is successful", entrypoint="/usr/sbin/nginx")),
        ("python", "/usr/bin/python3", Step(("-c", _PYTHON), says="sqlite3.Cursor", entrypoint="/usr/bin/python3")),
    ],
)
def test_a_shipped_recipe_runs_in_docker(name: str, program: str, step: Step, desk: Desk, docker: Engine) -> None:
    if not Path(program).exists():
        missing(f"{program} is not on this machine")
    ours = Desk(desk.folder, desk.store, {"DOCKER_HOST": docker.program[2]})
    tag = f"fromscratch-example-recipe-{name}:test"
    ours.answer("fetch", "build", "import", "--recipe", name, "--tag", tag, "--output", f"recipe-{name}", "--quiet")
    try:
        assert Container(docker, tag).fault(step) == ""
    finally:
        docker.call("image", "rm", tag)
