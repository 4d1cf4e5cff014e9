"""What is installed for what is asked: tiny archives as text, and the answer as text."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pytest

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.debian.index import Package, parse_package
from fromscratch.formats.debian.version import parse_relations
from fromscratch.sources.debian.package_request import parse_package_request
from fromscratch.sources.debian.planning.catalogue import Catalogue
from fromscratch.sources.debian.planning.resolver import resolve
from fromscratch.sources.debian.planning.selection import Request


@dataclass
class Archive:
    """A list of packages: `name version [Field: value; …]` on each line."""

    packages: list[Package]

    def with_name(self, name: str) -> list[Package]:
        return [package for package in self.packages if package.name == name]

    def providers(self, virtual: str) -> list[str]:
        return [
            package.name
            for package in self.packages
            if any(group[0].name == virtual for group in parse_relations(package.provides))
        ]

    def names(self) -> Iterator[str]:
        return (package.name for package in self.packages)

    def mentions(self, names: Collection[str]) -> Counter[str]:
        relations = (
            relation for package in self.packages for group in parse_relations(package.depends) for relation in group
        )
        return Counter(relation.name for relation in relations if relation.name in names)

    def essential(self) -> list[str]:
        return []


def archive(block: str) -> Archive:
    packages = []
    for line in block.strip().splitlines():
        name, version, *rest = line.strip().split(" ", 2)
        fields = "".join(f"{one.strip()}\n" for one in "".join(rest).split(";") if one.strip())
        if "Architecture:" not in fields:
            fields += "Architecture: amd64\n"
        sums = f"Filename: pool/{name}.deb\nSize: 1\nSHA256: {'0' * 64}\n"
        packages.append(parse_package(f"Package: {name}\nVersion: {version}\n{fields}{sums}"))
    return Archive(packages)


def installed(
    requested: str, *archives: str, recommends: bool = False, exclude: str = "", architecture: str = "amd64"
) -> str:
    catalogue = Catalogue([archive(block) for block in archives], architecture)
    request = Request(
        tuple(parse_package_request(word) for word in requested.split()),
        recommends,
        frozenset(exclude.split()),
        "rootfs[0]",
    )
    return " ".join(f"{one.package.name}={one.package.version}" for one in resolve(catalogue, request))


def refusal(requested: str, *archives: str, exclude: str = "") -> str:
    with pytest.raises(ImageError) as caught:
        installed(requested, *archives, exclude=exclude)
    return f"{caught.value.message}\n{caught.value.hint}"


BUSYBOX = """
    busybox 1:1.35 Depends: libc6 (>= 2.34)
    libc6 2.36 Depends: libgcc-s1; Recommends: libidn2-0
    libgcc-s1 12.2 Depends: gcc-12-base (= 12.2), libc6 (>= 2.35)
    gcc-12-base 12.2
    libidn2-0 2.3 Depends: libc6
    perl-base 5.36 Essential: yes
