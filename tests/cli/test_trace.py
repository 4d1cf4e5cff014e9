"""What `trace` is called with, before anything is recorded."""

from pathlib import Path

import pytest

from fromscratch.cli.main import main


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
def test_what_would_not_count_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["trace", "--output", str(tmp_path / "t"), *words]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
