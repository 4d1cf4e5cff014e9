"""Where the docker daemon is looked for, held against docker's own client."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from fromscratch.errors import ImageError
from fromscratch.host.engines.docker_address import DEFAULT, daemon_address, given
from tests.engines import need

HERE = {"mine": "unix:///nowhere/mine.sock", "far": "tcp://127.0.0.1:9"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A folder as docker's client keeps it, with two contexts."""
    for name, host in HERE.items():
        folder = tmp_path / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        folder.mkdir(parents=True)
        endpoint = {"Host": host, "SkipTLSVerify": False}
        meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
        (folder / "meta.json").write_text(json.dumps(meta))
    return tmp_path


CASES: list[tuple[dict[str, str], str | None]] = [
    ({}, None),
    ({"DOCKER_HOST": "unix:///nowhere/s.sock"}, None),
    ({"DOCKER_HOST": "unix:///nowhere/s.sock", "DOCKER_CONTEXT": "mine"}, None),
    ({"DOCKER_HOST": "unix:///nowhere/s.sock"}, "mine"),
    ({"DOCKER_HOST": "tcp://127.0.0.1:9"}, "mine"),
    ({"DOCKER_CONTEXT": "mine"}, None),
    ({"DOCKER_CONTEXT": "mine"}, "far"),
    ({"DOCKER_CONTEXT": "far"}, None),
    ({"DOCKER_CONTEXT": "default"}, "mine"),
    ({}, "mine"),
    ({}, "far"),
    ({}, "default"),
    ({}, ""),
]
# An empty one counts as none for docker 28, and for docker 20.10 as the default.
EMPTY: tuple[dict[str, str], str] = {"DOCKER_HOST": ""}, "mine"


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.parametrize(("variables", "current"), CASES)
def test_it_is_where_docker_s_client_looks(variables: dict[str, str], current: str | None, config: Path) -> None:
    if current is not None:
        (config / "config.json").write_text(json.dumps({"currentContext": current}))
    environment = {"HOME": "/nowhere", "PATH": "/usr/bin:/bin", "DOCKER_CONFIG": str(config), **variables}
    said = subprocess.run([need("docker"), "version"], env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"(unix|tcp)://[^\s\"]+?(?=\.? |[\"\s])", said.stderr)
    assert found, said.stderr
    assert daemon_address(environment).text == found[0]


@pytest.mark.parametrize(("variables", "current"), [*CASES, EMPTY])
def test_the_rules_without_docker(variables: dict[str, str], current: str | None, config: Path) -> None:
    if current is not None:
        (config / "config.json").write_text(json.dumps({"currentContext": current}))
    context = variables.get("DOCKER_CONTEXT") or current or "default"
    expected = variables.get("DOCKER_HOST") or HERE.get(context, DEFAULT)
    found = daemon_address({"DOCKER_CONFIG": str(config), **variables})
    assert (found.text, found.client) == (expected, "")
    assert found.context == ("" if variables.get("DOCKER_HOST") or context not in HERE else context)


def test_the_folder_is_in_the_home_where_nobody_says(config: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".docker").symlink_to(config)
    assert daemon_address({"HOME": str(home), "DOCKER_CONTEXT": "mine"}).text == HERE["mine"]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"DOCKER_HOST": "ssh://me@far"}, "ssh connections"),
        ({"DOCKER_HOST": "tcp://far:2376", "DOCKER_TLS_VERIFY": "1"}, "TLS"),
        ({"DOCKER_HOST": "npipe:////./pipe/docker"}, "npipe connections"),
        ({"DOCKER_HOST": "unix:///s", "DOCKER_TLS_VERIFY": "1"}, ""),
        ({"DOCKER_HOST": "far:2375"}, ""),
    ],
)
def test_what_only_the_client_reaches_is_left_to_it(variables: dict[str, str], reason: str) -> None:
    assert daemon_address(variables).client == reason


def test_a_context_with_keys_is_left_to_the_client(config: Path) -> None:
    keys = config / "contexts" / "tls" / hashlib.sha256(b"far").hexdigest() / "docker"
    keys.mkdir(parents=True)
    assert daemon_address({"DOCKER_CONFIG": str(config), "DOCKER_CONTEXT": "far"}).client == "TLS"


@pytest.mark.parametrize("meta", [None, "{", "[]", '{"Endpoints": []}', '{"Endpoints": {"docker": {"Host": 1}}}'])
def test_a_context_that_is_not_there_or_damaged_is_named(meta: str | None, config: Path) -> None:
    if meta is not None:
        folder = config / "contexts" / "meta" / hashlib.sha256(b"gone").hexdigest()
        folder.mkdir()
        (folder / "meta.json").write_text(meta)
    with pytest.raises(ImageError, match="docker's context 'gone' is not in") as caught:
        daemon_address({"DOCKER_CONFIG": str(config), "DOCKER_CONTEXT": "gone"})
    assert "docker context ls" in caught.value.hint


@pytest.mark.parametrize("text", ["{", "[]", '{"currentContext": null}', '{"currentContext": 7'])
def test_a_configuration_that_makes_no_sense_is_passed_over_as_docker_does(text: str, config: Path) -> None:
    (config / "config.json").write_text(text)
    assert daemon_address({"DOCKER_CONFIG": str(config)}).text == DEFAULT


def test_addresses_that_are_given() -> None:
    assert given("unix://").text == DEFAULT
    assert given("far:2375").text == "tcp://far:2375"
    assert str(given("unix:///x")) == "unix:///x"
