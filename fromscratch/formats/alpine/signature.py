"""Signatures on Alpine indexes, made with the key that their name has: .SIGN.RSA.alpine-devel@….rsa.pub."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from fromscratch.errors import IntegrityError
from fromscratch.formats.alpine.segments import SIGNATURE, Segment
from fromscratch.formats.trust.rsa import Hash, public_key, verifies
from fromscratch.nearest import nearest
from fromscratch.regular_file import open_buffered

_ALGORITHMS: dict[str, Hash] = {"RSA": "sha1", "RSA256": "sha256", "RSA512": "sha512"}
_CHUNK = 1 << 20


def check_signature(path: Path, first: Segment, keys: Mapping[str, bytes], what: str) -> str:
    """The name of the key that signed the file, whose first segment this is.

    `keys` are PEM files by their names, without folder: apk finds a key by the name that a signature has. Raises
    IntegrityError for a file that no given key signed, and FormatError for a key that cannot be used.
    """
    if not first.is_signature:
        raise IntegrityError(
            f"{what} is not signed", "use another mirror, or say  unsigned: true  if you trust this one"
        )
    signatures = dict(_signatures(first))
    for key, (algorithm, signature) in signatures.items():
        if key in keys:
            if verifies(
                public_key(keys[key], f"the key {key}"), signature, algorithm, _digest(path, first.end, algorithm)
            ):
                return key
            raise IntegrityError(
                f"{what} has a wrong signature by {key}",
                "the file was changed, or this is another key of that name: fetch again, or use another mirror",
            )
    signers = ", ".join(signatures) or "a kind of key that is not known"
    known = f"the keys given are {', '.join(sorted(keys))}" if keys else "no key is given"
    near = [likely for signer in signatures for likely in nearest(signer, keys)]
    hint = f"{known}; put the key into the folder of keys under the very name that the signature has"
    raise IntegrityError(
        f"{what} is signed by {signers}, which is not trusted", f"{hint} (near: {near[0]})" if near else hint
    )


def _signatures(first: Segment) -> "list[tuple[str, tuple[Hash, bytes]]]":
    found = []
    for name, signature in first.files.items():
        kind, _, key = name.removeprefix(SIGNATURE).partition(".")
        if name.startswith(SIGNATURE) and kind in _ALGORITHMS and key:
            found.append((key, (_ALGORITHMS[kind], signature)))
    return found


def _digest(path: Path, start: int, algorithm: Hash) -> bytes:
    hasher = hashlib.new(algorithm, usedforsecurity=algorithm != "sha1")
    with open_buffered(path) as stream:
        stream.seek(start)
        while piece := stream.read(_CHUNK):
            hasher.update(piece)
    return hasher.digest()
