"""Whatever happens, a secret is in no output, in no file but the one that it came from, and on no line in the clear."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.cli.command import Answer, Desk
from tests.engines import need, need_root
from tests.registry import faults
from tests.registry.authority import Authority
from tests.registry.pictures import MB, picture
from tests.registry.proxy import Proxy
from tests.registry.registries import Login, Registry
from tests.registry.tokens import TokenServer
from tests.registry.users import failed, log_in, pushed_reference

pytestmark = [pytest.mark.slow, pytest.mark.engine]


def check(user: Desk, answers: Sequence[Answer], secrets: Sequence[str]) -> None:
    home = Path(user.variables["HOME"])
    files = [
        path
        for folder in (user.folder, user.store, home)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "config.json"
    ]
    spoken = [answer.out + answer.err for answer in answers]
    assert [text for text in spoken if "Traceback" in text] == []
    for secret in secrets:
        raw = secret.encode()
        for form in (raw, base64.b64encode(raw).rstrip(b"="), raw.hex().encode()):
            assert [text for text in spoken if form in text.encode()] == []
            assert [path for path in files if form in path.read_bytes() or form in os.fsencode(path)] == []


def test_of_a_password(user: Desk, locked_registry: Registry, proxy_of: Callable[..., Proxy]) -> None:
    assert locked_registry.login
    proxy = proxy_of(locked_registry)
    login = locked_registry.login
    name = f"{proxy.host}/hello:1"
    calls = [("push", name, "--image", pushed_reference(user, picture(MB))), ("pull", name, "--output", "out")]
    log_in(user, proxy.host, login)
    answers = [user.call("build"), user.call("doctor")]
    echo = f"{login.password} {login.basic} Basic {login.basic}"
    for fault in (
        None,
        faults.error(403, "DENIED", login.basic),
        faults.error(401, login.basic, login.basic),
        faults.status(400, json.dumps({"errors": [{"code": "X", "message": echo, "detail": echo}]}).encode()),
        faults.status(401, echo.encode(), Www_Authenticate=f'Bearer realm="http://x/{login.basic}"'),
        faults.status(302, Location=f"http://ada:{login.basic}@127.0.0.1:1/"),
        faults.status(302, Location=f"ftp://ada:{login.basic}@127.0.0.1:1/"),
        faults.with_headers(Location=f"gopher://ada:{login.basic}@127.0.0.1/"),
        faults.refused,
    ):
        proxy.rules.clear()
        if fault:
            proxy.rule(".*", "/v2/.*/", faults.once_shown(fault), times=None)
        if fault is faults.refused:
            calls = calls[:1]  # it takes its time, and both take it alike
        answers += [user.call(*words) for words in calls]
    log_in(user, proxy.host, Login(login.user, login.password + "wrong"))
    answers += [user.call(*words) for words in calls]
    assert {answer.code for answer in answers} == {0, 1}
    check(user, answers, [login.password, login.basic])


def test_of_tokens(user: Desk, token_registry: Registry, tokens: TokenServer) -> None:
    name = f"{token_registry.host}/hello:1"
    calls = [("push", name, "--image", pushed_reference(user, picture(MB))), ("pull", name, "--output", "out")]
    answers = []
    entries: list[dict[str, str]] = [{}, {"identitytoken": tokens.identity}]
    for more in entries:
        log_in(user, token_registry.host, token_registry.login, **more)
        answers.append(user.call("doctor"))
        shown = tokens.identity if more else f"{tokens.user}:{tokens.password}, {tokens.password}"
        refusing = json.dumps({"errors": [{"code": "DENIED", "message": shown}]}).encode()
        broken = json.dumps({"token": tokens.identity + "\n"}).encode()
        for lasts, instead in ((300.0, None), (-1.0, None), (300.0, (200, broken)), (300.0, (401, refusing))):
            tokens.lasts = lasts
            tokens.instead.clear()
            tokens.instead.extend([instead] * 50 if instead else [])
            answers += [user.call(*words) for words in calls]
    assert {answer.code for answer in answers} == {0, 1}
    check(user, answers, tokens.secrets)


def test_of_a_helper(user: Desk, locked_registry: Registry, tmp_path: Path) -> None:
    name = f"{locked_registry.host}/hello:1"
    script = tmp_path / "bin/docker-credential-tests"
    script.parent.mkdir()
    home = Path(user.variables["HOME"])
    (home / ".docker").mkdir(parents=True)
    (home / ".docker/config.json").write_text('{"credsStore": "tests"}')
    user.variables["PATH"] = f"{tmp_path}/bin:{os.environ['PATH']}"
    answers = [user.call("build"), user.call("doctor")]
    secret = "s3cret-unique-of-a-helper"
    for body in (f"echo {secret} >&2; exit 1", f"echo {secret}", f'echo \'{{"Username":"a","Secret":"{secret}"}}\''):
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
        answers += [user.call(*words) for words in (("push", name), ("pull", name))]
    assert {answer.code for answer in answers} == {0, 1}
    check(user, answers, [secret])


def test_of_a_name(user: Desk) -> None:
    """Who writes a password into a name, where none can be, is not shown it again."""
    secret = "s3cret-unique-of-a-name"
    names = [f"{before}ada:{secret}@r.example/x:1" for before in ("https://", "docker://", "")]
    user.answer("build")
    answers = [user.call(verb, name) for verb in ("push", "pull") for name in names]
    for answer in answers:
        failed(answer, 2, "r.example/x:1")
    check(user, answers, [secret])


def test_beyond_this_machine_nothing_goes_out_in_the_clear(tmp_path: Path, authority: Authority) -> None:
    """In a network of its own, with an address that is no loopback address: `room` says what happened there."""
    need_root("a network of its own")
    room = [sys.executable, "-m", "tests.registry.room", str(tmp_path), str(authority.folder)]
    made = subprocess.run(
        [need("unshare"), "-n", "-m", *room],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=120,
    )
    assert made.returncode == 0, made.stderr
    reported = json.loads(made.stdout.splitlines()[-1])
    without, flagged, realm = (reported[case] for case in ("without the flag", "with the flag", "a realm in the clear"))
    assert (without["code"], without["requests"], "--plain-http" in without["err"]) == (1, 0, True), without
    assert (flagged["code"], flagged["requests"] > 0, "without TLS" in flagged["err"]) == (0, True, True), flagged
    assert (realm["code"], realm["requests"], "not protected" in realm["err"]) == (1, 0, True), realm
    assert reported["loopback"]["code"] == 0, reported
