"""nginx serves and curl asks, over TLS, by name."""

from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from tests.examples.bundled import Bundled, proven
from tests.examples.containers import Container, in_docker, in_podman
from tests.examples.rooms import NAME, Step
from tests.examples.telling import Tell, tell

__all__ = ["tell"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]

_ASK = ("--silent", "--show-error", "--fail", "--retry-connrefused", "--retry", "9", "--retry-delay", "1")
ASKED = (
    Step((*_ASK, f"http://{NAME}:8080/hello.txt"), says="hello from nginx\n"),
    Step((*_ASK, "--http2", f"https://{NAME}:8443/well/said"), says="nginx says well\n"),
    Step((*_ASK, "--compressed", "--verbose", f"https://{NAME}:8443/hello.txt"), says="HTTP/2 200"),
    Step((*_ASK, "--user", "ali:sesame", f"https://{NAME}:8443/private/secret.txt"), says="for ali\n"),
    Step((*_ASK, f"https://{NAME}:8443/private/secret.txt"), code=22, says="401"),
    Step((*_ASK, "https://localhost:8443/hello.txt"), code=60, says="no alternative certificate subject name"),
)
SERVE = Step(())
# Workers that go down end their threads, for which GLIBC opens libgcc_s.so.1, or aborts.
RELOAD = Step(("-s", "reload"))
LOGGED = Step((*_ASK, f"http://{NAME}:8080/log"), says="exited with code 0", patience=3)
_BY_CALL = {"libgcc_s.so.1": "libldap has a function that ends a thread, which curl never calls"}
# What the configuration of the machine loads, which the server of these checks has none of.
_BY_CONFIGURATION = {"ngx_*_module.so": "only a load_module of nginx's configuration asks for it"}


def test_curl_gets_from_nginx_in_docker(nginx: Bundled, curl: Bundled, docker: Engine) -> None:
    with in_docker(docker, nginx) as server, in_docker(docker, curl) as client:
        assert faults(server, client, curl.room.root / "etc/hosts") == []


def test_curl_gets_from_nginx_in_podman(nginx: Bundled, curl: Bundled, podman: Engine) -> None:
    with in_podman(podman, nginx) as server, in_podman(podman, curl) as client:
        assert faults(server, client, curl.room.root / "etc/hosts") == []


def faults(server: Container, client: Container, hosts: Path) -> list[str]:
    with server.serving("-g", "daemon off;") as network:
        return [fault for step in ASKED if (fault := client.beside(network, hosts).fault(step))]


def test_nginx_needs_each_of_its_libraries(nginx: Bundled, curl: Bundled, tell: Tell) -> None:
    asked = [curl.does(step) for step in ASKED]
    reloaded = [nginx.does(RELOAD), curl.does(LOGGED)]
    tell(nginx, proven(nginx, nginx.does(SERVE), *asked, *reloaded, spare=_BY_CONFIGURATION))


def test_curl_needs_each_of_its_libraries(nginx: Bundled, curl: Bundled, tell: Tell) -> None:
    tell(curl, proven(curl, nginx.does(SERVE), *(curl.does(step) for step in ASKED), spare=_BY_CALL))
