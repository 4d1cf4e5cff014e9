"""A token server: distribution/docs/spec/auth/token.md, and /oauth2.md for identity tokens.

The tokens are JSON Web Tokens that a real registry verifies. How long it takes them, what they allow and
how the answer reads can be changed while it runs, and every question is kept.
"""

import base64
import http.server
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.registry.authority import Pair
from tests.served import served

ISSUER = "issuer.test"
SERVICE = "registry.test"
USER = "ada"
LEEWAY = 60
"""The seconds for which docker-registry takes a token that has expired."""


@dataclass(frozen=True)
class Question:
    """What a client sent. `fields` are those of the query or of the form, each as often as it came."""

    method: str
    authorization: str | None
    fields: dict[str, list[str]]

    @property
    def scopes(self) -> list[str]:
        """One `type:name:actions` each, however they were joined."""
        return [scope for value in self.fields.get("scope", []) for scope in value.split()]


Reply = tuple[int, bytes]


@dataclass
class TokenServer:
    """`password` is what `user` shows; `identity` is the refresh token that stands for both."""

    pair: Pair
    url: str = ""
    user: str = USER
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    identity: str = field(default_factory=lambda: secrets.token_hex(16))
    lasts: float = 300.0
    """For how many seconds the registry takes the next tokens."""
    promised: int | None = 300
    """What `expires_in` says of that, be it true or not."""
    allows: Callable[[str, list[str]], list[str]] = lambda name, actions: actions
    """Which of the actions that are asked for in a repository are granted."""
    narrows: Callable[[list[str]], list[str]] = lambda scopes: scopes
    """Which of the scopes that are asked for together a token is given for."""
    anonymous: frozenset[str] = frozenset()
    """The actions that are granted to whoever shows no password."""
    names: tuple[str, ...] = ("token",)
    """The field, or fields, that hold the token in the answer: `token`, `access_token`."""
    instead: deque[Reply] = field(default_factory=deque)
    """Answers that are given before the right ones, one by one."""
    leads_to: tuple[int, str] | None = None
    """A redirection instead of every answer."""
    asked: list[Question] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    _chain: list[str] = field(default_factory=list)

    @property
    def secrets(self) -> list[str]:
        """Everything that must never be shown."""
        basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return [self.password, self.identity, basic, *self.issued]

    def answer(self, question: Question) -> Reply:
        self.asked.append(question)
        if self.instead:
            return self.instead.popleft()
        user = self._user(question)
        if user is None:
            return 401, b'{"errors":[{"code":"UNAUTHORIZED","message":"wrong name or password"}]}'
        token = self.token(user, self._access(question, known=user != ""))
        document: dict[str, Any] = dict.fromkeys(self.names, token)
        document["issued_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self.promised is not None:
            document["expires_in"] = self.promised
        if question.method == "POST" or "true" in question.fields.get("offline_token", []):
            document["refresh_token"] = self.identity
        return 200, json.dumps(document).encode()

    def token(self, subject: str, access: list[dict[str, Any]]) -> str:
        """A token that the registry takes for `lasts` seconds, and no longer."""
        if not self._chain:
            self._chain.append(self.pair.x5c())
        now = time.time()
        expires = int(now + self.lasts - (LEEWAY if self.lasts < LEEWAY else 0))
        head = {"typ": "JWT", "alg": "RS256", "x5c": self._chain}
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "exp": expires,
            "nbf": int(now) - 120,
            "iat": int(now) - 120,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        signed = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
        made = f"{signed}.{_encoded(self.pair.signed(signed.encode()))}"
        self.issued.append(made)
        return made

    def _user(self, question: Question) -> str | None:
        """The user; an empty name for one who shows nothing; None for a wrong password."""
        shown = self._shown(question)
        if shown is None:
            return ""
        return self.user if shown in (f"{self.user}:{self.password}", self.identity) else None

    def _shown(self, question: Question) -> str | None:
        """`name:password` or the identity token."""
        if question.method == "POST":
            form = {name: values[0] for name, values in question.fields.items()}
            if form.get("grant_type") == "refresh_token":
                return form.get("refresh_token", "")
            return f"{form.get('username')}:{form.get('password')}" if form.get("grant_type") == "password" else ""
        if question.authorization is None:
            return None
        kind, _, value = question.authorization.partition(" ")
        try:
            return base64.b64decode(value, validate=True).decode() if kind == "Basic" else ""
        except ValueError:
            return ""

    def _access(self, question: Question, *, known: bool) -> list[dict[str, Any]]:
        access = []
        for scope in self.narrows(question.scopes):
            kind, _, rest = scope.partition(":")
            name, _, listed = rest.rpartition(":")
            actions = self.allows(name, listed.split(","))
            if not known:
                actions = [action for action in actions if action in self.anonymous]
            access.append({"type": kind, "name": name, "actions": actions})
        return access


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class _Handler(http.server.BaseHTTPRequestHandler):
    tokens: TokenServer

    def do_GET(self) -> None:
        self._reply(parse_qs(urlsplit(self.path).query, keep_blank_values=True))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._reply(parse_qs(body.decode(), keep_blank_values=True))

    def _reply(self, fields: dict[str, list[str]]) -> None:
        status, body = self.tokens.answer(Question(self.command, self.headers["Authorization"], fields))
        if self.tokens.leads_to:
            status, location = self.tokens.leads_to
            self.send_response(status)
            self.send_header("Location", location)
        else:
            self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the base class gives it
        pass


@contextmanager
def running(pair: Pair, *, tls: Pair | None = None, address: str = "127.0.0.1") -> Iterator[TokenServer]:
    """A token server that answers until the end of the block; its tokens are signed with the key of `pair`."""
    tokens = TokenServer(pair)
    handler = type("TokenHandler", (_Handler,), {"tokens": tokens})
    server = http.server.ThreadingHTTPServer((address, 0), handler)
    tokens.url = f"{'https' if tls else 'http'}://{address}:{server.server_port}/token"
    with served(server, tls.both if tls else None):
        yield tokens
