"""Image names, as the tools of the field write them.

`[HOST[:PORT]/]PATH[:TAG][@DIGEST]`: the grammar of the distribution specification and of docker's
reference package. A name without a tag means `latest`.
"""

import re

from msgspec import Struct

from fromscratch.advice import Setting, advice
from fromscratch.digest import Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.lazy_regex import lazy_regex

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[[0-9a-fA-F:]+\]|[A-Za-z0-9-]+(?=:[0-9]))(?::[0-9]+)?"
_REFERENCE = lazy_regex(
    rf"(?:(?P<host>{_HOST})/)?(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-f]{32,}))?"
)
_LONGEST = 383
_DEFAULT_HOST, _DEFAULT_FOLDER = "docker.io", "library"
# NAME:PASSWORD@ before a host is not valid there, and must not appear in the message.
_LOGIN = lazy_regex(r"(?:(?<=://)|^)[^/@]*:[^/@]*@(?![a-z0-9]+:[0-9a-f]{32})")


class Reference(Struct, frozen=True):
    """The name of an image. `host` is empty for the engine's default registry."""

    host: str
    path: str
    tag: str
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Raises UsageError, saying what a name looks like."""
        if len(text) > _LONGEST:  # untrusted text of any length: it is neither shown nor matched
            raise UsageError(f"a text of {len(text)} characters is not an image name", f"a name has {_LONGEST} at most")
        found = _REFERENCE.fullmatch(text)
        if not found and (address := re.match(r"https?://", text)):
            raise UsageError(
                f"{without_login(text)!r} is an address, not an image name",
                advice(
                    f"leave out {address[0]}: registries are asked by https, or without TLS if ",
                    Setting("plain_http"),
                    " says so",
                ),
            )
        if not found:
            raise UsageError(
                f"{without_login(text)!r} is not an image name",
                "a name is like hello, hello:1.0 or registry.example:5000/team/hello:1.0, in lower case",
            )
        digest = _digest(found["digest"]) if found["digest"] else None
        return cls(found["host"] or "", found["path"], found["tag"] or ("" if digest else "latest"), digest)

    @property
    def repository(self) -> str:
        """The name without tag and digest."""
        return f"{self.host}/{self.path}" if self.host else self.path

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def without_login(text: str) -> str:
    """A name as it may be shown: without NAME:PASSWORD@ before its host, which no name can have."""
    return _LOGIN.sub("", text)


BUILD_NAME = r"^[a-z0-9]+([._-][a-z0-9]+)*$"
"""The pattern of a build's name, which is that of its folder and of its image."""


def slug(text: str, fallback: str) -> str:
    """`text` as a name of lower-case letters, digits and single hyphens; the fallback if nothing of it remains."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or fallback


def full_name(name: Reference) -> str:
    """The name with nothing left to a default: docker.io/library/hello:latest."""
    return f"{full_repository(name)}:{name.tag}"


def full_repository(name: Reference) -> str:
    """The same without its tag."""
    if name.host:
        return name.repository
    folder = "" if "/" in name.path else f"{_DEFAULT_FOLDER}/"
    return f"{_DEFAULT_HOST}/{folder}{name.path}"


def full_form(text: str) -> str:
    """The same of a text; one that is not a name, as it is."""
    try:
        return full_name(Reference.parse(text))
    except UsageError:
        return text


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except FormatError as error:
        raise UsageError(error.message, error.hint) from error
