"""What a command reads: given as a whole, taken line by line or all at once by whoever reads it."""

from fromscratch.transforms.shell.values import Doubt


class Input:
    """What a descriptor reads from. Commands that share it each take what those before them have left."""

    def __init__(self, data: bytes | Doubt = b"") -> None:
        self.doubt = data if isinstance(data, Doubt) else None
        self._data = b"" if isinstance(data, Doubt) else data
        self._at = 0

    def line(self) -> bytes:
        """The next line with its newline; less at the end of input."""
        end = self._data.find(b"\n", self._at)
        end = len(self._data) if end < 0 else end + 1
        line = self._data[self._at : end]
        self._at = end
        return line

    def rest(self) -> bytes:
        """All that has not been read yet."""
        rest, self._at = self._data[self._at :], len(self._data)
        return rest
