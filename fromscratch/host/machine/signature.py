"""Verifying OpenPGP signatures with a trusted tool: gpgv, sqv, or the library pysequoia.

The answer must not depend on which of them a machine has, so whatever they would judge differently is decided
before: weak hash functions are refused, expired keys are left out of the keyring, and a tool gets one signature
at a time. One good signature is enough, since a document may also be signed by keys that are not in the keyrings.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import FormatError, IntegrityError, MissingTool
from fromscratch.formats.trust import openpgp
from fromscratch.host.process import run
from fromscratch.host.storage import disk, staged_folder
from fromscratch.regular_file import read_bytes

_KEYRINGS = (
    "usr/share/keyrings/debian-archive-*.gpg",
    "usr/share/keyrings/debian-archive-*.pgp",
    "etc/apt/trusted.gpg.d/*",
    "etc/apt/keyrings/*",
)
_SUFFIXES = (".gpg", ".pgp", ".asc")
_UNTRUSTED = "fetch it again; if it stays like this, do not use it unless you know why, or name the right keyring"


def verify_clearsigned(
    document: bytes, keyrings: Sequence[Path], what: str, *, tool: str = "", now: float | None = None
) -> bytes:
    """Verify a clearsigned document, and return its text: exactly the bytes verified, without the last line feed.

    `what` names the document in messages. Raises IntegrityError when there is no good signature or
    anything else besides the signed text, and MissingTool. `tool` is one of `available()`, by default the first;
    keys must not have expired at `now`, in seconds since 1970.
    """
    try:
        text, signature = openpgp.split_clearsigned(document)
    except FormatError as error:
        raise IntegrityError(f"{what} is not signed as it should be: {error}", error.hint) from error
    with _folder() as folder:
        data = folder / "text"
        disk.write_atomically(data, text)
        verify_detached(data, signature, keyrings, what, tool=tool, now=now)
    return text


def verify_detached(
    data: Path, signature: bytes, keyrings: Sequence[Path], what: str, *, tool: str = "", now: float | None = None
) -> None:
    """Verify that a key of the keyrings has signed the file. Raises IntegrityError, MissingTool.

    `signature` and the keyrings may be armored or binary. The rest is as for `verify_clearsigned`.
    """
    _verifier(tool)
    try:
        found = openpgp.signatures(signature)
    except FormatError as error:
        raise IntegrityError(f"the signature of {what} cannot be read: {error}", error.hint) from error
    keys = _keys(keyrings, what)
    moment = time.time() if now is None else now
    valid_keys = [key for key in keys if key.expires is None or key.expires > moment]
    faults = []
    for one in found:
        fault = _refusal(one, keys, valid_keys)
        if not fault:
            # Those of its signer alone: a tool refuses a whole keyring for a key of a form that is newer than it is.
            with _files([key for key in valid_keys if key.may_have_made(one)]) as files:
                fault = _verifier(tool, one)(data, one, files)
            if not fault:
                return
        faults.append(fault)
    reasons = "; ".join(dict.fromkeys(faults)) or "it has none"
    where = ", ".join(map(str, keyrings))
    raise IntegrityError(f"{what} has no good signature by a key in {where}: {reasons}", _UNTRUSTED)


def available() -> list[str]:
    """The tools of this machine that can verify, in the order of preference."""
    return [name for name, (is_available, _) in _TOOLS.items() if is_available()]


def find_keyrings(names: Sequence[str] = (), root: Path = Path("/")) -> list[Path]:
    """The keyrings that this machine trusts for packages, in the order of apt's folders.

    With `names`, only those whose file name without its suffix is one of them.
    """
    found = (path for pattern in _KEYRINGS for path in sorted(root.glob(pattern)))
    usable = [path for path in found if path.suffix in _SUFFIXES and path.is_file() and "removed" not in path.stem]
    return [path for path in usable if not names or path.stem in names]


class _Files(Struct, frozen=True):
    """The files that are given to the tools."""

    folder: Path
    keyring: Path

    def signature(self, one: openpgp.Signature) -> Path:
        path = self.folder / "signature"
        disk.write_atomically(path, one.raw)
        return path


@contextmanager
def _files(keys: Sequence[openpgp.Certificate]) -> Iterator[_Files]:
    with _folder() as folder:
        keyring = folder / "keyring.pgp"
        disk.write_atomically(keyring, b"".join(key.raw for key in keys))
        yield _Files(folder, keyring)


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder for the files of the tools. Raises ImageError."""
    place = Path(tempfile.gettempdir()) / "fromscratch-signature"
    with disk.explained(place), staged_folder.staged(place) as folder:
        folder.chmod(0o700)
        yield folder


def _keys(keyrings: Sequence[Path], what: str) -> list[openpgp.Certificate]:
    if not keyrings:
        raise IntegrityError(f"{what} cannot be verified, as no keyring is known", "name the keyring of its signers")
    found: list[openpgp.Certificate] = []
    for path in keyrings:
        try:
            found += openpgp.certificates(read_bytes(path))
        except OSError as error:
            raise IntegrityError(
                f"{what} cannot be verified: the keyring {path} cannot be read: {error.strerror}",
                "see whether the path is right, or install the package that has it",
            ) from error
        except FormatError as error:
            raise IntegrityError(
                f"{what} cannot be verified: the keyring {path} cannot be used: {error}", error.hint
            ) from error
    return found


