"""Names and passwords from where docker, podman and skopeo keep them: containers-auth.json(5), docker's config.json."""

import base64
import json
import os
import shlex
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fromscratch.errors import CommandFailed, ImageError, MissingTool, UsageError
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.address import Place
from fromscratch.host.registry.credentials import Credentials, find, helpers, registries
from fromscratch.model.reference import Reference
from tests.engines import need, need_root

SECRET = "s3cret:with/all sorts/ü"


def place(name: str) -> Place:
    return Place.of(Reference.parse(name))


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def access(home: Path, monkeypatch: pytest.MonkeyPatch) -> Access:
    monkeypatch.setenv("PATH", f"{home}/bin:{os.environ['PATH']}")
    return Access(environment={"HOME": str(home), "PATH": os.environ["PATH"]})


def keep(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def helper(home: Path, name: str, script: str) -> Path:
    """A credential helper as they are: an executable on PATH, asked by standard input."""
    path = home / "bin" / f"docker-credential-{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def with_variables(access: Access, **variables: str) -> Access:
    return replace(access, environment={**access.environment, **variables})


def user_of(found: Credentials | None) -> str | None:
    return found.user if found else None


def test_what_docker_login_wrote_is_found(home: Path, access: Access) -> None:
    keep(home / ".docker/config.json", {"auths": {"registry.example:5000": auth("ada", SECRET)}})
    found = find(place("registry.example:5000/team/hello"), access)
    assert found == Credentials(source=f"{home}/.docker/config.json", user="ada", password=SECRET)
    assert base64.b64decode(found.basic.removeprefix("Basic ")).decode() == f"ada:{SECRET}"
    assert find(place("registry.example/team/hello"), access) is None
    assert find(place("other.example:5000/team/hello"), access) is None


def test_the_first_file_that_knows_the_registry_is_taken(home: Path, access: Access, tmp_path: Path) -> None:
    def read_from(path: Path) -> Path:
        return keep(path, {"auths": {"r.example": auth(path.parent.parent.name, "x")}})

    asked = with_variables(access, XDG_RUNTIME_DIR=f"{home}/runtime")
    assert find(place("r.example/x"), asked) is None
    read_from(home / "dot/docker/config.json")
    asked = with_variables(asked, DOCKER_CONFIG=f"{home}/dot/docker")
    assert user_of(find(place("r.example/x"), asked)) == "dot"
    read_from(home / ".config/containers/auth.json")
    assert user_of(find(place("r.example/x"), asked)) == ".config"
    read_from(home / "runtime/containers/auth.json")
    assert user_of(find(place("r.example/x"), asked)) == "runtime"
    assert find(place("other.example/x"), asked) is None
    listed = read_from(home / "named/by/variable")
    asked = with_variables(asked, REGISTRY_AUTH_FILE=str(listed))
    assert user_of(find(place("r.example/x"), asked)) == "named"
    keep(listed, {})
    assert find(place("r.example/x"), asked) is None  # the variable is meant alone


def test_a_file_without_the_registry_leaves_it_to_the_next(home: Path, access: Access) -> None:
    keep(home / ".config/containers/auth.json", {"auths": {"other.example": auth("other", "x")}})
    keep(home / ".docker/config.json", {"auths": {"r.example": auth("ada", "x")}})
    assert user_of(find(place("r.example/x"), access)) == "ada"


@pytest.mark.parametrize(
    ("key", "name", "fits"),
    [
        ("https://index.docker.io/v1/", "hello", True),
        ("docker.io", "team/hello", True),
        ("index.docker.io", "docker.io/team/hello", True),
        ("https://r.example", "r.example/x", True),
        ("https://r.example/v2/", "r.example/x", True),
        ("http://r.example/v1/", "r.example/x", True),
        ("r.example/v2/", "r.example/x", True),
        ("r.example/team", "r.example/team/hello", True),
        ("r.example/team", "r.example/team", True),
        ("r.example/team", "r.example/teams/hello", False),
        ("r.example/team/hello", "r.example/team", False),
        ("r.example.org", "r.example/x", False),
        ("example", "r.example/x", False),
        ("r.example:443", "r.example/x", False),
        ("", "r.example/x", False),
    ],
)
def test_a_key_names_a_registry_or_a_part_of_it(home: Path, access: Access, key: str, name: str, fits: bool) -> None:
    keep(home / ".docker/config.json", {"auths": {key: auth("ada", "x")}})
    assert user_of(find(place(name), access)) == ("ada" if fits else None)


def test_the_key_that_says_most_is_taken(home: Path, access: Access) -> None:
    auths = {"r.example": auth("all", "x"), "r.example/a/b": auth("ab", "x"), "r.example/a": auth("a", "x")}
    keep(home / ".config/containers/auth.json", {"auths": auths})
    assert [user_of(find(place(f"r.example/{name}"), access)) for name in ("a/b/c", "a/c", "a", "c")] == [
        "ab", "a", "a", "all",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"auth": "", "identitytoken": "refresh"}, {"identity": "refresh"}),
        ({**auth("ada", "x"), "identitytoken": "refresh"}, {"user": "ada", "identity": "refresh"}),
        (auth("<token>", "refresh"), {"identity": "refresh"}),
        ({"registrytoken": "shown"}, {"bearer": "shown"}),
        ({"username": "ada", "password": "x"}, {"user": "ada", "password": "x"}),
        (auth("ada", "x:y:z"), {"user": "ada", "password": "x:y:z"}),
        (auth("ada", ""), {"user": "ada"}),
    ],
)
def test_an_entry_may_hold_a_password_or_a_token(
    home: Path, access: Access, entry: dict[str, str], found: dict[str, str]
) -> None:
    path = keep(home / ".docker/config.json", {"auths": {"r.example": entry}})
    assert find(place("r.example/x"), access) == Credentials(source=str(path), **found)


