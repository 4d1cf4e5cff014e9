"""The names that programs may rely on: all there, typed, loaded when they are used, and at work in the documents."""

import ast
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import fromscratch
from fromscratch import ImageError, Platform, Store, deliver, find_image, validate
from tests.made_images import AMD64, ARM64, image_of
from tests.test_layering import modules, name_of

CHECKOUT = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[1]))
BOTH = [image_of(b"", platform=AMD64), image_of(b"", platform=ARM64)]


def snippets(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (CHECKOUT / document).read_text(), re.DOTALL)


def run(code: list[str], document: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in code:
        exec(compile(block, document, "exec"), names)  # noqa: S102 - our own text
    return names


def test_what_type_checkers_see_is_what_there_is() -> None:
    seen = {
        alias.asname or alias.name: getattr(import_module(str(node.module)), alias.name)
        for node in ast.walk(ast.parse(Path(fromscratch.__file__).read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("fromscratch.")
        for alias in node.names
    }
    assert {name: getattr(fromscratch, name) for name in fromscratch.__all__ if name != "__version__"} == seen
    assert set(fromscratch.__all__) <= set(dir(fromscratch))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'fromscratch' has no attribute 'biuld'"):
        getattr(fromscratch, "biuld")  # noqa: B009 - the type checker knows that it is not there


def test_the_package_alone_loads_nothing() -> None:
    script = "import sys; before = set(sys.modules); import fromscratch; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fromscratch"]


def test_only_programs_use_it_and_no_module_of_the_package() -> None:
    """Those import from where a name lives, so that the floors hold."""
    found = [
        (name_of(path), alias.name)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "fromscratch"
        for alias in node.names
        if alias.name in fromscratch.__all__ and alias.name != "__version__"
    ]
    assert found == []


def test_the_examples_of_the_documents_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [recipe] = snippets("docs/library.md", "yaml")
    (tmp_path / "fromscratch.yaml").write_text(recipe)
    (tmp_path / "files/bin").mkdir(parents=True)
    (tmp_path / "files/bin/hello").write_text("#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    names = run(snippets("docs/library.md", "python"), "docs/library.md")
    said = capsys.readouterr().out
    assert [image.platform for image in names["built"].images] == [AMD64, ARM64]
    assert json.loads((tmp_path / "build/hello/oci/index.json").read_bytes())["schemaVersion"] == 2
    assert "linux/arm64 {'GREETING': 'hello'} ['sha256:" in said
    assert "oci-archive:hello.tar:1.0 sha256:" in said
    assert "/bin/hello File 0o" in said
    assert "oci:nowhere: there is no nowhere" in said


def test_the_example_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fromscratch.yaml").write_text("rootfs: [{overlay: files}]\n")
    (tmp_path / "files/etc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    names = run(snippets("README.md", "python"), "README.md")
    assert (tmp_path / "hello.tar").is_file()
    assert names["built"].images


def test_every_name_is_in_the_documents() -> None:
    text = (CHECKOUT / "docs/library.md").read_text()
    assert [name for name in fromscratch.__all__ if name != "__version__" and f"`{name}" not in text] == []


@pytest.mark.parametrize("name", ["oci:out", "oci:out:1.0", "oci-archive:out.tar", "oci-archive:out.tar:1.0"])
def test_what_is_delivered_under_a_name_is_found_under_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "store")
    assert deliver(BOTH, name, store).reference == name
    for image in BOTH:
        found = find_image(name, store, [image.platform]).need_image()
        assert found == image
        validate(found, store)


@pytest.mark.parametrize("name", ["docker-archive:out.tar:localhost:5000/a/b:1", "docker-archive:out.tar:b"])
def test_an_archive_of_docker_has_a_whole_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "store")
    assert deliver(BOTH[:1], name, store).reference == "docker-archive:out.tar"
    assert find_image(name, store).need_image().config == BOTH[0].config


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out", "'out' does not say where images go"),
        ("oci:", "'oci:' does not say where images go"),
        ("nothing:out", "'nothing:out' does not say where images go"),
        ("tar:out.tar", "only one platform can go there, and this image is for linux/amd64, linux/arm64"),
    ],
)
def test_a_place_that_takes_no_such_images_is_refused(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match=message) as caught:
        deliver(BOTH, name, Store(tmp_path / "store"))
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_home_folder_is_written_and_read_by_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    store = Store(tmp_path / "store")
    deliver(BOTH, "oci:~/out:1", store)
    assert (tmp_path / "home/out/oci-layout").is_file()
    assert find_image("oci:~/out:1", store, [ARM64]).need_image() == BOTH[1]


def test_a_path_with_a_colon_that_is_there_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b").mkdir()
    assert deliver(BOTH, "oci:a:b:1", Store(tmp_path / "store")).reference == "oci:a:b:1"
    assert Platform.parse("linux/amd64") == AMD64
