"""Names of images."""

import pytest

from fromscratch.errors import UsageError
from fromscratch.model.reference import Reference


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("hello", "hello:latest"),
        ("hello:1.0", "hello:1.0"),
        ("localhost/a/b__c", "localhost/a/b__c:latest"),
        ("registry.example:5000/team/hello:1", "registry.example:5000/team/hello:1"),
        ("[::1]:5000/hello", "[::1]:5000/hello:latest"),
        ("hello@sha256:" + "0" * 64, "hello@sha256:" + "0" * 64),
    ],
)
def test_a_name_is_read_and_written(text: str, whole: str) -> None:
    assert str(Reference.parse(text)) == whole


@pytest.mark.parametrize(
    "text", ["", "Hello", "a//b", "a:", ":1", "a b", "a\n", "a" * 400, "a-" * 5000, "a@md5:" + "0" * 32]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Reference.parse(text)


def test_a_name_of_a_megabyte_is_not_looked_at() -> None:
    with pytest.raises(UsageError, match="a text of 1000000 characters is not an image name"):
        Reference.parse(":" * 1_000_000)  # in which every colon could end the name of a user
