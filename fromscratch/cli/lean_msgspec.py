"""Loading msgspec without a package that it can do without, and that takes a quarter of its time to load.

msgspec tries typing_extensions first and takes the same names from typing where that is missing, which has them all
since Python 3.11. typing_extensions loads inspect, ast, dis and tokenize: as much as Python itself takes to start.
"""

import sys
from typing import cast

_LEFT_OUT = "typing_extensions"


def load() -> None:
    """Load msgspec before any other module does. Only for the command, whose process nobody else's code shares."""
    if _LEFT_OUT in sys.modules:
        return
    cast(dict[str, object], sys.modules)[_LEFT_OUT] = None  # the language's own way to say that it is missing
    try:
        __import__("msgspec")
    finally:
        del sys.modules[_LEFT_OUT]  # whoever needs it later, such as a library for downloads, gets it
