"""What Portage says when it cannot go on, and the messages that are made of it, in full."""

from fromscratch.sources.portage import failure
from fromscratch.sources.portage.plan import Answer

ANSWER = Answer(
    names=["app-misc/hello", "app-misc/help", "dev-libs/greet", "sys-apps/greet"],
    sets=["world", "system"],
    needs={"app-misc/a-1": {"RDEPEND": ["dev-libs/grret"]}, "app-misc/b-2": {"DEPEND": [">=app-misc/a-1"]}},
)
CHAIN = """\
(dependency required by "app-misc/a-1::tiny" [ebuild])
(dependency required by "app-misc/b-2::tiny[flag]" [ebuild])
(dependency required by "app-misc/b" [argument])
"""
BECAUSE = (
    "needed by app-misc/a-1 (RDEPEND: dev-libs/grret), needed by app-misc/b-2 (DEPEND: >=app-misc/a-1), "
    "asked for in rootfs[0]"
)


def said(text: str) -> tuple[str, str]:
    error = failure.of_plan(text, ANSWER, "rootfs[0]")
    return error.message, error.hint


def test_a_package_that_nobody_has() -> None:
    assert said('\nemerge: there are no ebuilds to satisfy "app-misc/helo" for /r/.\n\n') == (
        "no index has app-misc/helo, asked for in rootfs[0]",
        "did you mean app-misc/hello or app-misc/help? Or is a repository missing?",
    )


def test_the_chain_to_a_dependency_that_nobody_has() -> None:
    assert said(f'emerge: there are no ebuilds to satisfy "dev-libs/grret" for /r/.\n{CHAIN}') == (
        f"nothing provides dev-libs/grret, {BECAUSE}",
        "did you mean sys-apps/greet? Or is a repository missing?",
    )


def test_a_version_that_nobody_has() -> None:
    assert said('emerge: there are no ebuilds to satisfy ">=app-misc/hello-2" for /r/.\n') == (
        "no index has >=app-misc/hello-2, asked for in rootfs[0]",
        "the repositories have other versions of app-misc/hello: ask for another one, or for the package alone",
    )


def test_masked_packages_and_the_lines_that_let_them_through() -> None:
    text = """\
!!! All ebuilds that could satisfy "dev-libs/grret" for /r/ have been masked.
!!! One of the following masked packages is required to complete your request:
- dev-libs/grret-2.0-r1::tiny (masked by: package.mask, ~amd64 keyword, A B license(s))
/r/profiles/package.mask:
# no good
- dev-libs/grret-1.0::tiny (masked by: missing keyword)
"""
    assert said(text + CHAIN) == (
        f"dev-libs/grret is masked, {BECAUSE}:\n"
        "  dev-libs/grret-2.0-r1 (package.mask, ~amd64 keyword, A B license(s))\n"
        "  dev-libs/grret-1.0 (missing keyword)",
        "take it all the same with  package_unmask: [dev-libs/grret]; "
        "accept it with  package_accept_keywords: {dev-libs/grret: [~amd64]}; "
        "accept it with  package_license: {dev-libs/grret: [A, B]}",
    )


def test_flags_that_a_dependency_asks_for() -> None:
    text = """\
emerge: there are no ebuilds built with USE flags to satisfy "dev-libs/greet[polite,-loud]" for /r/.
!!! One of the following packages is required to complete your request:
- dev-libs/greet-1.0::tiny (Change USE: +polite -loud)
"""
    assert said(text) == (
        "dev-libs/greet[polite,-loud] is another dev-libs/greet than the USE flags give, asked for in rootfs[0]",
        "set them with  package_use: {dev-libs/greet: [polite, -loud]}",
    )
    assert said(text.replace("Change USE: +polite -loud", "Missing IUSE: polite")) == (
        "dev-libs/greet has no USE flag polite, asked for in rootfs[0]",
        "leave it out, or take another version",
    )


def test_packages_that_need_each_other_to_be_built() -> None:
    text = """\
 * Error: circular dependencies:

(dev-libs/a-1.0:0/0::tiny, ebuild scheduled for merge to '/r/') depends on
 (app-misc/b-1.0:0/0::tiny, ebuild scheduled for merge to '/r/') (buildtime)
  (dev-libs/a-1.0:0/0::tiny, ebuild scheduled for merge to '/r/') (buildtime, slot_operator)

 * Note that circular dependencies can often be avoided by temporarily
"""
    assert said(text) == (
        "dev-libs/a-1.0, which needs app-misc/b-1.0, which needs dev-libs/a-1.0 to be built, asked for in rootfs[0]",
        "a USE flag of one of them may break the circle, set with package_use:",
    )


def test_a_name_of_two_packages_and_a_set_of_none() -> None:
    assert said('!!! The short ebuild name "greet" is ambiguous. Please specify\n') == (
        "greet, asked for in rootfs[0], may be dev-libs/greet or sys-apps/greet",
        "write which one",
    )
    assert said("emerge: there is no set wrold\n") == (
        "no index has @wrold, asked for in rootfs[0]",
        "did you mean @world? Or is a repository missing?",
    )


def test_what_is_not_recognised_is_shown() -> None:
    message, _ = said("!!! Multiple package instances within a single package slot\n\n  a:0\n>>> Jobs: 0 of 1\n")
    assert message == (
        "portage: these packages cannot be had together, asked for in rootfs[0]:\n"
        "  !!! Multiple package instances within a single package slot\n    a:0"
    )


def test_a_failed_build_names_package_phase_and_reason() -> None:
    log = """\
>>> Compiling source in /w ...
gcc -c good.c
gcc -c broken.c
broken.c:1:25: error: 'nothing' undeclared
 * ERROR: app-misc/broken-1.0::tiny failed (compile phase):
 *   the compiler refused it
"""
    lines = [
        ">>> Jobs: 0 of 1",
        " * ERROR: app-misc/broken-1.0::tiny failed (compile phase):",
        " *   the compiler refused it",
    ]
    error = failure.of_build(lines, {"app-misc:broken-1.0:20260101": log}, 1, "the whole output is in build.log")
    assert (error.message, error.hint) == (
        "portage: app-misc/broken-1.0 failed in its compile phase:\n"
        "  gcc -c broken.c\n"
        "  broken.c:1:25: error: 'nothing' undeclared\n"
        "  the compiler refused it",
        "the whole output is in build.log",
    )


def test_a_full_disk_and_too_little_memory_have_hints_of_their_own() -> None:
    def hint(line: str) -> str:
        lines = [line, " * ERROR: a/b-1::tiny failed (compile phase):"]
        return failure.of_build(lines, {}, 1, "see build.log").hint

    assert hint("cc1: fatal error: No space left on device").startswith("the disk is full: free some room")
    assert hint("gcc: fatal error: Killed signal terminated program cc1").startswith("memory may have run out")


def test_the_name_in_an_atom() -> None:
    atoms = [">=dev-lang/python-3.12.1_p2-r3:3.12[ssl]", "app-misc/jq", "=x11-libs/gtk+-3*", "!a/b-c:0::tiny", "jq"]
    assert [failure.name_of(atom) for atom in atoms] == [
        "dev-lang/python",
        "app-misc/jq",
        "x11-libs/gtk+",
        "a/b-c",
        "jq",
    ]
