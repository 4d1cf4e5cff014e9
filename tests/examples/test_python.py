"""An application in Python with sqlite and TLS, cut to what it imports; and the interpreter with its whole library."""

import re
from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from tests.cli.command import Desk
from tests.engines import missing
from tests.examples.bundled import Bundled, bundled, proven
from tests.examples.containers import Container, in_docker, in_podman
from tests.examples.rooms import NAME, Step
from tests.examples.telling import Tell, tell

__all__ = ["tell"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]

_INTERPRETER = Path("/usr/bin/python3")  # the system's: what PATH finds may be a script that starts another one
_APP = """\
import bz2
import decimal
import hashlib
import json
import lzma
import sqlite3
import ssl
import sys
import urllib.request
import zlib

context = ssl.create_default_context()
with urllib.request.urlopen(sys.argv[1], context=context) as answer:
    text = answer.read().decode().strip()
with sqlite3.connect("/tmp/said.db") as database:
    database.execute("CREATE TABLE said (text TEXT, cost DECIMAL)")
    database.execute("INSERT INTO said VALUES (?, ?)", (text, str(decimal.Decimal("1.10") * 3)))
    rows = database.execute("SELECT * FROM said").fetchall()
for module in (bz2, lzma, zlib):
    text = module.decompress(module.compress(text.encode())).decode()
print(json.dumps({"rows": rows, "text": text, "digest": hashlib.sha256(text.encode()).hexdigest()[:8]}))
"""
DONE = Step(
    (f"https://{NAME}:8443/well/said",),
    says='{"rows": [["nginx says well", 3.3]], "text": "nginx says well", "digest": "20b69460"}\n',
)

# Every module of the library that is an ELF file, and a thread that ends as threads of C do.
_EVERYTHING = """\
import _thread, ctypes, importlib, sys, time
for name in sys.argv[1:]:
    importlib.import_module(name)
_thread.start_new_thread(ctypes.CDLL(None).pthread_exit, (None,))
time.sleep(0.2)
print("all imported")
"""

_FALLBACKS = {
    "lib-dynload/*": "modules of C that modules of Python are written to do without",
    "libgcc_s.so.1": "for a thread that ends while the interpreter goes down",
}
_BY_NAME = {"libgpm.so.2": "the mouse of a Linux console, for curses"}


@pytest.fixture(scope="module")
def python() -> str:
    if not _INTERPRETER.exists():
        missing(f"{_INTERPRETER} is not on this machine")
    return str(_INTERPRETER)


@pytest.fixture(scope="module")
def app(desk: Desk, authority: Path, python: str) -> Bundled:
    desk.write("app.py", _APP)
    trusted = ("--add", f"{authority}/ca.crt:/etc/ssl/certs/ca-certificates.crt")
    return bundled(desk, "app", python, "app.py:/app/app.py", *trusted, "--entrypoint", "python3 /app/app.py")


@pytest.fixture(scope="module")
def interpreter(desk: Desk, python: str) -> Bundled:
    return bundled(desk, "python", python)


def test_the_application_works_in_docker(app: Bundled, nginx: Bundled, docker: Engine) -> None:
    with in_docker(docker, nginx) as server, in_docker(docker, app) as client:
        assert fault(server, client, app) == ""


def test_the_application_works_in_podman(app: Bundled, nginx: Bundled, podman: Engine) -> None:
    with in_podman(podman, nginx) as server, in_podman(podman, app) as client:
        assert fault(server, client, app) == ""


def fault(server: Container, client: Container, app: Bundled) -> str:
    with server.serving("-g", "daemon off;") as network:
        return client.beside(network, app.room.root / "etc/hosts").fault(DONE)


def test_the_application_needs_each_of_its_libraries(app: Bundled, nginx: Bundled, tell: Tell) -> None:
    tell(app, proven(app, nginx.does(Step(())), app.does(DONE), spare=_FALLBACKS))


def test_the_whole_library_imports_in_docker_and_needs_each_of_its_libraries(
    interpreter: Bundled, docker: Engine, tell: Tell
) -> None:
    folder = _INTERPRETER.resolve().name
    names = sorted(path.name.partition(".")[0] for path in Path("/usr/lib", folder, "lib-dynload").iterdir())
    names = [name for name in names if not re.search("test|limited", name)]  # they are for its own tests
    step = Step(("-c", _EVERYTHING, *names), says="all imported")
    with in_docker(docker, interpreter) as container:
        assert container.fault(step) == ""
    tell(interpreter, proven(interpreter, interpreter.does(step), spare=_BY_NAME))
