"""Ranges of ports, which recipes write out."""

import re

_MOST = 100


def port_numbers(text: str) -> list[str]:
    """The ports of a range such as 9000-9002/udp, one by one; anything else, or a large range, as it is."""
    found = re.fullmatch(r"(\d{1,5})-(\d{1,5})(/\w+)?", text)
    if found is None or not 0 <= int(found[2]) - int(found[1]) < _MOST:
        return [text]
    return [f"{port}{found[3] or ''}" for port in range(int(found[1]), int(found[2]) + 1)]
