"""One call of a verb: what the command line, the folder and the environment say, made into a `Job`.

This is the only place that reads the environment, so that everything below gets it as arguments.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fromscratch.cli.output import streams
from fromscratch.cli.output.errors import unwritten
from fromscratch.cli.output.progress import Bars
from fromscratch.cli.output.settings import spelled
from fromscratch.cli.recipe_file import recipe_file
from fromscratch.errors import UsageError
from fromscratch.host.machine.lookup import expanded

if TYPE_CHECKING:
    from fromscratch.flow.assembly import Job
    from fromscratch.host.storage.store import Store
    from fromscratch.limits import Limits
    from fromscratch.model.image import Platform


@dataclass(frozen=True, kw_only=True)
class Call:
    """The shared options as they were given (None: not given), and the words after `--`.

    `delivering` is the verb of the chain that brings the recipe's build elsewhere, if one does; `tells_default` is
    whether this verb of a chain is the one to tell that the recipe is the shipped one.
    """

    recipe_name: str | None
    store_name: str | None
    platform_names: str | None
    output_name: str | None
    quiet: bool
    words: Sequence[str] | None
    environment: Mapping[str, str]
    max_expanded: str | None = None
    max_entries: str | None = None
    delivering: str = ""
    tells_default: bool = True

    @cached_property
    def progress(self) -> Bars:
        return Bars(self.quiet)

    @cached_property
    def store(self) -> "Store":
        from fromscratch.host.storage.store import Store

        name = expanded(self.store_name or self.environment.get("FROMSCRATCH_STORE") or "")
        if name:
            return Store(Path(name))
        from platformdirs import user_cache_path

        return Store(user_cache_path("fromscratch", appauthor=False))

    @cached_property
    def limits(self) -> "Limits":
        """What archives may expand to, by the call or the environment. Raises UsageError."""
        from fromscratch.limits import limits

        variable = self.environment.get
        return limits(
            self.max_expanded or variable("FROMSCRATCH_MAX_EXPANDED"),
            self.max_entries or variable("FROMSCRATCH_MAX_ENTRIES"),
        )

    @cached_property
    def recipe_path(self) -> Path:
        """The recipe's file. Raises UsageError, naming what comes near."""
        chosen = recipe_file(self.recipe_name, delivering=self.delivering)
        if chosen.note and self.tells_default:
            self.note(chosen.note)
        return chosen.path

    @cached_property
    def job(self) -> "Job":
        """What is to be built. Raises RecipeError and UsageError."""
        from fromscratch.flow.assembly import Job
        from fromscratch.model.image import Platform
        from fromscratch.recipe import schema as recipe

        path = self.recipe_path
        made = recipe.load(path)
        platforms = self.platforms or tuple(Platform.parse(text) for text in made.platforms)
        return Job(
            recipe=made,
            folder=Path(os.path.realpath(path)).parent,
            store=self.store,
            output=Path(expanded(self.output_name)) if self.output_name else Path("build") / made.name,
            platforms=platforms or (Platform.of_this_machine(),),
            epoch=self.epoch(made.epoch),
            progress=self.progress,
            jobs=len(os.sched_getaffinity(0)),
            spell=spelled,
            limits=self.limits,
        )

    @cached_property
    def platforms(self) -> "tuple[Platform, ...]":
        """What `--platform` names."""
        from fromscratch.model.image import Platform

        words = [text.strip() for text in (self.platform_names or "").split(",")]
        return tuple(dict.fromkeys(Platform.parse(text) for text in words if text))

    def say(self, text: str) -> None:
        """What the user asked to see. Raises ImageError when it cannot be written."""
        try:
            print(text, flush=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            streams.forget_stdout()
            raise unwritten(error) from error

    def note(self, text: str) -> None:
        """What is good to know; `--quiet` keeps it back."""
        if not self.quiet:
            with suppress(OSError):  # what is only good to know is worth no failure
                print(spelled(text), file=sys.stderr, flush=True)

    def result(self, data: Any, text: str, as_json: bool) -> None:
        """The answer of a verb, for a program or for a person."""
        self.say(json.dumps(data, indent=1) if as_json else text)  # ASCII: valid in every locale, for every name

    def epoch(self, of_recipe: int | None) -> int:
        """`$SOURCE_DATE_EPOCH`, else what the recipe says, else 0. Raises UsageError."""
        from fromscratch.recipe.schema import LAST_SECOND

        text = self.environment.get("SOURCE_DATE_EPOCH")
        if not text:
            return of_recipe or 0
        digits = text if text.isascii() and text.isdigit() else ""
        if not digits or len(digits.lstrip("0")) > len(str(LAST_SECOND)) or int(digits) > LAST_SECOND:
            hint = f"give it in whole seconds since 1970, {LAST_SECOND} at most, or unset it"
            raise UsageError(f"SOURCE_DATE_EPOCH is {text[:40]!r}", hint)
        return int(digits)
