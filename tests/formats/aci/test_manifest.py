"""The manifest of an App Container Image, made of an image's configuration."""

import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.aci.manifest import archive_tree, identifier, manifest_bytes
from fromscratch.model.image import Image, Platform, RunConfig
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs
from tests.made_images import AMD64, image_of
from tests.trees import listed, text, tree

TREE = tree("""
    d 0755 0:0 /bin
    f 0755 0:0 /bin/busybox ''
    l 0777 0:0 /bin/sh -> busybox
    f 0644 0:0 /bin/notes ''
    d 0755 0:0 /opt
    f 0755 0:0 /opt/app ''
    d 0755 0:0 /opt/folder
    f 0644 0:0 /etc/passwd 'root:x:0:0::/root:/bin/sh\\nweb:x:33:34::/var:/bin/sh\\nodd:x:5:6::/:/bin/sh\\n'
    f 0644 0:0 /etc/group 'root:x:0:\\nwww:x:34:\\nlogs:x:50:web\\nmedia:x:44:odd,web\\n'
    l 0777 0:0 /gone -> nowhere
""")
SHELL = RunConfig(cmd=("/bin/sh",))
NAME = Reference.parse("example.com/team/hello:1.0")


def manifest(config: RunConfig = SHELL, *, of: Rootfs = TREE, **more: Any) -> dict[str, Any]:
    image = replace(image_of(config=config, platform=AMD64), **more)
    found: dict[str, Any] = json.loads(manifest_bytes(image, NAME, of))
    return found


def app(**config: Any) -> dict[str, Any]:
    found: dict[str, Any] = manifest(RunConfig(**{"cmd": ("/bin/sh",), **config}))["app"]
    return found


def refused(match: str, **config: Any) -> None:
    with pytest.raises(UsageError, match=match) as caught:
        app(**config)
    assert caught.value.hint


def test_an_image_becomes_a_manifest() -> None:
    assert manifest() == {
        "acKind": "ImageManifest",
        "acVersion": "0.8.11",
        "name": "example.com/team/hello",
        "labels": [
            {"name": "version", "value": "1.0"},
            {"name": "os", "value": "linux"},
            {"name": "arch", "value": "amd64"},
        ],
        "app": {"exec": ["/bin/sh"], "user": "0", "group": "0"},
        "annotations": [{"name": "created", "value": "1970-01-01T00:00:00Z"}],
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hello", "hello"),
        ("localhost:5000/a", "localhost-5000/a"),
        ("Registry.Example/a", "registry.example/a"),
        ("[::1]:5000/a", "1-5000/a"),
        ("a__b/c--d", "a_b/c-d"),
        ("~user/app", "user/app"),
    ],
)
def test_a_name_becomes_an_identifier(text: str, found: str) -> None:
    assert identifier(text) == found
    assert re.fullmatch(r"[a-z0-9]+([-._~/][a-z0-9]+)*", found)


def test_what_has_no_letter_names_nothing() -> None:
    with pytest.raises(UsageError, match="cannot name an ACI"):
        identifier("é")


@pytest.mark.parametrize(
    ("platform", "arch"),
    [
        ("linux/amd64", "amd64"),
        ("linux/386", "i386"),
        ("linux/arm64", "aarch64"),
        ("linux/arm/v6", "armv6l"),
        ("linux/arm/v7", "armv7l"),
        ("linux/ppc64le", "ppc64le"),
        ("linux/s390x", "s390x"),
    ],
)
def test_architectures_have_the_names_of_aci(platform: str, arch: str) -> None:
    assert {"name": "arch", "value": arch} in manifest(platform=Platform.parse(platform))["labels"]


@pytest.mark.parametrize(
    "platform", [Platform("linux", "riscv64"), Platform("linux", "arm", "v5"), Platform("windows", "amd64")]
)
def test_a_platform_without_a_name_in_aci_is_refused(platform: Platform) -> None:
    with pytest.raises(UsageError, match=f"an ACI cannot be for {platform}:") as caught:
        manifest(platform=platform)
    assert "aarch64" in caught.value.hint


def test_an_image_of_an_older_standard_names_no_variant() -> None:
    assert {"name": "arch", "value": "armv7l"} in manifest(platform=Platform("linux", "arm"))["labels"]


def test_an_image_that_starts_nothing_has_no_app() -> None:
    found = manifest(RunConfig(labels={"org.example.a": "1", "Not an identifier": "2"}))
    assert "app" not in found
    assert {"name": "org.example.a", "value": "1"} in found["annotations"]
    assert "Not an identifier" not in json.dumps(found)


def test_entry_point_and_command_are_one() -> None:
    assert app(entrypoint=("/opt/app", "-v"), cmd=("a b", "")) == {
        "exec": ["/opt/app", "-v", "a b", ""],
        "user": "0",
        "group": "0",
    }


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"cmd": ("sh",)}, "/bin/sh"),
        ({"cmd": ("app",), "env": {"PATH": "/bin:/opt"}}, "/opt/app"),
        ({"cmd": ("app",), "env": {"PATH": "/bin:"}, "working_dir": "/opt/"}, "/opt/app"),
        ({"cmd": ("app",), "env": {"PATH": "opt"}}, "/opt/app"),
        ({"cmd": ("./app",), "working_dir": "/opt"}, "/opt/app"),
        ({"cmd": ("opt/app",)}, "/opt/app"),
        ({"cmd": ("/not/there",)}, "/not/there"),
    ],
)
def test_a_program_is_named_by_its_place(config: dict[str, Any], place: str) -> None:
    assert app(**config)["exec"] == [place]


