"""What a recipe says under `certificates:`: authorities that the image's programs trust besides the usual ones."""

import base64
import re
from collections.abc import Iterable
from pathlib import Path
from textwrap import wrap
from typing import Annotated

from msgspec import Meta, Struct

from fromscratch import regular_file
from fromscratch.errors import FormatError, ImageError, UsageError
from fromscratch.formats.trust.x509 import certificates, subject_hash
from fromscratch.host.machine import lookup
from fromscratch.model.entry import Origin
from fromscratch.recipe.composition import GitPart
from fromscratch.recipe.folders import Project
from fromscratch.transforms.authorities import Authority
from fromscratch.transforms.layer_rules import BY_RECIPE

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_LONGEST = 1 << 20


class CertificateOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One certificate, or several in one file, in the form PEM."""

    source: Annotated[str | None, Meta(description="the file of the project; relative to the recipe")] = None
    content: Annotated[str | None, Meta(description="the certificate itself: -----BEGIN CERTIFICATE-----…")] = None
    name: Annotated[str, Meta(description="what its file is called in the image; as the source when left out")] = ""
    folder: Annotated[
        str | GitPart | None, Meta(description="where its source starts, if not at the recipe: that of its part")
    ] = None

    def __post_init__(self) -> None:
        if (self.source is None) == (self.content is None):
            raise ValueError("content: write one of source and content")
        if self.name and not _NAME.fullmatch(self.name):
            raise ValueError(f"name: {self.name!r} is not a name; write letters, digits, _, - and .")
        if self.content is not None:
            if not self.name:
                raise ValueError("name: a certificate that is written here needs one")
            try:
                _checked(self.content.encode())
            except FormatError as error:
                raise ValueError(f"content: {error.message}; {error.hint}") from error

    def authorities(self, project: Project, place: str) -> list[Authority]:
        """The certificates. Raises UsageError, or FormatError for other files."""
        origin = Origin(BY_RECIPE, "asked for", place)
        name = self.name or re.sub(r"[^A-Za-z0-9_.-]", "_", Path(self.source or "").stem) or "authority"
        try:
            found = _checked(self.pem(project, place))
        except FormatError as error:
            raise FormatError(f"{place}: {error.message}", error.hint) from error
        numbers = [""] if len(found) == 1 else [f"-{number}" for number in range(1, len(found) + 1)]
        return [Authority(name + number, der, _pem(der), origin) for number, der in zip(numbers, found, strict=True)]

    def pem(self, project: Project, place: str) -> bytes:
        """What is written here, or in the file. Raises UsageError."""
        if self.content is not None:
            return self.content.encode()
        path = lookup.file(project.within(self.folder), self.source or "", f"{place}: source")
        try:
            data = regular_file.read_bytes(path)
        except OSError as error:
            raise UsageError(f"{place}: cannot read {path}: {error.strerror}", "make it readable") from error
        if len(data) > _LONGEST:
            raise UsageError(f"{place}: {path} has {len(data)} bytes", "name a file with the few that are needed")
        return data


def _checked(pem: bytes) -> list[bytes]:
    """The certificates of a text. Raises FormatError for one without any, and for one with a private key in it."""
    if re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", pem):
        raise FormatError("there is a private key in it", "leave it out: whoever has the image would have it")
    found = certificates(pem)
    if not found:
        raise FormatError("there is no certificate in it", "write it in the form PEM, -----BEGIN CERTIFICATE-----")
    for der in found:
        subject_hash(der)
    return list(dict.fromkeys(found))


def _pem(der: bytes) -> bytes:
    lines = "\n".join(wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()


def authorities(options: Iterable[CertificateOptions], project: Project) -> list[Authority]:
    """The authorities of a recipe, each once. Raises ImageError for two of one name."""
    found: dict[bytes, Authority] = {}
    for index, each in enumerate(options):
        for authority in each.authorities(project, f"certificates[{index}]"):
            found.setdefault(authority.der, authority)
    names = [authority.name for authority in found.values()]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ImageError(f"certificates: two of them are called {twice}", "say name: for one of them")
    return list(found.values())
