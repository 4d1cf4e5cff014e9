"""Lists of digests that are published beside files: those of sha256sum(1) and sha512sum(1), of BSD, and of Gentoo.

A DIGESTS of Gentoo names the algorithm in a comment above each digest.
"""

from collections.abc import Iterator

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, IntegrityError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.nearest import nearest

MAX_SIZE = 8 << 20
_ALGORITHMS = {"SHA256": "sha256", "SHA512": "sha512"}
_LENGTHS = {64: "sha256", 128: "sha512"}
_HEADING = lazy_regex(r"#\s*([A-Z0-9_]+) HASH")
_BSD = lazy_regex(r"(SHA256|SHA512) \((.+)\) ?= ?([0-9A-Fa-f]+)")
_COREUTILS = lazy_regex(r"([0-9A-Fa-f]{64}|[0-9A-Fa-f]{128})\s+\*?(\S.*)")


def listed_digest(text: bytes, name: str, what: str) -> Digest:
    """The digest of the file `name` by a list, sha512 rather than sha256; `what` names the list in messages.

    Raises FormatError for a list that has no such digest of that file, IntegrityError for one that has two.
    """
    names: set[str] = set()
    found: dict[str, Digest] = {}
    for file, digest in _lines(text.decode("utf-8", "replace")):
        names.add(file)
        if file == name and found.setdefault(digest.algorithm, digest) != digest:
            raise IntegrityError(
                f"{what} has two different digests of {name}", "fetch it again from a source you trust"
            )
    if not found:
        near = nearest(name, sorted(names))
        raise FormatError(
            f"{what} has no SHA512 or SHA256 of {name}",
            f"it has that of {near[0]}: see whether the two belong together"
            if near
            else "see whether it is the right list",
        )
    return found.get("sha512") or found["sha256"]


def _lines(text: str) -> Iterator[tuple[str, Digest]]:
    """The file and digest of each line; what is of other algorithms is passed over."""
    heading = ""
    for line in map(str.strip, text.splitlines()):
        if comment := _HEADING.match(line):
            heading = comment[1]
        elif bsd := _BSD.fullmatch(line):
            if len(bsd[3]) in _LENGTHS and _LENGTHS[len(bsd[3])] == _ALGORITHMS[bsd[1]]:
                yield _base(bsd[2]), Digest(_ALGORITHMS[bsd[1]], bsd[3].lower())
        elif plain := _COREUTILS.fullmatch(line):
            algorithm = _LENGTHS[len(plain[1])]
            if not heading or _ALGORITHMS.get(heading) == algorithm:
                yield _base(plain[2]), Digest(algorithm, plain[1].lower())


def _base(path: str) -> str:
    return path.rpartition("/")[2]
