"""The address of the docker daemon, by the rules of docker's client: environment, then context, then default."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from fromscratch.errors import ImageError
from fromscratch.limits import json_value
from fromscratch.regular_file import read_bytes

DEFAULT = "unix:///var/run/docker.sock"
_DIRECT = ("unix://", "tcp://", "http://")
_NO_CONTEXT = ("", "default")


class Address(Struct, frozen=True, kw_only=True):
    """An address as docker writes it in `text`; `context` is the name of the context that has it, if one does.

    `client` says why only docker's own client can reach it; empty if the API can.
    """

    text: str
    context: str = ""
    client: str = ""

    def __str__(self) -> str:
        return self.text + (f" (docker context {self.context})" if self.context else "")


def daemon_address(environment: Mapping[str, str]) -> Address:
    """The address that `docker` would use in this environment. Raises ImageError for an unknown context."""
    if environment.get("DOCKER_HOST"):
        return _address(
            environment["DOCKER_HOST"], tls=bool(environment.get("DOCKER_TLS_VERIFY") or environment.get("DOCKER_TLS"))
        )
    folder = Path(environment.get("DOCKER_CONFIG") or Path(environment.get("HOME") or "/nonexistent") / ".docker")
    name = environment.get("DOCKER_CONTEXT") or str(_json(folder / "config.json").get("currentContext") or "")
    if name in _NO_CONTEXT:
        return Address(text=DEFAULT)
    return _of_context(folder, name)


def given(text: str) -> Address:
    """The address in this text."""
    return _address(text, tls=False)


def _address(text: str, *, tls: bool, context: str = "") -> Address:
    if "://" not in text:
        text = f"tcp://{text}"
    if text == "unix://":
        text = DEFAULT
    reason = ""
    if not text.startswith(_DIRECT):
        reason = f"{text.partition('://')[0]} connections"
    elif tls and not text.startswith("unix://"):
        reason = "TLS"
    return Address(text=text, context=context, client=reason)


def _of_context(folder: Path, name: str) -> Address:
    """The address in a context, which the client stores in a folder named by the hash of its name."""
    key = hashlib.sha256(name.encode()).hexdigest()
    path = folder / "contexts" / "meta" / key / "meta.json"
    endpoint = _within(_json(path), "Endpoints", "docker")
    host = endpoint.get("Host")
    if not isinstance(host, str):
        raise ImageError(
            f"docker's context {name!r} is not in {folder}/contexts, or names no address there",
            "`docker context ls` lists them; set DOCKER_CONTEXT=default or DOCKER_HOST to use another",
        )
    has_keys = (folder / "contexts" / "tls" / key / "docker").is_dir()
    return _address(host or DEFAULT, tls=has_keys or bool(endpoint.get("SkipTLSVerify")), context=name)


def _json(path: Path) -> dict[str, Any]:
    """The object in a file of the client; empty if it cannot be read, as the client ignores it then."""
    try:
        document = json_value(read_bytes(path))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _within(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    for key in keys:
        inner = document.get(key)
        document = inner if isinstance(inner, dict) else {}
    return document