def _refusal(
    one: openpgp.Signature, keys: Sequence[openpgp.Certificate], valid_keys: Sequence[openpgp.Certificate]
) -> str:
    """Why a signature is refused without a tool; empty if a tool should decide."""
    if one.weakness:
        return f"a signature uses {one.weakness}, which can be forged"
    if any(key.may_have_made(one) for key in valid_keys):
        return ""
    for key in keys:
        if key.may_have_made(one) and key.expires is not None:
            return f"the key {one.issuer} has expired on {datetime.fromtimestamp(key.expires, UTC):%Y-%m-%d}"
    return f"the key {one.issuer} is not among them"


def _by_gpgv(data: Path, one: openpgp.Signature, files: _Files) -> str:
    argv = ["gpgv", "--homedir", str(files.folder), "--status-fd", "1", "--keyring", str(files.keyring)]
    done = run.run([*argv, str(files.signature(one)), str(data)], check=False)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    # doc/DETAILS of GnuPG: one signature gives one of these; VALIDSIG alone says nothing about dates.
    states = {line.split()[1] for line in lines if line.startswith("[GNUPG:] ") and len(line.split()) > 1}
    if states >= {"GOODSIG", "VALIDSIG"} and not states & set(_GPGV_MESSAGES):
        return ""
    return next((f"{text} (key {one.issuer})" for state, text in _GPGV_MESSAGES.items() if state in states), "") or (
        f"gpgv cannot check the signature by {one.issuer}: {_last_line(done.stderr)}"
    )


_GPGV_VERSION = 4
_GPGV_MESSAGES = {
    "BADSIG": "the signature does not fit: the text was changed after it was signed",
    "EXPSIG": "the signature has expired",
    "EXPKEYSIG": "the key has expired",
    "REVKEYSIG": "the key was revoked",
    "ERRSIG": "the signature cannot be checked",
}


def _by_sqv(data: Path, one: openpgp.Signature, files: _Files) -> str:
    argv = ["sqv", "--verbose", "--keyring", str(files.keyring), str(files.signature(one)), str(data)]
    done = run.run(argv, check=False)
    if done.returncode == 0 and done.stdout.strip():
        return ""
    output = done.stderr.decode("utf-8", "replace")
    if "manipulated" in output:
        return f"{_GPGV_MESSAGES['BADSIG']} (key {one.issuer})"
    reasons = " ".join(line.strip() for line in output.splitlines() if "signatures are valid" not in line)
    return f"sqv does not accept the signature by {one.issuer}: {reasons}"


def _by_pysequoia(data: Path, one: openpgp.Signature, files: _Files) -> str:
    import pysequoia

    try:
        certificates = pysequoia.Cert.split_file(str(files.keyring))
        result = pysequoia.verify(
            file=str(data), store=lambda _: certificates, signature=pysequoia.Sig.from_bytes(one.raw)
        )
    except Exception as error:
        # The library raises RuntimeErrors with a trace in their text; its first line is the reason.
        reason = (str(error).splitlines() or [""])[0]
        return f"pysequoia does not accept the signature by {one.issuer}: {reason}"
    return "" if result.valid_sigs else f"pysequoia does not accept the signature by {one.issuer}"


def _last_line(output: bytes) -> str:
    return (output.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"])[-1]


def _too_new(data: Path, one: openpgp.Signature, files: _Files) -> str:
    return f"the signature by {one.issuer} is of version {one.version}, which needs sqv or pysequoia"


_Verifier = Callable[[Path, openpgp.Signature, _Files], str]
"""The reason why a signature is not good; empty if it is."""

_TOOLS: dict[str, tuple[Callable[[], bool], _Verifier]] = {
    "gpgv": (lambda: run.find("gpgv") is not None, _by_gpgv),
    "sqv": (lambda: run.find("sqv") is not None, _by_sqv),
    "pysequoia": (lambda: find_spec("pysequoia") is not None, _by_pysequoia),
}


def _verifier(tool: str, one: openpgp.Signature | None = None) -> _Verifier:
    """The tool to use, which for a signature of version 6 is one that knows them."""
    names = [*_TOOLS]
    if one is not None and one.version > _GPGV_VERSION and not tool:
        names = [name for name in reversed(names) if name != "gpgv"]
        if not any(_TOOLS[name][0]() for name in names):
            return _too_new
    for name in names:
        is_available, verifier = _TOOLS[name]
        if tool in ("", name) and is_available():
            return verifier
    raise MissingTool(
        f"verifying a signature needs {tool or 'gpgv or sqv'}, which is not on this machine",
        "install gpgv or sqv, on Debian for example with: apt-get install gpgv; "
        "or without root, beside fromscratch: pip install pysequoia",
    )
