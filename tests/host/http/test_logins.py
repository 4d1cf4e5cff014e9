"""Names and passwords by reference, and where they never go: netrc, and apt's auth.conf."""

import base64
from pathlib import Path

import pytest

from fromscratch.address import Address
from fromscratch.errors import DownloadError
from fromscratch.formats.trust.netrc import Login, matches_as_apt, parse
from fromscratch.host.http import logins
from fromscratch.host.http.download import FileRequest, download
from fromscratch.host.storage.store import Store
from tests.host.http.site import redirect, running, status


def test_the_words_of_a_netrc() -> None:
    text = """
# machine no login no password no
machine a.example login me password w#rd
machine b.example
  password two  # the name comes later
  login you
default login nobody password anything
machine c.example account x
machine d.example login only
"""
    assert parse(text) == [
        Login("a.example", "me", "w#rd"),
        Login("b.example", "you", "two"),
        Login("d.example", "only", ""),
    ]
    assert "w#rd" not in repr(parse(text))


@pytest.mark.parametrize(
    ("machine", "url", "matches"),
    [
        ("h.example", "https://h.example/debian", True),
        ("h.example", "https://h.example:8443/debian", True),
        ("h.example:8443", "https://h.example:8443/debian", True),
        ("h.example:8443", "https://h.example/debian", False),
        ("h.example", "http://h.example/debian", False),
        ("http://h.example", "http://h.example/debian", True),
        ("http://h.example", "https://h.example/debian", False),
        ("h.example/debian", "https://h.example/debian/dists", True),
        ("h.example/deb", "https://h.example/debian", True),
        ("h.example/ubuntu", "https://h.example/debian", False),
        ("h.example:1/debian", "https://h.example:1/debian", True),
        ("example", "https://h.example/debian", False),
        ("h.example", "https://h.example.evil/debian", False),
    ],
)
def test_auth_conf_matches_as_apt_does(machine: str, url: str, matches: bool) -> None:
    assert matches_as_apt(machine, url) is matches


def shown(address: str, machine: Path) -> str | None:
    found = logins.authorization(Address(address), machine)
    return base64.b64decode(found.removeprefix("Basic ")).decode() if found else None


def test_the_address_itself_comes_first_then_netrc_then_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "etc/apt/auth.conf.d"
    apt.mkdir(parents=True)
    (tmp_path / "netrc").write_text("machine a.example login net password rc\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (apt.parent / "auth.conf").write_text("machine b.example login first password 1\n")
    (apt / "10-b.conf").write_text("machine a.example login no password no\nmachine b.example login no password no\n")
    (apt / "20-c.conf").write_text("machine c.example/debian login apt password 3\n")
    (apt / "30.bak").write_text("machine d.example login old password 4\n")
    assert shown("https://me:word@a.example/", tmp_path) == "me:word"
    assert shown("https://a.example/", tmp_path) == "net:rc"
    assert shown("https://b.example/", tmp_path) == "first:1"
    assert shown("https://c.example/debian/x", tmp_path) == "apt:3"
    assert shown("https://c.example/other", tmp_path) is None
    assert shown("https://d.example/", tmp_path) is None


def test_a_password_reaches_its_server_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as home, running() as other:
        here = home.url.removeprefix("http://").partition(":")[0]
        (tmp_path / "netrc").write_text(f"machine {here} login net password rc\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        url = home.serve("/a", b"x", redirect(other.serve("/b", b"x")))
        download(Store(tmp_path / "store"), [FileRequest(title="a", urls=(url,))])
        asked = {each.path: each.headers.get("Authorization") for each in (*home.asked, *other.asked)}
        assert asked == {"/a": "Basic " + base64.b64encode(b"net:rc").decode(), "/b": None}


def test_a_login_in_an_address_is_shown_to_the_server_and_kept_nowhere(tmp_path: Path) -> None:
    with running() as home:
        url = home.serve("/a?token=word", b"x", status(401))
        secret = FileRequest(title="a", urls=(url.replace("http://", "http://me:word@"),))
        with pytest.raises(DownloadError) as caught:
            download(Store(tmp_path / "store"), [secret])
        download(Store(tmp_path / "store"), [secret])
        assert {each.headers["Authorization"] for each in home.asked} == {
            "Basic " + base64.b64encode(b"me:word").decode()
        }
    assert "word" not in caught.value.message
    assert "~/.netrc" in caught.value.hint
    assert b"word" not in b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
