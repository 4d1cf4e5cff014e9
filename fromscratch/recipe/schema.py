"""YAML → `Recipe`: what an image is made of, decoded straight into frozen types.

All faults are reported at once, each with file:line, the path of the key, what was expected, and
the nearest word that would have been right. The same types give the JSON Schema of the recipe.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from fromscratch import regular_file
from fromscratch.advice import Setting, advice
from fromscratch.checks.contract import Check
from fromscratch.errors import RecipeError, UsageError
from fromscratch.formats.yaml import decode
from fromscratch.formats.yaml import document as yaml
from fromscratch.formats.yaml.decode import Fault
from fromscratch.model.image import Platform
from fromscratch.model.reference import BUILD_NAME, slug
from fromscratch.nearest import nearest
from fromscratch.recipe.accounts import AccountsOptions
from fromscratch.recipe.certificates import CertificateOptions
from fromscratch.recipe.checks import CheckMode, CheckOptions, SmokeCheckOptions
from fromscratch.recipe.composition import Checkout, GitPart
from fromscratch.recipe.image import ImageOptions
from fromscratch.recipe.items import Item, SourceItem, items_of, without_shorthands
from fromscratch.recipe.paths import PathOptions
from fromscratch.recipe.reading import Reading, no_checkout
from fromscratch.recipe.variables import VariableOptions
from fromscratch.transforms import layer_rules
from fromscratch.transforms.layering import Rule
from fromscratch.transforms.trim import CATEGORIES as TRIM_CATEGORIES

LAST_SECOND = 253402300799  # of the year 9999: RFC 3339, in which an image's dates are written, has no later


class Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a recipe: unknown keys are faults."""


class BudgetOptions(Strict, frozen=True):
    """Layers by how seldom and how much changes, as many as pay."""

    budget: Annotated[int, Meta(description="the most layers that the image may have", ge=1, le=layer_rules.MOST)]


class _Body(Strict, frozen=True):
    """What recipes, their parts and their variants may say, but for `rootfs`."""

    name: Annotated[
        str,
        Meta(pattern=BUILD_NAME, max_length=100, description="names build/NAME/ and the image"),
    ] = ""
    trim: Annotated[list[str], Meta(description=f"globs, or {', '.join(TRIM_CATEGORIES)}")] = []
    accounts: AccountsOptions | None = None
    paths: Annotated[
        list[PathOptions], Meta(description="single paths to make, change or delete when everything else is there")
    ] = []
    certificates: Annotated[
        list[CertificateOptions], Meta(description="authorities that are trusted besides the usual ones")
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
        Literal["gzip", "zstd", "smallest", "fast", "none"],
        Meta(
            description="how the layers are packed; smallest is zstd at its level 22, fast is gzip whose digest "
            "may vary from one CPU to another"
        ),
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


Rootfs = Annotated[list[SourceItem], Meta(description="what the tree is made of, in order")]  # type: ignore[valid-type]
VariantName = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]


class Recipe(_Body, frozen=True, kw_only=True):
    """The whole recipe, with all its parts in it. `rootfs` is laid in order, each item over those before it."""

    rootfs: Rootfs

    def items(self) -> Iterator[Item]:
        """The items under `rootfs:`, each with the options of its kind."""
        return items_of(self.rootfs)


class Part(_Body, frozen=True, kw_only=True):
    """What a variant of a recipe says besides: all of this, and `rootfs` after that of the recipe."""

    rootfs: Rootfs | UnsetType = UNSET
    vars: Annotated[
        dict[str, VariableOptions | str | list[str]],
        Meta(description="variables by name; ${{NAME}} in a text stands for the value"),
    ] = {}
    extends: Annotated[str | GitPart | None, Meta(description="the recipe that this one starts from")] = None
    include: Annotated[
        str | GitPart | list[str | GitPart], Meta(description="parts to lay below: files, shipped recipes, of git")
    ] = []


class RecipeFile(Part, frozen=True, kw_only=True):
    """What a file may say: a recipe, or a part of one."""

    variants: Annotated[
        dict[VariantName, Part], Meta(description="what other images of the same recipe say besides, by name")
    ] = {}


def _valid(parse_text: Any, text: str, key: str) -> None:
    try:
        parse_text(text)
    except UsageError as error:
        raise ValueError(f"{key}: {error.message}; {error.hint}") from error


def load(
    path: Path, *, settings: Mapping[str, str] | None = None, variant: str = "", checkout: Checkout = no_checkout
) -> Recipe:
    """The recipe in a file; its name defaults to the file's. Raises RecipeError.

    `settings` are values for its variables, `variant` is the one of its variants that is meant, if it is one;
    `checkout` gives the files of repositories that it names.
    """
    try:
        text = regular_file.read_text(path)
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: this is not UTF-8 text", "save the recipe as UTF-8") from error
    except OSError as error:
        raise RecipeError(
            f"cannot read {path}: {error.strerror}", advice("name another with ", Setting("recipe", "FILE"))
        ) from error
    fallback = Path(os.path.realpath(path.parent)).name if path.stem == "fromscratch" else path.stem
    return parse(text, str(path), fallback, settings=settings, variant=variant, checkout=checkout)


def parse(
    text: str,
    source: str,
    fallback_name: str = "image",
    *,
    settings: Mapping[str, str] | None = None,
    variant: str = "",
    checkout: Checkout = no_checkout,
) -> Recipe:
    """The recipe in `text`. Raises RecipeError with every fault, each at its line of `source` or of the part."""
    reading = Reading(text, source, settings or {}, checkout)
    recipe = reading.recipe(variant, _decoded)
    name = recipe.name or slug(fallback_name, "image")
    return msgspec.structs.replace(recipe, name=f"{name}-{variant}" if variant else name)


def _decoded(document: yaml.Document) -> tuple[Recipe | None, list[Fault]]:
    """The recipe in a document that is put together, and what is wrong with it."""
    faults: list[Fault] = []
    value = without_shorthands(document.value, document, faults)
    has_root = isinstance(value, dict) and "rootfs" in value
    file, found = decode.decode(value, document, RecipeFile)
    faults += found
    if file is not None and not has_root:
        faults.append(Fault(document.lines.get((), 1), (), "the key 'rootfs' is missing"))
    if file is not None and not faults and not file.rootfs and not file.paths:
        text = "name at least one item; the list may be empty beside paths: alone"
        faults.append(Fault(document.lines.get(("rootfs",), 1), ("rootfs",), text))
    if faults or file is None or isinstance(file.rootfs, UnsetType):
        return None, faults
    return Recipe(**{name: getattr(file, name) for name in Recipe.__struct_fields__}), []


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a recipe's file, for editors."""
    made = _with_variables(msgspec.json.schema(RecipeFile))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "fromscratch recipe", **made}


_OF_VARIABLES = {"type": "string", "pattern": r"\$\{\{.+\}\}"}
_ABOUT = ("title", "description", "default")


def _with_variables(part: Any) -> Any:
    """The part of a schema in which a variable may stand wherever not every text may."""
    if isinstance(part, list):
        return [_with_variables(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {key: _with_variables(each) for key, each in part.items()}
    narrow = made.get("type") in ("integer", "number", "boolean", "array") or (
        made.get("type", "string") == "string" and ({"enum", "pattern"} & made.keys())
    )
    if not narrow or "properties" in made:
        return made
    about = {key: made.pop(key) for key in _ABOUT if key in made}
    return {"anyOf": [made, _OF_VARIABLES], **about}
