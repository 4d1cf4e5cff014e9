"""`verify`: a small image beside the full one, under the same checks."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.in_process import called
from tests.cli.test_slim_recorded import URL, desk, pages  # noqa: F401 - a fixture

OTHER = "http://localhost:8080/two.html"
BUSYBOX = shutil.which("busybox") or ""


@pytest.fixture
def slimmed(desk: Path) -> Path:  # noqa: F811
    answer = called(desk, "slim", "web", "--http-get", URL)
    assert answer.code == 0, answer.err
    return desk


@pytest.mark.slow
def test_what_slim_has_made_is_proven_by_its_own_checks(slimmed: Path) -> None:
    answer = called(slimmed, "verify", "build/web-slim", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["proven"]
    written = json.loads((slimmed / "build/web-slim/verdict.json").read_text())
    assert written == json.loads(answer.out)


@pytest.mark.slow
def test_a_file_that_another_check_needs_is_named_with_who_asked_and_repair_adds_it(slimmed: Path) -> None:
    asked = ("--http-get", OTHER)
    answer = called(slimmed, "verify", "web-slim", *asked)
    assert answer.code == 1
    assert f"http {OTHER}: status 200 in the full image, 404 in the small one" in answer.err
    assert f"/www/two.html is not there, and {BUSYBOX} asked for it" in answer.err
    assert "--repair" in answer.err
    assert pages(slimmed, "web-slim") == ["/www/one.html"]
    repaired = called(slimmed, "verify", "web-slim", *asked, "--repair")
    assert repaired.code == 0, repaired.err
    assert "1 entry added: /www/two.html" in repaired.out
    assert "-> oci:build/web-slim/oci\n  manifest sha256:" in repaired.out
    assert pages(slimmed, "web-slim") == ["/www/one.html", "/www/two.html"]
    assert called(slimmed, "verify", "web-slim").code == 0


@pytest.mark.slow
def test_a_check_that_the_full_image_fails_is_said_to_be_of_that(slimmed: Path) -> None:
    answer = called(slimmed, "verify", "web-slim", "--http-get", "http://localhost:8080/none.html")
    assert answer.code == 1
    assert "the check failed in the full image" in answer.err


@pytest.mark.slow
def test_any_two_images_are_compared(slimmed: Path) -> None:
    names = ("oci:build/web-slim/oci", "--against", "oci:build/web/oci")
    assert called(slimmed, "verify", *names, "--http-get", URL).code == 0
    assert called(slimmed, "verify", *names, "--http-get", OTHER).code == 1


@pytest.mark.slow
def test_a_full_image_that_is_another_now_is_refused(slimmed: Path) -> None:
    (slimmed / "files/www/two.html").write_text("another two")
    assert called(slimmed, "build").code == 0
    answer = called(slimmed, "verify", "web-slim")
    assert answer.code
    assert "--any-image" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("build/none",), "there is no full image to compare with: build/none is not what slim has written"),
        (("oci:a", "--against", "oci:b"), "there are no checks"),
        (("a", "--against", "b", "--repair"), "--repair is for what slim has made"),
        (("a", "--ignore-output", "("), "--ignore-output (: not a regular expression"),
    ],
)
def test_what_cannot_be_verified_is_refused(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    answer = called(tmp_path, "verify", *words)
    assert answer.code == 2
    assert message in answer.err
