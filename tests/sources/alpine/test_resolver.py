"""What is installed for what is asked: tiny repositories as text, and the answer as text, in the order of apk."""

import hashlib

import pytest

from fromscratch.errors import ImageError
from fromscratch.formats.alpine.dependency import parse_dependencies
from fromscratch.formats.alpine.index import parse_index
from fromscratch.sources.alpine.selection import select
from fromscratch.sources.alpine.universe import Listed

LETTERS = {"D", "p", "i", "k"}


def repository(block: str) -> str:
    """`name version [D:… ; p:…]` on each line as an index."""
    paragraphs = []
    for line in block.strip().splitlines():
        name, version, *rest = line.strip().split(" ", 2)
        fields = [one.strip() for one in "".join(rest).split(";") if one.strip()]
        checksum = hashlib.sha256(line.encode()).hexdigest()[:20]
        paragraphs.append("\n".join([f"C:Q1{checksum}", f"P:{name}", f"V:{version}", "S:1", *fields]))
    return "\n\n".join(paragraphs)


def installed(requested: str, *repositories: str, exclude: str = "", tags: str = "") -> str:
    listed = [
        Listed(package, number)
        for number, block in enumerate(repositories)
        for package in parse_index(repository(block), "x")
    ]
    known = [*tags.split(","), *[""] * len(repositories)][: len(repositories)]
    found = select(listed, known, parse_dependencies(requested), frozenset(exclude.split()), "rootfs[0]")
    return " ".join(f"{one.package.name}={one.package.version}" for one in found)


def refusal(requested: str, *repositories: str, exclude: str = "", tags: str = "") -> str:
    with pytest.raises(ImageError) as caught:
        installed(requested, *repositories, exclude=exclude, tags=tags)
    return f"{caught.value.message}\n{caught.value.hint}"


def test_dependencies_come_first() -> None:
    assert installed("app", "app 1 D:lib so:x\nlib 1 D:base\nbase 1\nx 2 p:so:x=2") == "base=1 lib=1 x=2 app=1"


def test_dependencies_in_a_circle() -> None:
    assert installed("a", "a 1 D:b\nb 1 D:a") == "b=1 a=1"


def test_the_highest_version_of_all_repositories() -> None:
    assert installed("a", "a 1.9", "a 1.10", "a 1.10_rc1") == "a=1.10"


def test_versions_asked_for() -> None:
    there = "a 1.0-r1\na 1.2-r0\na 1.2-r1\na 1.3-r0"
    assert installed("a=1.2-r0", there) == "a=1.2-r0"
    assert installed("a~1.2", there) == "a=1.2-r1"
    assert installed("a<1.2", there) == "a=1.0-r1"
    assert installed("a>1.2 !b", there) == "a=1.3-r0"


def test_a_lower_version_when_another_package_insists() -> None:
    assert installed("app", "lib 2\nlib 1\napp 1 D:lib plugin\nplugin 1 D:lib=1") == "lib=1 plugin=1 app=1"


def test_a_name_provided_with_a_version_may_be_chosen() -> None:
    assert installed("so:x>=1", "a 5 p:so:x=1\nb 1 p:so:x=2") == "b=1"


def test_a_name_provided_without_one_may_not() -> None:
    assert refusal("app", "app 1 D:mta\na 1 p:mta\nb 1 p:mta") == (
        "nothing provides mta, needed by app (depends: mta), asked for in rootfs[0]\n"
        "mta is provided by a, b: name the one you want"
    )
    assert installed("app b", "app 1 D:mta\na 1 p:mta\nb 1 p:mta") == "b=1 app=1"


def test_provider_priority_decides() -> None:
    assert installed("/bin/sh", "dash 1 p:/bin/sh ; k:60\nbusybox 1 p:/bin/sh ; k:100") == "busybox=1"


def test_install_if_brings_a_package_when_all_is_there() -> None:
    there = "git 1\nbash 1\ngit-bash 1 i:git=1 bash\nbash-doc 1 i:bash docs\ndocs 1"
    assert installed("git", there) == "git=1"
    assert installed("git bash", there) == "bash=1 git=1 git-bash=1"
    assert installed("bash docs", there) == "bash=1 docs=1 bash-doc=1"


