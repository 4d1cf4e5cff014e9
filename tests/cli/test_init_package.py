"""`init --from KIND:PACKAGE`: the recipe that starts a package."""

from pathlib import Path

from fromscratch.cli.verbs.init_package import recipe_of
from fromscratch.recipe import schema
from fromscratch.transforms.scripted.start import Start
from tests.cli.in_process import called

OPTIONS = {"suite": "trixie", "packages": ["web"]}


def test_the_recipe_says_what_the_unit_says() -> None:
    start = Start(
        command=("/usr/sbin/web", "-x"),
        user="web",
        environment={"A": "${{ b"},
        working_folder="/srv",
        ports=("53/udp", "80"),
        because="ExecStart= of web.service",
        notes=("mind\nthis",),
    )
    text = recipe_of("debian", OPTIONS, "web", start)
    assert text.splitlines() == [
        "name: web",
        "",
        "rootfs:",
        "  - debian: {suite: trixie, packages: [web]}",
        "trim: [docs, locales, caches]",
        "",
        "# ExecStart= of web.service",
        "# mind this",
        "image:",
        '  cmd: [/usr/sbin/web, "-x"]',
        "  user: web",
        '  env: {A: "$${{ b"}',
        "  workdir: /srv",
        "  ports: [53/udp, 80]",
        "",
        "# The build starts the image, and asks it.",
        "checks:",
        "  - {tcp: 80}",
    ]
    assert schema.parse(text, "fromscratch.yaml").image.env == {"A": "${{ b"}


def test_a_recipe_without_a_command_is_valid_too() -> None:
    text = recipe_of("debian", OPTIONS, "web", Start(notes=("say what",)))
    assert text.endswith("# say what\n# image:\n#   cmd: [PROGRAM, ARGUMENT]\n")
    schema.parse(text, "fromscratch.yaml")


def test_a_kind_that_does_not_look_into_packages_is_said(tmp_path: Path) -> None:
    answer = called(tmp_path, "init", "--from", "rpm:web")
    assert (answer.code, answer.err.splitlines()) == (
        2,
        ["error: init --from rpm:web: rpm does not look into packages", " hint: say debian:PACKAGE"],
    )


def test_what_is_not_a_package_is_said(tmp_path: Path) -> None:
    answer = called(tmp_path, "init", "--from", "debian:No Package")
    assert answer.code == 2
    assert "'No Package' is not a package of Debian" in answer.err


def test_a_recipe_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "fromscratch.yaml").write_text("name: x\n")
    answer = called(tmp_path, "init", "--from", "debian:web")
    assert "fromscratch.yaml is there already" in answer.err
