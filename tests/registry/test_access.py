"""Who may do what: passwords, tokens that end, certificates; and that no secret is shown to others or told."""

import base64
import io
import json
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fromscratch.errors import ImageError, RegistryError, UsageError
from fromscratch.formats.oci.graph import graph
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.trust import trust
from tests.host.http import site as sites
from tests.host.http.site import Site
from tests.registry import faults, registries
from tests.registry import tokens as token_servers
from tests.registry.authority import Authority, Pair
from tests.registry.conftest import LOGIN
from tests.registry.pictures import HASTY, MB, Desk, picture, same
from tests.registry.proxy import Proxy
from tests.registry.registries import Login, Registry
from tests.registry.tokens import TokenServer

pytestmark = [pytest.mark.slow, pytest.mark.engine]
IMAGE = picture(MB, 100)


def message_of(error: BaseException) -> str:
    """Everything that anybody could print of an error."""
    hint = error.hint if isinstance(error, ImageError) else ""
    return "".join(traceback.format_exception(error)) + repr(error) + hint


def check_secrets(text: str, *secrets: str) -> None:
    for secret in secrets:
        assert secret not in text
        assert base64.b64encode(secret.encode()).decode().rstrip("=") not in text


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    with sites.running() as site:
        yield site


class TestPasswords:
    def test_a_wrong_one_is_told_with_the_file_it_is_in(self, desk: Desk, locked_registry: Registry) -> None:
        path = desk.log_in(locked_registry.host, Login("ada", "wr0ng-unique"))
        name = f"{locked_registry.host}/hello:1"
        for work in (lambda: desk.push(name, IMAGE), lambda: desk.pull(name)):
            with pytest.raises(RegistryError, match="UNAUTHORIZED") as caught:
                work()
            assert str(path) in caught.value.hint
            assert f"docker login {locked_registry.host}" in caught.value.hint
            check_secrets(message_of(caught.value), "wr0ng-unique")

    def test_none_is_told_with_what_logs_in(self, desk: Desk, locked_registry: Registry) -> None:
        with pytest.raises(RegistryError, match="UNAUTHORIZED") as caught:
            desk.push(f"{locked_registry.host}/hello:1", IMAGE)
        assert caught.value.hint.startswith("log in with docker login")

    def test_it_is_shown_when_it_is_asked_for_and_to_nobody_else(
        self, desk: Desk, registry: Registry, locked_registry: Registry, proxy_of: Callable[..., Proxy]
    ) -> None:
        opened, locked = proxy_of(registry), proxy_of(locked_registry)
        for proxy in (opened, locked):
            desk.log_in(proxy.host, LOGIN)
            desk.push(f"{proxy.host}/hello:1", IMAGE)
        assert not [seen for seen in opened.seen if "Authorization" in seen.headers]
        assert "Authorization" not in locked.seen[0].headers
        assert [seen for seen in locked.seen if seen.headers["Authorization"] == f"Basic {LOGIN.basic}"]

    def test_a_registry_that_repeats_it_is_not_repeated(
        self, desk: Desk, locked_registry: Registry, proxy_of: Callable[..., Proxy]
    ) -> None:
        proxy = proxy_of(locked_registry)
        login = Login("ada", "s3cret-unique")
        desk.log_in(proxy.host, login)
        message = f"you said {login.password} as {login.basic}, Basic {login.basic}"
        proxy.rule("HEAD|POST", "/blobs/", faults.error(401, "UNAUTHORIZED", Www_Authenticate='Basic realm="x"'))
        proxy.rule("HEAD|POST", "/blobs/", faults.status(404))
        proxy.rule("HEAD|POST", "/blobs/", faults.error(403, "DENIED", message), times=None)
        with pytest.raises(RegistryError, match="you said") as caught:
            desk.push(f"{proxy.host}/hello:1", IMAGE, access=desk.access(jobs=1))
        check_secrets(message_of(caught.value), login.password, login.basic)

    def test_a_registry_that_asks_for_ever_is_not_answered_for_ever(
        self, desk: Desk, registry: Registry, proxy_of: Callable[..., Proxy]
    ) -> None:
        proxy = proxy_of(registry)
        desk.log_in(proxy.host, LOGIN)
        proxy.rule(".*", "", faults.error(401, "UNAUTHORIZED", Www_Authenticate='Basic realm="x"'), times=None)
        with pytest.raises(RegistryError, match="UNAUTHORIZED"):
            desk.pull(f"{proxy.host}/hello:1")
        assert len(proxy.seen) <= 4

    @pytest.mark.parametrize(
        "challenge", ["", "Digest realm=x", "Negotiate", "Bearer", "Bearer realm=", "%%%", "Basic " * 99]
    )
    def test_a_question_that_makes_no_sense_is_told(
        self, desk: Desk, registry: Registry, proxy_of: Callable[..., Proxy], challenge: str
    ) -> None:
        proxy = proxy_of(registry)
        desk.log_in(proxy.host, LOGIN)
        proxy.rule(".*", "", faults.status(401, Www_Authenticate=challenge), times=None)
        with pytest.raises(RegistryError) as caught:
            desk.pull(f"{proxy.host}/hello:1")
        assert caught.value.hint
        check_secrets(message_of(caught.value), LOGIN.password)


