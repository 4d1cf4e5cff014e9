"""push and pull as a user calls them, and registries as places that every other verb can read from."""

import json
import os
import shutil
import signal
import sys
import tarfile
from pathlib import Path

import pytest

from fromscratch.host.images.layout import read_layout
from fromscratch.images.oci_layout import OciLayout
from tests.cli.command import Answer
from tests.cli.command import Desk as Shell
from tests.made_images import at
from tests.registry import faults
from tests.registry.conftest import LOGIN
from tests.registry.pictures import MB, Desk, picture
from tests.registry.proxy import Proxy
from tests.registry.registries import Registry

pytestmark = [pytest.mark.slow, pytest.mark.engine]
RECIPE = """\
name: demo
rootfs: [overlay: files]
image: {cmd: [/bin/app]}
check: off
platforms: [linux/amd64, linux/arm64]
"""


@pytest.fixture
def shell(tmp_path: Path, desk: Desk) -> Shell:
    made = Shell(tmp_path / "shell", tmp_path / "store", {"HOME": str(desk.folder)})
    made.write("fromscratch.yaml", RECIPE)
    made.write("files/bin/app", "#!/bin/sh\necho app\n").chmod(0o755)
    return made


def refused(shell: Shell, code: int, message: str, hint: str, *words: str) -> Answer:
    answer = shell.call(*words)
    assert (answer.code, answer.out) == (code, "")
    first, _, second = answer.err.partition("\n hint: ")
    assert message in first
    assert hint in second
    return answer


def blobs(layout: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in layout.glob("blobs/*/*")}


def test_what_is_built_is_pushed_for_all_platforms_and_pulled_again(shell: Shell, registry: Registry) -> None:
    name = f"{registry.host}/team/demo:1"
    made = shell.answer("build", "push", name, "--also-tag", "latest", "--also-tag", "1.0").splitlines()[-1]
    assert made.startswith(f"pushed {name} (sha256:")
    assert "also as latest, 1.0: 3 sent, " in made
    assert shell.answer("push", name).endswith(": 3 already there, 0.0 MB\n")
    assert registry.tags("team/demo") == ["1", "1.0", "latest"]
    folder = f"pulled/{registry.host.replace(':', '+')}/team/demo"
    assert shell.answer("pull", name).endswith(f"-> oci:{folder}:1\n")
    assert blobs(shell.folder / folder) == blobs(shell.folder / "build/demo/oci")
    shell.answer("pull", f"{registry.host}/team/demo:latest")
    top = json.loads((shell.folder / folder / "index.json").read_text())["manifests"]
    assert len({entry["digest"] for entry in top}) == 1
    assert len(top) == 2


def test_both_answer_programs(shell: Shell, registry: Registry) -> None:
    name = f"{registry.host}/demo"
    shell.answer("build")
    pushed = json.loads(shell.answer("push", name, "--json"))
    assert pushed["reference"] == f"docker://{name}:latest"
    assert (pushed["tags"], pushed["blobs"]["sent"]) == (["latest"], 3)
    again = json.loads(shell.answer("push", name, "--json"))
    assert (again["blobs"]["present"], again["blobs"]["sent"], again["bytes"]) == (3, 0, 0)
    pulled = json.loads(shell.answer("pull", name, "--json", "--output", "here"))
    assert pulled["digest"] == pushed["digest"] == again["digest"]
    assert (pulled["platforms"], pulled["image"]) == (["linux/amd64", "linux/arm64"], "oci:here:latest")


def test_one_platform_is_pushed_and_pulled_if_one_is_asked_for(shell: Shell, registry: Registry) -> None:
    shell.answer("build")
    everything, one = f"{registry.host}/demo:all", f"{registry.host}/demo:one"
    shell.answer("push", everything, "--image", "oci:build/demo/oci")
    shell.answer("push", one, "--platform", "linux/arm64")
    assert json.loads(shell.answer("pull", one, "--json"))["platforms"] == ["linux/arm64"]
    words = ("pull", everything, "--platform", "linux/arm64", "--json", "--output", "arm")
    assert json.loads(shell.answer(*words))["platforms"] == ["linux/arm64"]
    refused(shell, 2, "no image for linux/riscv64", "linux/amd64, linux/arm64", *words[:3], "linux/riscv64")


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "tar", "aci"])
def test_a_pulled_image_takes_other_forms(shell: Shell, registry: Registry, form: str) -> None:
    name = f"{registry.host}/team/demo:1"
    shell.answer("build", "--platform", "linux/amd64", "push", name)
    file = f"out.{'aci' if form == 'aci' else 'tar'}"
    words = ("pull", name)
    shell.answer(*words, "--to", form, "--output", file)
    if form == "aci":
        with tarfile.open(shell.folder / file) as written:
            assert "rootfs/bin/app" in written.getnames()
    else:
        assert "f 0755 0:0 19 /bin/app" in shell.answer("ls", f"{form}:{file}")
    refused(shell, 2, f"--to {form} needs a file", "say --output FILE", "pull", name, "--to", form)
    piped = (*words, "--to", form, "--output", "-")
    assert shell.call(*piped, program=("sh", "-c", '"$@" >piped', "sh", sys.executable, "-m", "fromscratch")).code == 0
    assert (shell.folder / "piped").read_bytes() == (shell.folder / file).read_bytes()
    assert not (shell.folder / "-").exists()


