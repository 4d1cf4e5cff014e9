"""Looking up the files and folders that a recipe or a call names."""

import os
from collections.abc import Mapping
from pathlib import Path

from fromscratch.errors import UsageError
from fromscratch.nearest import nearest
from fromscratch.paths import encode


def expanded(text: str) -> str:
    """A path with ~ or ~NAME at its start replaced by the home folder, as a shell does.

    Raises UsageError for an unknown user. For a folder with the name ~, write ./~.
    """
    if not text.startswith("~"):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError as error:
        raise UsageError(
            f"{text}: there is no home folder of {text.partition('/')[0]}",
            "write the path, or ./~ for a folder of that name",
        ) from error


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where programs of this user keep what they can make again: XDG Base Directory Specification.

    Raises UsageError for a user without a home folder.
    """
    configured = environment.get("XDG_CACHE_HOME", "")
    return Path(configured) if configured.startswith("/") else Path(expanded("~/.cache"))


def folder(base: Path, text: str, what: str) -> Path:
    """The folder at `text`, relative to `base`. Raises UsageError with the whole path."""
    path = _absolute(base, text)
    if path.is_dir():
        return path
    if path.exists():
        raise UsageError(f"{what}: {path} is not a folder", "name the folder that holds the files")
    raise _missing(path, what, "folder")


def file(base: Path, text: str, what: str) -> Path:
    """The regular file at `text`, relative to `base`. Raises UsageError with the whole path."""
    path = _absolute(base, text)
    if path.is_file():
        return path
    if path.is_dir():
        raise UsageError(f"{what}: {path} is a folder", "name a file in it")
    if path.exists():
        raise UsageError(f"{what}: {path} is not a regular file", "name the file itself")
    raise _missing(path, what, "file")


def broken_link(path: Path, what: str = "", or_else: str = "") -> UsageError:
    """The error for a symlink that leads nowhere; `what` named it, and `or_else` is another way out for the hint."""
    message = f"{path} is a symlink that leads nowhere"
    hint = f"fix the link: {path.readlink()}"
    return UsageError(f"{what}: {message}" if what else message, f"{hint}, or {or_else}" if or_else else hint)


def _absolute(base: Path, text: str) -> Path:
    if "\0" in text:
        raise UsageError(f"{text!r} holds a NUL byte", "take it out")
    # No resolve(): messages should have the path as it was written. Recipes are UTF-8, whatever the locale.
    return base.absolute() / expanded(os.fsdecode(encode(text)))


def _missing(path: Path, what: str, kind: str) -> UsageError:
    parent = path.parent
    while not path.is_symlink() and not parent.is_dir() and parent != parent.parent:
        path, parent = parent, parent.parent
    if path.is_symlink():
        return broken_link(path, what)
    try:
        names = sorted(item.name for item in parent.iterdir())
    except OSError:
        names = []
    near = nearest(path.name, names, count=3)
    hint = (
        f"did you mean {' or '.join(str(parent / name) for name in near)}?"
        if near
        else f"make that {kind}, or fix the path"
    )
    return UsageError(f"{what}: there is no {path}", hint)
