"""What a second build has other than the first, decided without building anything."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.proof.conditions import ALL, Here, vary

PLACE = Path("/tmp/place")
VARIABLES = {"PATH": "/bin", "HOME": "/home/me", "LANG": "de_DE.UTF-8", "TZ": "Europe/Berlin", "EDITOR": "vi"}
HERE = Here(
    folder=Path("/src"),
    working=Path("/src/sub"),
    user=1000,
    umask=0o022,
    cpus=(2, 3),
    jobs=2,
    encoding="utf-8",
    variables=VARIABLES,
)
OTHERS = [
    HERE,
    replace(HERE, user=0, umask=0o077, cpus=(5,), jobs=1),
    replace(HERE, user=54321, encoding="ascii", variables={"LC_ALL": "C", "PYTHONHASHSEED": "4242"}),
    replace(HERE, user=54321, jobs=4, cpus=(0,), variables={"TZ": "XXX-13:45", "PYTHONUTF8": "1"}),
]


@pytest.mark.parametrize("here", OTHERS)
def test_every_condition_is_other_than_here(here: Here) -> None:
    made = vary(here, ALL, PLACE)
    assert [condition.name for condition in made.conditions] == list(ALL)
    for condition in made.conditions:
        assert condition.first != condition.second
        assert condition.second
        assert not condition.why
    settings, variables = made.settings, made.variables
    assert (settings["folder"], settings["working"]) == ("/tmp/place/elsewhere", "/tmp/place/home")
    assert settings.get("user", settings.get("namespace")) not in (here.user, None)
    assert ("user" in settings) == (here.user == 0)
    assert settings["umask"] != here.umask
    assert settings["jobs"] != here.jobs
    assert settings.get("cpus", [here.cpus[0]]) == [here.cpus[0]]
    assert settings["backwards"] is True
    assert settings["later"] > 365 * 86400
    assert variables["TZ"] != here.variables.get("TZ")
    assert variables["PYTHONHASHSEED"] != here.variables.get("PYTHONHASHSEED")
    assert variables["PYTHONUTF8"] == ("0" if here.encoding == "utf-8" else "1")
    assert variables["HOME"] == "/tmp/place/home"
    assert "EDITOR" not in variables


def changes(name: str) -> tuple[Mapping[str, object], Mapping[str, str]]:
    """What one condition by itself changes: settings, and variables."""
    plain, one = vary(HERE, (), PLACE), vary(HERE, (name,), PLACE)
    assert [condition.name for condition in one.conditions] == [name]
    differing = {
        key for key in {*plain.variables, *one.variables} if plain.variables.get(key) != one.variables.get(key)
    }
    return (
        {key: value for key, value in one.settings.items() if plain.settings.get(key) != value},
        {key: one.variables.get(key, "gone") for key in differing},
    )


@pytest.mark.parametrize(
    ("name", "settings", "variables"),
    [
        ("folder", {"folder", "working"}, set()),
        ("user", {"namespace"}, set()),
        ("umask", {"umask"}, set()),
        ("time zone", set(), {"TZ"}),
        ("locale", set(), {"LC_ALL", "LANG", "PYTHONUTF8", "PYTHONCOERCECLOCALE"}),
        ("hash seed", set(), {"PYTHONHASHSEED"}),
        ("file order", {"backwards"}, set()),
        ("CPUs", {"cpus", "jobs"}, set()),
        ("clock", {"later"}, set()),
        ("environment", set(), {"HOME", "EDITOR", "TMPDIR", "USER", "LOGNAME", "TERM", "COLUMNS", "SOURCE_DATE_EPOCH"}),
    ],
)
def test_a_condition_by_itself_changes_nothing_else(name: str, settings: set[str], variables: set[str]) -> None:
    found = changes(name)
    assert (set(found[0]), set(found[1])) == (settings, variables)


def test_where_nothing_is_varied_all_is_as_here() -> None:
    made = vary(HERE, (), PLACE)
    assert made.conditions == ()
    assert made.settings == {"folder": "/src", "working": "/src/sub", "jobs": 2}
    assert made.variables == {**VARIABLES, "PYTHONHASHSEED": "0"}


def test_a_user_in_a_namespace_would_see_other_owners() -> None:
    made = vary(replace(HERE, owners="directory root"), ALL, PLACE)
    (user,) = (condition for condition in made.conditions if condition.name == "user")
    assert (user.second, made.settings.get("namespace")) == ("", None)
    assert user.why == (
        "only root can become another user, and in a namespace the owners that directory root keeps look different"
    )
    as_root = vary(replace(HERE, user=0, owners="directory root"), ALL, PLACE)
    assert as_root.settings["user"] == 54321


def test_the_documents_tell_of_every_condition() -> None:
    checkout = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[2]))
    text = (checkout / "docs/reproducible.md").read_text()
    assert re.findall(r"^\| ([a-zCPU ]+) \|", text, re.MULTILINE) == ["condition", *ALL]
    assert f"(varied: {', '.join(ALL)})" in text
