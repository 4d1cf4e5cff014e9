"""How an App Container Image is executed: the `app` of its manifest, made of an image's configuration."""

from collections.abc import Iterable, Mapping
from typing import Any

from fromscratch.errors import UsageError
from fromscratch.formats.glibc.passwd import identity
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.entry import File
from fromscratch.model.image import RunConfig
from fromscratch.model.reference import slug
from fromscratch.model.rootfs import Rootfs

AC_VERSION = "0.8.11"
# What an ACE sets, and every engine where an image says nothing: appc spec, "Execution Environment"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_VARIABLE = lazy_regex(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PORT = lazy_regex(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([a-z][a-z0-9]*))?")
_MAX_PORT = 65535


def app_fields(config: RunConfig, tree: Rootfs) -> dict[str, Any] | None:
    """The `app` object; None for an image that says nothing of what is executed. Raises UsageError."""
    words = [*config.entrypoint, *config.cmd]
    if not words:
        return None
    fields = {
        "exec": [_program(words[0], config, tree), *words[1:]],
        **_user_fields(config.user, tree),
        "workingDirectory": _absolute(config.working_dir),
        "environment": pairs((_variable(name), value) for name, value in config.env.items()),
        "mountPoints": _mount_points(config.volumes),
        "ports": _ports(config.exposed_ports),
        "userLabels": dict(sorted(config.labels.items())),
    }
    return {name: value for name, value in fields.items() if value}


def pairs(values: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """The form in which the specification writes lists of names with values."""
    given = values.items() if isinstance(values, Mapping) else values
    return [{"name": name, "value": value} for name, value in given]


def _program(word: str, config: RunConfig, tree: Rootfs) -> str:
    """Where the program is: execvp(3) in the image's root. An ACE need not look for it."""
    if word.startswith("/"):
        return word
    if "/" in word:
        return f"{_absolute(config.working_dir) or ''}/{word.removeprefix('./')}"
    searched = config.env.get("PATH", _PATH)
    for folder in searched.split(":"):
        place = f"{_absolute(folder or config.working_dir).rstrip('/')}/{word}"
        found = tree.find(place)
        if isinstance(found, File) and found.meta.mode & 0o111:
            return place
    raise UsageError(
        f"the image starts {word!r}, which is in none of {searched}",
        "write its path from the root, as an ACI has it, into entrypoint or cmd",
    )


def _absolute(path: str) -> str:
    return f"/{path}" if path and not path.startswith("/") else path


def _user_fields(user: str, tree: Rootfs) -> dict[str, Any]:
    """`user` and `group` as they are written; a group that is not is that of the account. Raises UsageError."""
    who = identity(tree, user)
    name, _, group = user.partition(":")
    for each in (name, group):
        if each.startswith("/"):
            raise UsageError(f"{user!r}: an ACI would take the owner of a file for {each!r}", "write its number")
    return {"user": name or "0", "group": group or str(who.gid), "supplementaryGIDs": list(who.groups)}


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise UsageError(
            f"an ACI cannot have the environment variable {name!r}",
            "name it with letters, digits, _ . and -, beginning with a letter or _",
        )
    return name


def _mount_points(volumes: Iterable[str]) -> list[dict[str, Any]]:
    """A volume is named by its path, in the characters that an AC Name may have."""
    found: dict[str, str] = {}
    for path in sorted(dict.fromkeys(map(_absolute, volumes))):
        found[_unused(slug(path, "root"), found)] = path
    return [{"name": name, "path": path} for name, path in found.items()]


def _unused(name: str, used: Mapping[str, str]) -> str:
    number, fresh = 2, name
    while fresh in used:
        fresh, number = f"{name}-{number}", number + 1
    return fresh


def _ports(texts: Iterable[str]) -> list[dict[str, Any]]:
    """`80/tcp`, `80`, `8000-8010/udp` in the order of their numbers. Raises UsageError."""
    found = sorted(set(map(_port, texts)))
    return [
        {
            "name": f"{first}{f'-{last}' if last > first else ''}-{protocol}",
            "protocol": protocol,
            "port": first,
            "count": last - first + 1,
            "socketActivated": False,
        }
        for first, last, protocol in found
    ]


def _port(text: str) -> tuple[int, int, str]:
    parts = _PORT.fullmatch(text)
    first, last = (int(parts[1]), int(parts[2] or parts[1])) if parts else (0, 0)
    if parts is None or not 1 <= first <= last <= _MAX_PORT:
        raise UsageError(f"an ACI cannot have the port {text!r}", "write it as a number and a protocol, as in 80/tcp")
    return first, last, parts[3] or "tcp"
