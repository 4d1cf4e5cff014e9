"""Progress that keeps what is noted."""

from fromscratch.progress import Silent


class Notes(Silent):
    """`notes` are the lines, in order."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
