"""Parts of a tree at other places, as COPY --from has them."""

import pytest

from fromscratch.errors import UsageError
from fromscratch.transforms.copying import copied
from tests.trees import listed, text, tree

BUILT = tree(
    """
    l 0777 0:0 /bin -> usr/bin
    d 0700 7:7 /src
    f 0755 0:0 /src/app 'app'
    f 0644 0:0 /src/a.conf 'a'
    f 0644 0:0 /src/b.conf 'b'
    l 0777 0:0 /src/latest -> app
    f 0755 0:0 /usr/bin/dash 'dash'
    h 0755 0:0 /usr/bin/ash => /usr/bin/dash
    """
)


@pytest.mark.parametrize(
    ("copies", "expected"),
    [
        ({"/src/app": "/app"}, "f 0755 0:0 3 /app"),
        ({"/src/latest": "/app"}, "f 0755 0:0 3 /app"),
        ({"/bin/dash": "/bin/"}, "d 0755 0:0 /bin\nf 0755 0:0 4 /bin/dash"),
        ({"/bin/ash": "/sh"}, "f 0755 0:0 4 /sh"),
        ({"/src/*.conf": "/etc"}, "d 0755 0:0 /etc\nf 0644 0:0 1 /etc/a.conf\nf 0644 0:0 1 /etc/b.conf"),
        ({"/usr": "/"}, "d 0755 0:0 /bin\nf 0755 0:0 4 /bin/ash\nh 0755 0:0 /bin/dash => /bin/ash"),
        (
            {"/src": "/opt/app/", "/src/a.conf": "/opt/app/c"},
            "d 0755 0:0 /opt\nd 0700 7:7 /opt/app\nf 0644 0:0 1 /opt/app/a.conf\nf 0755 0:0 3 /opt/app/app\n"
            "f 0644 0:0 1 /opt/app/b.conf\nf 0644 0:0 1 /opt/app/c\nl 0777 0:0 /opt/app/latest -> app",
        ),
    ],
)
def test_files_land_at_their_destination_and_of_folders_what_is_in_them(copies: dict[str, str], expected: str) -> None:
    assert listed(copied(BUILT, copies, "the image")) == text(expected)


@pytest.mark.parametrize("source", ["/src/ap", "/src/*.cnf"])
def test_what_is_not_there_is_named_with_what_comes_near(source: str) -> None:
    with pytest.raises(UsageError, match="is not in the image") as caught:
        copied(BUILT, {source: "/x"}, "the image")
    assert "/src/" in caught.value.hint
