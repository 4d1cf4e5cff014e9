"""What a system says of itself in os-release(5)."""

from msgspec import Struct

from fromscratch.paths import decode

PLACES = ("/etc/os-release", "/usr/lib/os-release")


class OsRelease(Struct, frozen=True):
    """A distribution's ID, the number of its release and the release's name; what is not said is empty."""

    name: str = ""
    version: str = ""
    codename: str = ""

    def __str__(self) -> str:
        words = [self.name, self.version, f"({self.codename})" if self.codename else ""]
        return " ".join(word for word in words if word)


def read(raw: bytes) -> OsRelease:
    """The release that a file of this kind names. Lines are `NAME=VALUE`, as in a shell, perhaps in quotes."""
    fields: dict[str, str] = {}
    for line in decode(raw).split("\n"):
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            fields[name] = value.strip("\"'") if value.isprintable() else ""
    return OsRelease(fields.get("ID", ""), fields.get("VERSION_ID", ""), fields.get("VERSION_CODENAME", ""))
