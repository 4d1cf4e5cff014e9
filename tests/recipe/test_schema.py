"""Recipes: what may stand in one, and how every fault is told at once."""

import json
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import RecipeError
from fromscratch.model.image import Healthcheck, RunConfig
from fromscratch.recipe import schema as recipe
from fromscratch.recipe.accounts import UserOptions
from fromscratch.sources import catalogue
from fromscratch.sources.overlay import OverlayOptions


def faults(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        recipe.parse(text, "r.yaml")
    return caught.value.message.splitlines()


def test_the_smallest_recipe_is_one_source() -> None:
    made = recipe.parse("rootfs: [{overlay: files}]", "r.yaml", "My App")
    assert made.name == "my-app"
    (item,) = made.items()
    assert (item.kind, item.replace) == ("overlay", False)
    assert item.options == OverlayOptions(path="files")


def test_every_field_of_the_image_configuration_can_be_said() -> None:
    made = recipe.parse(
        """
        rootfs: [{overlay: files}]
        image:
          user: 1000:1000
          env: {PATH: /bin, PORT: 8080, EMPTY: ""}
          entrypoint: [/bin/app, --flag]
          cmd: [run]
          workdir: /srv
          ports: [80, 53/udp]
          volumes: [/data]
          labels: {a.b: c}
          stop_signal: SIGINT
          healthcheck: {test: [CMD, /bin/check], interval: 30, timeout: 0.5, start_period: 5, retries: 3}
          annotations: {org.example: x}
          author: me
        """,
        "r.yaml",
    )
    assert made.image.run_config() == RunConfig(
        user="1000:1000",
        env={"PATH": "/bin", "PORT": "8080", "EMPTY": ""},
        entrypoint=("/bin/app", "--flag"),
        cmd=("run",),
        working_dir="/srv",
        exposed_ports=("80/tcp", "53/udp"),
        volumes=("/data",),
        labels={"a.b": "c"},
        stop_signal="SIGINT",
        healthcheck=Healthcheck(
            test=("CMD", "/bin/check"),
            interval=30_000_000_000,
            timeout=500_000_000,
            start_period=5_000_000_000,
            retries=3,
        ),
    )


def test_all_faults_come_at_once_each_with_line_key_and_what_was_meant() -> None:
    assert faults(
        """\
nmae: x
rootfs:
  - overlay: files
    replcae: true
  - debian: {suit: bookworm, packages: [busybox]}
  - tarball: {path: a, strip: many}
  - overlay: {path: [a]}
  - overlay: a
    directory: b
  - {}
image:
  cmd: /bin/sh
  ports: [99999]
platforms: [linux/armv7]
epoch: -1
trim: [doc]
"""
    ) == [
        "r.yaml:1: nmae: no such key; did you mean 'name'?",
        "r.yaml:4: rootfs[0].replcae: no such key; did you mean 'replace'?",
        "r.yaml:5: rootfs[1].debian.suit: no such key; did you mean 'suite'?",
        "r.yaml:6: rootfs[2].tarball.strip: expected a whole number, got a text",
        "r.yaml:7: rootfs[3].overlay.path: expected a text, got a list",
        "r.yaml:8: rootfs[4]: an item names one kind of source, one of "
        + ", ".join(sorted(catalogue.KINDS))
        + "; found overlay and directory",
        "r.yaml:10: rootfs[5]: an item names one kind of source, one of "
        + ", ".join(sorted(catalogue.KINDS))
        + "; found none",
        "r.yaml:12: image.cmd: expected a list, such as [/bin/sh, -c, date], got a text",
        "r.yaml:13: image.ports: '99999' is not a port; write 80 or 53/udp",
        "r.yaml:14: platforms: 'linux/armv7' is not a platform that we build for; write linux/ and one of 386, amd64,"
        " arm, arm64, loong64, mips64le, mipsle, ppc64le, riscv64, s390x, such as linux/arm64 or linux/arm/v7",
        "r.yaml:15: epoch: expected a whole number >= 0",
        "r.yaml:16: trim: 'doc' is not a category and no glob; did you mean 'docs'?",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "r.yaml:1: the key 'rootfs' is missing"),
        ("rootfs: []", "r.yaml:1: rootfs: name at least one item"),
        ("- a", "r.yaml:1: expected a mapping of keys, got a list"),
        ("rootfs: [overlay]", "r.yaml:1: rootfs[0]: expected a mapping of keys, got a text"),
        ("rootfs: [{overlay: a}]\nname: UPPER", "r.yaml:2: name: 'UPPER' cannot stand here; it must match"),
        ("rootfs: [{overlay: a}]\nname: a\nname: b", "r.yaml:3: name: this key stands twice"),
        (
            "rootfs: [{overlay: a}]\naccounts: {users: [{name: a}]}",
            "r.yaml:2: accounts.users[0]: the key 'uid' is missing",
        ),
        ("rootfs: [{tarball: {}}]", "r.yaml:1: rootfs[0].tarball"),
        ("rootfs: [{overlay: a}]\nepoch: 253402300800", "r.yaml:2: epoch: expected a whole number <= 253402300799"),
        ("rootfs: [{overlay: a}]\ntrim: [docs, /]", "r.yaml:2: trim: '/' would be everything"),
        ("rootfs: [{overlay: a}]\nplatforms: [linux/arm, linux/arm/v7]", "r.yaml:2: platforms: one of linux/arm, "),
        (
            "rootfs: [{overlay: a}]\nimage: {healthcheck: {test: [NONE], interval: nan}}",
            "r.yaml:2: image.healthcheck.interval: expected a number >= 0",
        ),
        (
            "rootfs: [{overlay: a}]\nimage: {healthcheck: {test: [NONE], timeout: inf}}",
            "r.yaml:2: image.healthcheck.timeout: expected a number <= ",
        ),
        (
            f"rootfs: [{{tarball: {{path: a, sha256: 'sha512:{'0' * 128}'}}}}]",
            "r.yaml:1: rootfs[0].tarball.sha256: 'sha512:000",
        ),
        (
            "rootfs: [{overlay: a}]\ncompression: gzp",
            "r.yaml:2: compression: 'gzp' is not known here; did you mean 'gzip'?",
        ),
        (
            "rootfs: [{overlay: a}]\nlayers: sources",
            "r.yaml:2: layers: 'sources' is not known here; did you mean 'source'?",
        ),
        (
            "rootfs: [{overlay: a}]\nlayers: budget",
            "r.yaml:2: layers: 'budget' is not known here; did you mean {budget: …}?",
        ),
        (
            "rootfs: [{overlay: a}]\nlayers: 5",
            "r.yaml:2: layers: '5' is not known here; write one, source, package or {budget: …}",
        ),
        ("rootfs: [{overlay: a}]\nlayers: {budget: 101}", "r.yaml:2: layers.budget: expected a whole number <= 100"),
        ("rootfs: [{overlay: a}]\nlayers: {budgt: 9}", "r.yaml:2: layers.budgt: no such key; did you mean 'budget'?"),
        (
            "rootfs: [{overlay: a}]\ntimes: lzma",
            "r.yaml:2: times: 'lzma' is not known here; write epoch, clamp or keep",
        ),
        (
            "rootfs: [{buildroot: {toolchain: nope}}]",
            "r.yaml:1: rootfs[0].buildroot.toolchain: 'nope' is not known here; "
            "write bootlin, internal, host or {external: …}",
        ),
        (
            "rootfs: [{overlay: a}]\naccounts: {users: [{name: a, uid: 1}, {name: a, uid: 2}]}",
            "r.yaml:2: accounts.users: 'a' stands twice",
        ),
        (
            "rootfs: [{overlay: a}]\naccounts: {users: [{name: a, uid: 1, home: x}]}",
            "r.yaml:2: accounts.users[0].home: 'x' must be an absolute path",
        ),
        (
            "rootfs: [{overlay: a}]\naccounts: {users: [{name: a, uid: 1, comment: 'a:b'}]}",
            "r.yaml:2: accounts.users[0].comment: 'a:b' cannot stand in a line of /etc/passwd",
        ),
        (
            "rootfs: [{overlay: a}]\naccounts: {users: [{name: a, uid: 1, password: secret}]}",
            "r.yaml:2: accounts.users[0].password: not a crypt(5) hash",
        ),
        (
            "rootfs: [{overlay: a}]\nimage: {healthcheck: {test: []}}",
            "r.yaml:2: image.healthcheck.test: [] is not a check",
        ),
        (
            "rootfs: [{overlay: a}]\nimage: {stop_signal: SIGFOO}",
            "r.yaml:2: image.stop_signal: 'SIGFOO' is not a signal",
        ),
    ],
)
def test_a_fault_names_its_place(text: str, fault: str) -> None:
    assert faults(text)[0].startswith(fault)


