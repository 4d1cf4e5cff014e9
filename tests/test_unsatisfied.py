"""The messages in which every resolver of packages says why there is no answer, compared whole."""

from fromscratch import unsatisfied
from fromscratch.errors import ImageError
from fromscratch.unsatisfied import Involved, Requirement

NEEDS_LIBRARY = Requirement("git", "Depends", "zlib1g")
NEEDS_GIT = Requirement("forge", "Depends", "git")


def text(error: ImageError) -> str:
    return f"{error.message}\n{error.hint}"


def test_nothing_provides() -> None:
    hint = unsatisfied.similar_names(["zlib2", "xlib1"], "a repository")
    assert text(unsatisfied.nothing_provides("zlib1g", [NEEDS_LIBRARY, NEEDS_GIT], "rootfs[0]", hint)) == (
        "nothing provides zlib1g, needed by git (Depends: zlib1g), needed by forge (Depends: git), "
        "asked for in rootfs[0]\n"
        "did you mean zlib2 or xlib1? Or is a repository missing?"
    )


def test_no_index_has() -> None:
    hint = unsatisfied.similar_names([], "a repository")
    assert text(unsatisfied.no_index_has("gti", "rootfs[1]", hint)) == (
        "no index has gti, asked for in rootfs[1]\nsee whether the name is right, or whether a repository is missing"
    )


def test_two_packages_that_do_not_go_together() -> None:
    one, other = Involved("a", "a 1"), Involved("b", "b 2", [Requirement("c", "Requires", "b")])
    assert text(unsatisfied.not_together(one, other, "Conflicts: b", "rootfs[0]")) == (
        "a 1 does not go with b 2 (Conflicts: b);\n"
        "  a is asked for in rootfs[0];\n"
        "  b is needed by c (Requires: b), asked for in rootfs[0]\n"
        "leave one of the two out, or exclude it"
    )


def test_versions_that_disagree() -> None:
    demanded, present = (
        Involved("lib", "lib 1", [Requirement("plugin", "Depends", "lib (= 1)")]),
        Involved("lib", "lib 2"),
    )
    assert text(unsatisfied.versions_disagree(demanded, present, "lib (= 1)", "rootfs[0]")) == (
        "lib 1, needed by plugin (Depends: lib (= 1)), asked for in rootfs[0], cannot be had beside lib 2, "
        "asked for in rootfs[0]; the wish is lib (= 1)\n"
        "ask for versions that agree, or for fewer packages"
    )


def test_hints_say_what_there_is_instead() -> None:
    assert unsatisfied.other_versions("jq", ["1.6", "1.7", "1.6"], "a repository missing") == (
        "there is jq 1.6, 1.7; is a repository missing, or the version wrong?"
    )
    assert unsatisfied.other_versions("jq", map(str, range(20)), "a repository missing") == (
        "there is jq 0, 1, 2, 3, 4, 5, 6, 7, …; is a repository missing, or the version wrong?"
    )
    assert unsatisfied.providers("mail", ["exim", "postfix"]) == (
        "mail is provided by exim, postfix: name the one you want"
    )


def test_near_names_are_alike_or_have_the_name_as_a_word() -> None:
    names = ["git", "gitk", "python3-git", "digit", "grit", "zsh"]
    assert unsatisfied.near("gitt", names) == ["git", "grit", "gitk"]
    assert unsatisfied.near("git", names) == ["git", "grit", "gitk"]


def test_a_chain_follows_who_brought_whom_and_ends_on_a_circle() -> None:
    brought_by = {"zlib1g": NEEDS_LIBRARY, "git": NEEDS_GIT, "forge": None}
    assert list(unsatisfied.chain_to("zlib1g", brought_by)) == [NEEDS_LIBRARY, NEEDS_GIT]
    circle = {"a": Requirement("b", "Depends", "a"), "b": Requirement("a", "Depends", "b")}
    assert len(list(unsatisfied.chain_to("a", circle))) == 2