def test_install_if_of_another_version() -> None:
    assert installed("git bash", "git 2\nbash 1\ngit-bash 1 i:git=1 bash") == "bash=1 git=2"


def test_a_conflict_keeps_a_package_from_being_chosen() -> None:
    assert installed("app other", "app 1 D:v\na 2 p:v=1\nb 1 p:v=1\nother 1 D:!a") == "b=1 app=1 other=1"


def test_packages_that_provide_one_name_in_versions_do_not_go_together() -> None:
    assert refusal("a b", "a 1 p:cmd:x=1\nb 1 p:cmd:x=1") == (
        "a 1 does not go with b 1 (both provide cmd:x);\n"
        "  a is asked for in rootfs[0];\n  b is asked for in rootfs[0]\n"
        "leave one of the two out, or exclude it"
    )
    assert installed("a b", "a 1 p:cmd:x\nb 1 p:cmd:x") == "a=1 b=1"


def test_a_tagged_repository_serves_who_asks_for_its_tag() -> None:
    stable, edge = "a 1 D:lib\nlib 1", "a 2 D:lib>=2\nlib 2\nb 1"
    assert installed("a", stable, edge, tags=",edge") == "lib=1 a=1"
    assert installed("a@edge", stable, edge, tags=",edge") == "lib=2 a=2"
    assert refusal("b", stable, edge, tags=",edge") == (
        "no index has b, asked for in rootfs[0]\nit is in a repository of the tag edge: ask for b@edge"
    )


def test_an_excluded_package_counts_as_there() -> None:
    there = "app 1 D:lib>=1 ; p:x=1\nlib 1 D:base nowhere\nbase 1\nlib-doc 1 i:lib"
    assert installed("app", there, exclude="lib lib-doc") == "app=1"


def test_one_package_in_two_repositories() -> None:
    assert installed("a", "a 1", "a 1") == "a=1"


@pytest.mark.parametrize(
    ("requested", "there", "message"),
    [
        (
            "jp",
            "jq 1\njo 1",
            "no index has jp, asked for in rootfs[0]\n"
            "see whether the name is right, or whether a repository is missing",
        ),
        (
            "busybux",
            "busybox 1\njo 1",
            "no index has busybux, asked for in rootfs[0]\ndid you mean busybox? Or is a repository missing?",
        ),
        (
            "a>2",
            "a 1\na 2",
            "no index has a>2, asked for in rootfs[0]\n"
            "there is a 1, 2; is a repository missing (repositories:), or the version wrong?",
        ),
        (
            "a",
            "a 1 D:b\nb 1 D:so:c.so.1\nc 1 p:so:c.so.2=2",
            "nothing provides so:c.so.1, needed by b (depends: so:c.so.1), needed by a (depends: b), "
            "asked for in rootfs[0]\ndid you mean so:c.so.2? Or is a repository missing?",
        ),
        (
            "a b",
            "a 1 D:!b\nb 1",
            "a 1 does not go with b 1 (depends: !b);\n  a is asked for in rootfs[0];\n  b is asked for in rootfs[0]\n"
            "leave one of the two out, or exclude it",
        ),
        (
            "a b",
            "a 1 D:lib=1\nb 1 D:lib=2\nlib 1\nlib 2",
            "lib 2, needed by b (depends: lib=2), asked for in rootfs[0], cannot be had beside lib 1, "
            "needed by a (depends: lib=1), asked for in rootfs[0]; the wish is lib=2\n"
            "ask for versions that agree, or for fewer packages",
        ),
        (
            "a !b",
            "a 1 D:b\nb 1",
            "b 1 is needed by a (depends: b), asked for in rootfs[0], which !b there forbids\ntake one of the two out",
        ),
    ],
)
def test_what_cannot_be_had(requested: str, there: str, message: str) -> None:
    assert refusal(requested, there) == message


def test_a_dependency_that_cannot_be_read_names_its_package() -> None:
    message, _ = refusal("a", "a 1 D:b>=1bc").split("\n")
    assert message == "the index lists a 1 with what cannot be read: 'b>=1bc' is not a dependency of an Alpine package"