def test_a_list_that_only_its_faults_leave_empty_is_no_fault_of_its_own() -> None:
    assert faults("rootfs: [overlay]") == ["r.yaml:1: rootfs[0]: expected a mapping of keys, got a text"]


@pytest.mark.parametrize("text", ["SIGTERM", "TERM", "15", "SIGRTMIN+3", "RTMAX-1"])
def test_a_signal_is_a_name_or_a_number(text: str) -> None:
    assert recipe.parse(f"rootfs: [{{overlay: a}}]\nimage: {{stop_signal: {text}}}", "r.yaml").image.stop_signal == text


def test_a_file_that_is_not_there_or_not_text_is_a_recipe_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="No such file"):
        recipe.load(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="not UTF-8"):
        recipe.load(tmp_path / "bad.yaml")


def test_the_schema_is_valid_and_accepts_what_we_accept() -> None:
    schema = recipe.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(
        {"rootfs": [{"overlay": "files", "replace": True}, {"debian": {"suite": "x", "packages": ["a"]}}]}
    )
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"rootfs": [{"overlai": "files"}]})
    assert json.dumps(schema)


@given(
    st.recursive(
        st.none() | st.text(max_size=8) | st.integers() | st.booleans(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["rootfs", "debian", "overlay", "path", "image", "env", "trim", "x"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_any_document_is_a_recipe_or_a_recipe_error(value: object) -> None:
    with suppress(RecipeError):
        recipe.parse(json.dumps(value), "r.yaml")


@pytest.mark.parametrize("password", ["*", "!!", "!$6$a$b", "$6$salt$hash", "$y$j9T$salt$hash", "x", "ab0123456789."])
def test_a_password_may_be_a_hash_or_locked(password: str) -> None:
    assert UserOptions(name="app", uid=1, password=password).user().password == password


@pytest.mark.parametrize("password", ["secret", "two words", "a:b", " ", "$6$", "root123", "x "])
def test_a_password_in_clear_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(ValueError, match=r"password: not a crypt\(5\) hash") as caught:
        UserOptions(name="app", uid=1, password=password)
    assert password.strip() == "" or password not in str(caught.value)
