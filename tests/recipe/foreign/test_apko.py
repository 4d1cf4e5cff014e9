"""Image configurations of apko as recipes."""

import pytest

from fromscratch.errors import UsageError
from fromscratch.recipe import schema
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.conversion import convert
from tests.recipe.foreign.accounting import lost_values

CONFIGURATION = """\
contents:
  keyring:
    - ./keys/melange.rsa.pub
  repositories:
    - https://example.org/alpine/v3.22/main/
  build_repositories: [./packages]
  runtime_repositories:
    - https://mirror.example.org/main
  runtime_keyring:
    - name: mirror.rsa.pub
      content: |
        -----BEGIN PUBLIC KEY-----
  packages:
    - alpine-baselayout
    - nginx=1.28.0-r3
entrypoint:
  command: /usr/sbin/nginx -g "daemon off;"
cmd: -c /etc/nginx.conf
stop-signal: SIGQUIT
work-dir: /usr/share/nginx
accounts:
  groups:
    - groupname: nginx
      gid: 10000
      members: [nginx]
  users:
    - username: nginx
      uid: 10001
      gid: 10000
      shell: /bin/false
      homedir: /var/lib/nginx
  run-as: nginx
environment:
  LANG: C.UTF-8
paths:
  - path: /run/nginx
    type: directory
    uid: 10001
    gid: 10000
    permissions: 0o2755
    recursive: true
  - path: /etc/nginx/default.conf
    type: hardlink
    source: /usr/share/nginx/default.conf
    permissions: 0o644
  - path: /etc/motd
    type: empty-file
    permissions: 0o600
vcs-url: https://example.org/nginx.git@0123456789abcdef
annotations:
  org.example.team: web
volumes: [/var/cache/nginx]
archs: [x86_64, aarch64]
layering:
  strategy: origin
  budget: 7
"""
# What apko adds to every image.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
}


def of(text: str, **files: str) -> schema.Recipe:
    converted = convert(text, Surroundings(name="apko.yaml", read=lambda name: files.get(name.replace(".", "_"))))
    return schema.parse(converted.recipe, "fromscratch.yaml")


def test_no_value_of_a_configuration_gets_lost() -> None:
    assert lost_values(CONFIGURATION, Surroundings(name="apko.yaml")) == []


def test_what_recipes_can_say_is_said() -> None:
    recipe = of(CONFIGURATION)
    assert recipe.image.entrypoint == ["/usr/sbin/nginx", "-g", "daemon off;"]
    assert recipe.image.cmd == ["-c", "/etc/nginx.conf"]
    assert recipe.image.env == {"LANG": "C.UTF-8", **ENVIRONMENT}
    assert (recipe.image.user, recipe.image.workdir, recipe.image.stop_signal) == (
        "nginx",
        "/usr/share/nginx",
        "SIGQUIT",
    )
    assert recipe.image.annotations == recipe.image.labels == {"org.example.team": "web"}
    assert recipe.image.volumes == ["/var/cache/nginx"]
    assert recipe.platforms == ["linux/amd64", "linux/arm64"]
    assert recipe.layer_rule == 7
    assert recipe.accounts is not None
    [user] = recipe.accounts.users
    assert (user.name, user.uid, user.gid, user.home, user.shell) == (
        "nginx",
        10001,
        10000,
        "/var/lib/nginx",
        "/bin/false",
    )
    assert [(path.path, path.type, path.mode, path.owner) for path in recipe.paths] == [
        ("/etc/apk/repositories", "file", "0644", None),
        ("/etc/apk/keys/mirror.rsa.pub", "file", "0644", None),
        ("/run/nginx", "directory", "2755", "10001:10000"),
        ("/etc/nginx/default.conf", "hardlink", "0644", None),
        ("/etc/motd", "file", "0600", None),
    ]


def test_an_included_file_counts_where_its_includer_says_nothing() -> None:
    base = "contents: {packages: [alpine-base]}\ncmd: /bin/sh -l\nwork-dir: /srv\n"
    recipe = of("include: base.yaml\ncontents: {packages: [nano]}\ncmd: /bin/nano\n", base_yaml=base)
    assert (recipe.image.cmd, recipe.image.workdir) == (["/bin/nano"], "/srv")


def test_a_file_that_cannot_be_included_is_left_out_by_its_line() -> None:
    converted = convert("contents: {packages: [nano]}\ninclude: base.yaml\n", Surroundings(name="apko.yaml"))
    assert [str(each) for each in converted.left_out] == [
        "2: include: base.yaml  (this file is not here; what it says is not in the recipe)"
    ]
    assert not converted.whole


def test_a_package_that_no_index_has_is_left_out() -> None:
    surroundings = Surroundings(name="apko.yaml", missing=lambda kind, options, names: frozenset(names) - {"nano"})
    converted = convert("contents:\n  packages: [nano, nanno]\n", surroundings)
    assert [str(each) for each in converted.left_out] == [
        "2: packages: [nano, nanno]  (no index at hand has a package of this name)"
    ]


def test_a_certificate_that_is_none_is_left_out_for_that_reason() -> None:
    text = "contents: {packages: [nano]}\ncertificates:\n  additional:\n    - {name: own, content: none}\n"
    [left_out] = convert(text, Surroundings(name="apko.yaml")).left_out
    assert (left_out.line, left_out.why) == (
        4,
        "there is no certificate in it; write it in the form PEM, -----BEGIN CERTIFICATE-----",
    )


def test_services_start_under_their_supervisor() -> None:
    text = "contents: {packages: [nginx]}\nentrypoint:\n  type: service-bundle\n  services: {web: /usr/sbin/nginx}\n"
    recipe = of(text)
    assert recipe.image.entrypoint == ["/bin/s6-svscan", "/sv"]
    [run] = [path for path in recipe.paths if path.path == "/sv/web/run"]
    assert (run.content, run.mode) == ("#!/bin/execlineb\n/usr/sbin/nginx\n", "0755")


def test_a_misspelled_key_beside_the_contents_is_listed() -> None:
    text = "contents: {packages: [a], package: [b]}\nentrypont: {command: /bin/a}\n"
    assert [str(each) for each in convert(text, Surroundings(name="apko.yaml")).left_out if not each.remark] == [
        "1: contents: {packages: [a], package: [b]}  (no reader knows this key)",
        "2: entrypont: {command: /bin/a}  (no reader knows this key)",
    ]


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("contents: {packages: [a]}\nformat: erofs\n", "2: format: erofs  (layers are tar archives)"),
        (
            "contents:\n  packages: [a]\n  sources: [b]\n",
            "3: sources: [b]  (no reader knows this key)",
        ),
        (
            "contents: {packages: [a]}\nwork-dir: srv\n",
            "2: work-dir: srv  ('srv' must be an absolute path inside the image)",
        ),
        (
            "contents: {packages: [a]}\npaths:\n  - {path: /a, type: device}\n",
            "3: - {path: /a, type: device}  ('device' is not a type of path)",
        ),
        ("contents: {packages: [a]}\ncmd: 'a\n", None),
    ],
)
def test_what_recipes_cannot_say_is_quoted_with_its_line(text: str, left_out: str | None) -> None:
    if left_out is None:
        with pytest.raises(UsageError, match=r"apko\.yaml: this is not a declaration that is known"):
            convert(text, Surroundings(name="apko.yaml"))
        return
    converted = convert(text, Surroundings(name="apko.yaml"))
    assert left_out in [str(each) for each in converted.left_out]
    assert f"#   {left_out}\n" in converted.recipe
