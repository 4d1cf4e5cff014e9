"""Templates of debconf: the questions of a package, with their kinds and defaults; debconf-devel(7)."""

from collections.abc import Iterator

from msgspec import Struct


class Template(Struct, frozen=True):
    """`fields` are those of one template by their names in small letters, as far as they are in English."""

    name: str
    fields: dict[str, str]

    @property
    def kind(self) -> str:
        return self.fields.get("type", "string")

    @property
    def default(self) -> str:
        return self.fields.get("default", "")

    @property
    def choices(self) -> list[str]:
        """The values that a `select` may have."""
        text = self.fields.get("choices-c") or self.fields.get("choices", "")
        return split_choices(text)


def split_choices(text: str) -> list[str]:
    """A list with commas, where a comma after a backslash does not divide."""
    found = [""]
    escaped = False
    for char in text:
        if escaped:
            found[-1] += char if char in ", " else f"\\{char}"
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            found.append("")
        else:
            found[-1] += char
    return [each.strip() for each in found if each.strip()]


def templates(text: str) -> Iterator[Template]:
    """The templates of a file. What is not a field is passed over, as debconf's own readers differ there."""
    fields: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if "template" in fields:
                yield Template(fields["template"], fields)
            fields, last = {}, ""
        elif line[0] in " \t":
            if last in fields:
                fields[last] += "\n" + ("" if line.strip() == "." else line.strip())
        elif not line.startswith("#"):
            name, colon, value = line.partition(":")
            last = name.strip().lower() if colon else ""
            if last:
                fields[last] = value.strip()
