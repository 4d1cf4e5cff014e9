"""What a recipe may say under `rpm:`."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from fromscratch.address import Address
from fromscratch.lazy_regex import lazy_regex

_ADDRESS = lazy_regex(r"(https?|file)://\S+")
_SCHEME = lazy_regex(r"[A-Za-z][A-Za-z0-9+.-]*:/.*")
_NAME = lazy_regex(r"[A-Za-z0-9][A-Za-z0-9._:+-]*")
_REQUEST = lazy_regex(r"(/[^\s\0]+|[^\s/@*?\[\]-][^\s@*?\[\]]*( *(<|<=|=|>=|>) *[^\s]+)?)")
_PRIORITY = 99

Keys = Annotated[
    str | list[str],
    Meta(description="files with the keys that may sign the packages or the metadata, relative to the recipe"),
]
Addresses = Annotated[
    str | list[str],
    Meta(
        description="the address of the folder that has repodata/ (http, https or file) or that folder itself, "
        "relative to the recipe, or several of the same repository, tried in order; $basearch and $releasever in it "
        "are filled in"
    ),
]


class Repository(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repository, by one of `url`, `mirrorlist` and `metalink`."""

    name: Annotated[str, Meta(description="what messages call it")] = ""
    url: Addresses = ""
    mirrorlist: Annotated[str, Meta(description="the address of a list of mirrors, one a line")] = ""
    metalink: Annotated[str, Meta(description="the address of a metalink, which has mirrors and a digest")] = ""
    keys: Keys = ""
    unsigned: Annotated[bool, Meta(description="take its packages and metadata without looking at signatures")] = False
    priority: Annotated[int, Meta(description="a package of a lower number hides those of a higher one", ge=1)] = (
        _PRIORITY
    )

    def __post_init__(self) -> None:
        given = [word for word in ("url", "mirrorlist", "metalink") if getattr(self, word)]
        if len(given) != 1:
            raise ValueError(
                f"repositories: one says {' and '.join(given) or 'no address'}; write one of url:, mirrorlist: "
                "and metalink:"
            )
        for place in listed(self.url):
            _check_place(place)
        for address in (self.mirrorlist, self.metalink):
            if address and not _ADDRESS.fullmatch(address):
                raise ValueError(f"repositories: {_not_an_address(address)}; write it as https://HOST/REPOSITORY")
        if self.name and not _NAME.fullmatch(self.name):
            raise ValueError(f"repositories: {self.name!r} is not a name; write one such as updates")


class RpmOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Packages of RPM repositories with what they depend on, from Fedora, RHEL-like or openSUSE. Nothing is run."""

    packages: Annotated[
        list[str],
        Meta(
            description="names, such as bash; jq-1.6-2 or jq.x86_64, jq >= 1.6, or a file such as /usr/bin/jq, "
            "for the package that has it"
        ),
    ]
    repositories: Annotated[
        list[str | Repository],
        Meta(
            description="where packages come from: addresses or folders, or more about them; this machine's own "
            "repositories, those of dnf or zypper, when left out"
        ),
    ] = []
    release: Annotated[str, Meta(description="what $releasever stands for, such as 42; by default this machine's")] = ""
    keys: Keys = ""
    unsigned: Annotated[bool, Meta(description="take packages and metadata without looking at signatures")] = False
    older: Annotated[bool, Meta(description="take metadata that is older than that fetched before from there")] = False
    modules: Annotated[
        list[str],
        Meta(description="streams of modules to enable, such as nodejs:18, beside the default ones"),
    ] = []
    recommends: Annotated[bool, Meta(description="take weak dependencies too, such as recommended packages")] = False
    exclude: Annotated[
        list[str], Meta(description="packages that are never taken; a dependency on them counts as met")
    ] = []
    docs: Annotated[bool, Meta(description="take documentation too; licences are always taken")] = True
    accounts: Annotated[bool, Meta(description="make the users and groups that packages declare")] = True
    records: Annotated[bool, Meta(description="keep RPM's database of what is installed, for scanners")] = True

    def __post_init__(self) -> None:
        if not self.packages:
            raise ValueError("packages: name at least one")
        for text in self.packages:
            if not _REQUEST.fullmatch(text):
                raise ValueError(_about_request(text))
        for name in self.exclude:
            if not _NAME.fullmatch(name):
                raise ValueError(f"exclude: {name!r} is not the name of a package")
        for repository in self.repositories:
            if isinstance(repository, str):
                _check_place(repository)
        for stream in self.modules:
            if stream.count(":") != 1 or not all(stream.split(":")):
                raise ValueError(f"modules: {stream!r} is not a stream; write it as nodejs:18")

    @property
    def is_of_folder(self) -> bool:
        """Whether a repository is named by a path that starts at the recipe."""
        urls = (one if isinstance(one, str) else one.url for one in self.repositories)
        return any("://" not in place and not place.startswith("/") for url in urls for place in listed(url))

    def deciding(self) -> str:
        """The options that decide which packages are taken, as text."""
        plain = msgspec.structs.replace(self, docs=True, accounts=True, records=True)
        return msgspec.json.encode(plain, order="deterministic").decode()


def listed(value: str | list[str]) -> list[str]:
    """An option that may be one text or several."""
    return ([value] if value else []) if isinstance(value, str) else list(value)


def _about_request(text: str) -> str:
    if text.startswith("@"):
        return f"packages: {text!r} is a group; groups are not read: name its packages"
    if any(mark in text for mark in "*?["):
        return f"packages: {text!r} is a pattern; name each package"
    return f"packages: {text!r} is not a package; write a name such as bash, or a file such as /usr/bin/bash"


def _check_place(place: str) -> None:
    if not place.strip() or (_SCHEME.fullmatch(place) and not _ADDRESS.fullmatch(place)):
        raise ValueError(
            f"repositories: {_not_an_address(place)}; write it as https://HOST/REPOSITORY, or as the folder that has "
            "repodata/"
        )


def _not_an_address(text: str) -> str:
    return f"{str(Address(text))!r} is not an address"
