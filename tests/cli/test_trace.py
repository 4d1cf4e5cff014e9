"""What `trace` is called with, before anything is recorded."""

from pathlib import Path

import pytest

from tests.cli.in_process import called


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--container", "web", "--image", "oci:web"], "--container with --image, which would not count"),
        (["--container", "web", "--exec", "true"], "--container with a check, which would not count"),
        (["--container", "web", "--recorder", "strace"], "--container with --recorder, which would not count"),
        (["--container", "web", "--", "ls"], "--container with a command, which would not count"),
        (["--merge", "a.trace", "--container", "web"], "--merge with --container, which would not count"),
        (["--merge", "a.trace", "--", "ls"], "--merge with a command, which would not count"),
        (["--merge"], "--merge takes the traces to merge"),
    ],
)
def test_what_would_not_count_is_refused(tmp_path: Path, words: list[str], message: str) -> None:
    answer = called(tmp_path, "trace", "--output", "t", *words)
    assert answer.code == 2
    assert message in answer.err
    assert list(tmp_path.iterdir()) == []