class TestTokens:
    @pytest.fixture(autouse=True)
    def name(self, desk: Desk, token_registry: Registry, tokens: TokenServer) -> str:
        desk.log_in(token_registry.host, token_registry.login)
        return f"{token_registry.host}/team/hello:1"

    def test_one_is_asked_for_what_is_done(self, desk: Desk, tokens: TokenServer, name: str) -> None:
        desk.push(name, IMAGE)
        assert {scope for asked in tokens.asked for scope in asked.scopes} == {"repository:team/hello:pull,push"}
        assert len(tokens.asked) == 1
        tokens.asked.clear()
        desk.pull(name)
        assert {scope for asked in tokens.asked for scope in asked.scopes} == {"repository:team/hello:pull"}
        assert {tuple(asked.fields["service"]) for asked in tokens.asked} == {("registry.test",)}
        assert len(tokens.asked) == 1

    @pytest.mark.parametrize("names", [("token",), ("access_token",), ("token", "access_token")])
    @pytest.mark.parametrize("promised", [None, 300, 1])
    def test_its_answer_has_several_forms(
        self, desk: Desk, tokens: TokenServer, name: str, names: tuple[str, ...], promised: int | None
    ) -> None:
        tokens.names, tokens.promised = names, promised
        assert desk.push(name, IMAGE).digest == desk.pull(name)[0]

    def test_one_that_ends_on_the_way_is_had_anew(self, desk: Desk, tokens: TokenServer, name: str) -> None:
        tokens.lasts, tokens.promised = 1.0, 3600
        layers = tuple(replace(layer, open=slowly(layer.open)) for layer in picture(20 * MB, MB, 100).layers)
        image = replace(picture(20 * MB, MB, 100), layers=layers)
        desk.push(name, image, access=desk.access(jobs=1, chunk_size=8 * MB))
        assert len(tokens.issued) > 2
        tokens.lasts = 300.0
        assert same(graph(desk.pull(name)[1]), graph([picture(20 * MB, MB, 100)]))

    def test_one_that_says_when_it_ends_is_renewed_before(self, desk: Desk, tokens: TokenServer, name: str) -> None:
        tokens.lasts, tokens.promised = 3.0, 2
        layers = tuple(replace(layer, open=slowly(layer.open)) for layer in IMAGE.layers)
        desk.push(name, replace(IMAGE, layers=layers), access=desk.access(jobs=1))
        assert len(tokens.issued) > 1

    def test_one_that_never_holds_is_told(self, desk: Desk, tokens: TokenServer, name: str) -> None:
        tokens.lasts = -1.0
        for work in (lambda: desk.push(name, IMAGE), lambda: desk.pull(name)):
            tokens.asked.clear()
            with pytest.raises(RegistryError) as caught:
                work()
            assert caught.value.hint
            assert len(tokens.asked) <= 12
            check_secrets(message_of(caught.value), *tokens.secrets)

    def test_a_wrong_password_is_told(
        self, desk: Desk, tokens: TokenServer, token_registry: Registry, name: str
    ) -> None:
        path = desk.log_in(token_registry.host, Login(tokens.user, "wr0ng-unique"))
        with pytest.raises(RegistryError, match="wrong name or password") as caught:
            desk.push(name, IMAGE)
        assert str(path) in caught.value.message
        assert "log in again with docker login" in caught.value.hint
        check_secrets(message_of(caught.value), "wr0ng-unique")

    def test_whoever_may_only_read_is_told_what_they_may_not(self, desk: Desk, tokens: TokenServer, name: str) -> None:
        desk.push(name, IMAGE)
        tokens.allows = lambda name, actions: [action for action in actions if action == "pull"]
        assert same(graph(desk.pull(name)[1]), graph([IMAGE]))
        with pytest.raises(RegistryError, match="cannot push") as caught:
            desk.push(f"{name}.2", picture(77))
        assert "log in as somebody else" in caught.value.hint
        assert len(tokens.asked) < 12

    def test_nobody_in_particular_may_read_what_is_open(
        self, desk: Desk, tokens: TokenServer, name: str, tmp_path: Path
    ) -> None:
        desk.push(name, IMAGE)
        tokens.anonymous = frozenset({"pull"})
        (tmp_path / "nobody").mkdir()
        nobody = Desk(tmp_path / "nobody")
        tokens.asked.clear()
        assert same(graph(nobody.pull(name)[1]), graph([IMAGE]))
        assert [asked.authorization for asked in tokens.asked] == [None] * len(tokens.asked)
        with pytest.raises(RegistryError, match="cannot push") as caught:
            nobody.push(f"{name}.2", picture(77))
        assert "docker login" in caught.value.hint

    def test_an_identity_token_stands_for_the_password(
        self, desk: Desk, tokens: TokenServer, token_registry: Registry, name: str
    ) -> None:
        desk.log_in(token_registry.host, None, identitytoken=tokens.identity)
        assert desk.push(name, IMAGE).digest == desk.pull(name)[0]
        for asked in tokens.asked:
            assert (asked.method, asked.authorization) == ("POST", None)
            assert asked.fields["grant_type"] == ["refresh_token"]
        desk.log_in(token_registry.host, None, identitytoken="wr0ng-unique")
        with pytest.raises(RegistryError) as caught:
            desk.pull(name)
        check_secrets(message_of(caught.value), "wr0ng-unique")

    @pytest.mark.parametrize("code", [302, 307, 308])
    @pytest.mark.parametrize("identity", [False, True])
    def test_a_token_server_that_leads_elsewhere_gives_no_secret_away(
        self,
        desk: Desk,
        tokens: TokenServer,
        token_registry: Registry,
        name: str,
        code: int,
        identity: bool,
    ) -> None:
        more = {"identitytoken": tokens.identity} if identity else {}
        desk.log_in(token_registry.host, token_registry.login, **more)
        with token_servers.running(tokens.pair) as other:
            tokens.leads_to = (code, other.url)
            with pytest.raises(RegistryError) as caught:
                desk.push(name, IMAGE)
        assert caught.value.hint
        check_secrets(repr(other.asked), *tokens.secrets)

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b'{"token":""}',
            b'{"token":7}',
            b'{"token":null,"access_token":null}',
            b'{"access_token":""}',
            b'{"token":"a\\nX-Injected: y"}',
            b'{"token":"a\\r\\n\\r\\nGET /"}',
            b'{"token":"\xc3\xbc"}',
            b'{"token":"SECRET"',
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"token":"x"}' + b" " * (3 << 20),
        ],
    )
    def test_an_answer_without_a_token_is_told(self, desk: Desk, tokens: TokenServer, name: str, answer: bytes) -> None:
        tokens.instead.extend([(200, answer)] * 9)
        with pytest.raises(RegistryError) as caught:
            desk.pull(name)
        assert caught.value.hint
        assert "SECRET" not in message_of(caught.value)
        assert ("answers with no token" in caught.value.message) is (len(answer) < 1 << 20)

    @pytest.mark.parametrize("status", [500, 503, 429, 408])
    def test_a_token_server_that_is_busy_is_asked_again(
        self, desk: Desk, tokens: TokenServer, name: str, status: int
    ) -> None:
        tokens.instead.extend([(status, b"busy")] * 2)
        desk.push(name, IMAGE)
        assert len(tokens.asked) == 3
        tokens.instead.extend([(status, b"busy")] * 99)
        tokens.asked.clear()
        with pytest.raises(RegistryError, match=str(status)):
            desk.pull(name)
        assert len(tokens.asked) == HASTY.attempts

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        expires=st.one_of(
            st.integers(-(10**3), 10**3).map(str),
            st.sampled_from(
                ["1" + "0" * 400, "-1" + "0" * 400, "1e308", "1e400", "1e-9", "true", "null", '"60"', "[]", "{}"]
            ),
            st.floats(allow_nan=True, allow_infinity=True).map(json.dumps),
        )
    )
    def test_a_promise_of_any_kind_is_taken_for_what_it_is(
        self, desk: Desk, tokens: TokenServer, name: str, expires: str
    ) -> None:
        access = [{"type": "repository", "name": "team/hello", "actions": ["pull"]}]
        tokens.instead.clear()
        tokens.instead.extend(
            [(200, json.dumps({"token": tokens.token("", access), "expires_in": expires}).encode())] * 9
        )
        with pytest.raises(RegistryError, match="manifest unknown"):
            desk.pull(name)


