"""Credentials for registries, from the files and helpers of docker and the tools of containers/image.

The formats are those of containers-auth.json(5) and of docker's config.json. No secret is shown: records leave it out
of their repr, and messages name files and programs only.
"""

import base64
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fromscratch.errors import CommandFailed, ImageError, MissingTool, UsageError
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.address import HUB, Place, canonical
from fromscratch.limits import json_value
from fromscratch.record import PartlyShown
from fromscratch.regular_file import read_bytes

_HELPER = "docker-credential-"
_HUB_KEY = "https://index.docker.io/v1/"
_IDENTITY = "<token>"  # the name under which helpers keep an identity token: docker-credential-helpers, README
_NOT_THERE = "credentials not found"
_PATIENCE = 60.0


class Credentials(PartlyShown, frozen=True, kw_only=True):
    """`identity` is a refresh token, `bearer` a token to send as it is; `source` says where these were found."""

    unshown = ("user", "password", "identity", "bearer")

    source: str
    user: str = ""
    password: str = ""
    identity: str = ""
    bearer: str = ""

    @property
    def basic(self) -> str:
        """The value of an Authorization field: RFC 7617."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets, which no message may hold."""
        found = (self.password, self.identity, self.bearer, self.basic.partition(" ")[2] if self.password else "")
        return tuple(secret for secret in found if secret)


def files(access: Access) -> list[Path]:
    """The files that may hold credentials, in order of precedence; not all of them need exist."""
    environment = access.environment
    if listed := environment.get("REGISTRY_AUTH_FILE"):
        return [Path(listed)]
    runtime = environment.get("XDG_RUNTIME_DIR")
    session = Path(runtime) / "containers" if runtime else Path(f"/run/containers/{os.getuid()}")
    # After root has used podman, other users may not even stat the folder that replaces the session's.
    accessible = bool(runtime) or os.access(session, os.X_OK, effective_ids=True)
    docker = Path(environment.get("DOCKER_CONFIG") or access.home / ".docker")
    return [
        *([session / "auth.json"] if accessible else []),
        access.configuration / "containers/auth.json",
        docker / "config.json",
    ]


def find(place: Place, access: Access) -> Credentials | None:
    """The credentials for this repository, or for its registry or a path above it; None if there are none.

    Raises UsageError for a file that cannot be understood, MissingTool and CommandFailed for a helper that
    does not answer.
    """
    for path in files(access):
        document = _read(path)
        if document is None:
            continue
        helper = _helper(document, place)
        if helper and (found := _from_helper(helper, place, path, access)):
            return found
        if found := _from_file(document.get("auths"), place, path):
            return found
    return None


def helpers(path: Path) -> list[str]:
    """The credential helpers that a file names. Raises UsageError."""
    document = _read(path) or {}
    by_registry = document.get("credHelpers")
    listed = [document.get("credsStore"), *(by_registry.values() if isinstance(by_registry, dict) else ())]
    return sorted({_HELPER + name for name in listed if isinstance(name, str) and name})