@pytest.mark.parametrize("entry", [{}, {"auth": ""}, None, "text", {"email": "a@b.example"}])
def test_an_entry_may_be_empty(home: Path, access: Access, entry: object) -> None:
    keep(home / ".docker/config.json", {"auths": {"r.example": entry}})
    assert find(place("r.example/x"), access) is None


def test_a_helper_is_asked_for_the_registry_by_its_own_protocol(home: Path, access: Access) -> None:
    helper(home, "vault", f'echo "$1 $(cat)" >>{home}/asked; echo \'{{"Username":"ada","Secret":"{SECRET}"}}\'')
    keep(home / ".docker/config.json", {"credHelpers": {"r.example:5000": "vault"}, "credsStore": "none-such"})
    found = find(place("r.example:5000/x"), access)
    assert found == Credentials(source="docker-credential-vault", user="ada", password=SECRET)
    assert (home / "asked").read_text() == "get r.example:5000\n"
    keep(home / ".docker/config.json", {"credsStore": "vault"})
    assert user_of(find(place("hello"), access)) == "ada"
    assert (home / "asked").read_text().splitlines()[1:] == ["get https://index.docker.io/v1/"]
    assert helpers(home / ".docker/config.json") == ["docker-credential-vault"]


def test_a_helper_may_keep_an_identity_token(home: Path, access: Access) -> None:
    helper(home, "vault", 'cat >/dev/null; echo \'{"ServerURL":"x","Username":"<token>","Secret":"refresh"}\'')
    keep(home / ".docker/config.json", {"credsStore": "vault"})
    assert find(place("r.example/x"), access) == Credentials(source="docker-credential-vault", identity="refresh")


def test_a_helper_that_knows_nothing_leaves_it_to_the_file(home: Path, access: Access) -> None:
    helper(home, "vault", "echo 'credentials not found in native keychain'; exit 1")
    keep(home / ".docker/config.json", {"credsStore": "vault"})
    assert find(place("r.example/x"), access) is None
    keep(home / ".docker/config.json", {"credsStore": "vault", "auths": {"r.example": auth("ada", "x")}})
    assert user_of(find(place("r.example/x"), access)) == "ada"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (f"echo '{SECRET}'; echo '{SECRET}' >&2; exit 3", CommandFailed),
        (f"echo '{SECRET}'", ImageError),
        (f'echo \'{{"Username":"{SECRET}"}}\'', ImageError),
        (f'echo \'{{"Username":["{SECRET}"],"Secret":1}}\'', ImageError),
        (f"echo '[\"{SECRET}\"]'", ImageError),
        (f"printf '\\377\\376{SECRET}'", ImageError),
        ("kill -9 $$", CommandFailed),
        ("exec <&- >&-", ImageError),
    ],
)
def test_a_helper_that_fails_is_told_without_its_words(
    home: Path, access: Access, script: str, kind: type[ImageError]
) -> None:
    helper(home, "vault", script)
    keep(home / ".docker/config.json", {"credsStore": "vault"})
    with pytest.raises(kind) as caught:
        find(place("r.example/x"), access)
    assert "docker-credential-vault" in caught.value.message
    assert "docker-credential-vault get" in caught.value.hint
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in caught.value.hint


