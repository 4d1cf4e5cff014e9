"""What a recipe may say under `portage:`, and how it is told what is wrong."""

from typing import Any

import msgspec
import pytest

from fromscratch.sources.portage.options import GENTOO, EbuildRepository, PortageOptions


def options(**said: Any) -> PortageOptions:
    return msgspec.convert({"packages": ["app-misc/jq"], **said}, PortageOptions)


def test_a_package_is_enough() -> None:
    assert options().resolved_repositories == [EbuildRepository(git=GENTOO)]


def test_packages_may_be_one_text() -> None:
    assert options(packages="app-misc/jq =app-arch/lz4-1.10.0-r1").atoms == ["app-misc/jq", "=app-arch/lz4-1.10.0-r1"]


@pytest.mark.parametrize(
    "atom",
    [
        "jq",
        "app-misc/jq",
        ">=dev-lang/python-3.12:3.12",
        "sys-apps/attr[-nls,static-libs(-)?]",
        "=x/y-1*",
        "@system",
        "x11-libs/gtk+:3/3",
        "app-misc/jq::gentoo",
        "~sys-apps/less-661",
    ],
)
def test_atoms_of_every_form(atom: str) -> None:
    assert options(packages=[atom]).atoms == [atom]


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("https://example.org/gentoo.git", EbuildRepository(git="https://example.org/gentoo.git")),
        ("git@example.org:team/ebuilds", EbuildRepository(git="git@example.org:team/ebuilds")),
        ("rsync://example.org/gentoo-portage", EbuildRepository(rsync="rsync://example.org/gentoo-portage")),
        ("../ebuilds", EbuildRepository(path="../ebuilds")),
    ],
)
def test_a_repository_may_be_one_text(text: str, repository: EbuildRepository) -> None:
    assert options(repositories=[text]).resolved_repositories == [repository]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"packages": []}, "packages: name at least one"),
        (
            {"packages": ["app-misc/jq; rm"]},
            "packages: 'app-misc/jq; rm' is not an atom; write CATEGORY/PACKAGE, such as app-misc/jq",
        ),
        ({"repositories": []}, "repositories: name at least one, the main one first"),
        ({"repositories": [{"name": "x"}]}, "repositories: say one of git:, rsync: and path: for each"),
        (
            {"repositories": [{"path": "x", "certificate": "ca.pem"}]},
            "branch:, commit: and certificate: are for a repository in git",
        ),
        (
            {"repositories": [{"git": "https://h/x", "commit": "abc"}]},
            "commit: 'abc' is not the full name of a commit, which has 40 digits",
        ),
        ({"use": "ssl --nls"}, "use: '--nls' is not a USE flag, such as ssl or -ssl"),
        ({"package_use": {"app-misc/jq": "a b,c"}}, "package_use: 'b,c' is not a USE flag, such as ssl or -ssl"),
        (
            {"package_use": {"app-misc/jq x": "a"}},
            "package_use: 'app-misc/jq x' is not an atom; write CATEGORY/PACKAGE, such as app-misc/jq",
        ),
        ({"accept_keywords": "=amd64"}, "accept_keywords: '=amd64' is not a keyword, such as ~amd64"),
        ({"accept_license": "a/b"}, "license: 'a/b' is not a licence or @GROUP of them, or *"),
        (
            {"make_conf": {"ROOT": "/"}},
            "ROOT is decided by the other options; it cannot be a variable of make.conf here",
        ),
        ({"make_conf": {"CFLAGS": "-O2\n-g"}}, "CFLAGS: a value has one line"),
        (
            {"provided": ["sys-apps/file"]},
            "provided: 'sys-apps/file' is not a package with its version, such as sys-apps/file-5.45",
        ),
        ({"profile": "../x"}, "profile: '../x' leads out of profiles/"),
    ],
)
def test_what_is_wrong_is_said(said: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        options(**said)
    assert str(error.value).startswith(message)
