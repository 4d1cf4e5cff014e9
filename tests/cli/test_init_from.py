"""`init --from FILE` as a user meets it."""

from pathlib import Path

import pytest

from tests.cli.in_process import called


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"hello\n", 2, "this is not a declaration that is known"),
        (b"\xff\xfe", 2, "this is not UTF-8 text"),
        (b"a: [1\n", 2, "this is not a declaration that is known"),
        (b"x" * (5 << 20), 2, "too large for a declaration"),
        (b"# syntax=dhi.io/build:2-debian13\nimage: dhi.io/x\n", 1, "nothing of it can become a recipe"),
        (b"# syntax=dhi.io/build:2-debian13\nimage: dhi.io/x\n - y\n", 1, "this is not YAML"),
    ],
)
def test_a_file_that_is_no_declaration_gets_one_message_and_leaves_no_recipe(
    tmp_path: Path, content: bytes, code: int, message: str
) -> None:
    (tmp_path / "image.yaml").write_bytes(content)
    answer = called(tmp_path, "init", "--from", "image.yaml")
    assert answer.code == code
    assert message in answer.err
    assert not (tmp_path / "fromscratch.yaml").exists()


def test_a_recipe_that_is_there_is_not_replaced_unless_the_call_says_so(tmp_path: Path) -> None:
    (tmp_path / "fromscratch.yaml").write_text("mine")
    (tmp_path / "image.yaml").write_text("hello")
    assert "fromscratch.yaml is there already" in called(tmp_path, "init", "--from", "image.yaml").err
    assert "not a declaration" in called(tmp_path, "init", "--from", "image.yaml", "--force").err
    assert (tmp_path / "fromscratch.yaml").read_text() == "mine"


def test_a_folder_and_a_file_that_is_not_there_are_told_apart(tmp_path: Path) -> None:
    assert "is a folder" in called(tmp_path, "init", "--from", "./").err
    assert "cannot read none/x.yaml: No such file" in called(tmp_path, "init", "--from", "none/x.yaml").err
