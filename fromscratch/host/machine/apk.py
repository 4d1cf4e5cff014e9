"""The repositories and keys of this machine's apk: apk-repositories(5) and /etc/apk/keys."""

from pathlib import Path

_PLACES = ("etc/apk/keys", "usr/share/apk/keys", "usr/lib/apk/keys")


def repositories(root: Path = Path("/")) -> list[str]:
    """The lines that name a repository, in the order of apk, of the machine whose filesystem is at `root`."""
    folder = root / "etc/apk"
    found: list[str] = []
    for path in [folder / "repositories", *sorted((folder / "repositories.d").glob("*.list"))]:
        lines = (line.partition("#")[0].strip() for line in _text(path).splitlines())
        found += [line for line in lines if line]
    return list(dict.fromkeys(found))


def key_folders(root: Path = Path("/")) -> list[Path]:
    """The folders with the keys that this machine's apk trusts."""
    return [root / place for place in _PLACES if (root / place).is_dir()]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
