"""Registries in variants, proxies in front of them, and the certificates of both."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli import command
from tests.registry import proxy as proxies
from tests.registry import registries
from tests.registry import tokens as token_servers
from tests.registry.authority import Authority, Pair
from tests.registry.pictures import Desk
from tests.registry.proxy import Proxy
from tests.registry.registries import Login, Registry
from tests.registry.tokens import TokenServer
from tests.registry.users import user_in

LOGIN = Login("ada", "pass word:with all sorts/ü")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_pair(authority: Authority) -> Pair:
    return authority.pair("server")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "home").mkdir()
    return Desk(tmp_path / "home")


@pytest.fixture
def user(tmp_path: Path) -> command.Desk:
    """Who calls the program from a folder with a recipe."""
    return user_in(tmp_path)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Open to all, by plain http."""
    with registries.running(tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def locked_registry(tmp_path: Path) -> Iterator[Registry]:
    """For one user with a password, by plain http: what a proxy stands in front of."""
    with registries.running(tmp_path / "locked-registry", login=LOGIN) as registry:
        yield registry


@pytest.fixture
def secure_registry(tmp_path: Path, authority: Authority, server_pair: Pair) -> Iterator[Registry]:
    """For one user with a password, by https."""
    with registries.running(tmp_path / "secure", login=LOGIN, tls=(authority, server_pair)) as registry:
        yield registry


@pytest.fixture
def tokens(authority: Authority) -> Iterator[TokenServer]:
    with token_servers.running(authority.pair("tokens")) as server:
        yield server


@pytest.fixture
def token_registry(tmp_path: Path, authority: Authority, tokens: TokenServer) -> Iterator[Registry]:
    """For who brings a token of `tokens`, by plain http."""
    with registries.running(tmp_path / "token-registry", tokens=(tokens, authority.certificate)) as registry:
        yield registry


@pytest.fixture
def proxy_of() -> Iterator[Callable[..., Proxy]]:
    """`proxy_of(registry)`: one more proxy in front of that registry, by https with `tls=server_pair`."""
    with ExitStack() as stack:

        def start(registry: Registry, *, tls: Pair | None = None, shown: str | None = None) -> Proxy:
            return stack.enter_context(proxies.running(registry.host, tls=tls, shown=shown))

        yield start


@pytest.fixture
def proxy(registry: Registry, proxy_of: Callable[..., Proxy]) -> Proxy:
    """In front of `registry`."""
    return proxy_of(registry)


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert [thread for thread in threading.enumerate() if thread not in before and not thread.daemon] == []
