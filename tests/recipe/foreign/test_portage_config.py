"""The config.yaml of the distroless build system with Portage and Buildah as recipes."""

from typing import Any

import pytest

from fromscratch.recipe import schema
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.conversion import convert
from tests.recipe.foreign.accounting import lost_values

# The example of its documentation.
PYTHON = """\
portage_mirror:
    sync_type: git
    uri: https://github.com/gentoo-mirror/gentoo.git
build:
    threads: 12
    max_parallel_jobs: 12
    global_use_flags:
        add:
        remove:
            - systemd
            - openrc
            - man
            - bluetooth
            - X
            - wayland
    package_use_flags:
custom_ebuild_repository: false
target:
    container_tag: mycontainers/python
    package_atoms: dev-lang/python
"""
MORE = """\
portage_mirror: {sync_type: rsync, uri: "rsync://example.org/gentoo-portage"}
build:
  threads: 3
  max_parallel_jobs: 2
  global_use_flags: {add: [ssl], remove: [X]}
  package_use_flags:
    dev-lang/python: {add: [sqlite], remove: [tk]}
    app-misc/jq:
      add: oniguruma
custom_ebuild_repository: {uri: "https://example.org/own.git", certificate: own.pem}
target:
  container_tag: example.org/tools:1
  package_atoms: [app-misc/jq, =dev-lang/python-3.12.1]
  entrypoint: [/usr/bin/jq]
  cmd: [--help]
  size: small
"""


def of(text: str) -> tuple[schema.Recipe, Any]:
    recipe = schema.parse(convert(text, Surroundings(name="config.yaml")).recipe, "fromscratch.yaml")
    [item] = recipe.items()
    assert item.kind == "portage"
    return recipe, item.options


@pytest.mark.parametrize("text", [PYTHON, MORE])
def test_no_value_of_a_configuration_gets_lost(text: str) -> None:
    assert lost_values(text, Surroundings(name="config.yaml")) == []


def test_the_example_of_its_documentation_is_accepted_as_it_is() -> None:
    converted = convert(PYTHON, Surroundings(name="config.yaml"))
    assert converted.whole
    recipe, options = of(PYTHON)
    assert recipe.name == "python"
    assert options.packages == ["dev-lang/python"]
    assert options.use == ["-systemd", "-openrc", "-man", "-bluetooth", "-X", "-wayland"]
    assert (options.threads, options.jobs, options.package_use) == (12, 12, {})
    assert [repository.git for repository in options.repositories] == ["https://github.com/gentoo-mirror/gentoo.git"]


def test_flags_repositories_and_commands_are_carried_over() -> None:
    recipe, options = of(MORE)
    assert options.use == ["ssl", "-X"]
    assert options.package_use == {"dev-lang/python": ["sqlite", "-tk"], "app-misc/jq": ["oniguruma"]}
    assert [(each.rsync, each.git, each.certificate) for each in options.repositories] == [
        ("rsync://example.org/gentoo-portage", "", ""),
        ("", "https://example.org/own.git", "own.pem"),
    ]
    assert (recipe.name, recipe.image.entrypoint, recipe.image.cmd) == ("tools", ["/usr/bin/jq"], ["--help"])


def test_what_is_not_carried_over_is_listed_by_its_line() -> None:
    left_out = convert(MORE, Surroundings(name="config.yaml")).left_out
    assert [str(each) for each in left_out if not each.remark] == ["16: size: small  (no reader knows this key)"]
    custom = convert(PYTHON.replace("repository: false", "repository: true"), Surroundings(name="config.yaml")).left_out
    assert "17: custom_ebuild_repository: true" in str(custom[0])