def test_a_helper_that_is_not_there_is_named_with_its_file(home: Path, access: Access) -> None:
    path = keep(home / ".docker/config.json", {"credHelpers": {"r.example": "vault"}})
    with pytest.raises(MissingTool, match="docker-credential-vault") as caught:
        find(place("r.example/x"), access)
    assert str(path) in caught.value.message
    assert find(place("other.example/x"), access) is None


@pytest.mark.parametrize("name", ["../../bin/sh", "a/b", "", "a b", "-x", "a\0b", "a;b"])
def test_a_helper_is_named_by_a_bare_word(home: Path, access: Access, name: str) -> None:
    keep(home / ".docker/config.json", {"credsStore": name})
    if name:
        with pytest.raises(UsageError, match="helper"):
            find(place("r.example/x"), access)
    else:
        assert find(place("r.example/x"), access) is None


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        "[]",
        "",
        f'{{"auths": {{"r.example": {{"auth": "{SECRET}"}}}}}}',
        f'{{"auths": "{SECRET}"',
        "[" * 100_000,
        json.dumps({"auths": {"r.example": {"auth": base64.b64encode(b"s3cret").decode()}}}),
        json.dumps({"auths": {"r.example": {"auth": base64.b64encode(b"s3cret:\xff").decode()}}}),
    ],
)
def test_a_file_that_makes_no_sense_is_named_and_not_shown(home: Path, access: Access, text: str) -> None:
    path = keep(home / ".docker/config.json", text)
    with pytest.raises(UsageError) as caught:
        find(place("r.example/x"), access)
    assert str(path) in caught.value.message
    assert caught.value.hint
    whole = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert "s3cret" not in whole
    assert base64.b64encode(b"s3cret").decode()[:8] not in whole


def test_files_that_cannot_be_read_are_named(home: Path, access: Access) -> None:
    (home / ".docker/config.json").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"config\.json") as caught:
        find(place("r.example/x"), access)
    assert "$REGISTRY_AUTH_FILE" in caught.value.hint


def test_credentials_have_no_picture_of_their_secrets() -> None:
    found = Credentials(source="x", user="ada", password=SECRET, identity="i" * 9, bearer="b" * 9)
    assert repr(found) == "Credentials(source='x')"
    assert set(found.secrets) == {SECRET, "i" * 9, "b" * 9, found.basic.removeprefix("Basic ")}


def test_the_names_in_a_file_can_be_listed(home: Path) -> None:
    path = keep(home / "x.json", {"auths": {"b.example": auth("a", "b"), "a.example": {}, "c.example": auth("c", "d")}})
    assert registries(path) == ["b.example", "c.example"]
    assert registries(home / "none") is None


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)),
    max_leaves=6,
)
_ENTRY = st.one_of(
    _JSON,
    st.dictionaries(
        st.sampled_from(["auth", "username", "password", "identitytoken", "registrytoken", "email"]),
        st.one_of(_JSON, st.binary(max_size=12).map(lambda data: base64.b64encode(data).decode())),
    ),
)
_KEYS = st.one_of(
    st.sampled_from(["r.example", "https://r.example/v1/", "r.example/x", "docker.io", "//", "r.example/"]),
    st.text(max_size=12),
)
_DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "auths": st.one_of(_JSON, st.dictionaries(_KEYS, _ENTRY, max_size=3)),
        "credHelpers": st.one_of(_JSON, st.dictionaries(_KEYS, _JSON, max_size=3)),
        "credsStore": _JSON,
        "HttpHeaders": _JSON,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=st.one_of(_DOCUMENT, _JSON))
def test_any_document_has_an_answer(home: Path, access: Access, document: object) -> None:
    path = keep(home / ".docker/config.json", document if isinstance(document, dict) else json.dumps(document))
    for ask in (lambda: find(place("r.example/x/y"), access), lambda: helpers(path), lambda: registries(path)):
        with suppress(ImageError):
            ask()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes_have_an_answer(home: Path, access: Access, data: bytes) -> None:
    keep(home / ".docker/config.json", {}).write_bytes(data)
    with suppress(UsageError):
        find(place("r.example/x"), access)


def test_a_folder_that_podman_keeps_for_root_is_passed_over() -> None:
    need_root("a mount")
    ask = (
        "import os; from fromscratch.host.registry import access, address, credentials; os.seteuid(65534);"
        "found = access.Access(environment={'HOME': '/nonexistent'});"
        "print(credentials.find(address.Place('r.example', 'a'), found), len(credentials.files(found)))"
    )
    script = f"mount -t tmpfs tests /run && mkdir -m 700 /run/containers && {sys.executable} -c {shlex.quote(ask)}"
    argv = [need("unshare"), "-m", "--propagation", "private", "sh", "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("None 2\n", "")
