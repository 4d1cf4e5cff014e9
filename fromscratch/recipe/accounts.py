"""What a recipe says under `accounts:`: users and groups of the image."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from fromscratch.transforms.accounts import Group, User
from fromscratch.transforms.scripted.account_numbers import GivenNumbers

Id = Annotated[int, Meta(ge=0, le=4294967294)]
AccountName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*\$?$", max_length=32)]


# What shadow(5) allows: nothing, a locked one, $ID$…, BSDi's extended DES, DES.
_PASSWORD = r"|x|[*!][^:\s]*|\$[^$:\s]+\$[^:\s]+|_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13}"


class UserOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of /etc/passwd."""

    name: AccountName
    uid: Id
    gid: Annotated[Id | None, Meta(description="the main group; the uid's number when left out")] = None
    comment: str = ""
    home: str = "/"
    shell: str = "/sbin/nologin"
    password: Annotated[str, Meta(description='a crypt(5) hash; "*" lets nobody in by password')] = "*"
    create_home: bool = True

    def __post_init__(self) -> None:
        if not re.fullmatch(_PASSWORD, self.password):  # which is not shown: it may be a password in clear
            raise ValueError("password: not a crypt(5) hash, as `openssl passwd -6` makes one, nor '*' or '!'")
        for key in ("comment", "home", "shell"):
            if re.search(r"[:\n\r\0]", getattr(self, key)):
                raise ValueError(f"{key}: {getattr(self, key)!r} cannot stand in a line of /etc/passwd")
        for key in ("home", "shell"):
            if not getattr(self, key).startswith("/"):
                raise ValueError(f"{key}: {getattr(self, key)!r} must be an absolute path inside the image")

    def user(self) -> User:
        return User(
            name=self.name,
            uid=self.uid,
            gid=self.uid if self.gid is None else self.gid,
            comment=self.comment,
            home=self.home,
            shell=self.shell,
            password=self.password,
            create_home=self.create_home,
        )


class GroupOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of /etc/group."""

    name: AccountName
    gid: Id
    members: list[str] = []

    def group(self) -> Group:
        return Group(name=self.name, gid=self.gid, members=tuple(self.members))


class AccountsOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Users and groups to write into the image; root is added where it is missing, and locked if it has no password."""

    users: list[UserOptions] = []
    groups: list[GroupOptions] = []
    empty_passwords: Annotated[
        list[AccountName],
        Meta(description="accounts that may have an empty password; without, such an image is refused"),
    ] = []

    def numbers(self) -> GivenNumbers:
        """The numbers that packages whose scripts make these accounts have to use."""
        own = {user.name: user.uid for user in self.users if user.gid in (None, user.uid)}
        return GivenNumbers(
            {user.name: user.uid for user in self.users}, own | {group.name: group.gid for group in self.groups}
        )

    def __post_init__(self) -> None:
        for key, accounts in (("users", self.users), ("groups", self.groups)):
            names = [account.name for account in accounts]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{key}: {twice[0]!r} stands twice")