def test_other_verbs_read_images_of_registries(shell: Shell, registry: Registry) -> None:
    name = f"{registry.host}/team/demo:1"
    shell.answer("build", "push", name)
    for spelled in (name, f"docker://{name}"):
        assert "f 0755 0:0 19 /bin/app" in shell.answer("ls", spelled)
    listed = shell.call("ls", name)
    assert f"docker://{name}" in listed.err
    assert f'"image": "docker://{name}"' in shell.answer("why", "/bin/app", "--image", name, "--json")
    shell.answer("pack", "--to", "oci", "--output", "copy", "--image", f"docker://{name}", "--platform", "linux/arm64")
    shell.answer("push", f"{registry.host}/copy:1", "--image", f"docker://{name}")
    assert registry.manifest("copy", "1") == registry.manifest("team/demo", "1")


def test_an_image_goes_to_another_repository_of_its_registry_without_passing_here(shell: Shell, proxy: Proxy) -> None:
    shell.answer("build", "push", f"{proxy.host}/demo:1")
    shutil.rmtree(shell.store)
    before = len(proxy.seen)
    copied = shell.answer("push", f"{proxy.host}/copy:1", "--image", f"docker://{proxy.host}/demo:1", "--json")
    [layer] = {str(layer.digest) for image in read_layout(shell.folder / "build/demo/oci") for layer in image.layers}
    assert json.loads(copied)["blobs"]["mounted"] == 1
    of_layer = [seen.method for seen in proxy.seen[before:] if layer in seen.path]
    assert of_layer == ["HEAD", "POST"]


def test_a_layer_of_another_registry_comes_when_it_is_sent(
    shell: Shell, registry: Registry, locked_registry: Registry, desk: Desk
) -> None:
    desk.log_in(locked_registry.host, LOGIN)
    shell.answer("build", "push", f"{registry.host}/demo:1")
    shutil.rmtree(shell.store)
    shell.answer("push", f"{locked_registry.host}/copy:1", "--image", f"{registry.host}/demo:1")
    assert locked_registry.manifest("copy", "1") == registry.manifest("demo", "1")


def test_a_bare_name_is_asked_of_no_registry(shell: Shell) -> None:
    for name in ("team/demo", "demo:1", "busybox"):
        assert "and no engine that answers has it" in shell.call("ls", name).err
    refused(shell, 2, "names no registry", "docker.io/team/demo", "pull", "team/demo")
    refused(shell, 2, "names no registry", "docker.io/library/demo", "push", "demo", "--image", "oci:x")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["push"], "push needs the name", "localhost:5000/hello:1"),
        (["pull"], "pull needs the name", "docker.io/"),
        (["push", "box:5000/A"], "is not an image name", "lower case"),
        (["push", "box:5000/a", "--chunk-size", "many"], "not a number of megabytes", "such as 50"),
        (["push", "box:5000/a", "--chunk-size", "0"], "not a number of megabytes", "such as 50"),
        (["pull", "box:5000/a", "--to", "ocl"], "no such form", "oci"),
        (["pull", "box:5000/a", "--ca", "none.pem"], "there is no none.pem", "in the form PEM"),
        (["pull", "box:5000/a", "--ca", "fromscratch.yaml"], "fromscratch.yaml cannot be used", "in the form PEM"),
        (["pull", "127.0.0.1:1/a"], "Connection refused", "run it again"),
    ],
)
def test_a_wrong_call_is_told(shell: Shell, words: list[str], message: str, hint: str) -> None:
    if words[0] == "push" and len(words) > 1:
        shell.answer("build")
    refused(shell, 1 if "127" in words[-1] else 2, message, hint, *words)


