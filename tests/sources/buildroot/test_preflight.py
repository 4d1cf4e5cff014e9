"""What is looked for before the first minute is spent."""

from pathlib import Path

import pytest

from fromscratch.errors import MissingTool, UsageError
from fromscratch.host.process import run
from fromscratch.sources.buildroot import preflight


def test_everything_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    present = run.find
    monkeypatch.setattr(
        run, "find", lambda name: None if name in ("bc", "cmp", "find", "xargs") else present(name) or name
    )
    monkeypatch.setattr(preflight, "_FILE", tmp_path / "file")
    with pytest.raises(MissingTool) as caught:
        preflight.check(tmp_path / "output")
    assert (
        caught.value.message == f"Buildroot needs bc, cmp, find, xargs, {tmp_path}/file, which are not on this machine"
    )
    assert caught.value.hint == "on Debian or Ubuntu: apt-get install bc diffutils file findutils"


@pytest.mark.parametrize("name", ["a b", "a@b", "a:b"])
def test_a_folder_that_buildroot_cannot_build_in_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "find", lambda name: name)
    monkeypatch.setattr(preflight, "_FILE", tmp_path)
    with pytest.raises(UsageError, match="Buildroot cannot build in"):
        preflight.check(tmp_path / name / "output")
