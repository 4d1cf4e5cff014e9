"""What an image says of itself: the keys of image-spec/annotations.md, "Pre-Defined Annotation Keys".

They are written once in the recipe, and end both as annotations of the manifest (and of an image
index), where registries look, and as labels of the configuration, where engines and scanners do.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.model.reference import Reference, full_repository
from fromscratch.sources.contract import Base

_PREFIX = "org.opencontainers.image."
_GIT = "git"
_URLS = ("url", "documentation", "source")


class AboutOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the image is and where it comes from, in annotations and labels of org.opencontainers.image."""

    title: Annotated[str, Meta(description="the image's name for people")] = ""
    description: Annotated[str, Meta(description="what is in it")] = ""
    version: Annotated[str, Meta(description="the version of what is in it")] = ""
    revision: Annotated[str, Meta(description="the commit it is made of; git: the one checked out at the recipe")] = ""
    source: Annotated[str, Meta(description="URL of the source; git: of the remote origin of the recipe's folder")] = ""
    url: Annotated[str, Meta(description="URL of a page about it")] = ""
    documentation: Annotated[str, Meta(description="URL of its documentation")] = ""
    vendor: Annotated[str, Meta(description="who distributes it")] = ""
    licenses: Annotated[str, Meta(description="SPDX expression, such as MIT AND GPL-2.0-only")] = ""
    base: Annotated[str, Meta(description="the image that its root was taken from, as NAME:TAG@sha256:…")] = ""

    def __post_init__(self) -> None:
        for key in _URLS:
            value = getattr(self, key)
            if value and "://" not in value and (key, value) != ("source", _GIT):
                raise ValueError(f"{key}: {value!r} is not a URL; write it as https://…")
        if self.base:
            try:
                Reference.parse(self.base)
            except UsageError as error:
                raise ValueError(f"base: {error.message}; {error.hint}") from error


def settled(options: AboutOptions, folder: Path, output: Path) -> AboutOptions:
    """The same with what `git` stands for in the recipe's folder. Raises UsageError where git knows nothing."""
    if _GIT not in (options.revision, options.source):
        return options
    from fromscratch.host.machine import git

    return replace(
        options,
        revision=git.commit(folder, output) if options.revision == _GIT else options.revision,
        source=git.origin(folder) if options.source == _GIT else options.source,
    )


def annotations_of(options: AboutOptions | None, *, authors: str, created: int) -> Mapping[str, str]:
    """The keys and what they say; nothing if the recipe says nothing."""
    if options is None:
        return {}
    from fromscratch.formats.oci.config import timestamp

    words: dict[str, str] = {name: getattr(options, name) for name in options.__struct_fields__ if name != "base"}
    # An image without an epoch has the date 1970, which says nothing.
    words.update(authors=authors, created=timestamp(created) if created else "")
    found = {_PREFIX + name: value for name, value in sorted(words.items()) if value}
    base = Reference.parse(options.base) if options.base else None
    return {**(_of_base(base, base.digest) if base else {}), **found}


def base_annotations(base: Base | None) -> Mapping[str, str]:
    """The same of the image that a tree was taken from."""
    if base is None:
        return {}
    return _of_base(base.reference, base.digest)


def _of_base(base: Reference | None, digest: Digest | None) -> Mapping[str, str]:
    found = {f"{_PREFIX}base.digest": str(digest)} if digest else {}
    if base is None:
        return found
    return {f"{_PREFIX}base.name": full_repository(base) + (f":{base.tag}" if base.tag else ""), **found}