def slowly(open_: Callable[[], BinaryIO]) -> Callable[[], BinaryIO]:
    """Takes longer than a token that lasts for a second."""

    def opened() -> BinaryIO:
        time.sleep(1.3)
        return io.BytesIO(open_().read())

    return opened


class TestRealms:
    @pytest.mark.parametrize(
        "realm", ["ftp://127.0.0.1/", "file:///etc/passwd", "//127.0.0.1/x", "token", "http://[", "http://"]
    )
    def test_a_realm_that_is_no_address_is_told(
        self, desk: Desk, registry: Registry, proxy_of: Callable[..., Proxy], realm: str
    ) -> None:
        proxy = proxy_of(registry)
        desk.log_in(proxy.host, LOGIN)
        proxy.rule(".*", "", faults.status(401, Www_Authenticate=f'Bearer realm="{realm}",service="x"'), times=None)
        with pytest.raises(ImageError) as caught:
            desk.pull(f"{proxy.host}/hello:1")
        assert caught.value.hint
        check_secrets(message_of(caught.value), LOGIN.password)

    def test_a_token_of_one_repository_is_not_shown_elsewhere(
        self, desk: Desk, token_registry: Registry, tokens: TokenServer, proxy_of: Callable[..., Proxy], elsewhere: Site
    ) -> None:
        proxy = proxy_of(token_registry)
        desk.log_in(proxy.host, token_registry.login)
        desk.push(f"{proxy.host}/hello:1", IMAGE)
        proxy.rule("GET", "/blobs/", faults.redirect(elsewhere.url), times=None)
        with pytest.raises(ImageError):
            desk.pull(f"{proxy.host}/hello:1")
        assert elsewhere.asked
        check_secrets("".join(str(asked.headers) for asked in elsewhere.asked), *tokens.secrets)


