"""Real programs by real compilers: a static C program, Go with vendored modules, Rust, and an Autotools project."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import Desk
from tests.engines import need, spare
from tests.host.container.callers import python

pytestmark = pytest.mark.slow

CHECKOUT = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[3]))
C = """\
#include <assert.h>
#include <stdio.h>
int main(int count, char **words) { assert(count < 5); return printf("hello from %s\\n", __FILE__) < 0; }
"""
MAKEFILE = """\
hello: hello.c
\t$(CC) $(CFLAGS) -g -static -o $@ hello.c
install: hello
\tinstall -D -o root -g root hello $(DESTDIR)/usr/bin/hello
"""
GO = 'package main\nimport ("fmt"; "example.org/greet")\nfunc main() { fmt.Println(greet.Hello()) }\n'
GREET = 'package greet\nfunc Hello() string { return "hello from go" }\n'
CARGO = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk", tmp_path / "store")


def recipe(desk: Desk, **options: object) -> None:
    item = {"build_script": {"source": "src", **options}}
    desk.write("fromscratch.yaml", json.dumps({"name": "app", "rootfs": [item], "image": {"cmd": ["/usr/bin/hello"]}}))


def built(desk: Desk) -> str:
    """The digest of the image, which runs, after a build and one under other conditions."""
    desk.answer("fetch", "build")
    twice = json.loads(desk.answer("build", "--twice", "--json"))
    return str(twice["digest"])


def test_a_static_c_program_has_the_same_digest_for_every_user_in_every_folder(desk: Desk, tmp_path: Path) -> None:
    for name in ("gcc", "make"):
        need(name)
    desk.write("src/hello.c", C)
    desk.write("src/Makefile", MAKEFILE)
    recipe(desk, needs=["gcc", "make"], script="make\nmake install\n")
    digest = built(desk)
    assert desk.answer("run", "--engine", "none") == "hello from hello.c\n"
    elsewhere = Path("/var/tmp") / f"fromscratch-test-{os.getpid()}"
    try:
        shutil.copytree(desk.folder, elsewhere / "other name", ignore=shutil.ignore_patterns("build"))
        prefix: tuple[str, ...] = ()
        if os.geteuid() == 0:
            prefix = (need("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups")
            subprocess.run(["chown", "-R", "65534:65534", elsewhere], check=True)
        imports = os.pathsep.join([str(CHECKOUT), *(each for each in sys.path if each.endswith("-packages"))])
        environment = {"PATH": os.environ["PATH"], "HOME": str(elsewhere), "PYTHONPATH": imports}
        importing = [*prefix, python(prefix), "-c", "import fromscratch.cli.main, yaml"]
        if subprocess.run(importing, cwd=elsewhere, env=environment, check=False).returncode:
            prefix = ()  # where other users cannot read what is tested
        answer = subprocess.run(
            [*prefix, python(prefix), "-B", "-m", "fromscratch", "build", "--json"],
            cwd=elsewhere / "other name",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout)["digest"] == digest
    finally:
        shutil.rmtree(elsewhere)


def test_a_go_program_with_its_modules_is_built_for_another_architecture_too(desk: Desk) -> None:
    need("go")
    desk.write("src/main.go", GO)
    desk.write("src/go.mod", "module example.org/app\ngo 1.19\nrequire example.org/greet v1.0.0\n")
    desk.write("src/vendor/modules.txt", "# example.org/greet v1.0.0\n## explicit\nexample.org/greet\n")
    desk.write("src/vendor/example.org/greet/greet.go", GREET)
    script = 'go build -o "$DESTDIR/usr/bin/hello" .'
    recipe(desk, needs=["go"], env={"CGO_ENABLED": "0"}, script=script)
    desk.answer("build", "--platform", "linux/amd64,linux/arm64")
    assert "ELF" not in desk.answer("ls", "--platform", "linux/arm64")
    if json.loads(desk.answer("build", "--json"))["images"][0]["platform"] == "linux/amd64":
        assert desk.answer("run", "--engine", "none") == "hello from go\n"


def test_a_rust_program_is_built_by_the_toolchain_that_is_named(desk: Desk) -> None:
    cargo = Path(os.path.realpath(spare("cargo")))
    found = subprocess.run([spare("rustc"), "--print", "sysroot"], capture_output=True, text=True, check=False)
    toolchain = Path(found.stdout.strip() or cargo.parents[1])
    if not (toolchain / "bin/cargo").exists():
        pytest.skip("cargo and rustc are not of one toolchain")
    desk.write("src/Cargo.toml", CARGO.format("hello") + '[dependencies]\ngreet = {path = "vendor/greet"}\n')
    desk.write("src/src/main.rs", 'fn main() { println!("{} {}", greet::hi(), file!()); }\n')
    desk.write("src/vendor/greet/Cargo.toml", CARGO.format("greet"))
    desk.write("src/vendor/greet/src/lib.rs", 'pub fn hi() -> &\'static str { "hello from rust" }\n')
    tools = [] if str(toolchain).startswith("/usr") else [str(toolchain)]
    script = 'cargo build --release --offline\ninstall -D target/release/hello "$DESTDIR/usr/bin/hello"\n'
    flags = {"RUSTFLAGS": "-C target-feature=+crt-static --remap-path-prefix=/build/src=."}
    recipe(desk, needs=["cargo", "gcc"], tools=tools, env=flags, script=script)
    built(desk)
    assert desk.answer("run", "--engine", "none") == "hello from rust src/main.rs\n"


def test_the_autotools_example_is_one_small_program(desk: Desk) -> None:
    for name in ("gcc", "make", "autoconf", "automake"):
        need(name)
    generated = shutil.ignore_patterns("build", "build-aux", "autom4te.cache", "configure", "*.in")
    shutil.copytree(CHECKOUT / "examples/hello-autotools", desk.folder, ignore=generated)
    desk.answer("fetch", "build")
    assert desk.answer("run", "--engine", "none") == "Hello container!\n"
    assert [row.split()[-1] for row in desk.answer("ls").splitlines()] == [
        "/",
        "/usr",
        "/usr/bin",
        "/usr/bin/hellocontainer",
    ]
