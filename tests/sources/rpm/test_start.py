"""Images of packages that start: a static program, and one with its C library, each out of a package of its own."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.command import Desk
from tests.engines import need
from tests.formats.rpm.packages import Made, program, symlink

pytest.importorskip("solv", reason="solv is not installed; it decides which packages are needed")
pytest.importorskip("pysequoia", reason="pysequoia is not installed; it signs the packages of these tests")

from tests.sources.rpm.repository import Repository

_LIBC, _LOADER = Path("/lib/x86_64-linux-gnu/libc.so.6"), Path("/lib64/ld-linux-x86-64.so.2")
_RECIPE = """
name: motd
rootfs:
  - rpm: {packages: [filesystem, cat, busybox], repositories: ["file://REPOSITORY"], keys: REPOSITORY/KEYS}
image: {cmd: [/usr/bin/cat, /etc/motd]}
"""


@pytest.mark.slow
def test_programs_of_packages_run(tmp_path: Path) -> None:
    need("busybox")
    if not (_LIBC.exists() and _LOADER.exists()):
        pytest.skip("this machine has no GLIBC of Debian for amd64")
    repository = Repository(tmp_path / "repository")
    libraries = {str(_LOADER): program(_LOADER.read_bytes()), f"/usr{_LIBC}": program(_LIBC.read_bytes())}
    cat: dict[str, Made | bytes] = {
        "/usr/bin/cat": program(Path("/usr/bin/cat").read_bytes()),
        "/etc/motd": b"out of a package\n",
    }
    busybox = {"/bin/busybox": program(Path(str(shutil.which("busybox"))).read_bytes()), "/bin/sh": symlink("busybox")}
    repository.publish(
        repository.package("glibc", libraries, provides=["libc.so.6()(64bit)"], compressor="zstd"),
        repository.package("cat", cat, requires=["libc.so.6()(64bit)"], compressor="xz"),
        repository.package("busybox", busybox),
        repository.package("filesystem", {"/bin": symlink("usr/bin"), "/lib64": symlink("usr/lib64")}),
        signed=True,
    )
    desk = Desk(tmp_path / "desk", tmp_path / "store")
    desk.write("fromscratch.yaml", _RECIPE.replace("REPOSITORY", str(repository.folder)))
    desk.answer("fetch", "build")
    assert desk.answer("run", "--engine", "none") == "out of a package\n"
    assert desk.answer("run", "--engine", "none", "--", "/bin/sh", "-c", "echo $((1 + 1))") == "2\n"
    assert "needed by cat (Requires: libc.so.6()(64bit))" in desk.answer("why", f"/usr{_LIBC}")
    evidence = json.loads((tmp_path / "desk/build/motd/evidence.json").read_text())
    pins = [pin for image in evidence["images"] for source in image["sources"] for pin in source["pins"]]
    assert [pin["name"] for pin in pins if pin["kind"] == "package"] == ["busybox", "cat", "filesystem", "glibc"]
