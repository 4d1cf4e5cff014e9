"""Modes in octal and in the symbols of chmod(1), which is the oracle."""

import stat
import subprocess
from pathlib import Path

import pytest

from fromscratch.transforms.modes import parse_mode

TEXTS = ("u=rwX,go=rX", "ug-s", "+x", "a=r", "g+ws", "o=", "+t", "u+x,g-w,o-rwx", "0750", "4755")
SET_ID = 0o6000


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("mode", [0o644, 0o755, 0o6711, 0o1777])
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_a_mode_becomes_what_chmod_makes_of_it(text: str, mode: int, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.mkdir() if kind == "directory" else path.touch()
    path.chmod(mode)
    subprocess.run(["chmod", "--", text, str(path)], check=True, umask=0)
    expected = stat.S_IMODE(path.stat().st_mode)
    found = parse_mode(text).of(mode, is_directory=kind == "directory")
    if kind == "directory" and ("=" in text or text.isdigit()):
        assert found & ~SET_ID == expected & ~SET_ID  # GNU chmod leaves these to a directory, which we do not
    else:
        assert f"{found:04o}" == f"{expected:04o}"


@pytest.mark.parametrize("text", ["", "rwx", "999", "u=q", "75", "u", "a=r;x"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a mode; write it in octal"):
        parse_mode(text)
