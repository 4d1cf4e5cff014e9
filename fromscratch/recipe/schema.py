"""YAML → `Recipe`: what an image is made of, decoded straight into frozen types.

All faults are reported at once, each with file:line, the path of the key, what was expected, and
the nearest word that would have been right. The same types give the JSON Schema of the recipe.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from fromscratch import regular_file
from fromscratch.advice import Command, Setting, advice
from fromscratch.checks.contract import Check
from fromscratch.errors import FormatError, RecipeError, UsageError
from fromscratch.formats.yaml import decode
from fromscratch.formats.yaml import document as yaml
from fromscratch.formats.yaml.decode import Fault
from fromscratch.model.image import Platform
from fromscratch.model.reference import BUILD_NAME, slug
from fromscratch.nearest import nearest
from fromscratch.recipe.checks import CheckMode, CheckOptions, SmokeCheckOptions, kind_faults, written_out
from fromscratch.recipe.image import ImageOptions
from fromscratch.recipe.paths import PathOptions
from fromscratch.sources import catalogue
from fromscratch.transforms import layer_rules
from fromscratch.transforms.accounts import Group, User
from fromscratch.transforms.layering import Rule
from fromscratch.transforms.trim import CATEGORIES as TRIM_CATEGORIES

LAST_SECOND = 253402300799  # of the year 9999: RFC 3339, in which an image's dates are written, has no later


class Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a recipe: unknown keys are faults."""


Id = Annotated[int, Meta(ge=0, le=4294967294)]
AccountName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*\$?$", max_length=32)]


# What shadow(5) allows: nothing, a locked one, $ID$…, BSDi's extended DES, DES.
_PASSWORD = r"|x|[*!][^:\s]*|\$[^$:\s]+\$[^:\s]+|_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13}"


class UserOptions(Strict, frozen=True):
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


class GroupOptions(Strict, frozen=True):
    """A line of /etc/group."""

    name: AccountName
    gid: Id
    members: list[str] = []

    def group(self) -> Group:
        return Group(name=self.name, gid=self.gid, members=tuple(self.members))


class AccountsOptions(Strict, frozen=True):
    """Users and groups to write into the image; root is added where it is missing, and locked if it has no password."""

    users: list[UserOptions] = []
    groups: list[GroupOptions] = []
    empty_passwords: Annotated[
        list[AccountName],
        Meta(description="accounts that may have an empty password; without, such an image is refused"),
    ] = []

    def __post_init__(self) -> None:
        for key, accounts in (("users", self.users), ("groups", self.groups)):
            names = [account.name for account in accounts]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{key}: {twice[0]!r} stands twice")


class BudgetOptions(Strict, frozen=True):
    """Layers by how seldom and how much changes, as many as pay."""

    budget: Annotated[int, Meta(description="the most layers that the image may have", ge=1, le=layer_rules.MOST)]


