"""`paths:` of a recipe: what may stand in it, what is told of what may not, and its way into an image."""

import json
from pathlib import Path

import jsonschema
import pytest

from fromscratch.errors import RecipeError
from fromscratch.recipe import schema as recipe
from tests.cli.in_process import called

RECIPE = """\
name: demo
check: {start: off}
rootfs: [{overlay: files}]
accounts: {users: [{name: app, uid: 1000}]}
trim: [docs]
paths:
  - {path: /var/cache/app, type: directory, mode: "0750", owner: app}
  - {path: /etc/app.conf, type: file, content: "x"}
  - {path: /bin/start, type: file, source: start.sh, capabilities: cap_net_raw=p, replace: true}
  - {path: /srv, type: directory, source: www}
  - {path: /etc/old, type: delete}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "desk"
    for name, text in (("files/bin/start", "old"), ("files/etc/old", "x"), ("start.sh", "new!"), ("www/i.html", "hi")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    (place / "start.sh").chmod(0o700)
    (place / "fromscratch.yaml").write_text(RECIPE)
    return place


def test_paths_go_into_the_image_and_why_names_the_item(folder: Path) -> None:
    assert called(folder, "build").code == 0
    listed = called(folder, "ls").out.splitlines()
    assert "d 0750 1000:1000 /var/cache/app" in listed
    assert "f 0755 0:0 4 /bin/start {security.capability=0x0000000200200000000000000000000000000000}" in listed
    assert [line for line in listed if "/etc/old" in line or line.endswith("/srv/i.html")] == [
        "f 0644 0:0 2 /srv/i.html"
    ]
    assert called(folder, "why", "/bin/start").out.splitlines()[1:] == ["  asked for paths[2]  [recipe]"]
    gone = called(folder, "why", "/etc/old")
    assert gone.err.splitlines()[0] == "error: /etc/old is not in oci:build/demo/oci: paths[4] has deleted it"
    assert called(folder, "build").out.count("unchanged") == 1
    (folder / "www/i.html").write_text("hello")
    assert called(folder, "build").out.count("unchanged") == 0
    settled = json.loads((folder / "build/demo/evidence.json").read_text())["recipe"]["paths"]
    assert settled[1] == {"path": "/etc/app.conf", "type": "file", "content": "x"}


def test_what_is_missing_in_the_project_is_told_with_the_item(folder: Path) -> None:
    (folder / "fromscratch.yaml").write_text(RECIPE.replace("start.sh", "strt.sh"))
    answer = called(folder, "build")
    assert answer.code == 2
    assert answer.err.splitlines() == [
        f"error: paths[2]: source: there is no {folder}/strt.sh",
        f" hint: did you mean {folder}/start.sh?",
    ]


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ("{path: /x, type: directry}", "type: 'directry' is not known here; did you mean 'directory'?"),
        ("{path: /x, type: symlink, source: y}", "source: a symlink leads to its target: write target"),
        ("{path: /x, type: symlink}", "target: a symlink needs one"),
        ("{path: /x, type: symlink, target: y, mode: '0777'}", "mode: a symlink has no mode; give it to what it"),
        ("{path: /x, type: delete, mode: '0777'}", "mode: not a key of type delete, which has path"),
        ("{path: /x, type: file, content: a, source: b}", "content: there is a source already"),
        ("{path: ../x, type: file}", "path: the path '../x' leads outside the root"),
        ("{path: /, type: delete}", "path: '/' is the root of the image"),
        ("{path: /x, type: permissions}", "type: permissions changes nothing here"),
        ("{path: /x, type: file, mode: rwx}", "mode: 'rwx' is not a mode; write it in octal"),
        ("{path: /x, type: file, owner: 'a b'}", "owner: 'a b' is not an owner; write USER:GROUP"),
        (
            "{path: /x, type: file, owner: '4294967295:0'}",
            "owner: '4294967295:0' is not an owner: 42949",
        ),
        ("{path: /x, type: file, capabilities: cap_net_rw=p}", "did you mean cap_net_raw?"),
        ("{path: /x, type: file, contnet: a}", "contnet: no such key; did you mean 'content'?"),
        ("{path: /x}", "the key 'type' is missing"),
    ],
)
def test_a_wrong_item_is_told_with_its_line_and_what_to_write(item: str, fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe.parse(f"rootfs: [{{overlay: files}}]\npaths:\n  - {item}\n", "r.yaml")
    assert caught.value.message.startswith("r.yaml:3: paths[0]")
    assert fault in caught.value.message


def test_the_schema_describes_an_item() -> None:
    validator = jsonschema.Draft202012Validator(recipe.schema())
    item = {"path": "/x", "type": "directory", "owner": "app", "recursive": True}
    assert validator.is_valid({"rootfs": [{"overlay": "files"}], "paths": [item]})
    assert not validator.is_valid({"rootfs": [{"overlay": "files"}], "paths": [{**item, "type": "dir"}]})


def test_a_folder_of_the_project_comes_without_what_builds_write_and_what_is_excluded(folder: Path) -> None:
    (folder / "fromscratch.yaml").write_text(
        "name: demo\ncheck: off\nrootfs: [{overlay: files}]\n"
        "paths: [{path: /app, type: directory, source: ., exclude: [/files, '*.sh']}]\n"
    )
    answer = called(folder, "build")
    assert answer.err.splitlines() == ["paths[0]: build is left out: builds write it, and do not read it"]
    assert [line.split()[-1] for line in called(folder, "ls", "--path", "/app").out.splitlines()] == [
        "/app",
        "/app/fromscratch.yaml",
        "/app/www",
        "/app/www/i.html",
    ]
    assert "unchanged" in called(folder, "build").out
