"""Signatures, verified by a tool that is trusted for it: gpgv, sqv, or the library pysequoia.

The answer is to be the same whichever of them a machine has, so what they disagree about is decided
before they are asked: hash functions that can be forged are not accepted, keys that have expired are
left out of the keyring, and each signature is shown to them alone. One good signature is enough,
since a document may also be signed by keys that are not known here.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from fromscratch.errors import FormatError, IntegrityError, MissingTool
from fromscratch.formats.trust import openpgp
from fromscratch.host.process import run
from fromscratch.host.storage import disk, staged_folder
from fromscratch.opening import contents

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
    """The text that a key of the keyrings has signed, exactly the bytes that were verified, without the last line feed.

    `what` names the document in messages. Raises IntegrityError when there is no good signature or
    anything else besides the signed text, and MissingTool. `tool` is one of `available()`, by default the first;
    `now`, in seconds since 1970, is when keys must not have expired.
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
    """Pass if a key of the keyrings has signed the file, else raise IntegrityError or MissingTool.

    `signature` and the keyrings may be armored or binary. The rest is as for `verify_clearsigned`.
    """
    verifier = _verifier(tool)
    try:
        found = openpgp.signatures(signature)
    except FormatError as error:
        raise IntegrityError(f"the signature of {what} cannot be read: {error}", error.hint) from error
    keys = _keys(keyrings, what)
    moment = time.time() if now is None else now
    living = [key for key in keys if key.expires is None or key.expires > moment]
    faults = []
    with _files(living) as files:
        for one in found:
            fault = _obstacle(one, keys, living)
            if not fault:
                fault = verifier(data, one, files)
                if not fault:
                    return
            faults.append(fault)
    reasons = "; ".join(dict.fromkeys(faults)) or "it has none"
    where = ", ".join(map(str, keyrings))
    raise IntegrityError(f"{what} has no good signature by a key in {where}: {reasons}", _UNTRUSTED)


def available() -> list[str]:
    """The tools of this machine that can verify, the one that will be used first."""
    return [name for name, (here, _) in _TOOLS.items() if here()]


def find_keyrings(names: Sequence[str] = (), root: Path = Path("/")) -> list[Path]:
    """The keyrings that this machine trusts for packages, in the order of where apt keeps them.

    With `names`, only those whose file name without its suffix is one of them.
    """
    found = (path for pattern in _KEYRINGS for path in sorted(root.glob(pattern)))
    usable = [path for path in found if path.suffix in _SUFFIXES and path.is_file() and "removed" not in path.stem]
    return [path for path in usable if not names or path.stem in names]


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the tools find what they are given."""

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
    """A folder for the tools to read from, gone afterwards. Raises ImageError."""
    place = Path(tempfile.gettempdir()) / "fromscratch-signature"
    with disk.explained(place), staged_folder.staged(place) as folder:
        folder.chmod(0o700)
        yield folder


def _keys(keyrings: Sequence[Path], what: str) -> list[openpgp.Certificate]:
    if not keyrings:
        raise IntegrityError(
            f"{what} cannot be verified, as no keyring is known", "name the keyring of those who sign it"
        )
    found: list[openpgp.Certificate] = []
    for path in keyrings:
        try:
            found += openpgp.certificates(contents(path))
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


def _obstacle(
    one: openpgp.Signature, keys: Sequence[openpgp.Certificate], living: Sequence[openpgp.Certificate]
) -> str:
    """Why there is no need to ask a tool about this signature, or nothing."""
    if one.weakness:
        return f"a signature uses {one.weakness}, which can be forged"
    if any(key.may_have_made(one) for key in living):
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
    if states >= {"GOODSIG", "VALIDSIG"} and not states & set(_GPGV_SAYS):
        return ""
    return next((f"{text} (key {one.issuer})" for state, text in _GPGV_SAYS.items() if state in states), "") or (
        f"gpgv cannot check the signature by {one.issuer}: {_last_line(done.stderr)}"
    )


_GPGV_SAYS = {
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
    said = done.stderr.decode("utf-8", "replace")
    if "manipulated" in said:
        return f"{_GPGV_SAYS['BADSIG']} (key {one.issuer})"
    reasons = " ".join(line.strip() for line in said.splitlines() if "signatures are valid" not in line)
    return f"sqv does not accept the signature by {one.issuer}: {reasons}"


def _by_pysequoia(data: Path, one: openpgp.Signature, files: _Files) -> str:
    import pysequoia

    try:
        certificates = pysequoia.Cert.split_file(str(files.keyring))
        result = pysequoia.verify(
            file=str(data), store=lambda _: certificates, signature=pysequoia.Sig.from_bytes(one.raw)
        )
    except Exception as error:
        # The library raises plain RuntimeErrors that carry a trace of its own; the first line tells the reason.
        reason = (str(error).splitlines() or [""])[0]
        return f"pysequoia does not accept the signature by {one.issuer}: {reason}"
    return "" if result.valid_sigs else f"pysequoia does not accept the signature by {one.issuer}"


def _last_line(output: bytes) -> str:
    return (output.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"])[-1]


_Verifier = Callable[[Path, openpgp.Signature, _Files], str]
"""Why a signature is not good, or nothing if it is."""

_TOOLS: dict[str, tuple[Callable[[], bool], _Verifier]] = {
    "gpgv": (lambda: run.find("gpgv") is not None, _by_gpgv),
    "sqv": (lambda: run.find("sqv") is not None, _by_sqv),
    "pysequoia": (lambda: find_spec("pysequoia") is not None, _by_pysequoia),
}


def _verifier(tool: str) -> _Verifier:
    for name, (here, verifier) in _TOOLS.items():
        if tool in ("", name) and here():
            return verifier
    raise MissingTool(
        f"verifying a signature needs {tool or 'gpgv or sqv'}, which is not on this machine",
        "install gpgv or sqv, on Debian for example with: apt-get install gpgv; "
        "or without root, beside fromscratch: pip install pysequoia",
    )
