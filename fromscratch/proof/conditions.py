"""The conditions that no build may depend on, and how each is changed for a second build."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

FOLDER, USER, UMASK, ZONE, LOCALE = "folder", "user", "umask", "time zone", "locale"
SEED, ORDER, CPUS, CLOCK, ENVIRONMENT = "hash seed", "file order", "CPUs", "clock", "environment"
ALL = (FOLDER, USER, UMASK, ZONE, LOCALE, SEED, ORDER, CPUS, CLOCK, ENVIRONMENT)

_SOMEBODY = 54321  # a user that no machine has an account for
_ZONES = ("XXX-13:45", "YYY+11:15")  # POSIX.1-2017, 8.3: they need no file of the machine
_SEEDS = ("4242", "1717")
_LATER = 2 * 365 * 86400 + 12_345  # some time in a second year from now
_OF_PYTHON = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME")  # without which it may not start
_OF_LOCALES = ("LC_ALL", "LC_CTYPE", "LANG", "LANGUAGE", "PYTHONUTF8", "PYTHONCOERCECLOCALE")


class Here(Struct, frozen=True, kw_only=True):
    """The conditions of this process. `encoding` is that of file names.

    `owners` names an item of the recipe that takes owners of files as this machine shows them, or is empty.
    """

    folder: Path
    working: Path
    user: int
    umask: int
    cpus: tuple[int, ...]
    jobs: int
    encoding: str
    variables: Mapping[str, str]
    owners: str = ""


class Condition(Struct, frozen=True):
    """`first` and `second` are what it was in the two builds. For one that was not varied, `why` is the reason."""

    name: str
    first: str
    second: str = ""
    why: str = ""

    def facts(self) -> dict[str, Any]:
        """For a program."""
        return {"name": self.name, "first": self.first, **({"why": self.why} if self.why else {"second": self.second})}


class _Varied(Struct, frozen=True):
    """A condition, and what makes it so: settings for the process to apply to itself, and variables."""

    condition: Condition
    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


class Variation(Struct, frozen=True):
    """How a second build is started. `variables` are its whole environment."""

    conditions: tuple[Condition, ...]
    settings: Mapping[str, Any]
    variables: Mapping[str, str]


def vary(here: Here, varying: Collection[str], place: Path) -> Variation:
    """A second build below the folder `place` that has the conditions in `varying` changed, and the others as here."""
    varied = [each for each in _all(here, place) if each.condition.name in varying]
    settings = {"folder": str(here.folder), "working": str(here.working), "jobs": here.jobs}
    if ENVIRONMENT in varying:
        variables = {name: here.variables[name] for name in (*_OF_PYTHON, "TZ", *_OF_LOCALES) if name in here.variables}
    else:
        variables = dict(here.variables)
    # Python does not tell a random seed, so builds that are to be alike get this one.
    variables["PYTHONHASHSEED"] = "0"
    for each in varied:
        settings.update(each.settings)
        variables.update(each.variables)
    return Variation(tuple(each.condition for each in varied), settings, variables)


def _all(here: Here, place: Path) -> Iterator[_Varied]:
    elsewhere = place / "elsewhere"
    yield _Varied(
        Condition(FOLDER, str(here.folder), str(elsewhere)),
        {"folder": str(elsewhere), "working": str(place / "home")},
    )
    yield _user(here)
    umask = 0o077 if here.umask != 0o077 else 0o022
    yield _Varied(Condition(UMASK, f"{here.umask:04o}", f"{umask:04o}"), {"umask": umask})
    zone = _another(_ZONES, here.variables.get("TZ", ""))
    yield _Varied(Condition(ZONE, here.variables.get("TZ", "the machine's"), zone), variables={"TZ": zone})
    yield _locale(here)
    seed = _another(_SEEDS, here.variables.get("PYTHONHASHSEED", ""))
    first = here.variables.get("PYTHONHASHSEED", "random")
    yield _Varied(Condition(SEED, first, seed), variables={"PYTHONHASHSEED": seed})
    yield _Varied(Condition(ORDER, "as it is listed", "the reverse"), {"backwards": True})
    yield _cpus(here)
    yield _Varied(Condition(CLOCK, "now", "two years later"), {"later": _LATER})
    yield _environment(here, place)


def _user(here: Here) -> _Varied:
    number = _SOMEBODY + (here.user == _SOMEBODY)
    first = f"uid {here.user}"
    if here.user == 0:
        return _Varied(Condition(USER, first, f"uid {number}"), {"user": number})
    if here.owners:
        why = (
            f"only root can become another user, and in a namespace the owners that {here.owners} keeps look different"
        )
        return _Varied(Condition(USER, first, why=why))
    return _Varied(Condition(USER, first, f"uid {number} of a namespace"), {"namespace": number})


def _locale(here: Here) -> _Varied:
    """Another encoding, which is all that Python takes from a locale by itself; every machine has C."""
    names = (here.variables.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    first = f"{next(filter(None, names), 'C')} ({here.encoding})"
    if here.encoding.lower() == "utf-8":
        plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        return _Varied(Condition(LOCALE, first, "C (ascii)"), variables={"LC_ALL": "C", "LANG": "C", **plain})
    return _Varied(
        Condition(LOCALE, first, "C.UTF-8 (utf-8)"),
        variables={"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "PYTHONUTF8": "1"},
    )


def _cpus(here: Here) -> _Varied:
    if len(here.cpus) > 1:
        return _Varied(
            Condition(CPUS, f"{len(here.cpus)}, {here.jobs} at once", "1"), {"cpus": [here.cpus[0]], "jobs": 1}
        )
    jobs = 4 if here.jobs != 4 else 3
    return _Varied(Condition(CPUS, f"1, {here.jobs} at once", f"1, {jobs} at once"), {"jobs": jobs})


def _environment(here: Here, place: Path) -> _Varied:
    variables = {
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "home"),
        "USER": "somebody",
        "LOGNAME": "somebody",
        "TERM": "dumb",
        "COLUMNS": "40",
        "SOURCE_DATE_EPOCH": "1",  # a build gets its epoch as an argument; nothing below the command line reads this
    }
    return _Varied(Condition(ENVIRONMENT, f"{len(here.variables)} variables", "others"), variables=variables)


def _another(values: tuple[str, str], than: str) -> str:
    return values[0] if values[0] != than else values[1]
