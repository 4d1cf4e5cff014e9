"""`push` and `pull` as a user calls them: chained, with --json, certificates and passwords wherever they are kept."""

import json
import os
import shlex
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.formats.oci.graph import graph
from tests.cli.command import Desk
from tests.made_images import AMD64, ARM64
from tests.registry.pictures import MB, picture, same
from tests.registry.proxy import Proxy
from tests.registry.registries import Registry
from tests.registry.skopeo import skopeo
from tests.registry.users import failed, layout_at, log_in, pushed_reference

pytestmark = [pytest.mark.slow, pytest.mark.engine]


def test_build_push_and_pull_in_one_call(user: Desk, registry: Registry, tmp_path: Path) -> None:
    name = f"{registry.host}/team/demo:1.0"
    reported = user.answer("build", "push", name, "--also-tag", "latest", "--also-tag", "1", "pull", name)
    assert "also as latest, 1" in reported
    assert registry.tags("team/demo") == ["1", "1.0", "latest"]
    digest = str(Digest.of(registry.manifest("team/demo", "1")[0]))
    assert reported.count(digest) == 3  # of build, push and pull
    ours = graph(layout_at(user.folder / "build/demo/oci"))
    [place] = [path.parent for path in (user.folder / "pulled").rglob("oci-layout")]
    assert same(graph(layout_at(place)), ours)
    skopeo(tmp_path, registry, "copy", "docker://{}/team/demo:latest", f"oci:{tmp_path}/theirs:1")
    assert same(graph(layout_at(tmp_path / "theirs")), ours)


def test_json_says_what_was_done(user: Desk, registry: Registry) -> None:
    image = pushed_reference(user, picture(MB), picture(9, platform=ARM64, seed=3))
    name = f"{registry.host}/hello:1"
    pushed = json.loads(user.answer("push", name, "--image", image, "--json"))
    digest = str(Digest.of(registry.manifest("hello", "1")[0]))
    assert (pushed["digest"], pushed["tags"], pushed["blobs"]["sent"]) == (digest, ["1"], 4)
    again = json.loads(user.answer("push", name, "--image", image, "--json"))
    assert (again["bytes"], again["blobs"]["present"]) == (0, 4)
    pulled = json.loads(user.answer("pull", name, "--output", "out", "--json"))
    assert (pulled["digest"], pulled["platforms"]) == (digest, [str(AMD64), str(ARM64)])
    pulled = json.loads(user.answer("pull", name, "--platform", "linux/arm64", "--output", "one", "--json"))
    assert pulled["platforms"] == [str(ARM64)]
    assert [one.platform for one in layout_at(user.folder / "one")] == [ARM64]


def test_tls_and_a_password(user: Desk, secure_registry: Registry) -> None:
    name = f"{secure_registry.host}/hello:1"
    image = pushed_reference(user, picture(MB))
    failed(user.call("push", name, "--image", image), 1, "TLS with 127.0.0.1 failed", "--ca")
    flags = ("--ca", str(secure_registry.ca))
    failed(user.call("push", name, "--image", image, *flags), 1, "UNAUTHORIZED", "docker login")
    log_in(user, secure_registry.host, secure_registry.login)
    user.answer("push", name, "--image", image, *flags)
    user.answer("pull", name, *flags, "--output", "out")
    assert same(graph(layout_at(user.folder / "out")), graph([picture(MB)]))
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        user.variables[variable] = str(secure_registry.ca)
        user.answer("pull", name, "--output", "out")
        del user.variables[variable]
    failed(user.call("pull", name, "--plain-http", "--output", "out"), 1, "cannot pull")
    failed(user.call("push", name, "--image", image, "--ca", "none.pem"), 2, "there is no", "none.pem")


@pytest.mark.parametrize("variable", ["REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"])
def test_credentials_may_lie_where_a_variable_says(
    user: Desk, locked_registry: Registry, tmp_path: Path, variable: str
) -> None:
    assert locked_registry.login
    name = f"{locked_registry.host}/hello:1"
    place = tmp_path / "elsewhere"
    below = {"REGISTRY_AUTH_FILE": "", "DOCKER_CONFIG": "config.json"}.get(variable, "containers/auth.json")
    path = place / below if below else place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {locked_registry.host: {"auth": locked_registry.login.basic}}}))
    user.answer("build")
    failed(user.call("push", name), 1, "UNAUTHORIZED")
    user.variables[variable] = str(place)
    user.answer("push", name)


