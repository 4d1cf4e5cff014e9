"""Programs that were just built: C without libraries, C++ with one of its own, Go without and with C; and jq."""

import subprocess
from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from tests.cli.command import Desk
from tests.engines import need
from tests.examples.bundled import Bundled, bundled, proven
from tests.examples.containers import in_docker, in_podman
from tests.examples.rooms import NAME, Step
from tests.examples.telling import Tell, tell

__all__ = ["tell"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]


def check(image: Bundled, docker: Engine, podman: Engine, step: Step) -> None:
    """It does so in both engines."""
    with in_docker(docker, image) as container:
        assert container.fault(step) == ""
    with in_podman(podman, image) as container:
        assert container.fault(step) == ""


def test_c_without_libraries(desk: Desk, docker: Engine, podman: Engine, tell: Tell) -> None:
    desk.write("hello.c", '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    build(desk.folder, need("gcc"), "-O2", "-s", "-static", "-o", "hello", "hello.c")
    image = bundled(desk, "hello", "hello:/hello")
    check(image, docker, podman, Step((), says="hello\n"))
    assert image.libraries == []
    tell(image, proven(image, image.does(Step((), says="hello\n"))))


_LIBRARY = """\
#include <map>
#include <stdexcept>
#include <string>
std::string greeting(const std::string &language)
{
    static const std::map<std::string, std::string> known = {{"de", "Guten Tag"}, {"fr", "Bonjour"}};
    if (!known.count(language)) throw std::out_of_range("no greeting in " + language);
    return known.at(language);
}
"""
_PROGRAM = """\
#include <iostream>
#include <stdexcept>
#include <string>
std::string greeting(const std::string &language);
int main(int count, char **words)
{
    for (int place = 1; place < count; place++)
        try { std::cout << greeting(words[place]) << std::endl; }
        catch (const std::out_of_range &error) { std::cout << error.what() << std::endl; }
}
"""


def test_cplusplus_with_a_library_of_its_own(desk: Desk, docker: Engine, podman: Engine, tell: Tell) -> None:
    """As `make install DESTDIR=stage` leaves it: the link that the linker follows is there too."""
    lib = desk.folder / "stage/opt/greet/lib"
    for folder in (lib, lib.with_name("bin")):
        folder.mkdir(parents=True)
    desk.write("greeting.cc", _LIBRARY)
    desk.write("greet.cc", _PROGRAM)
    soname = ("-shared", "-fPIC", "-Wl,-soname,libgreeting.so.1")
    build(desk.folder, need("g++"), *soname, "-o", str(lib / "libgreeting.so.1.0"), "greeting.cc")
    (lib / "libgreeting.so.1").symlink_to("libgreeting.so.1.0")
    (lib / "libgreeting.so").symlink_to("libgreeting.so.1")
    found = (f"-L{lib}", "-lgreeting", "-Wl,-rpath,$ORIGIN/../lib")
    build(desk.folder, need("g++"), "-o", "stage/opt/greet/bin/greet", "greet.cc", *found)
    image = bundled(desk, "greet", "--stage", "stage")
    step = Step(("de", "eo", "fr"), says="Guten Tag\nno greeting in eo\nBonjour\n")
    check(image, docker, podman, step)
    assert "/opt/greet/lib/libgreeting.so.1.0" in image.libraries
    tell(image, proven(image, image.does(step)))


def test_jq(desk: Desk, docker: Engine, podman: Engine, tell: Tell) -> None:
    image = bundled(desk, "jq", need("jq"))
    step = Step(
        ("-c", '[.[] | select(.name | test("^gr.n$")) | .size | sqrt]'),
        stdin='[{"name": "grün", "size": 16}, {"name": "grau", "size": 25}]',
        says="[4]\n",
    )
    check(image, docker, podman, step)
    tell(image, proven(image, image.does(step)))


_GO = f"""\
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {{
	answer, err := http.Get("https://{NAME}:8443/well/said")
	if err != nil {{
		fmt.Println(err)
		os.Exit(1)
	}}
	text, _ := io.ReadAll(answer.Body)
	fmt.Printf("%s %q", answer.Proto, text)
}}
"""
_GOT = 'HTTP/2.0 "nginx says well\\n"'


@pytest.mark.parametrize("kind", ["static", "cgo"])
def test_go(kind: str, desk: Desk, authority: Path, nginx: Bundled, docker: Engine, podman: Engine, tell: Tell) -> None:
    """With cgo it asks GLIBC for names; without, it reads /etc/hosts by itself."""
    desk.write(f"go-{kind}/main.go", _GO)
    go = (need("env"), f"GOCACHE={desk.folder}/go-cache", "GO111MODULE=off", f"CGO_ENABLED={int(kind == 'cgo')}")
    build(desk.folder / f"go-{kind}", *go, need("go"), "build", "-ldflags=-s -w", "-o", "ask", "main.go")
    trusted = ("--add", f"{authority}/ca.crt:/etc/ssl/certs/ca-certificates.crt")
    resolver = ("--env", "GODEBUG=netdns=cgo") if kind == "cgo" else ()
    image = bundled(desk, f"go-{kind}", f"go-{kind}/ask:/ask", *trusted, *resolver)
    step = Step((), says=_GOT)
    for engine, inside in ((docker, in_docker), (podman, in_podman)):
        with (
            inside(engine, nginx) as server,
            inside(engine, image) as client,
            server.serving("-g", "daemon off;") as network,
        ):
            assert client.beside(network, image.room.root / "etc/hosts").fault(step) == ""
    assert bool(image.libraries) == (kind == "cgo")
    tell(image, proven(image, nginx.does(Step(())), image.does(step)))


def build(folder: Path, *words: str) -> None:
    subprocess.run(words, cwd=folder, check=True)
