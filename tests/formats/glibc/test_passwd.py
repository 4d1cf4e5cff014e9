"""Who the `User` of an image is, by its own account files."""

import pytest

from fromscratch.errors import UsageError
from fromscratch.formats.glibc.passwd import Identity, identity
from tests.trees import tree

ROOT = tree("""
    f 0644 0:0 /etc/passwd 'root:x:0:0::/root:/bin/sh\\napp:x:1000:1001::/srv:/bin/sh\\nno account\\nbad:x:-1:0::/:\\n'
    f 0644 0:0 /etc/group 'root:x:0:\\napp:x:1001:\\nlog:x:4:root,app\\naudio:x:29:app\\n'
""")


@pytest.mark.parametrize(
    ("user", "who"),
    [
        ("", Identity(0, 0, (4,), "/root")),
        ("app", Identity(1000, 1001, (4, 29), "/srv")),
        ("1000", Identity(1000, 1001, (4, 29), "/srv")),
        ("app:log", Identity(1000, 4, (), "/srv")),
        ("app:7", Identity(1000, 7, (), "/srv")),
        ("65532:65532", Identity(65532, 65532)),
        ("65532", Identity(65532, 0)),
    ],
)
def test_names_and_numbers_are_looked_up(user: str, who: Identity) -> None:
    assert identity(ROOT, user) == who


@pytest.mark.parametrize("user", ["nobody", "bad", "-1", "4294967295", "9" * 5000, "app:nobody", "²"])
def test_what_is_no_user_is_refused(user: str) -> None:
    with pytest.raises(UsageError, match="the image runs as"):
        identity(ROOT, user)
