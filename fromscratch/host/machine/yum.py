"""The package repositories of this machine's dnf, yum or zypper: files *.repo, dnf.conf(5)."""

import configparser
from collections.abc import Iterator
from pathlib import Path

from fromscratch.formats import os_release
from fromscratch.named_tuple import NamedTuple

_FOLDERS = ("etc/yum.repos.d", "etc/zypp/repos.d")
_VARIABLES = ("etc/dnf/vars", "etc/yum/vars")
_OFF = {"0", "no", "false", "off"}
_SCHEMES = ("http://", "https://", "file://")
_MOST = 1 << 20


class YumRepository(NamedTuple):
    """One enabled repository; variables other than $basearch, $arch and $releasever are filled in."""

    name: str
    addresses: tuple[str, ...] = ()
    mirror_list: str = ""
    metalink: str = ""
    keys: tuple[Path, ...] = ()
    priority: int = 99


def repositories(root: Path = Path("/")) -> list[YumRepository]:
    """The enabled repositories of the machine whose filesystem is at `root`, by file and place.

    Files that cannot be parsed are ignored, as are addresses other than http, https and file.
    """
    variables = dict(_variables(root))
    found: list[YumRepository] = []
    for folder in _FOLDERS:
        for path in sorted((root / folder).glob("*.repo")):
            found += _of_file(path, root, variables)
    return found


def release(root: Path = Path("/")) -> str:
    """What $releasever stands for on this machine: VERSION_ID of its os-release."""
    found = (os_release.read(_text(root / name[1:]).encode()).version for name in os_release.PLACES)
    return next(filter(None, found), "")


def _of_file(path: Path, root: Path, variables: dict[str, str]) -> Iterator[YumRepository]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_text(path))
    except configparser.Error:
        return
    for name in parser.sections():
        section = parser[name]
        if section.get("enabled", "1").strip().lower() in _OFF:
            continue

        def words(key: str, section: configparser.SectionProxy = section) -> tuple[str, ...]:
            text = section.get(key, "")
            for variable, value in variables.items():
                text = text.replace(f"${variable}", value).replace(f"${{{variable}}}", value)
            return tuple(word for word in text.replace(",", " ").split() if word.startswith(_SCHEMES))

        keys = tuple(root / word.removeprefix("file:///") for word in words("gpgkey") if word.startswith("file:///"))
        priority = section.get("priority", "").strip()
        mirror_list, metalink = next(iter(words("mirrorlist")), ""), next(iter(words("metalink")), "")
        if words("baseurl") or mirror_list or metalink:
            number = int(priority) if priority.isdigit() and len(priority) < 9 else 99
            yield YumRepository(name, words("baseurl"), mirror_list, metalink, keys, max(1, number))


def _variables(root: Path) -> Iterator[tuple[str, str]]:
    for folder in _VARIABLES:
        for path in sorted((root / folder).glob("*")):
            if path.name.isidentifier():
                yield path.name, _text(path).split("\n")[0].strip()


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _MOST:
            return ""
        return path.read_text(errors="replace")
    except OSError:
        return ""
