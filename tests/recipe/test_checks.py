"""`checks:` in a recipe: what each form stands for, and what is refused, with its line."""

from pathlib import Path

import pytest

from fromscratch.checks.contract import Check, ExecCheck, HttpCheck, RunCheck, ScriptCheck, TcpCheck
from fromscratch.errors import RecipeError
from fromscratch.recipe import schema
from fromscratch.recipe.checks import options_of

HEAD = "rootfs: [{overlay: files}]\nchecks:\n"


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("redis-cli ping", ExecCheck(argv=("redis-cli", "ping"))),
        ("{exec: sh -c 'a  b'}", ExecCheck(argv=("sh", "-c", "a  b"))),
        (
            '{exec: [a, b c], expect: PONG, code: 3, user: "1:2", env: {A: b}, timeout: 2.5, retry: 0}',
            ExecCheck(
                argv=("a", "b c"), expect="PONG", code=3, user="1:2", env={"A": "b"}, timeout=2.5, retry=0
            ),
        ),
        ('{run: [-c, "print(6*7)"], expect: "42"}', RunCheck(argv=("-c", "print(6*7)"), expect="42")),
        ("{run: []}", RunCheck()),
        ('{http: "http://localhost:80/", expect: Hi}', HttpCheck(url="http://localhost:80/", expect="Hi")),
        (
            '{http: "https://localhost/a", status: 201, method: POST, headers: {X-A: "1"}, body: "{}"}',
            HttpCheck(url="https://localhost/a", status=201, method="POST", headers={"X-A": "1"}, body="{}"),
        ),
        (r'{tcp: 6379, send: "PING\r\n", expect: "\\+PONG"}', TcpCheck(port=6379, send=b"PING\r\n", expect=r"\+PONG")),
        (r"{tcp: 1, host: '::1', send: '\x00\\'}", TcpCheck(port=1, host="::1", send=b"\0\\")),
        ("{script: checks/smoke.sh}", ScriptCheck(path=Path("/there/checks/smoke.sh"))),
        ("{script: /bin/true, code: 1}", ScriptCheck(path=Path("/bin/true"), code=1)),
    ],
)  # fmt: skip
def test_each_form_is_a_check(line: str, check: Check) -> None:
    recipe = schema.parse(f"{HEAD}  - {line}\n", "r.yaml")
    assert recipe.smoke_checks(Path("/there")) == (check,)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('"a \'b"', "checks[0].exec: \"a 'b\" cannot be split into words: No closing quotation"),
        ('""', "checks[0].exec: it names no program"),
        ("{exec: []}", "checks[0].exec: it names no program"),
        ('{exec: ["", a]}', "checks[0].exec: it names no program"),
        (r'{exec: ["a\0"]}', "checks[0].exec: a word holds a NUL byte, and no program can be given one"),
        ("{expect: x}", "checks[0]: a check has one of exec, run, http, tcp, script; found none"),
        ("{}", "checks[0]: a check has one of exec, run, http, tcp, script; found none"),
        ("{exec: a, tcp: 1}", "checks[0]: a check has one of exec, run, http, tcp, script; found exec and tcp"),
        ("{exek: a}", "checks[0].exek: no such key; did you mean 'exec'?"),
        ("{exec: a, status: 200}", "checks[0].status: not a key of exec, which has code, user, env, "),
        ('{exec: a, expect: "("}', "checks[0].expect: '(' is not a regular expression: missing )"),
        ("{exec: a, timeout: 0}", "checks[0].timeout: expected a number > 0.0"),
        ("{exec: a, code: 256}", "checks[0].code: expected a whole number <= 255"),
        ("{exec: a, user: a b}", "checks[0].user: 'a b' cannot stand here"),
        ("{exec: a, env: {A=: b}}", "checks[0].env: 'A=' is not a name of a variable"),
        ('{http: "localhost:80"}', "checks[0].http: not an address of http or https, such as http://localhost:8080/"),
        ("{tcp: 1, host: shop}", "checks[0].host: 'shop' is not known there: write localhost or an IP address"),
        ('{http: "http://localhost/", headers: {A: "b\\nc"}}', "checks[0].headers: the header 'A' cannot be sent"),
        ("{tcp: redis}", "checks[0].tcp: expected a whole number, got a text"),
        ("{tcp: 65536}", "checks[0].tcp: expected a whole number <= 65535"),
        (r"{tcp: 1, send: '\q'}", r"checks[0].send: \q is not an escape"),
        ('{script: ""}', "checks[0].script: it names no file"),
        ("[a]", "checks[0]: expected a text or a mapping of keys, got a list"),
    ],
)  # fmt: skip
def test_what_is_not_a_check_is_one_fault_with_its_line(line: str, fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        schema.parse(f"{HEAD}  - {line}\n", "r.yaml")
    assert caught.value.message.startswith(f"r.yaml:3: {fault}")
    assert len(caught.value.message.splitlines()) == 1


@pytest.mark.parametrize(
    "check",
    [
        ExecCheck(argv=("a", "b c"), expect="^x$", code=3, user="app", env={"A": "1"}, timeout=2.5, retry=0),
        ExecCheck(argv=("a",)),
        RunCheck(),
        RunCheck(argv=("-c", "x"), code=1),
        HttpCheck(url="http://localhost/", status=404, method="POST", headers={"A": "b"}, body="x"),
        TcpCheck(port=6379, host="127.0.0.1", send=b"PING\r\n\0\\\xff", expect="PONG"),
        ScriptCheck(path=Path("/desk/checks/smoke.sh"), env={"A": "1"}),
    ],
)
def test_a_check_is_written_as_options_that_give_it_back(check: Check) -> None:
    assert options_of(check, Path("/desk")).check(Path("/desk")) == check
