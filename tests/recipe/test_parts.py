"""`extends`, `include` and `variants`: recipes out of parts, and several images out of one recipe."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from fromscratch.errors import RecipeError, UsageError
from fromscratch.recipe import schema as recipe
from tests.cli.in_process import called
from tests.engines import need


class Project:
    """A folder of recipes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("files/etc/motd", "hello")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def faults(self, name: str = "fromscratch.yaml") -> list[str]:
        with pytest.raises(RecipeError) as caught:
            recipe.load(self.folder / name)
        return [line.removeprefix(f"{self.folder}/") for line in caught.value.message.splitlines()]

    def settled(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"build/{name}/evidence.json").read_text())["recipe"]
        return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "desk")


def test_parts_come_first_lists_grow_and_the_later_value_wins(project: Project) -> None:
    project.write(
        "base/base.yaml",
        """
name: ignored
rootfs: [{overlay: one}]
trim: [docs]
platforms: [linux/amd64]
accounts: {users: [{name: app, uid: 1}, {name: log, uid: 2}]}
image: {cmd: [a, b], entrypoint: [x], env: {A: a, B: a}, ports: [80]}
""",
    )
    project.write("parts/part.yaml", "trim: [locales, docs]\nimage: {env: {B: part, C: part}}\n")
    path = project.write(
        "fromscratch.yaml",
        """
extends: base/base.yaml
include: [parts/part.yaml]
rootfs: [{overlay: two}]
platforms: [linux/arm64]
accounts: {users: [{name: app, uid: 7}]}
image: {cmd: [c], entrypoint: null, env: {C: own}, ports: [80, 81]}
""",
    )
    made = recipe.load(path)
    assert made.name == "desk"
    assert [(getattr(item.options, "path", ""), item.folder) for item in made.items()] == [("one", "base"), ("two", "")]
    assert (made.trim, made.platforms) == (["docs", "locales"], ["linux/arm64"])
    assert (made.image.cmd, made.image.entrypoint, made.image.ports) == (["c"], UNSET, ["80", "81"])
    assert made.image.env == {"A": "a", "B": "part", "C": "own"}
    assert made.accounts is not None
    assert [(user.name, user.uid) for user in made.accounts.users] == [("log", 2), ("app", 7)]


def test_files_of_a_part_lie_beside_it_and_the_recipe_in_the_evidence_is_whole(project: Project) -> None:
    project.write("parts/files/etc/part", "of the part")
    project.write(
        "parts/part.yaml", "rootfs: [{overlay: files}]\npaths: [{path: /x, type: file, source: files/etc/part}]\n"
    )
    labels = "image: {labels: {a: '$${{a}}'}}\n"
    project.write("fromscratch.yaml", f"include: parts/part.yaml\nrootfs: [{{overlay: files}}]\ncheck: off\n{labels}")
    built = called(project.folder, "build", "--json")
    assert built.code == 0, built.err
    listed = called(project.folder, "ls").out.splitlines()
    assert [line for line in listed if line[0] == "f"] == [
        "f 0644 0:0 5 /etc/motd",
        "f 0644 0:0 11 /etc/part",
        "f 0644 0:0 11 /x",
    ]
    project.write("again.yaml", json.dumps(project.settled("desk")))
    again = called(project.folder, "build", "--json", "--recipe", "again.yaml")
    assert json.loads(again.out)["digest"] == json.loads(built.out)["digest"]


def test_a_fault_in_a_part_is_told_with_its_own_file_line_and_path(project: Project) -> None:
    project.write("parts/a.yaml", "image:\n  usr: app\nrootfs:\n  - overlay: files\n    replcae: true\n")
    project.write("fromscratch.yaml", "include: [parts/a.yaml]\nrootfs:\n  - overlay: files\nimage: {cmd: x}\n")
    assert project.faults() == [
        "fromscratch.yaml:4: image.cmd: expected a list, such as [/bin/sh, -c, date], got a text",
        "parts/a.yaml:2: image.usr: no such key; did you mean 'user'?",
        "parts/a.yaml:5: rootfs[0].replcae: no such key; did you mean 'replace'?",
    ]