"""


def test_dependencies_in_a_circle() -> None:
    assert installed("busybox", BUSYBOX) == "busybox=1:1.35 gcc-12-base=12.2 libc6=2.36 libgcc-s1=12.2"


def test_recommendations_only_when_asked_for() -> None:
    assert "libidn2-0" in installed("busybox", BUSYBOX, recommends=True)


def test_a_recommendation_that_cannot_be_had_is_left_out() -> None:
    there = "a 1 Recommends: b, c, d\nb 1 Depends: nowhere\nc 1\n"
    assert installed("a", there, recommends=True) == "a=1 c=1"


def test_reason_chain() -> None:
    catalogue = Catalogue([archive(BUSYBOX)], "amd64")
    selected = {
        one.package.name: one
        for one in resolve(catalogue, Request((parse_package_request("busybox"),), place="rootfs[0]"))
    }
    assert (selected["libgcc-s1"].by, selected["libgcc-s1"].field, selected["libgcc-s1"].relation) == (
        "libc6",
        "Depends",
        "libgcc-s1",
    )
    assert selected["busybox"].by == ""


def test_highest_version_of_all_suites() -> None:
    assert installed("a", "a 1", "a 1+deb12u1", "a 1~bpo") == "a=1+deb12u1"


def test_version_asked_for() -> None:
    assert installed("a=1", "a 1\na 2") == "a=1"


def test_a_lower_version_when_another_package_insists() -> None:
    there = "lib 2\nlib 1\napp 1 Depends: lib, plugin\nplugin 1 Depends: lib (= 1)"
    assert installed("app", there) == "app=1 lib=1 plugin=1"


def test_versions_that_cannot_agree() -> None:
    there = "lib 2\nlib 1\napp 1 Depends: lib (= 2), plugin\nplugin 1 Depends: lib (= 1)"
    assert refusal("app", there) == (
        "lib 1, needed by plugin (Depends: lib (= 1)), needed by app (Depends: plugin), asked for in rootfs[0], "
        "cannot be had beside lib 2, needed by app (Depends: lib (= 2)), asked for in rootfs[0]; the wish is lib (= 1)"
        "\nask for versions that agree, or for fewer packages"
    )


def test_first_alternative() -> None:
    assert installed("a", "a 1 Depends: b | c\nb 1\nc 1") == "a=1 b=1"


def test_alternative_that_is_there_already() -> None:
    assert installed("a c", "a 1 Depends: b | c\nb 1\nc 1") == "a=1 c=1"


def test_alternative_that_will_be_there_anyway() -> None:
    assert installed("a", "a 1 Depends: b | c, d\nb 1\nc 1\nd 1 Depends: e\ne 1 Depends: c") == "a=1 c=1 d=1 e=1"


def test_alternative_that_does_not_exist() -> None:
    assert installed("a", "a 1 Depends: b (>= 2) | c\nb 1\nc 1") == "a=1 c=1"


def test_alternative_that_leads_nowhere() -> None:
    assert installed("a", "a 1 Depends: b | c\nb 1 Depends: x\nx 1 Depends: nowhere\nc 1") == "a=1 c=1"


def test_alternative_that_conflicts() -> None:
    assert installed("a z", "a 1 Depends: b | c\nb 1\nc 1\nz 1 Conflicts: b") == "a=1 c=1 z=1"


def test_choice_taken_back_for_what_comes_later() -> None:
    there = "a 1 Depends: b | c, d | e\nb 1\nc 1\nd 1 Depends: f\ne 1 Depends: f\nf 1 Conflicts: b"
    assert installed("a", there) == "a=1 c=1 d=1 f=1"


def test_virtual_package() -> None:
    there = "a 1 Depends: awk\ngawk 1 Provides: awk; Priority: optional\nmawk 1 Provides: awk; Priority: required"
    assert installed("a", there) == "a=1 mawk=1"
    assert installed("a gawk", there) == "a=1 gawk=1"


def test_versioned_provides() -> None:
    there = "a 1 Depends: api (>= 2)\nold 1 Provides: api (= 1)\nbare 1 Provides: api\nnew 1 Provides: api (= 3)"
    assert installed("a", there) == "a=1 new=1"


def test_a_conflict_with_a_package_of_another_architecture_is_none() -> None:
    packages = """
        all-c 1 Depends: c-x32, c-i386
        c-x32 1 Conflicts: c-i386:x32
        c-i386 1
    """
    assert installed("all-c", packages) == "all-c=1 c-i386=1 c-x32=1"
    with pytest.raises(ImageError, match="does not go with"):
        installed("all-c", packages.replace(":x32", ":amd64"))


def test_the_provider_that_more_packages_name() -> None:
    packages = """
        app 1 Depends: php-api
        php-apache 1 Provides: php-api; Depends: apache
        php-cli 1 Provides: php-api
        apache 1 Depends: php-cli
        other 1 Depends: php-cli
    """
    assert installed("app", packages) == "app=1 php-cli=1"


def test_real_package_before_its_providers() -> None:
    assert installed("a", "a 1 Depends: b\nc 1 Provides: b; Priority: required\nb 1") == "a=1 b=1"


def test_pre_depends_and_any_architecture() -> None:
    assert installed("a", "a 1 Pre-Depends: b:any (>= 1)\nb 1 Multi-Arch: allowed") == "a=1 b=1"


def test_architectures() -> None:
    there = "a 1 Architecture: arm64\na 2 Architecture: i386\na 0 Architecture: all"
    assert installed("a", there, architecture="arm64") == "a=1"
    assert installed("a:i386", there, architecture="i386") == "a=2"
    assert refusal("a:i386", there).startswith("a:i386 is asked for in rootfs[0], but the image is for amd64")
    assert refusal("a", "a 1 Depends: b:i386\nb 1").startswith("nothing provides b:i386, needed by a")


def test_excluded() -> None:
    there = "a 1 Depends: b, mta, d\nb 1 Depends: c\nc 1\nexim 1 Provides: mta\nd 1"
    assert installed("a", there, exclude="b exim") == "a=1 d=1"
    with pytest.raises(UsageError, match="and excluded too"):
        installed("a", there, exclude="a")


def test_nothing_provides() -> None:
    assert refusal("a", "a 1 Depends: b\nb 1 Depends: libfoo2 (>= 3)\nlibfoo1 1\nlibfoo2-dev 1") == (
        "nothing provides libfoo2 (>= 3), needed by b (Depends: libfoo2 (>= 3)), needed by a (Depends: b), "
        "asked for in rootfs[0]\n"
        "did you mean libfoo1 or libfoo2-dev? Or is a component or suite missing?"
    )


def test_only_other_versions() -> None:
    assert refusal("a", "a 1 Depends: b (>= 3)\nb 1\nb 2").endswith(
        "there is b 2, 1; is a suite missing (also:), or the version wrong?"
    )
    assert refusal("a=7", "a 1").startswith("no index has a=7, asked for in rootfs[0]\nthere is a 1;")


def test_unknown_name() -> None:
    assert refusal("busibox", BUSYBOX).startswith("no index has busibox, asked for in rootfs[0]\ndid you mean busybox?")
    assert refusal("awk", "mawk 1 Provides: awk\ngawk 1 Provides: awk").endswith(
        "awk is provided by gawk, mawk: name the one you want"
    )


@pytest.mark.parametrize("how", ["Conflicts: b (<< 2)", "Breaks: b", "Conflicts: v"])
def test_packages_at_odds(how: str) -> None:
    relation = how.partition(": ")[2]
    word = how.partition(": ")[0]
    for requested in ("a c", "c a"):
        assert refusal(requested, f"a 1 {how}\nc 1 Depends: b\nb 1 Provides: v") == (
            f"a 1 does not go with b 1 ({word}: {relation});\n"
            "  a is asked for in rootfs[0];\n"
            "  b is needed by c (Depends: b), asked for in rootfs[0]\n"
            "leave one of the two out, or exclude it"
        )


def test_a_package_does_not_conflict_with_itself() -> None:
    assert installed("a", "a 1 Provides: mta; Conflicts: mta, a") == "a=1"


def test_same_answer_whatever_the_order_asked_for() -> None:
    there = "a 1 Depends: x | y\nb 1 Depends: y | x\nx 1\ny 1\nc 1 Depends: z\nz 1"
    assert installed("a b c", there) == installed("c a b", there)


@pytest.mark.parametrize("text", ["", "Git", "a b", "a=", "a=1 2", "../x", "a:"])
def test_no_package(text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"{text!r} is not a package of Debian")):
        parse_package_request(text)
