"""What a recipe may say under `alpine:`."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from fromscratch.address import Address
from fromscratch.errors import FormatError
from fromscratch.formats.alpine.dependency import parse_dependency
from fromscratch.lazy_regex import lazy_regex

_REPOSITORY = lazy_regex(r"(?:@(?P<tag>[A-Za-z0-9_.-]+)\s+)?(?P<place>\S.*)")
_ADDRESS = lazy_regex(r"(?i:https?|file)://\S+")
_SCHEME = lazy_regex(r"[A-Za-z][A-Za-z0-9+.-]*://.*")
_NAME = lazy_regex(r"[A-Za-z0-9._+][A-Za-z0-9._+-]*")


class AlpineOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Packages of Alpine Linux, or of a distribution made like it, with what they depend on. Nothing of them is run."""

    packages: Annotated[
        list[str],
        Meta(
            description="what the root is to have, as in /etc/apk/world: names, such as busybox; jq=1.7.1-r0 or jq~1.7 "
            "for a version, jq@edge for a tagged repository, !mailcap for a package that must not be there"
        ),
    ]
    repositories: Annotated[
        list[str],
        Meta(
            description="addresses of repositories (http, https or file) or folders, each with a folder for every "
            'architecture, such as https://HOST/alpine/v3.20/main; "@edge https://HOST/alpine/edge/main" serves '
            "only what asks for its tag; those of this machine's own apk when left out"
        ),
    ] = []
    keys: Annotated[
        str | list[str],
        Meta(
            description="the public keys that may sign the indexes, files named as the signatures name them: files, "
            "folders of them, or https addresses; those of this machine's own apk when left out"
        ),
    ] = []
    unsigned: Annotated[bool, Meta(description="take an index without looking at its signature")] = False
    older: Annotated[bool, Meta(description="take an index that is older than one fetched before from there")] = False
    exclude: Annotated[
        list[str], Meta(description="packages that are never taken; a dependency on them counts as met")
    ] = []
    applets: Annotated[bool, Meta(description="link busybox's applets where no package has the name")] = True
    records: Annotated[
        bool, Meta(description="keep apk's database in /lib/apk/db and /etc/apk, for scanners and for apk itself")
    ] = True

    def __post_init__(self) -> None:
        if not any(not text.startswith("!") for text in self.packages):
            raise ValueError("packages: name at least one")
        for text in self.packages:
            try:
                parse_dependency(text)
            except FormatError as error:
                raise ValueError(f"packages: {error.message}: {error.hint}") from error
        for name in self.exclude:
            if not _NAME.fullmatch(name):
                raise ValueError(f"exclude: {name!r} is not the name of a package; write it without a version")
        self._check_names()
        tags = {parse_repository(line)[0] for line in self.repositories}
        for text in self.packages:
            tag = parse_dependency(text).tag
            if self.repositories and tag not in tags:
                raise ValueError(
                    f"packages: {text}: no repository has the tag {tag}; "
                    f'write one with it under repositories:, as in  "@{tag} https://HOST/alpine/edge/main"'
                    if tag
                    else "repositories: every one has a tag, so that only packages with a tag can be had; "
                    "write one without"
                )
        for key in listed(self.keys):
            if _SCHEME.fullmatch(key) and not key.lower().startswith(("https://", "file://")):
                raise ValueError(f"keys: {str(Address(key))!r} cannot be trusted; write an https address or a file")

    def _check_names(self) -> None:
        names = [parse_dependency(text).name for text in self.packages]
        for text, name in zip(self.packages, names, strict=True):
            if name in self.exclude and not text.startswith("!"):
                raise ValueError(f"packages: {text} is excluded too; take it out of one of the two lists")
            if names.count(name) > 1:
                raise ValueError(f"packages: {name} is there twice; apk takes one condition for each name")

    @property
    def is_of_folder(self) -> bool:
        """Whether a repository is named by a path that starts at the recipe."""
        places = (parse_repository(line)[1] for line in self.repositories)
        return any("://" not in place and not place.startswith("/") for place in places)

    def deciding(self) -> str:
        """The options that decide which packages are taken, as text."""
        return msgspec.json.encode(
            msgspec.structs.replace(self, applets=True, records=True), order="deterministic"
        ).decode()


def parse_repository(line: str) -> tuple[str, str]:
    """The tag and the place of a repository, as a line of /etc/apk/repositories has them. Raises ValueError."""
    found = _REPOSITORY.fullmatch(line.strip())
    place = found["place"] if found else ""
    if found is None or place.startswith("@") or (_SCHEME.fullmatch(place) and not _ADDRESS.fullmatch(place)):
        raise ValueError(
            f"repositories: {str(Address(line))!r} is not a repository; write it as https://HOST/alpine/v3.20/main, "
            'as a folder, or with a tag as "@edge https://HOST/alpine/edge/main"'
        )
    return found["tag"] or "", place


def listed(value: str | Sequence[str]) -> list[str]:
    """An option that may be one text or several."""
    return ([value] if value else []) if isinstance(value, str) else list(value)