def test_a_wrong_tag_is_told(shell: Shell, registry: Registry) -> None:
    shell.answer("build")
    refused(shell, 2, "'a/b' is not a tag", "not a whole name", "push", f"{registry.host}/a", "--also-tag", "a/b")


def test_who_is_not_logged_in_is_told_how(shell: Shell, desk: Desk, locked_registry: Registry) -> None:
    host = locked_registry.host
    shell.answer("build")
    refused(shell, 1, "says status 401 (UNAUTHORIZED)", f"log in with docker login {host}", "push", f"{host}/demo")
    desk.log_in(host, LOGIN)
    shell.answer("push", f"{host}/demo", "pull", f"{host}/demo")
    elsewhere = shell.folder / "elsewhere"
    (desk.folder / ".docker").rename(elsewhere)
    refused(shell, 1, "(UNAUTHORIZED)", f"log in with docker login {host}", "pull", f"{host}/demo")
    shell.variables["DOCKER_CONFIG"] = str(elsewhere)
    shell.answer("pull", f"{host}/demo")
    shell.variables["REGISTRY_AUTH_FILE"] = str(elsewhere / "none.json")
    refused(shell, 1, "(UNAUTHORIZED)", f"log in with docker login {host}", "pull", f"{host}/demo")


def test_an_authority_is_named_in_any_of_the_usual_ways(
    shell: Shell, desk: Desk, secure_registry: Registry, tmp_path: Path
) -> None:
    name, authority = f"{secure_registry.host}/demo:1", str(secure_registry.ca)
    desk.log_in(secure_registry.host, LOGIN)
    shell.answer("build")
    refused(shell, 1, "TLS with 127.0.0.1 failed", "--ca FILE", "push", name)
    shell.answer("push", name, "--ca", authority)
    shell.variables["SSL_CERT_FILE"] = authority
    shell.answer("pull", name)
    del shell.variables["SSL_CERT_FILE"]
    folder = tmp_path / "home/.config/containers/certs.d" / secure_registry.host
    folder.mkdir(parents=True)
    (folder / "ca.crt").symlink_to(authority)
    shell.answer("pull", name)


def test_a_push_that_was_killed_goes_on(shell: Shell, desk: Desk, registry: Registry, proxy: Proxy) -> None:
    image = picture(3 * MB, 3 * MB, seed=5)
    first, second = image.layers
    at(OciLayout, shell.folder / "large").write([image], "1")
    gate = proxy.gate()
    proxy.rule("PUT", str(second.digest), faults.held(gate, after=MB))
    words = ("push", f"{proxy.host}/demo:1", "--image", "oci:large")
    with shell.process(*words) as process:
        gate.await_arrival()
        while registry.blob("demo", first.digest) is None:
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    gate.released.set()
    assert registry.tags("demo") == []
    before = len(proxy.requests("PUT", str(first.digest)))
    assert shell.answer(*words).startswith("pushed ")
    assert len(proxy.requests("PUT", str(first.digest))) == before == 1
    assert registry.blob("demo", second.digest) is not None
    assert registry.tags("demo") == ["1"]


def test_a_push_that_is_interrupted_ends_at_once_and_leaves_no_tag(
    shell: Shell, registry: Registry, proxy: Proxy
) -> None:
    at(OciLayout, shell.folder / "large").write([picture(3 * MB)], "1")
    gate = proxy.gate()
    proxy.rule("PUT", "digest=", faults.held(gate, after=MB), times=None)
    with shell.process("push", f"{proxy.host}/demo:1", "--image", "oci:large") as process:
        gate.await_arrival()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert "the same command goes on from here" in err
    gate.released.set()
    assert registry.tags("demo") == []


def test_what_a_registry_warns_of_is_told_once(shell: Shell, proxy: Proxy) -> None:
    warnings = '299 - "tokens end \\"soon\\"", 299 - "a\x1bb", 199 - "not for us", 299 broken'
    proxy.rule(".*", "/v2/", faults.with_headers(Warning=warnings), times=None)
    shell.answer("build")
    reported = [line for line in shell.call("push", f"{proxy.host}/demo").err.splitlines() if " warns: " in line]
    assert reported == [f'{proxy.host} warns: tokens end "soon"', f"{proxy.host} warns: a b"]


def test_a_registry_that_does_not_know_head_is_pushed_to(shell: Shell, registry: Registry, proxy: Proxy) -> None:
    proxy.rule("HEAD", "", faults.status(405), times=None)
    shell.answer("build", "push", f"{proxy.host}/demo")
    shell.answer("push", f"{proxy.host}/demo")
    assert registry.tags("demo") == ["latest"]
