"""A declaration of another tool into a recipe: recognised by its content, read, and checked as every recipe is."""

from fromscratch.errors import UsageError
from fromscratch.formats.yaml import writing
from fromscratch.recipe.foreign.catalogue import FORMS
from fromscratch.recipe.foreign.contract import Converted, Form, LeftOut, Surroundings
from fromscratch.recipe.variables import escaped

_MOST = 200  # lines of the declaration that the head of the recipe quotes; there is the whole list on standard error


def convert(text: str, surroundings: Surroundings) -> Converted:
    """The recipe that says the same, and every line of the declaration that it does not say.

    Raises UsageError for a text of no known form, and ImageError for one of which nothing can become a recipe.
    """
    form = recognised(text, surroundings.name)
    if form is None:
        forms = "; ".join(each.title for each in FORMS)
        raise UsageError(f"{surroundings.name}: this is not a declaration that is known", f"these are read: {forms}")
    draft, entries = form.reader(text, surroundings)
    _, value = draft.valid(surroundings.name)
    left_out = tuple(sorted(set(entries())))
    return Converted(form.title, _head(form, surroundings.name, left_out) + _spaced(escaped(value)), left_out)


def recognised(text: str, name: str) -> Form | None:
    """The form of a declaration."""
    return next((form for form in FORMS if form.recognises(name, text)), None)


def _spaced(value: dict[str, object]) -> str:
    """The recipe with a blank line before each key that holds more than a word."""
    parts: list[str] = []
    for key, item in value.items():
        part = writing.written({key: item})
        parts.append(("\n" if "\n" in part.rstrip("\n") and parts else "") + part)
    return "".join(parts)


def _head(form: Form, name: str, left_out: tuple[LeftOut, ...]) -> str:
    lost = [each for each in left_out if not each.remark]
    lines = [f"Made of {_shown(name)}, {form.title}."]
    lines += _listed("Not carried over, by its lines:", lost)
    lines += _listed("Said in another way:", [each for each in left_out if each.remark])
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n"


def _listed(head: str, entries: list[LeftOut]) -> list[str]:
    more = [f"  and {len(entries) - _MOST} more"] if len(entries) > _MOST else []
    return [head, *(f"  {_shown(str(each))}" for each in entries[:_MOST]), *more] if entries else []


def _shown(text: str) -> str:
    """A text as it can stand in a comment."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
