"""The alternatives that a script of a package would register: update-alternatives(1), --install.

The script is read, not run: only commands whose words stand there as they are count; one with a
variable in it is passed over.
"""

import re
import shlex
from collections.abc import Iterator, Sequence

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex

_COMMAND = lazy_regex(
    r"(?:^|[;&|({]|\b(?:then|else|do))[ \t]*(?:/(?:usr/)?s?bin/)?(?:update-)?alternatives[ \t]+([^;&|\n]*)",
    re.MULTILINE,
)
_FLAGS = {"--quiet", "--force", "--skip-auto", "--verbose"}
_OPEN = set("$`*?{}<>")


class Choice(Struct, frozen=True):
    """`link` points to `path` when this is the choice for `name`; all three absolute, but the name."""

    link: str
    name: str
    path: str


class Alternative(Struct, frozen=True):
    """What one --install asks for. `followers` (slave links) go with the choice of `master`."""

    master: Choice
    priority: int
    followers: tuple[Choice, ...] = ()


def alternatives(script: str) -> Iterator[Alternative]:
    """Every alternative that the script registers in plain words, in its order."""
    joined = script.replace("\\\n", " ")
    for found in _COMMAND.finditer(joined):
        try:
            words = [word for word in shlex.split(found[1], comments=True) if word not in _FLAGS]
        except ValueError:
            continue  # a quote that ends in another line: no plain words
        if len(words) < 5 or words[0] != "--install" or any(_OPEN & set(word) for word in words):
            continue
        followers = tuple(_followers(words[5:]))
        number = re.fullmatch(r"-?[0-9]{1,9}", words[4])
        master = Choice(words[1], words[2], words[3])
        if number and all(map(_is_sound, (master, *followers))):
            yield Alternative(master, int(words[4]), followers)


def _followers(words: Sequence[str]) -> Iterator[Choice]:
    for start in range(0, len(words) - 3, 4):
        if words[start] in ("--slave", "--follower"):
            yield Choice(*words[start + 1 : start + 4])


def _is_sound(choice: Choice) -> bool:
    absolute = all(path.startswith("/") and "/../" not in f"{path}/" for path in (choice.link, choice.path))
    return absolute and re.fullmatch(r"[A-Za-z0-9_.+\[-]+", choice.name) is not None and choice.name not in (".", "..")
