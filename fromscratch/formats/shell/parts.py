"""The parts of a word while it is read."""

from fromscratch.formats.shell.syntax import Part, Text


class Parts:
    """Parts that are being read; pieces of text that follow each other are one part."""

    def __init__(self) -> None:
        self._found: list[Part] = []
        self._pieces: list[str] = []
        self._quoted = False

    def add(self, part: Part) -> None:
        """Put a part behind the others."""
        if not isinstance(part, Text):
            self._finish_text()
            self._found.append(part)
            return
        if part.quoted != self._quoted:
            self._finish_text()
            self._quoted = part.quoted
        self._pieces.append(part.text)

    def finished(self) -> list[Part]:
        """All parts."""
        self._finish_text()
        return self._found

    def _finish_text(self) -> None:
        if self._pieces:
            self._found.append(Text("".join(self._pieces), self._quoted))
            self._pieces = []
