"""DER, the binary form of keys and certificates: X.690, 8.1."""

from collections.abc import Iterator


def items(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, content and whole of each item. Raises IndexError or ValueError for what is damaged."""
    position = 0
    while position < len(data):
        start, tag, length = position, data[position], data[position + 1]
        position += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[position : position + count], "big")
            position += count
        if position + length > len(data):
            raise ValueError("cut")
        yield tag, data[position : position + length], data[start : position + length]
        position += length
