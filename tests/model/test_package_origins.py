"""The chain of reasons that `why` prints for the files of a package."""

from fromscratch.model.entry import Origin
from fromscratch.model.package_origins import reasons
from fromscratch.unsatisfied import Requirement

BY_GIT = Requirement("git", "Depends", "zlib1g")


def test_a_dependency_names_who_needs_it() -> None:
    git = Origin("debian", "asked for", "git in rootfs[0]")
    assert reasons({"zlib1g": BY_GIT, "git": None}, "debian", "rootfs[0]") == {
        "git": git,
        "zlib1g": Origin("debian", "needed by", "git (Depends: zlib1g)", git),
    }


def test_the_words_of_the_recipe() -> None:
    [origin] = reasons({"git": None}, "debian", "rootfs[0]", {"git": "a slice of git"}).values()
    assert origin.detail == "a slice of git in rootfs[0]"


def test_packages_that_need_each_other() -> None:
    found = reasons({"git": Requirement("zlib1g", "Enhances", "git"), "zlib1g": BY_GIT}, "debian", "rootfs[0]")
    assert [origin.reason for origin in found["git"].chain()] == ["needed by", "asked for"]
