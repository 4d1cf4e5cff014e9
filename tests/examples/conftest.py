"""What the examples share: a desk, engines, a certificate authority, and the two images that serve and ask."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.command import Desk
from tests.engines import docker, need, podman
from tests.examples.bundled import Bundled, bundled
from tests.examples.rooms import NAME

__all__ = ["docker", "podman"]

_NGINX = f"""\
worker_processes 2;
pid /tmp/nginx.pid;
error_log /tmp/error.log notice;
events {{}}
http {{
    include mime.types;
    access_log off;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    scgi_temp_path /tmp/scgi;
    uwsgi_temp_path /tmp/uwsgi;
    server {{
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8443 ssl http2;
        server_name {NAME};
        ssl_certificate server.crt;
        ssl_certificate_key server.key;
        root /srv;
        aio threads;
        location = /log {{ alias /tmp/error.log; }}
        gzip on;
        gzip_types text/plain;
        gzip_min_length 1;
        location ~ ^/(?<word>[a-z]+)/said$ {{ return 200 "nginx says $word\\n"; }}
        location /private/ {{ auth_basic "private"; auth_basic_user_file users; }}
    }}
}}
"""


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("examples"), tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def authority(desk: Desk) -> Path:
    """The folder of a certificate authority: ca.crt, and server.key and server.crt for the server's name."""
    folder = desk.folder / "authority"
    folder.mkdir()
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    new = (need("openssl"), "req", "-x509", *curve, "-nodes", "-days", "2")
    # RFC 5280 asks for it in the certificate of an authority, and Python looks for it since 3.13.
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _run(folder, *new, *usage, "-subj", "/CN=example authority", "-keyout", "ca.key", "-out", "ca.crt")
    names = ("-addext", f"subjectAltName=DNS:{NAME}", "-addext", "basicConstraints=CA:FALSE")
    signed = ("-CA", "ca.crt", "-CAkey", "ca.key", *names)
    _run(folder, *new, "-subj", f"/CN={NAME}", *signed, "-keyout", "server.key", "-out", "server.crt")
    (folder / "server.key").chmod(0o644)  # it is an example's: in earnest it is mounted for the user that needs it
    return folder


def _run(folder: Path, *words: str) -> str:
    return subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def nginx(desk: Desk, authority: Path) -> Bundled:
    """A server of /srv on 8080 and, over TLS, 8443."""
    conf = desk.write("nginx/nginx.conf", _NGINX).parent
    (conf / "mime.types").write_text("types { text/html html; text/plain txt; }\n")
    (conf / "server.crt").write_bytes((authority / "server.crt").read_bytes())
    (conf / "server.key").write_bytes((authority / "server.key").read_bytes())
    password = _run(conf, need("openssl"), "passwd", "-6", "sesame").strip()
    (conf / "users").write_text(f"ali:{password}\n")
    desk.write("srv/hello.txt", "hello from nginx\n" * 20)
    desk.write("srv/private/secret.txt", "for ali\n")
    _bare_repository(desk.folder / "srv")
    folders = ("--add", "nginx:/etc/nginx", "--add", "srv:/srv")
    return bundled(desk, "nginx", need("nginx"), *folders, "--port", "8443", "--stop-signal", "SIGQUIT")


def _bare_repository(folder: Path) -> None:
    """hello.git, to be fetched by plain HTTP. It has no hooks: they are scripts, and would bring their interpreters."""
    work = folder.with_name("work")
    git = (need("git"), "-c", "user.name=ali", "-c", "user.email=ali@example.org", "-c", "init.defaultBranch=main")
    _run(folder, *git, "init", "--quiet", "--template", "", str(work))
    (work / "poem.txt").write_text("all that is gold does not glitter\n")
    _run(work, *git, "add", "poem.txt")
    _run(work, *git, "commit", "--quiet", "--message", "a line")
    _run(folder, *git, "clone", "--quiet", "--bare", "--template", "", str(work), "hello.git")
    _run(folder / "hello.git", *git, "update-server-info")


@pytest.fixture(scope="session")
def curl(desk: Desk, authority: Path) -> Bundled:
    """With the example's authority for all that it trusts."""
    trusted = f"{authority}/ca.crt:/etc/ssl/certs/ca-certificates.crt"
    return bundled(desk, "curl", need("curl"), "--add", trusted)
