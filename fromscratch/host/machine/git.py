"""The commit that is checked out in a folder, and the URL that it was cloned from."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from fromscratch.errors import UsageError
from fromscratch.host.process import run
from fromscratch.lazy_regex import lazy_regex

_GIT = ("git", "-c", "core.fsmonitor=false")  # a query must not start a daemon
_SCP = lazy_regex(r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^@/:]+):(?P<path>[^/].*|/.+)")


def commit(folder: Path, without: Path) -> str:
    """The commit, with the suffix `-dirty` if a file differs from it; files below `without` do not count.

    Raises UsageError where there is no commit, MissingTool without git.
    """
    found = _git(folder, "rev-parse", "--verify", "HEAD^{commit}")
    top = Path(_git(folder, "rev-parse", "--show-toplevel"))
    excluded = os.path.relpath(without.resolve(), top)
    pathspec = [":(top)", f":(top,exclude,literal){excluded}"] if not excluded.startswith("..") else [":(top)"]
    changed = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", *pathspec)
    return f"{found}-dirty" if changed else found


def origin(folder: Path) -> str:
    """The URL of the remote `origin`, without a password or token. Raises UsageError, MissingTool."""
    found = _git(folder, "remote", "get-url", "origin")
    url = _public(found)
    if url is None:
        raise UsageError(
            f"the remote origin of {folder} is a folder of this machine, which means nothing to other people",
            "write the URL itself under source",
        )
    return url


def _public(remote: str) -> str | None:
    """The URL that others could use; None for a path of this machine."""
    scp = _SCP.fullmatch(remote)
    if "://" not in remote and scp:
        user = f"{scp['user']}@" if scp["user"] else ""
        return f"ssh://{user}{scp['host']}/{scp['path'].lstrip('/')}"
    parts = urlsplit(remote)
    if not parts.hostname or parts.scheme == "file":
        return None
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.username and parts.scheme in ("ssh", "git+ssh", "ssh+git") else ""
    return parts._replace(netloc=user + host, query="", fragment="").geturl()


def _git(folder: Path, *words: str) -> str:
    run.need("git", "revision: git and source: git")
    environment = run.environment({"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"})
    done = run.run([*_GIT, "-C", str(folder), *words], env=environment, check=False)
    if done.returncode:
        messages = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
        raise UsageError(
            f"git cannot tell where {folder} comes from: {messages[0]}",
            "commit the recipe and name a remote, or write the text itself instead of git",
        )
    return done.stdout.decode("utf-8", "replace").strip()
