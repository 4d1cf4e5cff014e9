"""Definitions of Docker Hardened Images as recipes."""

from collections.abc import Iterable, Mapping
from typing import Any

from fromscratch.recipe import schema
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.conversion import convert
from tests.recipe.foreign.accounting import lost_values

DEFINITION = """\
# syntax=dhi.io/build:2-debian13

name: Cache 1.x
image: dhi.io/cache
variant: runtime
flavor: compat
tags:
  - "1"
platforms:
  - linux/amd64
  - linux/arm64
dates:
  release: "2026-01-17"
vars:
  VERSION: 1.2.3
  COMMIT: 0a1b2c
contents:
  repositories:
    - deb [signed-by=/usr/share/keyrings/dhi-deb-main.gpg] http://dhi.io/deb/debian/main trixie main
    - deb [signed-by=/usr/share/keyrings/cache.gpg] https://packages.example.org/deb/ trixie main extra
    - deb http://deb.debian.org/debian trixie-backports main
  keyring:
    - https://dhi.io/keyring/dhi-deb-gpg.D46852F6925E9F71.key
    - https://packages.example.org/cache.gpg
  packages:
    - '!original-awk'
    - '!mawk'
    - mawk
    - base-files
    - ca-certificates-bundle
    - cache=1.2.3-4
    - cache-tools
  mappings:
    pkg:deb/cache@1: pkg:github/cache@1
  files:
    - url: https://example.org/entrypoint.sh
      checksum: sha256:00
      path: /usr/local/bin/entrypoint.sh
      uid: 0
      gid: 0
  builds:
    - name: cache
      contents:
        packages: [gcc]
      pipeline:
        - name: build
          runs: |
            make
accounts:
  root: true
  run-as: cache
  users:
    - name: cache
      uid: 999
      gid: 998
  groups:
    - name: cache
      gid: 998
      members: [cache]
os-release:
  name: Docker Hardened Images (Debian)
  id: debian
  version-id: "13"
  version-codename: trixie
  home-url: https://example.org/
work-dir: /data
stop-signal: SIGINT
environment:
  CACHE_VERSION: ${VERSION}
paths:
  - type: directory
    path: /data
    uid: 999
    gid: 998
    mode: "0770"
    recursive: true
  - type: symlink
    path: /usr/bin/cache
    source: /usr/local/bin/cache
    uid: 0
    gid: 0
  - type: file
    path: /etc/cache.conf
    content: |
      bind ${ADDRESS}
    mode: "0644"
  - type: file
    path: /usr/local/bin/start
    source: image/cache/start
    mode: "755"
  - type: file
    path: /usr/local/bin/absent
    source: image/cache/absent
  - type: symlink
    path: /usr/lib/${ARCH}/a.so
    source: b.so
  - type: delete
    path: /usr/share/doc
annotations:
  org.opencontainers.image.licenses: MIT
labels:
  team: data
entrypoint:
  - /usr/bin/cache
cmd: [--help]
ports:
  - 6379/tcp
"""
INDEX = ("base-files", "ca-certificates", "mawk", "cache")


def missing(kind: str, options: Mapping[str, Any], names: Iterable[str]) -> frozenset[str]:
    assert kind == "debian"
    assert options["suite"]
    return frozenset(names) - {*INDEX}


def found(name: str) -> list[str]:
    return ["../catalog/image/cache/start"] if name == "image/cache/start" else []


SURROUNDINGS = Surroundings(name="1.yaml", find=found, missing=missing)


def test_no_value_of_a_definition_gets_lost() -> None:
    assert lost_values(DEFINITION, SURROUNDINGS) == []


def test_what_recipes_can_say_is_said() -> None:
    recipe = schema.parse(convert(DEFINITION, SURROUNDINGS).recipe, "fromscratch.yaml")
    assert recipe.name == "cache"
    assert recipe.platforms == ["linux/amd64", "linux/arm64"]
    [item] = recipe.items()
    options: Any = item.options
    assert (item.kind, options.suite) == ("debian", "trixie")
    assert options.packages == ["mawk", "base-files", "ca-certificates", "cache"]
    assert options.exclude == ["original-awk"]
    [extra, backports] = options.also
    assert (extra.mirror, extra.components, extra.keyring) == (
        "https://packages.example.org/deb",
        ["main", "extra"],
        "keys/cache.gpg",
    )
    assert backports == "trixie-backports"
    assert [(path.type, path.path, path.mode, path.owner, path.target or path.source) for path in recipe.paths] == [
        ("file", "/usr/lib/os-release", None, None, None),
        ("symlink", "/etc/os-release", None, None, "../usr/lib/os-release"),
        ("directory", "/data", "0770", "999:998", None),
        ("symlink", "/usr/bin/cache", None, None, "/usr/local/bin/cache"),
        ("file", "/etc/cache.conf", "0644", None, None),
        ("file", "/usr/local/bin/start", "0755", None, "../catalog/image/cache/start"),
        ("delete", "/usr/share/doc", None, None, None),
    ]
    assert recipe.image.env == {"CACHE_VERSION": "1.2.3"}
    assert (recipe.image.user, recipe.image.workdir, recipe.image.ports) == ("cache", "/data", ["6379/tcp"])
    assert (recipe.image.entrypoint, recipe.image.cmd) == (["/usr/bin/cache"], ["--help"])


def test_a_directory_of_root_is_said_to_be_since_a_package_may_give_it_to_another() -> None:
    definition = DEFINITION.replace("uid: 999\n    gid: 998\n    mode", "uid: 0\n    gid: 0\n    mode")
    recipe = schema.parse(convert(definition, SURROUNDINGS).recipe, "r.yaml")
    assert [path.owner for path in recipe.paths if path.path == "/data"] == ["0:0"]


def test_what_is_not_carried_over_is_listed_by_its_lines() -> None:
    left_out = convert(DEFINITION, SURROUNDINGS).left_out
    assert [str(each) for each in left_out if not each.remark] == [
        "24: - https://packages.example.org/cache.gpg  "
        "(bring this key, and put it where keyring: of the recipe names it)",
        "31: - cache=1.2.3-4  (no index at hand has this version; the recipe takes the one that there is)",
        "32: - cache-tools  (no index at hand has a package of this name)",
        "36-40: - url: https://example.org/entrypoint.sh  (bring this file into the project, and name it under paths, "
        "as the source of a file)",
        "42-48: - name: cache  (build steps are not run; what this one makes is not in the recipe)",
        "91-93: - type: file  (image/cache/absent is not among the files of the definition)",
        "94-96: - type: symlink  (the variable ARCH has no value that holds for every architecture)",
    ]  # fmt: skip
    assert [each.line for each in left_out if each.remark] == [7, 16, 19, 23, 27, 30, 33]


def test_without_an_index_every_name_is_taken_as_it_is() -> None:
    recipe = schema.parse(convert(DEFINITION, Surroundings(name="1.yaml")).recipe, "fromscratch.yaml")
    [item] = recipe.items()
    options: Any = item.options
    assert options.packages == ["mawk", "base-files", "ca-certificates", "cache=1.2.3-4", "cache-tools"]
