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
        (b"# syntax=dhi.io/build:2-debian13\nimage: dhi.io/x\nname: [\n", 1, "this is not YAML"),
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


def test_a_declaration_becomes_a_recipe_that_builds(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "Dockerfile").write_text(
        'FROM scratch\nCOPY motd /etc/motd\nCOPY etc /etc/\nENV A="b c"\nLABEL org.example.a=b\nCMD ["/none"]\n'
    )
    (folder / "motd").write_text("hello\n")
    (folder / "etc").mkdir()
    (folder / "etc/app.conf").write_text("x\n")
    answer = called(folder, "init", "--from", "Dockerfile")
    assert answer.code == 0
    assert (
        answer.out == "wrote fromscratch.yaml from Dockerfile, a Dockerfile: whole; next: fromscratch fetch build run\n"
    )
    assert answer.err == ""
    recipe = (folder / "fromscratch.yaml").read_text()
    (folder / "fromscratch.yaml").write_text(f"{recipe}check: off\n")
    assert called(folder, "fetch", "build").code == 0
    assert called(folder, "ls").out.splitlines()[-3:] == [
        "d 0755 0:0 /etc",
        "f 0644 0:0 2 /etc/app.conf",
        "f 0644 0:0 6 /etc/motd",
    ]


def test_what_a_recipe_cannot_say_is_quoted_on_standard_error_and_in_its_head(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY a /a\nRUN make\n")
    answer = called(tmp_path, "init", "--from", "Dockerfile")
    assert answer.code == 0
    assert answer.out.startswith("wrote fromscratch.yaml from Dockerfile, a Dockerfile: partial, 1 part of it")
    assert "left out: Dockerfile:3: RUN make  (no recipe runs build steps in the image)\n" in answer.err
    head = "# Not carried over, by its lines:\n#   3: RUN make  (no recipe runs build steps in the image)\n"
    assert head in (tmp_path / "fromscratch.yaml").read_text()
