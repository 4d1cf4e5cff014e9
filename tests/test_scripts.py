"""The scripts that set a checkout up and test it: what they install, and what they say where that fails."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.engines import ABSENT, REQUIRED, missing, need_root

CHECKOUT = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[1]))
# A Debian of which only the archive is played: it has everything but appc-spec, and nothing is installed.
DEBIAN = {
    "dpkg-query": "exit 1",
    "apt-cache": 'case "$2" in appc-spec) ;; *) echo "  Candidate: 1" ;; esac',
    "apt-get": 'echo "$@" >>"$CALLED"; exit "${BROKEN:-0}"',
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that has what the scripts read of a checkout."""
    made = tmp_path / "checkout"
    (made / "scripts").mkdir(parents=True)
    for path in (CHECKOUT / "scripts").iterdir():
        if path.is_file():
            (made / "scripts" / path.name).write_bytes(path.read_bytes())
            (made / "scripts" / path.name).chmod(0o755)
    (made / "pyproject.toml").write_bytes((CHECKOUT / "pyproject.toml").read_bytes())
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, script in DEBIAN.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    return made


def called(checkout: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": f"{checkout.parent}/programs{os.pathsep}{os.environ['PATH']}",
        "HOME": str(checkout.parent),
        "CALLED": str(checkout.parent / "called"),
        ABSENT: str(checkout.parent / "absent"),
        "PIP_CONFIG_FILE": os.devnull,
        **variables,
    }
    return subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_a_package_that_debian_does_not_have_is_named_and_the_others_are_installed(checkout: Path) -> None:
    need_root("installing programs")
    done = called(checkout, "scripts/install-engines")
    assert (done.returncode, done.stderr) == (0, "")
    assert "not in this release of Debian: appc-spec; its tests are skipped\n" in done.stdout
    assert (checkout.parent / "absent").read_text() == "appc-spec\n"
    installed = (checkout.parent / "called").read_text().splitlines()[-1].split()
    assert {"install", "docker.io", "skopeo", "umoci", "jq"} <= set(installed)
    assert "appc-spec" not in installed


def test_an_archive_that_cannot_be_reached_is_told_in_one_message_and_one_hint(checkout: Path) -> None:
    need_root("installing programs")
    done = called(checkout, "scripts/install-engines", BROKEN="100")
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["error", " hint"]


def test_only_what_debian_has_is_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "absent").write_text("appc-spec\n")
    monkeypatch.setenv(ABSENT, str(tmp_path / "absent"))
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.skip.Exception, match="this release of Debian has no appc-spec"):
        missing("actool is not on this machine", "appc-spec")
    with pytest.raises(pytest.fail.Exception, match="skopeo is not on this machine"):
        missing("skopeo is not on this machine", "skopeo")


def test_the_versions_that_are_tested_are_told() -> None:
    reported = called(CHECKOUT, sys.executable, "scripts/versions").stdout.strip().split(", ")
    oldest = called(CHECKOUT, sys.executable, "scripts/floors").stdout.split()
    assert reported[0] == f"Python {platform.python_version()}"
    assert {line.split("==")[0] for line in oldest} == {each.split()[0] for each in reported[1:]}
    assert f"PyYAML {metadata.version('PyYAML')}" in reported
    run_by = (CHECKOUT / "scripts/test").read_text()
    assert all(f"build/{one}/bin/python scripts/versions\n" in run_by for one in ("wheel-venv", "floors-venv"))


@pytest.mark.slow
def test_without_a_network_the_set_up_ends_with_one_message_and_one_hint(checkout: Path) -> None:
    done = called(
        checkout,
        "scripts/quickstart",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_RETRIES="1",
        PATH=os.environ["PATH"],
    )
    assert done.returncode == 1
    assert "== .venv: a virtual environment of Python 3." in done.stdout
    error, hint = done.stderr.splitlines()
    assert error == "error: installing with pip failed: what it downloads from cannot be reached"
    assert hint.startswith(" hint: is there a network? ")
    assert "Retrying" in (checkout / "build/setup.log").read_text()


def test_a_bare_machine_is_made_by_a_python_without_any_package() -> None:
    """It is made before anything is installed: -S leaves out site-packages."""
    script = f"{CHECKOUT}/scripts/bare-machine"
    done = subprocess.run([sys.executable, "-S", script, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
