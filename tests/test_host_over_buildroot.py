"""The whole chain: programs of this machine laid over a root that Buildroot made, imported and run in a real engine.

With FROMSCRATCH_BUILDROOT_TREE and FROMSCRATCH_BUILDROOT_MIRROR (see sources/test_buildroot_real.py) the root is a real
one, built by this machine's compiler; always, it is one of the tiny Buildroot with the layout of a real one laid over.
"""

import os
import subprocess
from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from tests.cli.command import Desk, invoke_in_checkout
from tests.engines import docker, need

__all__ = ["docker"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]

TINY = Path(__file__).parent / "sources/buildroot/tiny"
TAG = "fromscratch-host-over-buildroot:test"
MOST_MINUTES = 30

RECIPE = """\
name: myimg
rootfs:
  - buildroot: {BUILDROOT, offline: true}
  LAYOUT
  - binaries: {paths: ["greet:/usr/bin/greet", "trust:/usr/bin/trust", JQ]}
image: {user: "65534:65534", env: {PATH: "/usr/bin"}}
"""
CPLUSPLUS = """\
// libbz2 is opened by name: nothing else here would bring it.
#include <dlfcn.h>
#include <pwd.h>
#include <iostream>
#include <stdexcept>
#include <thread>
int main() {
    std::thread([] { std::cout << "hello, " << getpwuid(0)->pw_name; }).join();
    try { throw std::runtime_error(dlopen("libbz2.so.1.0", RTLD_NOW) ? "and more" : dlerror()); }
    catch (const std::exception &said) { std::cout << ", " << said.what() << std::endl; }
}
"""
PYTHON = """\
#!/usr/bin/python3
import hashlib, ssl
print(len(ssl.create_default_context().get_ca_certs()) > 0, hashlib.sha256(b"").hexdigest()[:8])
"""
# What a real Buildroot's skeleton has, for the tiny one that has none.
SKELETON = {
    "etc/nsswitch.conf": "passwd: files\nhosts: files dns\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/shadow": "root:*:::::::\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/services": "http 80/tcp\n",
    "usr/bin/.keep": "",
}
LINKS = {"lib": "usr/lib", "lib64": "lib", "bin": "usr/bin", "usr/lib/x86_64-linux-gnu": "../lib", "usr/lib64": "lib"}


@pytest.fixture(params=["tiny", "real"])
def desk(request: pytest.FixtureRequest, docker: Engine, tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store", {"DOCKER_HOST": docker.program[2]})
    names = [os.environ.get(f"FROMSCRATCH_BUILDROOT_{name}", "") for name in ("TREE", "MIRROR")]
    if request.param == "real" and not all(names):
        pytest.skip("FROMSCRATCH_BUILDROOT_TREE and FROMSCRATCH_BUILDROOT_MIRROR name no tree and mirror")
    tree, mirror = names if request.param == "real" else (str(TINY), "mirror")
    form = "busybox-glibc, toolchain: host, host_tools: system" if request.param == "real" else "app-glibc"
    layout = "" if request.param == "real" else "- overlay: skeleton"
    recipe = RECIPE.replace("BUILDROOT", f"tree: {tree}, mirror: {mirror}, config: {form}").replace("JQ", need("jq"))
    made.write("fromscratch.yaml", recipe.replace("LAYOUT", layout))
    made.write("mirror/greeting/word", "hello\n")
    if request.param == "tiny":
        for name, text in SKELETON.items():
            made.write(f"skeleton/{name}", text)
        for name, target in LINKS.items():
            link = made.folder / "skeleton" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
    made.write("greet.cpp", CPLUSPLUS)
    subprocess.run([need("g++"), "-pthread", "-o", "greet", "greet.cpp", "-ldl"], cwd=made.folder, check=True)
    made.write("trust", PYTHON).chmod(0o755)
    return made


def test_programs_of_this_machine_run_over_a_root_from_source(desk: Desk, docker: Engine) -> None:
    words = ("fetch", "build", "import", "--tag", TAG)
    with desk.process(*words, program=invoke_in_checkout()) as process:
        out, err = process.communicate(timeout=MOST_MINUTES * 60)
    assert process.returncode == 0, err
    try:
        assert "setuid" not in out
        assert "the notes of" not in err

        def said(*argv: str) -> str:
            return docker.call("run", "--rm", "--network=none", TAG, *argv).stdout.decode()

        assert said("/usr/bin/greet") == "hello, root, and more\n"
        assert said("/usr/bin/trust") == "True e3b0c442\n"
        assert said(need("jq"), "-n", '"a,b" | split(",")', "-c") == '["a","b"]\n'
        shadow = docker.call("run", "--rm", "--network=none", "--user=0", TAG, need("jq"), "-R", ".", "/etc/shadow")
        assert b'"root:*:' in shadow.stdout
    finally:
        docker.call("image", "rm", TAG)
