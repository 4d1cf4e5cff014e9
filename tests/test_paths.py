"""Globs over paths of a tree."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fromscratch.paths import matcher, tree_path


@given(st.text("ab-]![&|~\\*?.", max_size=8), st.text("ab-][&|~\\", max_size=3))
@example("[z-a]", "z")
@example("[!]", "!")
@example("[[a]", "[")
@example("[a||b]", "|")
@example("[]-a]", "_")
def test_within_a_component_a_glob_means_what_it_means_everywhere(pattern: str, name: str) -> None:
    if "**" not in pattern:
        assert matcher([f"/x{pattern}"])(tree_path(f"/x{name}")) == fnmatchcase(f"x{name}", f"x{pattern}")


@pytest.mark.parametrize(
    ("pattern", "matched", "left"),
    [
        ("*.a", ["/x.a", "/usr/lib/x.a", "/usr/x.a/below"], ["/x.ab", "/a"]),
        ("/usr/*", ["/usr/lib", "/usr/lib/x"], ["/usr", "/opt/usr/lib"]),
        ("/usr/**/x", ["/usr/x", "/usr/a/b/x"], ["/x", "/usr"]),
        ("/usr/**", ["/usr/lib", "/usr/lib/x"], ["/usr"]),
        ("/a[!b]c", ["/axc"], ["/abc", "/a/c"]),
        ("/a[^b]c", ["/axc"], ["/abc", "/a/c"]),
        ("/a[+-z]c", ["/a0c"], ["/a/c"]),
    ],
)
def test_what_a_glob_takes(pattern: str, matched: list[str], left: list[str]) -> None:
    matches = matcher([pattern])
    assert [path for path in matched + left if matches(tree_path(path))] == matched
