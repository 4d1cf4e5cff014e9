"""Addresses: what they show, and what only their server sees."""

from pathlib import Path

import pytest

from fromscratch.address import Address, concealed, without_secrets
from fromscratch.errors import ImageError
from fromscratch.flow.evidence import Evidence, write
from fromscratch.host.http.failure import Failed, Kind

SHOWN = [
    ("https://h.example/a.tar", "https://h.example/a.tar"),
    ("https://me:word@h.example:8443/a.tar", "https://h.example:8443/a.tar"),
    ("HTTPS://token@h.example/a", "HTTPS://h.example/a"),
    ("https://me:wo/rd@h.example/a", "https://h.example/a"),
    ("https://me:w?o#rd@h.example/a", "https://h.example/a"),
    ("https://me:w@rd@h.example/a", "https://h.example/a"),
    ("https://h.example/a?token=word", "https://h.example/a?…"),
    ("https://h.example/a#access_token=word", "https://h.example/a#…"),
    ("https://h.example/a.html#part", "https://h.example/a.html#part"),
    ("https://h.example/@scope/a@1.0", "https://h.example/@scope/a@1.0"),
    ("https:/me:word@h.example/a", "https:/h.example/a"),
    ("https:///me:word@h.example/a", "https:///h.example/a"),
    ("//me:word@h.example/a", "//h.example/a"),
    ("me:word@h.example/a", "h.example/a"),
    ("https://[::1]:80/a", "https://[::1]:80/a"),
    ("file:///srv/a@b", "file:///srv/a@b"),
    ("ssh://git@h.example/a", "ssh://git@h.example/a"),
    ("ssh://git:word@h.example/a", "ssh://h.example/a"),
    ("git@h.example:a.git@v1", "git@h.example:a.git@v1"),
    ("/srv/buildroot.git@2026.05", "/srv/buildroot.git@2026.05"),
]


@pytest.mark.parametrize(("whole", "shown"), SHOWN)
def test_the_text_of_an_address_has_no_login_and_no_query(whole: str, shown: str) -> None:
    assert (str(Address(whole)), f"{Address(whole)}") == (shown, shown)
    assert repr(Address(whole)) == f"Address({shown!r})"
    assert concealed(shown) == shown  # once is enough


def test_what_the_server_gets_is_the_whole() -> None:
    one = Address("https://me:w%2Fd@h.example/a/b.tar?x=1")
    assert (one.bare, one.login) == ("https://h.example/a/b.tar?x=1", ("me", "w/d"))
    assert (one.title, (Address("https://h.example/d/") / "dists/x").whole) == ("b.tar", "https://h.example/d/dists/x")
    assert Address("https://h.example/a").login is None


def test_addresses_that_differ_in_their_query_have_keys_of_their_own() -> None:
    keys = [Address(f"https://u:p@h.example/a?token={each}").key for each in ("one", "two")]
    assert keys[0] != keys[1]
    assert not any(word in key for key in keys for word in ("one", "two", "u:p"))


def test_an_error_repeats_no_secret_whoever_wrote_it() -> None:
    said = "git failed: no access to 'https://me:word@h.example/x.git/': (see https://h.example/?token=word), again."
    shown = "git failed: no access to 'https://h.example/x.git/': (see https://h.example/?…), again."
    error = ImageError(said, f"try {said}")
    assert (error.message, str(error), error.hint, error.args[0]) == (shown, shown, f"try {shown}", shown)
    assert Failed(Kind.BROKEN, said).reason == shown
    assert without_secrets("busybox:1.36@sha256:0a is no secret; is https://h.example one?") == (
        "busybox:1.36@sha256:0a is no secret; is https://h.example one?"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no 'https://h.example/x?a='word'&b=c' there", "no 'https://h.example/x?…' there"),
        ("'https://h.example/x','https://me:word@h.example/y'", "'https://h.example/x','https://h.example/y'"),
        ("asked http:/me:word@h.example/x: no answer", "asked http:/h.example/x: no answer"),
        ("see /srv/http:/a/b@1 and c:/d@e", "see /srv/http:/a/b@1 and c:/d@e"),
    ],
)
def test_addresses_are_found_in_a_text_however_they_are_quoted(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_evidence_has_the_recipe_without_its_secrets(tmp_path: Path) -> None:
    mirrors = ["https://me:word@h.example/debian"]
    recipe = {"rootfs": [{"debian": {"mirror": mirrors}}, {"tarball": {"url": "https://h/?t=word"}}]}
    write(tmp_path, Evidence(name="a", inputs="", epoch=0, recipe=recipe, images=[]))
    assert "word" not in (tmp_path / "evidence.json").read_text()
