"""`slim` in one go: the image is started, recorded while it is used, cut, and used again in the same way."""

import json
import shutil
from pathlib import Path

import pytest

from fromscratch.formats.trace import text
from tests.cli.in_process import called

pytestmark = pytest.mark.slow

BUSYBOX = shutil.which("busybox") or ""
RECIPE = f"""
name: web
rootfs:
  - binaries: {{paths: [{BUSYBOX}], etc: auto}}
  - overlay: files
image:
  cmd: [{BUSYBOX}, httpd, -f, -p, "8080", -h, /www]
  env: {{PATH: {Path(BUSYBOX).parent}}}
checks:
  - {{http: "http://localhost:8080/two.html", expect: two}}
"""
URL = "http://localhost:8080/one.html"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The build of a small web server with two pages."""
    if not BUSYBOX:
        pytest.skip("busybox is not installed")
    folder = tmp_path / "desk"
    (folder / "files/www").mkdir(parents=True)
    (folder / "files/www/one.html").write_text("page one")
    (folder / "files/www/two.html").write_text("page two")
    (folder / "fromscratch.yaml").write_text(RECIPE)
    answer = called(folder, "build")
    assert answer.code == 0, answer.err
    return folder


def pages(folder: Path, image: str) -> list[str]:
    listed = called(folder, "ls", "--image", image, "--json", "--path", "/www")
    return [entry["path"] for entry in json.loads(listed.out) if entry["path"].endswith(".html")]


def test_output_that_lists_what_was_cut_differs_unless_it_is_left_out_of_what_is_compared(desk: Path) -> None:
    asked = ("slim", "web", "--http-get", URL, "--exec", "busybox sh -c 'echo /www/*'")
    answer = called(desk, *asked)
    assert answer.code == 1
    assert "is '/www/one.html /www/two.html' in the full image, and '/www/one.html' in the small one" in answer.err
    assert "--ignore-output" in answer.err
    answer = called(desk, *asked, "--ignore-output", r" /www/two\.html")
    assert answer.code == 0, answer.err
    assert pages(desk, "web-slim") == ["/www/one.html"]


def test_an_image_is_recorded_while_it_is_used_and_the_small_one_answers_in_the_same_way(desk: Path) -> None:
    answer = called(desk, "slim", "web", "--http-get", URL, "--expect", "page one", "--exec", "busybox true", "--json")
    assert answer.code == 0, answer.err
    verdict = json.loads(answer.out)["verdict"]
    assert verdict["proven"]
    assert verdict["checks"] == [f"http {URL}", "exec busybox true"]
    assert pages(desk, "web-slim") == ["/www/one.html"]
    trace = text.read((desk / "build/web-slim/slim.trace").read_bytes())
    assert {run.image for run in trace.runs} == {json.loads(called(desk, "build", "--json").out)["digest"]}
    again = called(desk, "slim", "build/web-slim/slim.yaml", "--json")
    assert json.loads(again.out)["digest"] == json.loads(answer.out)["digest"]


def test_the_checks_of_a_recipe_are_what_its_build_is_used_by(desk: Path) -> None:
    assert called(desk, "slim").code == 0
    assert pages(desk, "web-slim") == ["/www/two.html"]


def test_the_checks_are_made_anew_for_a_newer_version_of_the_image(desk: Path) -> None:
    script = desk / "ask.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    first = called(desk, "slim", "web", "--http-get", URL, "--script", "ask.sh", "--json")
    assert first.code == 0, first.err
    written = (desk / "build/web-slim/slim.yaml").read_text()
    assert f'checks: [{{"http":"{URL}"}},{{"script":"../../ask.sh"}}]' in written

    (desk / "files/www/one.html").write_text("another page one")
    assert called(desk, "build").code == 0
    refused = called(desk, "slim", "build/web-slim/slim.yaml")
    assert refused.code == 2
    assert "--record" in refused.err
    again = called(desk, "slim", "build/web-slim/slim.yaml", "--record", "--json")
    assert again.code == 0, again.err
    assert len(json.loads(again.out)["verdict"]["checks"]) == 2
    assert json.loads(again.out)["digest"] != json.loads(first.out)["digest"]
    rewritten = (desk / "build/web-slim/slim.yaml").read_text()
    assert rewritten.splitlines()[4:] != written.splitlines()[4:]
    assert [line for line in rewritten.splitlines() if not line.startswith("digest")] == [
        line for line in written.splitlines() if not line.startswith("digest")
    ]


def test_an_image_that_fails_its_own_checks_is_not_slimmed(desk: Path) -> None:
    answer = called(desk, "slim", "web", "--http-get", URL, "--expect", "page three")
    assert answer.code == 1
    assert "the check failed" in answer.err
    assert not (desk / "build/web-slim/oci").exists()


def test_a_small_image_that_fails_what_the_full_one_passes_is_refused(desk: Path) -> None:
    answer = called(desk, "slim", "web", "--http-get", URL, "--drop", "/www/one.html")
    assert answer.code == 1
    assert "the small image does not do what the full one does" in answer.err
    assert "--keep PATH" in answer.err
    assert not (desk / "build/web-slim/oci").exists()
