"""Whether packages are signed by those whom their repository is trusted by."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import FormatError, IntegrityError
from fromscratch.formats.rpm import package, payload
from fromscratch.formats.rpm.signature import header_vouches, signatures
from fromscratch.formats.trust import openpgp
from fromscratch.host.machine import signature
from fromscratch.host.process import threads
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.progress import Progress
from fromscratch.regular_file import open_buffered, read_bytes

_UNSIGNED_HINT = (
    "name the file with the keys of its signers under keys:, or say  unsigned: true  for its repository if you know "
    "why it has none"
)


class Subject(Struct, frozen=True):
    """A package, its file, and the keys that may have signed it; `vouched` if a signed index has its digest."""

    shown: str
    file: Path
    keys: Sequence[Path]
    vouched: bool = False


def check(store: Store, subjects: Sequence[Subject], progress: Progress, jobs: int) -> None:
    """Raises IntegrityError for the first package without a good signature, FormatError, MissingTool."""
    with progress.task("verifying packages", total=len(subjects), unit="packages") as task:

        def one(subject: Subject) -> None:
            _check(store, subject)
            task.advance(1)

        threads.each(subjects, one, max(1, jobs), lambda: None)


def _check(store: Store, subject: Subject) -> None:
    found = package.parts(subject.file, subject.shown)
    package.check_digests(subject.file, found)
    made = signatures(found)
    if not (made.header or made.whole):
        if subject.vouched:
            return
        raise IntegrityError(f"{subject.shown} is not signed, and neither is the index that lists it", _UNSIGNED_HINT)
    if not subject.keys:
        raise IntegrityError(f"{subject.shown} cannot be verified, as no keys are known", _UNSIGNED_HINT)
    with store.temporary() as data:
        if made.header and (header_vouches(found) or not made.whole):
            if not header_vouches(found):
                raise FormatError(
                    f"{subject.shown} is signed in a way that leaves out what is in its files",
                    "use a package that a newer release of RPM has made",
                )
            data.write_bytes(found.raw_header)
            signed = made.header
        else:
            _write_signed(subject.file, found.start, data)
            signed = made.whole
        try:
            signature.verify_detached(data, signed, subject.keys, subject.shown)
        except IntegrityError:
            if not subject.vouched or _is_by_known_key(signed, subject.keys):
                raise


def _is_by_known_key(signed: bytes, keys: Sequence[Path]) -> bool:
    """Whether one of the signatures names one of the keys."""
    try:
        known = [certificate for path in keys for certificate in openpgp.certificates(read_bytes(path))]
        return any(key.may_have_made(one) for one in openpgp.signatures(signed) for key in known)
    except (OSError, FormatError):
        return True  # what cannot be read is reported, and not passed over


def _write_signed(file: Path, start: int, target: Path) -> None:
    with open_buffered(file) as source, open(target, "wb") as out:
        source.seek(start)
        shutil.copyfileobj(source, out)


def unpack(blob: Path, target: Path, shown: str, limits: Limits = DEFAULT_LIMITS) -> None:
    """Write the plain payload of a package to `target`, its files compared with their digests."""
    found = package.parts(blob, shown)
    package.expand_payload(blob, target, shown, limits)
    payload.check_contents(found.header, target, shown, limits)
