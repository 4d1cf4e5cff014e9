"""Real registries on loopback: Debian's docker-registry, each with its storage, its log and its own way to let us in.

Its configuration is that of distribution 2.8, docs/configuration.md.
"""

import base64
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.engines import missing, need
from tests.registry.authority import Authority, Pair
from tests.registry.tokens import ISSUER, SERVICE, TokenServer

_PATIENCE = 60.0
_TRIES = 3
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True)
class Login:
    user: str
    password: str

    @property
    def basic(self) -> str:
        """As the Authorization header and docker's config.json carry it."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, kw_only=True)
class Registry:
    """`host` is HOST:PORT, as image names begin. `login` is what it asks for, `ca` what signed its certificate."""

    host: str
    storage: Path
    log: Path
    login: Login | None = None
    ca: Path | None = None
    tokens: TokenServer | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.ca else 'http'}://{self.host}"

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str]:
        """The manifest as it is there, and its media type; asked for by nothing of ours."""
        answer = self._ask("GET", f"/v2/{repository}/manifests/{reference}", repository, Accept=", ".join(MANIFESTS))
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.content, answer.headers["Content-Type"]

    def blob(self, repository: str, digest: object) -> bytes | None:
        """The bytes of a blob, if the repository has it."""
        answer = self._ask("GET", f"/v2/{repository}/blobs/{digest}", repository)
        return answer.content if answer.status_code == 200 else None

    def tags(self, repository: str) -> list[str]:
        answer = self._ask("GET", f"/v2/{repository}/tags/list", repository)
        return sorted(answer.json().get("tags") or []) if answer.status_code == 200 else []

    def delete_manifest(self, repository: str, digest: object) -> None:
        assert self._ask("DELETE", f"/v2/{repository}/manifests/{digest}", repository).status_code == 202

    def delete_blob(self, repository: str, digest: object) -> None:
        assert self._ask("DELETE", f"/v2/{repository}/blobs/{digest}", repository).status_code == 202

    def uploads(self) -> list[Path]:
        """The uploads that were begun and neither finished nor given up."""
        return sorted(path.parent for path in self.storage.rglob("_uploads/*/startedat"))

    def _ask(self, method: str, path: str, repository: str, **headers: str) -> requests.Response:
        if self.tokens:
            access = [{"type": "repository", "name": repository, "actions": ["pull", "push", "delete"]}]
            headers["Authorization"] = f"Bearer {self.tokens.token('tests', access)}"
        elif self.login:
            headers["Authorization"] = f"Basic {self.login.basic}"
        with requests.Session() as session:
            session.trust_env = False
            verify = str(self.ca) if self.ca else True
            return session.request(method, self.url + path, headers=headers, verify=verify, timeout=_PATIENCE)


@contextmanager
def running(
    folder: Path,
    *,
    login: Login | None = None,
    tls: tuple[Authority, Pair] | None = None,
    tokens: tuple[TokenServer, Path] | None = None,
    address: str = "127.0.0.1",
) -> Iterator[Registry]:
    """A registry below `folder` until the end of the block.

    `login` asks for a name and a password, `tokens` for a token of that server, signed by that certificate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    storage, log = folder / "storage", folder / "registry.log"
    storage.mkdir(exist_ok=True)
    auth: dict[str, Any] = {}
    if login:
        auth = {"htpasswd": {"realm": "tests", "path": str(_htpasswd(folder, login))}}
    if tokens:
        server, bundle = tokens
        auth = {
            "token": {"realm": server.url, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(bundle)},
        }
    for attempt in range(_TRIES):
        host = f"{address}:{_free_port(address)}"
        config = folder / "config.yml"
        # JSON is YAML.
        config.write_text(json.dumps(_config(host, storage, auth, tls[1] if tls else None)))
        with _serving(config, log, host) as there:
            if not there and attempt + 1 < _TRIES:
                continue  # somebody else has taken the port meanwhile
            if not there:
                missing("docker-registry does not start here: " + log.read_text()[-500:])
            yield Registry(
                host=host,
                storage=storage,
                log=log,
                login=login if login or not tokens else Login(tokens[0].user, tokens[0].password),
                ca=tls[0].certificate if tls else None,
                tokens=tokens[0] if tokens else None,
            )
            return


@contextmanager
def _serving(config: Path, log: Path, host: str) -> Iterator[bool]:
    """The program; the answer is whether it listens. Its log is shown with a test that fails."""
    argv = [need("docker-registry"), "serve", str(config)]
    with (
        open(log, "wb") as out,
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={"PATH": os.environ["PATH"]},
            start_new_session=True,
        ) as process,
    ):
        try:
            yield _listens(host, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_PATIENCE)
            print(f"--- {log}\n{log.read_text(errors='replace')[-4000:]}")


def _listens(host: str, process: "subprocess.Popen[bytes]") -> bool:
    address, _, port = host.rpartition(":")
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection((address, int(port)), 1.0).close()
        except OSError:
            time.sleep(0.01)
        else:
            time.sleep(0.02)
            return process.poll() is None
    return False


def _config(host: str, storage: Path, auth: dict[str, Any], tls: Pair | None) -> dict[str, Any]:
    listening: dict[str, Any] = {"addr": host, "secret": "the tests know it", "net": "tcp"}
    if tls:
        listening["tls"] = {"certificate": str(tls.certificate), "key": str(tls.key)}
    return {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": listening,
        **({"auth": auth} if auth else {}),
    }


def _htpasswd(folder: Path, login: Login) -> Path:
    """A file of one account, its password kept as bcrypt, which is the only form that the registry reads."""
    path = folder / "htpasswd"
    words = ["htpasswd", "-iBC", "4", "-c", str(path), login.user]
    words[0] = need("htpasswd")
    made = subprocess.run(words, input=login.password.encode(), capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    return path


def _free_port(address: str) -> int:
    with socket.socket() as asked:
        asked.bind((address, 0))
        return int(asked.getsockname()[1])
