"""slim.yaml, which `slim` writes and reads: the image, the traces and the options that a small image is made by."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from fromscratch import regular_file
from fromscratch.errors import FormatError, RecipeError, UsageError
from fromscratch.formats.yaml import decode
from fromscratch.formats.yaml import document as yaml
from fromscratch.formats.yaml.decode import Fault
from fromscratch.model.image import Platform
from fromscratch.model.reference import BUILD_NAME
from fromscratch.recipe.checks import SmokeCheckOptions, kind_faults, written_out

_HEAD = """\
# How this small image is made, written by fromscratch. Commit it together with the trace, which is named from here;
# slim, called with this file in place of an image, makes the image of the same digest again; told to record, it makes
# the checks anew, for another version of the full image.
"""


class SlimRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`image` is named as on the command line, relative to the folder of the call; `traces` relative to this file."""

    name: Annotated[str, Meta(pattern=BUILD_NAME)] = ""
    image: Annotated[str, Meta(min_length=1)]
    digest: Annotated[str, Meta(description="of the image's manifest: another image is refused")] = ""
    platform: str = ""
    traces: Annotated[list[str], Meta(min_length=1)]
    checks: Annotated[list[SmokeCheckOptions], Meta(description="what the image is used by while it is recorded")] = []
    keep: list[str] = []
    keep_packages: list[str] = []
    drop: list[str] = []
    exclude: list[str] = []
    package_records: bool = True
    any_image: bool = False
    split: Annotated[bool, Meta(description="keep all files, those that were not used in a layer of their own")] = False

    def __post_init__(self) -> None:
        if self.platform:
            try:
                Platform.parse(self.platform)
            except UsageError as error:
                raise ValueError(f"platform: {error.message}; {error.hint}") from error


def load(path: Path) -> SlimRecipe:
    """The recipe in a file. Raises RecipeError with every fault, each at its line."""
    try:
        document = yaml.load(regular_file.read_text(path), str(path))
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: this is not UTF-8 text", "save it as UTF-8") from error
    except OSError as error:
        raise RecipeError(f"cannot read {path}: {error.strerror}", "see whether the path is right") from error
    except FormatError as error:
        raise RecipeError(error.message, error.hint) from error
    faults = [Fault(line, place, "this key stands twice") for place, line in document.repeated]
    if isinstance(document.value, dict) and isinstance(document.value.get("checks"), list):
        document.value["checks"] = written_out(document.value["checks"])
        faults += kind_faults(document.value["checks"], document)
    recipe, found = decode.decode(document.value, document, SlimRecipe)
    faults += found
    if faults or recipe is None:
        faults.sort(key=lambda fault: (fault.line, str(fault.path)))
        lines = dict.fromkeys(f"{path}:{fault.line}: {fault}" for fault in faults)
        raise RecipeError("\n".join(lines), "fix it, or let slim write a new one")
    return recipe


def together(recipe: SlimRecipe, more: SlimRecipe) -> SlimRecipe:
    """A recipe with what a call says besides: further traces and globs, and another name."""
    lists = ("traces", "keep", "keep_packages", "drop", "exclude")
    joined = {key: list(dict.fromkeys((*getattr(recipe, key), *getattr(more, key)))) for key in lists}
    return msgspec.structs.replace(
        recipe,
        name=more.name or recipe.name,
        package_records=recipe.package_records and more.package_records,
        any_image=recipe.any_image or more.any_image,
        split=recipe.split or more.split,
        **joined,
    )


def text(recipe: SlimRecipe) -> str:
    """The file's text: `load` gives the same recipe. Raises RecipeError for words that are not UTF-8."""
    try:
        return _HEAD + "".join(_lines(recipe))
    except UnicodeEncodeError as error:
        raise RecipeError("an option holds a name that is not UTF-8, as a recipe is", "use a glob for it") from error


def _lines(recipe: SlimRecipe) -> Iterator[str]:
    for field in msgspec.structs.fields(SlimRecipe):
        value = getattr(recipe, field.name)
        if value == field.default or (isinstance(value, list) and not value):
            continue
        # JSON is YAML too, and quotes whatever means something there.
        yield f"{field.name}: {msgspec.json.encode(value).decode()}\n"