@pytest.mark.parametrize(
    ("include", "fault"),
    [
        (
            "parts/bse.yaml",
            "include: the part: there is no FOLDER/parts/bse.yaml; did you mean FOLDER/parts/base.yaml or FOLDER/",
        ),
        ("busyboxx", "include: the part: there is no FOLDER/busyboxx; did you mean busybox?"),
        ("parts/loop.yaml", "include: it includes itself: fromscratch.yaml -> loop.yaml -> fromscratch.yaml"),
        ("parts/list.yaml", "expected a mapping of keys, as a recipe is one"),
        ("parts/latin.yaml", "include: parts/latin.yaml is not UTF-8 text"),
        ("[parts]", "include[0]: the part: FOLDER/parts is a folder; name a file in it"),
        ("{git: 'https://x/y', commit: main}", "include.commit: 'main' is not the full id of a commit"),
        ("{git: -x, commit: main}", "include.git: '-x' cannot stand here"),
        ("{git: 'https://x/y'}", "include: the key 'commit' is missing"),
        ('"${{x}}.yaml"', "include: a variable cannot stand here: parts are read before variables have values"),
        ("parts/large.yaml", "include: FOLDER/parts/large.yaml has more than 1 MB, which no part of a recipe needs"),
    ],
)
def test_a_part_that_cannot_be_had_is_told_where_it_is_named(project: Project, include: str, fault: str) -> None:
    project.write("parts/base.yaml", "")
    project.write("parts/loop.yaml", "include: ../fromscratch.yaml\n")
    project.write("parts/list.yaml", "- a\n")
    project.write("parts/large.yaml", "#" * (1 << 20) + "\n")
    project.write("parts/latin.yaml", "").write_bytes(b"\xe9")
    project.write("fromscratch.yaml", f"rootfs: [{{overlay: files}}]\ninclude: {include}\n")
    found = project.faults()
    assert len(found) == 1
    assert fault.replace("FOLDER", str(project.folder)) in found[0]


def test_parts_that_nest_too_deep_are_refused(project: Project) -> None:
    for number in range(20):
        project.write(f"p{number}.yaml", f"include: p{number + 1}.yaml\n")
    project.write("fromscratch.yaml", "rootfs: [{overlay: files}]\ninclude: p0.yaml\n")
    (fault,) = project.faults()
    assert fault == "p15.yaml:1: include: parts nest deeper than 16, or are more than 200"


def test_a_shipped_recipe_can_be_extended(project: Project) -> None:
    path = project.write("fromscratch.yaml", "extends: busybox\nimage: {labels: {mine: 'yes'}}\n")
    made = recipe.load(path)
    assert (made.name, made.image.labels) == ("desk", {"mine": "yes"})
    assert [item.folder for item in made.items()] == ["shipped:"] * len(made.rootfs)


VARIANTS = """\
check: off
vars: {shell: /bin/none}
rootfs: [{overlay: files}]
image: {entrypoint: [/bin/app], labels: {shell: "${{shell}}"}}
variants:
  dev:
    vars: {shell: /bin/sh}
    include: parts/dev.yaml
    image: {entrypoint: null, cmd: ["${{shell}}"]}
  bare:
"""


def test_a_variant_is_an_image_of_its_own(project: Project) -> None:
    project.write("parts/dev.yaml", "rootfs: [{overlay: files}]\n")
    project.write("parts/files/bin/sh", "sh")
    project.write("fromscratch.yaml", VARIANTS)
    assert called(project.folder, "build", "build", "--variant", "dev").code == 0
    assert "/bin/sh" not in called(project.folder, "ls").out
    assert "f 0644 0:0 2 /bin/sh" in called(project.folder, "ls", "--variant", "dev").out
    settled = project.settled("desk-dev")
    image = settled["image"]
    assert (settled["name"], image["cmd"], image.get("entrypoint")) == ("desk-dev", ["/bin/sh"], None)
    assert image["labels"] == {"shell": "/bin/sh"}
    assert recipe.load(project.folder / "fromscratch.yaml", variant="bare").name == "desk-bare"


def test_a_wrong_variant_is_told_whichever_is_built(project: Project) -> None:
    project.write("parts/dev.yaml", "{}")
    path = project.write("fromscratch.yaml", VARIANTS + "  Dev: {}\n  other: {image: {cmd: x}, variants: {}}\n  x: y\n")
    assert project.faults() == [
        "fromscratch.yaml:11: variants.Dev: 'Dev' is not a name of a variant; write small letters, digits and - "
        "between them",
        "fromscratch.yaml:12: variants.other.variants: a variant has no variants; name this one beside the other",
        "fromscratch.yaml:13: variants.x: expected a mapping of keys, as a recipe is one",
    ]
    path.write_text(VARIANTS + "  other: {image: {cmd: x}}\n")
    assert project.faults() == [
        "fromscratch.yaml:11: variants.other.image.cmd: expected a list, such as [/bin/sh, -c, date], got a text"
    ]
    path.write_text(VARIANTS)
    with pytest.raises(UsageError) as caught:
        recipe.load(path, variant="dve")
    assert caught.value.hint == "did you mean dev?"