@pytest.mark.parametrize("word", ["nothing", "notes", "folder"])
def test_a_program_that_is_nowhere_is_refused(word: str) -> None:
    refused(f"starts '{word}', which is in none of /opt:/bin", cmd=(word,), env={"PATH": "/opt:/bin"})


@pytest.mark.parametrize(
    ("user", "fields"),
    [
        ("", ("0", "0", None)),
        ("1000", ("1000", "0", None)),
        ("1000:", ("1000", "0", None)),
        ("1000:7", ("1000", "7", None)),
        ("web", ("web", "34", [44, 50])),
        ("33", ("33", "34", [44, 50])),
        ("web:logs", ("web", "logs", None)),
        ("odd:0", ("odd", "0", None)),
    ],
)
def test_users_and_groups_are_named_as_they_were(user: str, fields: tuple[str, str, list[int] | None]) -> None:
    found = app(user=user)
    assert (found["user"], found["group"], found.get("supplementaryGIDs")) == fields


@pytest.mark.parametrize("user", ["nobody", "web:nobody", "/bin/sh"])
def test_an_account_that_is_not_there_is_refused(user: str) -> None:
    refused(f"the image runs as '{user}', but its /etc/", user=user)


def test_a_user_that_would_mean_the_owner_of_a_file_is_refused() -> None:
    odd = tree("f 0644 0:0 /etc/passwd '/x:x:7:7::/:\\n'")
    with pytest.raises(UsageError, match="owner of a file"):
        manifest(RunConfig(cmd=("/x",), user="/x"), of=odd)


def test_variables_keep_their_order() -> None:
    assert app(env={"B": "2", "A": "", "a.b-c": "é"})["environment"] == [
        {"name": "B", "value": "2"},
        {"name": "A", "value": ""},
        {"name": "a.b-c", "value": "é"},
    ]
    refused("variable 'a b'", env={"a b": "1"})
    refused("variable '1'", env={"1": "1"})
    refused("not UTF-8", env={"A": "\udcff"})


def test_ports_and_volumes_get_names() -> None:
    found = app(
        exposed_ports=("8080/tcp", "53/udp", "80", "80/tcp", "9000-9002/tcp"), volumes=("/a b", "/A/B", "/", "x")
    )
    assert [(port["name"], port["port"], port["count"], port["protocol"]) for port in found["ports"]] == [
        ("53-udp", 53, 1, "udp"),
        ("80-tcp", 80, 1, "tcp"),
        ("8080-tcp", 8080, 1, "tcp"),
        ("9000-9002-tcp", 9000, 3, "tcp"),
    ]
    assert found["mountPoints"] == [
        {"name": "root", "path": "/"},
        {"name": "a-b", "path": "/A/B"},
        {"name": "a-b-2", "path": "/a b"},
        {"name": "x", "path": "/x"},
    ]


@pytest.mark.parametrize("port", ["0/tcp", "65536", "http", "80/TCP", "9-8/tcp", "80/tcp/x", ""])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    refused("cannot have the port", exposed_ports=(port,))


def test_annotations_that_aci_knows_have_its_names() -> None:
    of = "org.opencontainers.image."
    found = manifest(
        RunConfig(
            cmd=("/bin/sh",), labels={f"{of}authors": "label", f"{of}url": "https://example.com", "created": "no"}
        ),
        annotations={f"{of}authors": "me", f"{of}documentation": "file:///x", "homepage": "no", "Upper": "kept"},
        created=1_700_000_000,
        author="somebody",
    )
    assert {pair["name"]: pair["value"] for pair in found["annotations"]} == {
        "authors": "me",
        "created": "2023-11-14T22:13:20Z",
        "homepage": "https://example.com",
        f"{of}authors": "me",
        f"{of}documentation": "file:///x",
    }
    assert found["app"]["userAnnotations"] == {"Upper": "kept"}
    assert found["app"]["userLabels"]["created"] == "no"
    assert [pair for pair in manifest(author="a")["annotations"] if pair["name"] == "authors"] == [
        {"name": "authors", "value": "a"}
    ]


def test_the_archive_holds_the_manifest_and_the_root() -> None:
    root = tree("""
        d 0700 1:2 /
        f 0755 0:0 /b 'x'
        h 0755 0:0 /c => /b
        l 0777 0:0 /d -> /b
    """)
    image = image_of(config=RunConfig(), platform=AMD64)
    assert re.sub(r"0 \d+ /manifest", "0 /manifest", listed(archive_tree(image, NAME, root))) == text("""
        f 0644 0:0 /manifest
        d 0700 1:2 /rootfs
        f 0755 0:0 1 /rootfs/b
        h 0755 0:0 /rootfs/c => /rootfs/b
        l 0777 0:0 /rootfs/d -> /b
    """)


def image(working_dir: str) -> Image:
    return image_of(config=RunConfig(working_dir=working_dir), platform=AMD64)


def test_the_directory_that_an_app_starts_in_is_there() -> None:
    assert "d 0755 0:0 /rootfs/srv/www" in listed(archive_tree(image("/srv/www"), NAME, TREE))
    assert "/rootfs/opt/x" in archive_tree(image("opt/x"), NAME, TREE)
    assert len(archive_tree(image("/opt"), NAME, TREE)) == len(TREE) + 2  # the root of the archive, and the manifest


@pytest.mark.parametrize("working_dir", ["/opt/app", "/gone", "/opt/app/below", "/.."])
def test_a_working_directory_that_cannot_be_is_refused(working_dir: str) -> None:
    with pytest.raises(ImageError):
        archive_tree(image(working_dir), NAME, TREE)