class _Item(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    replace: Annotated[bool, Meta(description="let this item's files replace those of earlier items")] = False


# One optional field per kind of source, in the order of the alphabet.
_KINDS = dict(sorted(catalogue.kinds().items()))
_SourceItem = msgspec.defstruct(
    "SourceItem",
    [(word, kind.options | str | UnsetType, UNSET) for word, kind in _KINDS.items()],
    bases=(_Item,),
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
)


class Item(Struct, frozen=True):
    """One thing under `rootfs:`."""

    kind: str
    options: Struct
    replace: bool


class Recipe(Strict, frozen=True):
    """The whole recipe. `rootfs` is laid in order, each item over those before it."""

    rootfs: Annotated[list[_SourceItem], Meta(min_length=1, description="what the tree is made of, in order")]  # type: ignore[valid-type]
    name: Annotated[
        str,
        Meta(pattern=BUILD_NAME, max_length=100, description="names build/NAME/ and the image"),
    ] = ""
    trim: Annotated[list[str], Meta(description=f"globs, or {', '.join(TRIM_CATEGORIES)}")] = []
    accounts: AccountsOptions | None = None
    paths: Annotated[
        list[PathOptions], Meta(description="single paths to make, change or delete when everything else is there")
    ] = []
    image: ImageOptions = ImageOptions()
    checks: Annotated[
        list[SmokeCheckOptions | str],
        Meta(description="what the finished image is asked before it is packed; a text is the command of an exec"),
    ] = []
    platforms: Annotated[list[str], Meta(description="such as linux/arm64; this machine's when left out")] = []
    epoch: Annotated[
        Annotated[int, Meta(ge=0, le=LAST_SECOND)] | None,
        Meta(description="the one time of everything, in seconds since 1970"),
    ] = None
    times: Annotated[
        Literal["epoch", "clamp", "keep"],
        Meta(description="set every mtime to the epoch, only lower later ones, or keep them"),
    ] = "epoch"
    compression: Annotated[
        Literal["gzip", "zstd", "fast", "none"],
        Meta(description="how the layers are packed; fast is gzip whose digest may vary from one CPU to another"),
    ] = "gzip"
    layers: Annotated[
        Literal["one", "source", "package"] | BudgetOptions,
        Meta(description="one layer, one for each item of rootfs, one for each package, or {budget: N}: at most N"),
    ] = "one"
    check: Annotated[
        CheckMode | CheckOptions,
        Meta(description="what becomes of an image that a check refuses; off alone is {start: off}"),
    ] = CheckOptions()

    def __post_init__(self) -> None:
        for text in self.platforms:
            _valid(Platform.parse, text, "platforms")
        if len({str(Platform.parse(text)) for text in self.platforms}) < len(self.platforms):
            raise ValueError(f"platforms: one of {', '.join(self.platforms)} stands twice")
        for rule in self.trim:
            if not rule.startswith(("/", "*", "!")) and rule not in TRIM_CATEGORIES:
                near = next(iter(nearest(rule, TRIM_CATEGORIES)), None)
                guess = f"; did you mean {near!r}?" if near else f"; write one of {', '.join(TRIM_CATEGORIES)}"
                raise ValueError(f"trim: {rule!r} is not a category and no glob{guess}")
            if not rule.removeprefix("!").strip("/"):
                raise ValueError(f"trim: {rule!r} would be everything; write which part of it")

    def smoke_checks(self, folder: Path) -> tuple[Check, ...]:
        """What the image is asked; scripts lie in the recipe's folder."""
        options = [SmokeCheckOptions(exec=each) if isinstance(each, str) else each for each in self.checks]
        return tuple(each.check(folder) for each in options)

    @property
    def layer_rule(self) -> Rule:
        return self.layers.budget if isinstance(self.layers, BudgetOptions) else self.layers

    @property
    def start_check(self) -> CheckMode:
        return self.check.start if isinstance(self.check, CheckOptions) else self.check

    @property
    def smoke_check(self) -> CheckMode:
        return self.check.smoke if isinstance(self.check, CheckOptions) else "error"

    def items(self) -> Iterator[Item]:
        """The items under `rootfs:`, each with the options of its kind."""
        for item in self.rootfs:
            for word in _KINDS:
                options = getattr(item, word)
                if options is not UNSET:
                    yield Item(word, cast(Struct, options), item.replace)  # type: ignore[attr-defined]


def load(path: Path) -> Recipe:
    """The recipe in a file; its name defaults to the file's. Raises RecipeError."""
    try:
        text = regular_file.read_text(path)
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: this is not UTF-8 text", "save the recipe as UTF-8") from error
    except OSError as error:
        raise RecipeError(
            f"cannot read {path}: {error.strerror}", advice("name another with ", Setting("recipe", "FILE"))
        ) from error
    fallback = Path(os.path.realpath(path.parent)).name if path.stem == "fromscratch" else path.stem
    return parse(text, str(path), fallback)


def parse(text: str, source: str, fallback_name: str = "image") -> Recipe:
    """The recipe in `text`. Raises RecipeError with every fault, each at its line of `source`."""
    try:
        document = yaml.load(text, source)
    except FormatError as error:
        raise RecipeError(error.message, error.hint) from error
    faults = [Fault(line, path, "this key stands twice") for path, line in document.repeated]
    value = _without_shorthands(document.value, document, faults)
    recipe, found = decode.decode(value, document, Recipe)
    faults += found
    if faults or recipe is None:
        faults.sort(key=lambda fault: (fault.line, str(fault.path)))
        lines = [f"{source}:{fault.line}: {fault}" for fault in faults]
        raise RecipeError(
            "\n".join(dict.fromkeys(lines)),
            advice("fix the recipe; `", Command(("schema",)), "` prints what it may hold"),
            tuple(faults),
        )
    if not recipe.name:
        short_name = slug(fallback_name, "image")
        recipe = msgspec.structs.replace(recipe, name=short_name)
    return recipe


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a recipe, for editors."""
    made = msgspec.json.schema(Recipe)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "fromscratch recipe", **made}


def _valid(parse_text: Any, text: str, key: str) -> None:
    try:
        parse_text(text)
    except UsageError as error:
        raise ValueError(f"{key}: {error.message}; {error.hint}") from error


def _without_shorthands(value: Any, document: yaml.Document, faults: list[Fault]) -> Any:
    """The document with each `KIND: TEXT` written out, and items that name no kind, or two, as faults."""
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("checks"), list):
        value["checks"] = written_out(value["checks"])
        faults += kind_faults(value["checks"], document)
    if not isinstance(value.get("rootfs"), list):
        return value
    for index, item in enumerate(value["rootfs"]):
        if not isinstance(item, dict):
            continue
        present = [word for word in item if word in _KINDS]
        for word in present:
            if isinstance(item[word], str):
                item[word] = _KINDS[word].written_out(item[word])
            elif item[word] is None:
                item[word] = {}
        if len(present) != 1 and not set(item) - set(_KINDS) - {"replace"}:
            path = ("rootfs", index)
            found = " and ".join(present) or "none"
            text = f"an item names one kind of source, one of {', '.join(_KINDS)}; found {found}"
            faults.append(Fault(document.lines.get(path, 1), path, text))
    return value
