"""Images of Alpine packages that run: of a static busybox, and of the real packages of a minirootfs."""

import os
from pathlib import Path

import pytest

from fromscratch.formats.alpine.index import Package, parse_index
from fromscratch.host.engines.docker import Docker
from fromscratch.model.image import Platform
from fromscratch.sources.alpine.platforms import alpine_architecture
from tests.cli.command import Desk
from tests.engines import docker, need
from tests.formats.alpine.packages import apk
from tests.sources.alpine.repository import Repository

__all__ = ["docker"]

pytestmark = pytest.mark.slow
ROOT = Path(os.environ.get("FROMSCRATCH_ALPINE_ROOT", "/nonexistent"))
HERE = alpine_architecture(Platform.of_this_machine())
RECIPE = """\
name: alpine
rootfs:
  - alpine: {packages: [%s], repositories: [repository/main], keys: repository/keys}
image: {cmd: [/bin/sh]}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, tmp_path / "store")


def build(desk: Desk, packages: str, *made: bytes) -> None:
    Repository(desk.folder / "repository").publish(*made, architecture=HERE)
    desk.write("fromscratch.yaml", RECIPE % packages)
    desk.answer("fetch", "build")


def test_accounts_and_applets_of_a_busybox(desk: Desk) -> None:
    shell = Path(need("busybox")).read_bytes()
    build(
        desk,
        "app",
        apk("busybox", {"bin": None, "bin/busybox@755": shell, "bin/sh": "busybox"}, architecture=HERE),
        apk(
            "app",
            {"srv": None, "srv/data@640": b"data\n"},
            architecture=HERE,
            depend="busybox",
            owners={"srv/data": "svc:svc"},
            scripts={"pre-install": "addgroup -S svc\nadduser -SDH -G svc svc\n"},
        ),
    )
    script = "id svc; stat -c '%U %G %a' /srv/data; cat /etc/apk/world"
    said = desk.answer("run", "--engine", "none", "--quiet", "--", "/bin/sh", "-c", script)
    assert said == "uid=100(svc) gid=100(svc) groups=100(svc)\nsvc svc 640\napp\n"


def remade(root: Path) -> list[bytes]:
    """The packages of a root as its database and its files have them; scripts are not in there."""
    found = []
    for paragraph in (root / "lib/apk/db/installed").read_text().strip().split("\n\n"):
        head, _, rest = paragraph.partition("\nF:")
        [package] = parse_index(head, "the database")
        folders: list[str] = []
        files: dict[str, bytes | str | None] = {}
        for line in f"F:{rest}".split("\n"):
            if line[:2] == "F:":
                folders.append(line[2:])
            elif line[:2] == "R:":
                place = root / folders[-1] / line[2:]
                mode = f"@{place.lstat().st_mode & 0o7777:o}"
                name = f"{folders[-1]}/{line[2:]}"
                files[name if place.is_symlink() else name + mode] = (
                    str(place.readlink()) if place.is_symlink() else place.read_bytes()
                )
        found.append(_remade(package, {**dict.fromkeys(filter(None, folders)), **files}))
    return found


def _remade(package: Package, files: dict[str, bytes | str | None]) -> bytes:
    return apk(
        package.name,
        files,
        package.version,
        architecture=package.architecture,
        depend=package.depends.split(),
        provides=package.provides.split(),
        origin=package.origin,
    )


@pytest.mark.engine
@pytest.mark.skipif(not (ROOT / "sbin/apk").exists(), reason="FROMSCRATCH_ALPINE_ROOT names no Alpine root")
def test_real_packages_run_and_apk_goes_on_with_them(desk: Desk, docker: Docker) -> None:
    build(desk, "alpine-baselayout, busybox, busybox-binsh, apk-tools, alpine-keys", *remade(ROOT))
    script = "apk info -e musl; apk info -W /bin/busybox; apk audit --system; apk del --simulate apk-tools | tail -1"
    words = ("/bin/sh", "-c", script)
    said = desk.answer("run", "--engine", "none", "--quiet", "--", *words).splitlines()
    assert (said[0], said[1].split("-")[0], said[-1].split(":")[0]) == (
        "musl",
        "/bin/busybox is owned by busybox",
        "OK",
    )
    tag = "fromscratch-alpine:test"
    Desk(desk.folder, desk.store, {"DOCKER_HOST": docker.program[2]}).answer("import", "--tag", tag)
    try:
        assert docker.call("run", "--rm", "--network=none", tag, *words).stdout.decode().splitlines() == said
    finally:
        docker.call("rmi", "--force", tag)
