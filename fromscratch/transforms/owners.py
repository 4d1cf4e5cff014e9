"""Owners by number or by the names of the image's own accounts."""

import re
from collections.abc import Mapping

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.formats.glibc.passwd import Account
from fromscratch.nearest import nearest

_FORM = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?(?::([A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?)?")
_MAX_ID = (1 << 32) - 2
_ROOT = Account(0, 0)


class Owner(Struct, frozen=True):
    """Numbers for user and group; None leaves what is there."""

    uid: int | None = None
    gid: int | None = None


def check_owner(text: str) -> None:
    """Raises ValueError for what cannot be an owner in any image."""
    if not text.strip(":") or not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is not an owner; write USER:GROUP, USER or :GROUP, by name or number")
    for word in text.split(":"):
        if word.isdigit() and (len(word) > len(str(_MAX_ID)) or int(word) > _MAX_ID):
            raise ValueError(f"{text!r} is not an owner: {word} is larger than {_MAX_ID}")


def owner_of(text: str, users: Mapping[str, Account], groups: Mapping[str, int]) -> Owner:
    """The numbers for `USER:GROUP`, `USER` or `:GROUP`.

    A user without a group brings its main group, and a number without an account is that of both, as in the
    `COPY --chown` of a Dockerfile. Raises UsageError for a name that the image does not have.
    """
    user, _, group = text.partition(":")
    gid = _group(group, groups) if group else None
    if not user:
        return Owner(gid=gid)
    if user.isdigit():
        number = int(user)
        main = next((account.gid for account in users.values() if account.uid == number), number)
        return Owner(number, main if gid is None else gid)
    account = users.get(user, _ROOT if user == "root" else None)
    if account is None:
        raise _unknown(user, users, "/etc/passwd", "users")
    return Owner(account.uid, account.gid if gid is None else gid)


def _group(group: str, groups: Mapping[str, int]) -> int:
    if group.isdigit():
        return int(group)
    number = groups.get(group, 0 if group == "root" else None)
    if number is None:
        raise _unknown(group, groups, "/etc/group", "groups")
    return number


def _unknown(name: str, known: Mapping[str, object], file: str, key: str) -> UsageError:
    near = nearest(name, known)
    guess = f"did you mean {near[0]!r}? Or " if near else ""
    return UsageError(
        f"owner: {file} of the image has no {name!r}", f"{guess}add it with accounts: {key}:, or write a number"
    )