def test_a_credential_helper_is_asked(user: Desk, locked_registry: Registry, tmp_path: Path) -> None:
    assert locked_registry.login
    name = f"{locked_registry.host}/hello:1"
    answer = json.dumps({"Username": locked_registry.login.user, "Secret": locked_registry.login.password})
    script = tmp_path / "bin/docker-credential-tests"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "$1 $(cat)" >>{tmp_path}/asked\necho {shlex.quote(answer)}\n')
    script.chmod(0o755)
    home = Path(user.variables["HOME"])
    (home / ".docker").mkdir(parents=True)
    (home / ".docker/config.json").write_text(json.dumps({"credHelpers": {locked_registry.host: "tests"}}))
    user.answer("build")
    failed(user.call("push", name), 1, "docker-credential-tests", "not on this machine")
    user.variables["PATH"] = f"{tmp_path}/bin:{os.environ['PATH']}"
    user.answer("push", name)
    assert (tmp_path / "asked").read_text() == f"get {locked_registry.host}\n"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["push"], "push needs the name", "push HOST/PATH:TAG"),
        (["pull"], "pull needs the name", "pull HOST/PATH:TAG"),
        (["push", "hello:1"], "names no registry", "docker.io/library/hello"),
        (["pull", "hello:1"], "names no registry", "docker.io/library/hello"),
        (["push", "localhost:5000/Hello"], "is not an image name", "lower case"),
        (["push", "https://localhost:5000/hello"], "is an address, not an image name", "leave out https://"),
        (["push", "localhost:5000/x:1", "--also-tag", "a/b"], "is not a tag", ""),
        (["push", "localhost:5000/x:1", "--mount-from", "A B"], "is not a repository of localhost:5000", "path alone"),
        (["push", "localhost:5000/x:1", "--mount-from", "y:1"], "is not a repository of localhost:5000", "path alone"),
        (["push", "localhost:5000/x:1", "--mount-from", "localhost:5000/y"], "is not a repository", "path alone"),
        (["push", "localhost:5000/x:1", "--chunk-size", "0"], "--chunk-size 0", ""),
        (["push", "localhost:5000/x:1", "--chunk-size", "many"], "--chunk-size many", ""),
        (["push", "localhost:5000/x:1", "--chunk-size", 5000 * "9"], "--chunk-size 9999", ""),
        (["pull", "localhost:5000/x:1", "--to", "zip"], "--to zip", "oci"),
        (["pull", "localhost:5000/x:1", "--to", "tar"], "needs a file", "--output"),
    ],
)
def test_a_wrong_call_is_told(user: Desk, words: list[str], message: str, hint: str) -> None:
    user.answer("build")
    answer = user.call(*words)
    failed(answer, 2, message)
    assert hint in answer.err.partition(" hint: ")[2]


def test_nothing_is_pushed_that_is_not_built(user: Desk, proxy: Proxy) -> None:
    failed(user.call("push", f"{proxy.host}/hello:1"), 1, "nothing is built", "fetch build")
    assert proxy.seen == []


@pytest.mark.parametrize("form", ["tar", "oci-archive", "docker-archive"])
def test_a_pull_may_end_in_a_file(user: Desk, registry: Registry, form: str) -> None:
    name = f"{registry.host}/hello:1"
    user.answer("push", name, "--image", pushed_reference(user, picture(1000)))
    user.answer("pull", name, "--to", form, "--output", "image.tar")
    assert "/0" in user.answer("ls", f"{form}:image.tar")


def test_other_verbs_read_what_is_in_a_registry(user: Desk, registry: Registry) -> None:
    name = f"{registry.host}/hello:1"
    user.answer("build", "push", name)
    assert "/bin/app" in user.answer("ls", f"docker://{name}")
    failed(user.call("ls", f"docker://{registry.host}/other:1"), 1, "cannot pull")


def test_mod_changes_an_image_of_a_registry_with_an_authority_of_its_own(user: Desk, secure_registry: Registry) -> None:
    log_in(user, secure_registry.host, secure_registry.login)
    name, flags = f"docker://{secure_registry.host}/demo", ("--ca", str(secure_registry.ca))
    user.answer("build")
    user.answer("push", f"{secure_registry.host}/demo:1", *flags)
    failed(user.call("mod", f"{name}:1", "--label", "k=v", "--to", f"{name}:2"), 1, "TLS with 127.0.0.1 failed")
    made = json.loads(user.answer("mod", f"{name}:1", "--label", "k=v", "--to", f"{name}:2", *flags, "--json"))
    pulled = user.answer("pull", f"{secure_registry.host}/demo:2", *flags)
    assert made["digest"] in pulled
