"""What a recipe may say under `tarball:`."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.transforms.placement import check_paths, parse_modes, parse_owner

_SCHEMES = ("https://", "http://", "file://")


class TarballOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A root filesystem as a tar archive, plain or in gzip, xz, lzma, bzip2, zstd, lz4 or lzip.

    Give `path`, `url` with what it is verified by, or `latest`.
    """

    path: Annotated[str, Meta(description="a file of this machine; relative to the recipe")] = ""
    url: Annotated[str, Meta(description="where to download it from; needs sha256, sha512, signature or digests")] = ""
    latest: Annotated[
        str,
        Meta(
            description="the address of a pointer to the newest archive, as Gentoo publishes them: "
            "https://HOST/releases/amd64/autobuilds/latest-stage3-amd64-openrc.txt"
        ),
    ] = ""
    sha256: Annotated[str, Meta(description="the digest of the file, as it is downloaded")] = ""
    sha512: Annotated[str, Meta(description="the same by SHA-512")] = ""
    signature: Annotated[
        str,
        Meta(
            description="the address, or the file relative to the recipe, of a detached OpenPGP signature of "
            "the archive, or of the list under digests:; needs keyring"
        ),
    ] = ""
    digests: Annotated[
        str,
        Meta(
            description="the address or file of a list of digests that has the archive, such as SHA256SUMS or DIGESTS; "
            "signed in itself, or by signature:; needs keyring"
        ),
    ] = ""
    keyring: Annotated[
        str | list[str], Meta(description="files with the keys that may sign, relative to the recipe, armored or not")
    ] = ""
    unsigned: Annotated[bool, Meta(description="take what latest: names without looking at its signatures")] = False
    older: Annotated[bool, Meta(description="take an archive that is older than one that latest: named before")] = False
    strip: Annotated[int, Meta(description="how many leading folders to take off every name", ge=0)] = 0
    owner: Annotated[str, Meta(description='"keep", or UID:GID for everything, such as "0:0"')] = "keep"
    include: Annotated[list[str], Meta(description="globs of the only paths inside the archive to take")] = []
    exclude: Annotated[list[str], Meta(description="globs of paths inside the archive to leave out")] = []
    into: Annotated[str, Meta(description="where in the image the archive's root lands")] = "/"
    modes: Annotated[dict[str, str], Meta(description="octal modes for paths inside the archive")] = {}

    def __post_init__(self) -> None:
        self._check_place()
        self._check_digest("sha256", self.sha256)
        self._check_digest("sha512", self.sha512)
        self._check_signature()
        parse_owner(self.owner)
        parse_modes(self.modes)
        check_paths("include", self.include)
        check_paths("exclude", self.exclude)
        if self.into != "/":
            check_paths("into", [self.into])

    def _check_place(self) -> None:
        given = [key for key in ("path", "url", "latest") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError(
                "write one of path:, url: and latest:, not "
                + (" and ".join(map("{}:".format, given)) or "none of them")
            )
        for key in ("url", "latest"):
            address = getattr(self, key)
            if address and not is_address(address):
                raise ValueError(f"{key}: {str(Address(address))!r} is not an address; write it as https://HOST/FILE")
        if self.url and not (self.sha256 or self.sha512 or self.signature or self.digests):
            raise ValueError(
                "a url needs a sha256 (or sha512, signature or digests), so that the same recipe gives the same image; "
                f"write what this says: curl -L {Address(self.url)} | sha256sum"
            )

    def _check_digest(self, key: str, text: str) -> None:
        if not text:
            return
        try:
            digest = Digest.parse(text if ":" in text else f"{key}:{text}")
        except FormatError as error:
            raise ValueError(f"{key}: {text!r} is not a digest; write what {key}sum prints") from error
        if digest.algorithm != key:
            raise ValueError(f"{key}: {text!r} is of another kind; write what {key}sum prints")

    def _check_signature(self) -> None:
        if self.latest and (self.sha256 or self.sha512 or self.signature or self.digests):
            raise ValueError("latest: finds the digest and the signature itself; for a fixed archive, write its url:")
        if (self.unsigned or self.older) and not self.latest:
            raise ValueError("unsigned: and older: are for latest: only")
        if (self.signature or self.digests) and not self.keyring:
            raise ValueError("keyring: name the file with the keys that may sign, as in  keyring: release-keys.asc")
        if self.keyring and not (self.signature or self.digests or self.latest):
            raise ValueError("keyring: there is nothing that its keys have signed; write signature: or digests: too")

    def expected(self) -> list[Digest]:
        """The digests that the recipe gives, the strongest last."""
        given = (("sha256", self.sha256), ("sha512", self.sha512))
        return [Digest.parse(text if ":" in text else f"{key}:{text}") for key, text in given if text]

    def keyrings(self) -> Sequence[str]:
        return [self.keyring] if isinstance(self.keyring, str) and self.keyring else list(self.keyring)


def is_address(text: str) -> bool:
    return text.lower().startswith(_SCHEMES)
