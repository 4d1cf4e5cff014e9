"""Single paths of a finished tree: what each type makes, whose it is, and what is refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fromscratch.errors import Conflict, ImageError, NotInTree, UsageError
from fromscratch.model.content import Inline
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.transforms.modes import parse_mode
from fromscratch.transforms.path_changes import PathChange, with_paths
from tests.strategies import trees
from tests.trees import listed, text, tree

ROOT = """
    d 0755 0:0 /usr
    d 0755 0:0 /usr/bin
    f 4755 0:0 /usr/bin/su 'su'
    f 0755 0:0 /usr/bin/tool 'tool'
    h 0755 0:0 /usr/bin/tool2 => /usr/bin/tool
    l 0777 0:0 /bin -> usr/bin
    f 0644 0:0 /etc/group 'root:x:0:\\ndata:x:70:\\n'
    f 0644 0:0 /etc/passwd 'app:x:1000:70::/:/bin/sh\\n'
"""


def change(index: int, path: str, kind: Any, mode: str = "", **said: Any) -> PathChange:
    origin = Origin("recipe", "asked for", f"paths[{index}]")
    return PathChange(origin=origin, path=tree_path(path), type=kind, mode=parse_mode(mode) if mode else None, **said)


def changed(*changes: PathChange, root: str = ROOT) -> Rootfs:
    return with_paths(tree(root), changes, {tree_path("/usr/share/doc"): "docs"})[0]


def lines_of(made: Rootfs, *expected: str) -> None:
    found = listed(made).splitlines()
    assert [line for line in expected if line not in found] == [], "\n".join(found)


def failure(kind: type[ImageError], *changes: PathChange) -> tuple[str, str]:
    with pytest.raises(kind) as caught:
        changed(*changes)
    return caught.value.message, caught.value.hint


def test_each_type_makes_its_entry_with_the_parents_that_are_missing() -> None:
    made = changed(
        change(0, "/srv/app/data", "directory", "0750", owner="app"),
        change(1, "/srv/app/run.conf", "file", content=Inline(b"x=1\n"), owner="0:data"),
        change(2, "/srv/current", "symlink", target="app"),
        change(3, "/usr/bin/tool3", "hardlink", target="/usr/bin/tool"),
        root="f 0755 0:0 /usr/bin/tool 'tool'\nf 0644 0:0 /etc/passwd 'app:x:1000:70::/:/x\\n'\n"
        "f 0644 0:0 /etc/group 'data:x:70:\\n'",
    )
    assert listed(made) == text(
        """
        d 0755 0:0 /etc
        f 0644 0:0 11 /etc/group
        f 0644 0:0 20 /etc/passwd
        d 0755 0:0 /srv
        d 0755 0:0 /srv/app
        d 0750 1000:70 /srv/app/data
        f 0644 0:70 4 /srv/app/run.conf
        l 0777 0:0 /srv/current -> app
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 4 /usr/bin/tool
        h 0755 0:0 /usr/bin/tool3 => /usr/bin/tool
        """
    )
    assert [origin.detail for origin in made[tree_path("/srv/app/data")].origins] == ["paths[0]"]
    assert [origin.reason for origin in made[tree_path("/srv/app")].origins] == ["parent of"]


def test_the_whole_of_a_folder_gets_owner_and_mode_and_a_symlink_the_owner_only() -> None:
    made = changed(change(0, "/usr", "permissions", "u=rwX,go=rX", owner="app", recursive=True))
    lines_of(made, "d 0755 1000:70 /usr/bin", "f 0755 1000:70 2 /usr/bin/su", "l 0777 0:0 /bin -> usr/bin")
    lines_of(made, "f 0755 1000:70 4 /usr/bin/tool", "h 0755 1000:70 /usr/bin/tool2 => /usr/bin/tool")


def test_only_what_is_changed_gets_the_reason() -> None:
    made = changed(change(0, "/", "permissions", "ug-s", recursive=True))
    assert "f 0755 0:0 2 /usr/bin/su" in listed(made)
    assert [path for path, entry in made.items() if entry.origins] == ["/", "/usr/bin/su"]


def test_a_path_leads_through_symlinks_and_a_directory_that_is_there_keeps_what_is_not_said() -> None:
    made = changed(change(0, "/bin/x", "file"), change(1, "/bin", "directory", owner="5:6"))
    lines_of(made, "f 0644 0:0 0 /usr/bin/x", "l 0777 0:0 /bin -> usr/bin", "d 0755 5:6 /usr/bin")


def test_a_folder_of_the_project_is_laid_into_a_directory() -> None:
    contents = tree("f 0755 9:9 /start 'go'\nl 0777 9:9 /link -> start\nf 0644 9:9 /conf/a 'a'")
    made = changed(change(0, "/opt/app", "directory", contents=contents, owner="app"))
    lines_of(
        made, "d 0755 1000:70 /opt/app", "f 0755 1000:70 2 /opt/app/start", "l 0777 1000:70 /opt/app/link -> start"
    )
    lines_of(made, "d 0755 1000:70 /opt/app/conf", "f 0644 1000:70 1 /opt/app/conf/a")


def test_capabilities_are_given_and_taken_away() -> None:
    made = changed(change(0, "/bin/tool", "permissions", capabilities=b"\1\2"))
    lines_of(made, "f 0755 0:0 4 /usr/bin/tool {security.capability=0x0102}")
    again = changed(
        change(0, "/bin/tool", "permissions", capabilities=b"\1\2"),
        change(1, "/usr/bin/tool2", "permissions", capabilities=b""),
    )
    lines_of(again, "f 0755 0:0 4 /usr/bin/tool")


def test_deletion_takes_all_below_and_a_file_stays_under_its_other_names() -> None:
    made, deleted = with_paths(tree(ROOT), [change(0, "/usr/bin/tool", "delete"), change(1, "/etc", "delete")], {})
    lines_of(made, "f 0755 0:0 4 /usr/bin/tool2")
    assert deleted == {
        "/usr/bin/tool": "paths[0]",
        "/etc": "paths[1]",
        "/etc/group": "paths[1]",
        "/etc/passwd": "paths[1]",
    }


def test_what_is_alike_is_no_conflict_and_everything_else_is_told_at_once() -> None:
    made = changed(
        change(0, "/bin", "symlink", target="usr/bin"), change(1, "/usr/bin/tool2", "hardlink", target="/bin/tool")
    )
    assert listed(made) == listed(tree(ROOT))
    message, hint = failure(
        Conflict,
        change(0, "/bin/su", "file", content=Inline(b"other")),
        change(1, "/usr/bin", "symlink", target="/opt"),
    )
    assert message == (
        "2 of paths: would replace what is there:\n"
        "  paths[0]: /usr/bin/su: file 4755 0:0 against file 0644 0:0 from recipe\n"
        "  paths[1]: /usr/bin: directory 0755 0:0 against symlink to /opt 0777 0:0 from recipe, and it is not empty"
    )
    assert hint == "a directory with content is not replaced: delete it first, with an item of type delete"


def test_what_may_be_replaced_is() -> None:
    made = changed(
        change(0, "/usr/bin/tool", "file", content=Inline(b"new"), replace=True),
        change(1, "/usr/bin/su", "symlink", target="tool", replace=True),
        change(2, "/bin", "directory", replace=True),
    )
    lines_of(made, "f 0644 0:0 3 /usr/bin/tool", "f 0755 0:0 4 /usr/bin/tool2", "l 0777 0:0 /usr/bin/su -> tool")


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        (
            [change(0, "/usr/bin/tol", "permissions", "0755")],
            "paths[0] (/usr/bin/tol): /usr/bin/tol is not in the tree: there is no /usr/bin/tol",
            "did you mean /usr/bin/tool or /usr/bin/tool2?",
        ),
        (
            [change(0, "/usr/share/doc/x", "delete")],
            "paths[0] (/usr/share/doc/x): /usr/share/doc/x is not there: trim 'docs' has taken it",
            "take the item out of paths:, or keep the file with a rule '!…' under trim:",
        ),
        (
            [change(0, "/usr/bin", "delete"), change(1, "/usr/bin/su", "delete")],
            "paths[1] (/usr/bin/su): /usr/bin/su is not there: paths[0] has deleted it",
            "change their order",
        ),
    ],
)
def test_a_path_that_is_not_there_says_what_is_near_or_what_took_it(
    changes: list[PathChange], message: str, hint: str
) -> None:
    assert failure(NotInTree, *changes) == (message, hint)


@pytest.mark.parametrize(
    ("owner", "message", "hint"),
    [
        (
            "ap",
            "paths[0] (/x): owner: /etc/passwd of the image has no 'ap'",
            "did you mean 'app'? Or add it with accounts: users:, or write a number",
        ),
        (
            "app:nobody",
            "paths[0] (/x): owner: /etc/group of the image has no 'nobody'",
            "add it with accounts: groups:, or write a number",
        ),
    ],
)
def test_an_owner_that_the_image_does_not_know_is_refused(owner: str, message: str, hint: str) -> None:
    assert failure(UsageError, change(0, "/x", "directory", owner=owner)) == (message, hint)


@pytest.mark.parametrize(
    ("owner", "numbers"),
    [("app", "1000:70"), ("1000", "1000:70"), ("7", "7:7"), (":data", "0:70"), ("root", "0:0"), ("app:5", "1000:5")],
)
def test_a_user_without_a_group_brings_its_main_one(owner: str, numbers: str) -> None:
    lines_of(changed(change(0, "/x", "directory", owner=owner)), f"d 0755 {numbers} /x")


def test_a_hard_link_is_to_a_file_that_is_there() -> None:
    assert failure(UsageError, change(0, "/x", "hardlink", target="/usr/bin"))[0].endswith("has one name only")
    assert failure(NotInTree, change(0, "/x", "hardlink", target="/bin/sudo"))[1] == "did you mean /usr/bin/su or /bin?"
    message = failure(NotInTree, change(0, "/etc/passwd/x", "file"))[0]
    assert message == "paths[0] (/etc/passwd/x): /etc/passwd/x is not in the tree: /etc/passwd is a file"


NAMES = ("/a", "/a/b", "/a/b/c", "/l", "/l/x", "/etc/passwd", "/usr", "/usr/bin/tool", "/usr/bin/tool2", "/bin/new")
CHANGES = st.builds(
    change,
    st.integers(0, 9),
    st.sampled_from(NAMES),
    st.sampled_from(["directory", "file", "symlink", "hardlink", "permissions", "delete"]),
    st.sampled_from(["", "0700", "u+s", "a=rX"]),
    target=st.sampled_from([*NAMES, "..", "b"]),
    owner=st.sampled_from(["", "5:6"]),
    recursive=st.booleans(),
    replace=st.booleans(),
)


@settings(max_examples=60)
@given(st.one_of(trees(), st.just(tree(ROOT))), st.lists(CHANGES, max_size=6))
def test_any_changes_of_any_tree_give_a_tree_or_an_error_of_ours(root: Rootfs, changes: list[PathChange]) -> None:
    try:
        made, deleted = with_paths(root, changes, {})
    except ImageError:
        return
    assert list(Rootfs(dict(made)).items()) == list(made.items())
    assert set(root) - set(made) <= set(deleted)
