"""Trees of files by git: fetched from repositories or taken from folders, each named by what is in it."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from fromscratch.address import Address
from fromscratch.errors import CommandFailed, DownloadError, NotInTree
from fromscratch.host.process import run

# Above what a tree says of itself: its bytes are taken as they are.
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding\n"


class GitObjects:
    """A bare repository in `place`, which is made if it is not there. `why` says for what git is needed.

    The caller holds a lock while it fetches, records or extracts. Raises MissingTool without git.
    """

    def __init__(self, place: Path, why: str) -> None:
        run.need("git", why)
        self._place = place
        self._repository = place / "objects.git"
        if not (self._repository / "info" / "attributes").is_file():
            place.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet", "--bare", str(self._repository))
            (self._repository / "info").mkdir(exist_ok=True)
            (self._repository / "info" / "attributes").write_text(_ATTRIBUTES)

    def fetch(self, address: Address, reference: str, certificate: Path | None = None) -> str:
        """Fetch one commit without its history; the answer is its name. Raises DownloadError.

        `reference` is a branch, tag, commit or HEAD. `certificate` has those that may vouch for the server, in place
        of this machine's.
        """
        trust = {"GIT_SSL_CAINFO": str(certificate)} if certificate else {}
        words = (
            "fetch",
            "--quiet",
            "--force",
            "--depth=1",
            "--no-tags",
            "--",
            address.bare,
            f"{reference}:refs/fetched",
        )
        try:
            self._git("-c", "gc.auto=0", *words, variables={**_login(address), **trust}, own_settings=True)
        except CommandFailed as error:
            raise DownloadError(_reason(error, address, reference), _hint(error)) from error
        return self._git("rev-parse", "--verify", "refs/fetched^{commit}").decode().strip()

    def record(self, folder: Path, without: Iterable[str] = ()) -> str:
        """Take all files of a folder, but for those below `without`; the answer is the name of their tree."""
        variables = {"GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(self._place / "recorded.index")}
        excluded = [f":(top,exclude){path}" for path in without]
        self._git("add", "--all", "--force", "--", ":/", *excluded, variables=variables)
        return self._git("write-tree", variables=variables).decode().strip()

    def tree(self, commit: str) -> str:
        """The name of a commit's tree."""
        return self._git("rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()

    def date(self, commit: str) -> int:
        """When a commit was made, in seconds since 1970."""
        return int(self._git("show", "--no-patch", "--format=%ct", commit))

    def has(self, name: str) -> bool:
        """Whether this commit or tree is here, with all that is in it."""
        done = run.run(self._argv("cat-file", "-e", name), env=self._variables(), check=False)
        return done.returncode == 0

    def read(self, tree: str, path: str) -> bytes:
        """A file of a tree. Raises NotInTree."""
        try:
            return self._git("cat-file", "blob", f"{tree}:{path}")
        except CommandFailed as error:
            raise NotInTree(f"there is no file {path} in it", "see whether it is the right repository") from error

    def extract(self, tree: str, folder: Path) -> None:
        """Make `folder` hold just this tree; what is right already stays as it is."""
        state = folder.with_name(f"{folder.name}.index")
        if not state.is_file():
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        variables = {"GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(state)}
        self._git("read-tree", "--reset", "-u", tree, variables=variables)
        self._git("clean", "--quiet", "-d", "-x", "--force", "--force", "--", ".", variables=variables)

    def _git(self, *words: str, variables: Mapping[str, str] | None = None, own_settings: bool = False) -> bytes:
        """Run git; with `own_settings` by the settings of its user too, such as those of a proxy."""
        apart = {} if own_settings else {"GIT_CONFIG_GLOBAL": os.devnull}
        where = Path((variables or {}).get("GIT_WORK_TREE", self._place))
        return run.run(self._argv(*words), env=self._variables({**apart, **(variables or {})}), cwd=where).stdout

    def _argv(self, *words: str) -> list[str]:
        # Whoever owns a repository may not be who fetches from it.
        return ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.bare=false", *words]

    def _variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        own = {"GIT_DIR": str(self._repository), "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
        return run.environment({**own, **(more or {})})


def _login(address: Address) -> dict[str, str]:
    """The login in an address reaches git by its environment: anybody sees what it is called with."""
    if not address.login or address.bare == address.whole:
        return {}
    key = f"url.{address.whole}.insteadOf"
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": address.bare}


def _reason(error: CommandFailed, address: Address, reference: str) -> str:
    lines = [line.strip() for line in error.message.splitlines()[1:] if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))), lines[-1] if lines else "")
    what = "" if reference == "HEAD" else f" {reference} of"
    return f"git cannot fetch{what} {address}: {said.partition(': ')[2] or said}"


def _hint(error: CommandFailed) -> str:
    text = error.message
    if "certificate" in text.lower():
        return "if the server's certificate is of a private authority, name its file under certificate:"
    if "Could not resolve" in text or "unable to connect" in text.lower() or "timed out" in text.lower():
        return "offline? See to the network (or the proxy variables) and run it again"
    if "Authentication" in text or "could not read Username" in text or "403" in text:
        return "see whether the address is right, and whether the repository wants a login"
    return "see whether the address, and the branch or commit, are right"
