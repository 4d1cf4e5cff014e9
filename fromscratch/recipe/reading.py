"""A recipe read out of its file and the parts that it names, with its variables, as one of its variants."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from fromscratch.advice import Advice, Command, Setting, advice
from fromscratch.errors import NotFetched, RecipeError, UsageError
from fromscratch.formats.yaml.decode import Fault
from fromscratch.formats.yaml.document import Document
from fromscratch.lazy_regex import lazy_regex
from fromscratch.nearest import nearest
from fromscratch.recipe.composition import Checkout, Composer, Origin
from fromscratch.recipe.merging import merged
from fromscratch.recipe.nodes import Located, Node, fault, whole
from fromscratch.recipe.variables import Substitution, variables

T = TypeVar("T")
_MOST_VARIANTS = 100
_VARIANT = lazy_regex(r"[a-z0-9]+(-[a-z0-9]+)*")


def no_checkout(url: str, _commit: str) -> Path:
    """For recipes that name no repositories. Raises NotFetched."""
    raise NotFetched(f"{url} is not here", "load the recipe with a function that brings repositories")


class Reading:
    """One recipe that is being read. Raises RecipeError for what is wrong with all of it, every fault at once."""

    def __init__(self, text: str, source: str, settings: Mapping[str, str], checkout: Checkout) -> None:
        file = Path(os.path.realpath(source))
        composer = Composer(Path(os.path.realpath(file.parent)), checkout)
        origin = Origin(file, source)
        self.source, self.settings = source, settings
        self.top = composer.composed(composer.read(text, origin), origin, (str(file),))
        self.faults = composer.faults
        self._lacks_parts = bool(self.faults)

    def recipe(self, variant: str, decode: Callable[[Document], tuple[T | None, list[Fault]]]) -> T:
        """The recipe itself, or this variant of it; the other variants are looked at for faults too.

        Raises UsageError for a variant, or a variable that is set, which the recipe does not have.
        """
        bodies = self.variants()
        if variant and variant not in bodies:
            near = nearest(variant, bodies)
            known = f"it has {', '.join(bodies)}" if bodies else "it has none: name them under variants:"
            raise UsageError(
                f"the recipe {self.source} has no variant {variant!r}", f"did you mean {near[0]}?" if near else known
            )
        plain = self.top.without("variants")
        tops = {"": plain, **{name: merged(plain, body) for name, body in bodies.items()}}
        chosen: T | None = None
        missing: tuple[str, ...] = ()
        for name, top in tops.items():
            found, lacking = self._read(top, decode, is_chosen=name == variant)
            if name == variant:
                chosen, missing = found, lacking
        if missing:
            raise self._without_value(missing)
        if self.faults or chosen is None:
            raise _refused(self.faults, self.source)
        return chosen

    def variants(self) -> dict[str, Node]:
        """The variants by name."""
        variants = self.top.get("variants")
        if variants is None or variants.value is None:
            return {}
        if not isinstance(variants.value, dict):
            self.faults.append(fault(variants, "expected a mapping of names to what is different in them"))
            return {}
        if len(variants.value) > _MOST_VARIANTS:
            self.faults.append(
                fault(variants, f"more than {_MOST_VARIANTS} variants; put some into a recipe of their own")
            )
            return {}
        found = {}
        for name, body in variants.value.items():
            if not _VARIANT.fullmatch(name):
                text = f"{name!r} is not a name of a variant; write small letters, digits and - between them"
                self.faults.append(fault(body, text))
            elif body.value is not None and not isinstance(body.value, dict):
                self.faults.append(fault(body, "expected a mapping of keys, as a recipe is one"))
            elif nested := body.get("variants"):
                self.faults.append(fault(nested, "a variant has no variants; name this one beside the other"))
            else:
                found[name] = body if body.value is not None else Node({}, body.place)
        return found

    def _read(
        self, top: Node, decode: Callable[[Document], tuple[T | None, list[Fault]]], *, is_chosen: bool
    ) -> tuple[T | None, tuple[str, ...]]:
        """What a document says, and the variables that have no value; with faults if it is not whole."""
        found = variables(top.get("vars"), self.settings)
        if is_chosen and found.unknown:
            raise self._unknown(found.unknown[0], top)
        self.faults += found.faults
        if found.missing:
            return None, found.missing
        declared = top.get("vars")
        names = declared.value if declared is not None and isinstance(declared.value, dict) else {}
        substitution = Substitution(found.values, names)
        made = whole(substitution.of(top.without("vars")))
        self.faults += substitution.faults
        recipe, faults = decode(made.document)
        known = {(each.name, each.path) for each in substitution.faults}
        located = made.located(each for each in faults if each.path or not self._lacks_parts)
        self.faults += [each for each in located if (each.name, each.path) not in known]
        return recipe, ()

    def _unknown(self, name: str, top: Node) -> UsageError:
        declared = top.get("vars")
        known = list(declared.value) if declared is not None and isinstance(declared.value, dict) else []
        near = nearest(name, known)
        lack = f"it has {', '.join(known)}" if known else "it declares none: name them under vars:"
        hint: str = advice("did you mean ", Setting("set", f"{near[0]}={self.settings[name]}"), "?") if near else lack
        return UsageError(f"the recipe {self.source} has no variable {name!r}", hint)

    def _without_value(self, names: tuple[str, ...]) -> RecipeError:
        declared = self.top.get("vars")
        lines = []
        for name in names:
            node = declared.get(name) if declared is not None else None
            where = str(fault(node, "it has no value")) if node is not None else f"{name} has no value"
            lines.append(where)
        hint = advice("give it one with ", Setting("set", f"{names[0]}=VALUE"), ", or a default")
        return RecipeError("\n".join([*lines, *_lines(self.faults, self.source)]), hint)


def _refused(faults: Iterable[Located], source: str) -> RecipeError:
    found = list(faults)
    text = "\n".join(_lines(found, source)) or f"{source}: there is nothing in it"
    return RecipeError(text, _hint(), tuple(Fault(each.line, each.path, each.text) for each in found))


def _hint() -> Advice:
    return advice("fix the recipe; `", Command(("schema",)), "` prints what it may hold")


def _lines(faults: Iterable[Located], source: str) -> list[str]:
    """The faults file by file, the recipe itself first, in the order of their lines, each once."""
    found = list(faults)
    files = list(dict.fromkeys([source, *(each.name for each in found)]))
    found.sort(key=lambda each: (files.index(each.name), each.line, str(each.path)))
    return list(dict.fromkeys(map(str, found)))