class TestCertificates:
    def test_an_unknown_authority_is_refused_with_what_to_say(self, desk: Desk, secure_registry: Registry) -> None:
        desk.log_in(secure_registry.host, secure_registry.login)
        for work in (
            lambda: desk.push(f"{secure_registry.host}/x:1", IMAGE),
            lambda: desk.pull(f"{secure_registry.host}/x:1"),
        ):
            with pytest.raises(RegistryError, match=r"TLS with 127\.0\.0\.1 failed") as caught:
                work()
            assert "ca=FILE" in caught.value.hint
        assert "PUT" not in secure_registry.log.read_text()

    @pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
    def test_the_variables_of_the_system_are_heeded(
        self, desk: Desk, secure_registry: Registry, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        desk.log_in(secure_registry.host, secure_registry.login)
        for other in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(other, raising=False)
        monkeypatch.setenv(variable, str(secure_registry.ca))
        desk.push(f"{secure_registry.host}/x:1", IMAGE)

    @pytest.mark.parametrize("folder", [".config/containers/certs.d", ".config/docker/certs.d"])
    def test_so_are_the_folders_of_docker_and_podman(self, desk: Desk, secure_registry: Registry, folder: str) -> None:
        desk.log_in(secure_registry.host, secure_registry.login)
        place = desk.folder / folder / secure_registry.host
        place.mkdir(parents=True)
        assert secure_registry.ca
        (place / "ours.crt").write_bytes(secure_registry.ca.read_bytes())
        desk.push(f"{secure_registry.host}/x:1", IMAGE)

    def test_a_certificate_for_another_name_is_refused(
        self, desk: Desk, locked_registry: Registry, proxy_of: Callable[..., Proxy], authority: Authority
    ) -> None:
        proxy = proxy_of(locked_registry, tls=authority.pair("other", "DNS:other.example,IP:127.0.0.2"))
        desk.log_in(proxy.host, LOGIN)
        access = replace(desk.access(), ca=authority.certificate)
        with pytest.raises(RegistryError, match=r"TLS with 127\.0\.0\.1 failed"):
            desk.push(f"{proxy.host}/x:1", IMAGE, access=access)
        assert proxy.seen == []

    def test_another_authority_is_not_enough(self, desk: Desk, secure_registry: Registry, tmp_path: Path) -> None:
        other = Authority.make(tmp_path / "other", "another")
        with pytest.raises(RegistryError, match="TLS with"):
            desk.pull(f"{secure_registry.host}/x:1", access=replace(desk.access(), ca=other.certificate))

    @pytest.mark.parametrize("kind", ["none", "folder", "empty", "nonsense", "key"])
    def test_a_file_that_holds_no_authority_is_told(
        self, desk: Desk, secure_registry: Registry, tmp_path: Path, server_pair: Pair, kind: str
    ) -> None:
        path = tmp_path / "ca.pem"
        match kind:
            case "folder":
                path.mkdir()
            case "empty":
                path.write_text("")
            case "nonsense":
                path.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
            case "key":
                path = server_pair.key
        with pytest.raises(UsageError, match=str(path)) as caught:
            desk.pull(f"{secure_registry.host}/x:1", access=replace(desk.access(), ca=path))
        assert caught.value.hint

    def test_a_registry_with_tls_is_not_asked_without(self, desk: Desk, secure_registry: Registry) -> None:
        access = desk.access(plain_http=True)
        with pytest.raises(RegistryError) as caught:
            desk.pull(f"{secure_registry.host}/x:1", access=access)
        assert "leave out plain_http" in caught.value.hint
        with pytest.raises(RegistryError) as caught:
            desk.push(f"{secure_registry.host}/x:1", IMAGE, access=access)
        assert "leave out plain_http" in caught.value.hint

    def test_a_registry_without_tls_is_told_when_an_authority_is_named(
        self, desk: Desk, registry: Registry, authority: Authority
    ) -> None:
        """Who names an authority means https; nothing goes out in the clear."""
        with pytest.raises(RegistryError, match="TLS") as caught:
            desk.push(f"{registry.host}/x:1", IMAGE, access=replace(desk.access(), ca=authority.certificate))
        assert caught.value.hint
        assert registry.tags("x") == []

    def test_our_own_certificate_is_shown_where_a_folder_has_one(self, desk: Desk, server_pair: Pair) -> None:
        place = desk.folder / ".config/containers/certs.d/r.example"
        place.mkdir(parents=True)
        (place / "client.cert").write_bytes(server_pair.certificate.read_bytes())
        (place / "client.key").write_bytes(server_pair.key.read_bytes())
        found = trust("r.example", desk.access())
        assert found.client_certificates == ((place / "client.cert", place / "client.key"),)
        assert not trust("other.example", desk.access())

    def test_tokens_over_https(self, desk: Desk, tmp_path: Path, authority: Authority, server_pair: Pair) -> None:
        with (
            token_servers.running(authority.pair("signing"), tls=server_pair) as tokens,
            registries.running(
                tmp_path / "both", tls=(authority, server_pair), tokens=(tokens, authority.certificate)
            ) as registry,
        ):
            desk.log_in(registry.host, registry.login)
            access = desk.access(registry)
            digest = desk.push(f"{registry.host}/x:1", IMAGE, access=access).digest
            assert desk.pull(f"{registry.host}/x:1", access=access)[0] == digest


def test_the_environment_of_a_call_has_no_picture() -> None:
    assert "s3cret" not in repr(Access(environment={"HOME": "/", "PASSWORD": "s3cret"}))