def registries(path: Path) -> list[str] | None:
    """The registries for which a file itself holds credentials; None if there is no file. Raises UsageError."""
    document = _read(path)
    if document is None:
        return None
    auths = document.get("auths")
    return sorted(key for key, entry in auths.items() if entry) if isinstance(auths, dict) else []


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json_value(read_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(
            f"{path}, which may hold credentials, cannot be read: {error.strerror}",
            "give yourself the right to read it, or name another file in $REGISTRY_AUTH_FILE",
        ) from error
    except (ValueError, RecursionError):
        document = None  # the message of a parser may quote the file
    if not isinstance(document, dict):
        raise UsageError(
            f"{path}, which may hold credentials, is not a JSON object", "fix it, or log in again with docker login"
        )
    return document


def _helper(document: Mapping[str, Any], place: Place) -> str:
    """The helper that a file names for a registry: in credHelpers, or else in credsStore."""
    by_registry = document.get("credHelpers")
    if isinstance(by_registry, dict):
        for key, name in by_registry.items():
            if _registry_and_path(key) == (place.registry, "") and isinstance(name, str):
                return name
    store = document.get("credsStore")
    return store if isinstance(store, str) else ""


def _from_helper(name: str, place: Place, path: Path, access: Access) -> Credentials | None:
    """docker-credential-helpers, "Development": the registry on standard input, an object on standard output."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(
            f"{path} names {name!r} as a credential helper, which cannot be the name of a program", "fix it there"
        )
    from fromscratch.host.process import run

    program = f"{_HELPER}{name}"
    if run.find(program) is None:
        raise MissingTool(
            f"the credentials for {place.registry} are kept by {program}, says {path}, and it is not on this machine",
            f"install it, or take it out of {path} and log in again",
        )
    key = _HUB_KEY if place.registry == HUB else place.registry
    answer = run.run([program, "get"], stdin=key.encode(), env=dict(access.environment), check=False, timeout=_PATIENCE)
    if answer.returncode:
        # Its output is not quoted, as it may hold secrets.
        if _NOT_THERE in answer.stdout.decode("utf-8", "replace").lower():
            return None
        raise CommandFailed(
            f"{program}, which keeps the credentials for {place.registry}, failed with exit code {answer.returncode}",
            f"see why: echo {key} | {program} get",
        )
    try:
        document = json_value(answer.stdout)
        user, secret = document["Username"], document["Secret"]
        right = isinstance(user, str) and isinstance(secret, str)
    except (ValueError, KeyError, TypeError):
        right = False
    if not right:
        raise ImageError(f"{program} does not answer as a credential helper does", f"echo {key} | {program} get")
    if not secret:
        return None
    source = f"{program}"
    if user == _IDENTITY:
        return Credentials(source=source, identity=secret)
    return Credentials(source=source, user=user, password=secret)


def _from_file(auths: object, place: Place, path: Path) -> Credentials | None:
    """The entry with the longest matching key."""
    if not isinstance(auths, dict):
        return None
    matches = []
    for key, entry in auths.items():
        registry, below = _registry_and_path(key)
        inside = f"{place.repository}/".startswith(f"{below}/") if below else True
        if registry == place.registry and inside and isinstance(entry, dict):
            matches.append((len(below), entry))
    matches.sort(key=lambda one: -one[0])
    return next((found for _, entry in matches if (found := _entry(entry, path))), None)


def _registry_and_path(key: str) -> tuple[str, str]:
    """A key of `auths`: HOST, HOST/PATH, or a URL as old clients wrote it, where only the host counts."""
    scheme, separator, rest = key.partition("://")
    host, _, below = (rest if separator else scheme).partition("/")
    old = bool(separator) or below.strip("/") in ("v1", "v2")
    return canonical(host), "" if old else below.strip("/")


def _entry(entry: Mapping[str, Any], path: Path) -> Credentials | None:
    def text(name: str) -> str:
        value = entry.get(name)
        return value if isinstance(value, str) else ""

    source = str(path)
    if bearer := text("registrytoken"):
        return Credentials(source=source, bearer=bearer)
    user, password = next(_decoded(text("auth"), path), (text("username"), text("password")))
    if identity := text("identitytoken"):
        return Credentials(source=source, user=user, identity=identity)
    if user == _IDENTITY:
        return Credentials(source=source, identity=password)
    return Credentials(source=source, user=user, password=password) if user or password else None


def _decoded(auth: str, path: Path) -> Iterator[tuple[str, str]]:
    """The name and password in an `auth` field; nothing if it is empty."""
    if not auth:
        return
    try:
        user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if not colon:
        raise UsageError(f"{path} holds an `auth` that is not the base64 of NAME:PASSWORD", "log in again")
    yield user, password.rstrip("\0")