@pytest.fixture
def repository(project: Project) -> tuple[str, str]:
    """A repository with a part in it: its URL and its commit."""
    need("git")
    origin = Project(project.folder.parent / "origin")
    origin.write("parts/part.yaml", "include: more.yaml\nrootfs: [{overlay: files}]\n")
    origin.write("parts/more.yaml", "image: {env: {A: b}}\n")
    origin.write("parts/files/bin/tool", "tool").chmod(0o755)
    origin.write("parts/bad.yaml", "checks: [{script: run.sh}]\nimage: {usr: x}\n")
    (origin.folder / "parts/out.yaml").symlink_to("/etc/hostname")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "-m", "x"]):
        subprocess.run(["git", *words], cwd=origin.folder, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=origin.folder, check=True, capture_output=True, text=True)
    return f"file://{origin.folder}", commit.stdout.strip()


def with_part(project: Project, repository: tuple[str, str], path: str) -> None:
    url, commit = repository
    text = f"check: off\ninclude: [{{git: '{url}', commit: {commit}, path: {path}}}]\nrootfs: [{{overlay: files}}]\n"
    project.write("fromscratch.yaml", text)


def test_a_part_of_a_repository_is_brought_by_fetch_alone(project: Project, repository: tuple[str, str]) -> None:
    with_part(project, repository, "parts/part.yaml")
    url, commit = repository
    answer = called(project.folder, "build")
    assert answer.err.splitlines() == [
        f"error: the commit {commit[:12]} of {url} is not in the store",
        " hint: run `fromscratch fetch` first",
    ]
    assert called(project.folder, "fetch").code == 0
    (project.folder.parent / "origin").rename(project.folder.parent / "gone")
    built = called(project.folder, "build", "--json")
    assert "f 0755 0:0 4 /bin/tool" in called(project.folder, "ls").out
    settled = project.settled("desk")
    assert settled["image"]["env"] == {"A": "b"}
    assert settled["rootfs"][0]["folder"] == {"git": url, "commit": commit, "path": "parts"}
    project.write("again.yaml", json.dumps(settled))
    again = called(project.folder, "build", "--json", "--recipe", "again.yaml")
    assert json.loads(again.out)["digest"] == json.loads(built.out)["digest"]
    (found,) = (project.folder.parent / "store/work").rglob("tool")
    found.write_text("evil")  # the store has its digest
    assert json.loads(called(project.folder, "build", "--json").out)["digest"] == json.loads(built.out)["digest"]
    assert found.read_text() == "tool"


@pytest.mark.parametrize(
    ("path", "faults"),
    [
        ("parts/prt.yaml", ["include[0]: there is no parts/prt.yaml in URL at COMMIT; did you mean parts/part.yaml?"]),
        ("../x", ["include[0]: x leads out of the repository URL"]),
        ("parts/out.yaml", ["include[0]: out.yaml leads out of the repository URL"]),
        (
            "parts/bad.yaml",
            [
                "URL@COMMIT:parts/bad.yaml:1: checks[0].script: a script of a repository is not run here; copy it into "
                "the project, and name that",
                "URL@COMMIT:parts/bad.yaml:2: image.usr: no such key; did you mean 'user'?",
            ],
        ),
    ],
)
def test_what_is_wrong_in_a_repository_is_told(
    project: Project, repository: tuple[str, str], path: str, faults: list[str]
) -> None:
    with_part(project, repository, path)
    url, commit = repository
    answer = called(project.folder, "fetch")
    assert answer.code == 2
    expected = [each.replace("URL", url).replace("COMMIT", commit[:12]) for each in faults]
    assert [each in answer.err for each in expected] == [True] * len(expected), answer.err


def test_a_commit_or_repository_that_is_not_there_is_told(project: Project, repository: tuple[str, str]) -> None:
    url, commit = repository
    with_part(project, (url, "0" * 40), "x.yaml")
    assert called(project.folder, "fetch").err.startswith(f"error: {url} has no commit {'0' * 40}")
    with_part(project, (f"{url}x", commit), "x.yaml")
    assert called(project.folder, "fetch").err.startswith(f"error: cannot fetch the commit {commit[:12]} of {url}x: ")
