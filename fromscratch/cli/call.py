"""One call of a verb: what the command line, the folder and the environment say, made into a `Job`.

This is the only place that reads the environment, so that everything below gets it as arguments.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from fromscratch.cli.output import streams
from fromscratch.cli.parsing import chain
from fromscratch.cli.parsing.arguments import CommandLine, Request
from fromscratch.errors import UsageError
from fromscratch.named_tuple import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from fromscratch.cli.output.progress import Bars
    from fromscratch.flow.assembly import Job
    from fromscratch.host.storage.store import Store
    from fromscratch.limits import Limits
    from fromscratch.model.image import Platform
    from fromscratch.recipe.schema import Recipe


class Call:
    """What a verb works with besides its own options. What is slow to load is loaded by the verb that uses it."""

    def __init__(self, line: CommandLine, request: Request, environment: Mapping[str, str]) -> None:
        self._line, self._request, self.environment = line, request, environment

    @property
    def words(self) -> Sequence[str] | None:
        """The words after `--`."""
        return self._line.words

    @property
    def output_name(self) -> str | None:
        """The folder of the build, if the call says it."""
        return self._shared("output")

    def output_folder(self, name: str) -> Path:
        """The folder of a build of this name: the one that the call says, else build/NAME."""
        from pathlib import Path

        from fromscratch.host.machine.lookup import expanded

        return Path(expanded(self.output_name)) if self.output_name else Path("build") / name

    @cached_property
    def progress(self) -> Bars:
        from fromscratch.cli.output.progress import Bars

        return Bars(chain.is_quiet(self._line))

    @cached_property
    def store(self) -> Store:
        from pathlib import Path

        from fromscratch.host.machine.lookup import cache_folder, expanded
        from fromscratch.host.storage.store import Store

        name = expanded(self._shared("store-dir") or self.environment.get("FROMSCRATCH_STORE") or "")
        return Store(Path(name) if name else cache_folder(self.environment) / "fromscratch")

    @cached_property
    def limits(self) -> Limits:
        """What archives may expand to, by the call or the environment. Raises UsageError."""
        from fromscratch.limits import limits

        variable = self.environment.get
        return limits(
            self._shared("max-expanded") or variable("FROMSCRATCH_MAX_EXPANDED"),
            self._shared("max-entries") or variable("FROMSCRATCH_MAX_ENTRIES"),
        )

    @cached_property
    def recipe_path(self) -> Path:
        """The recipe's file. Raises UsageError, naming what comes near."""
        from fromscratch.cli.recipe_file import recipe_file

        chosen = recipe_file(self._shared("recipe"), delivering=chain.delivering(self._line))
        if chosen.note and chain.tells_default(self._line, self._request):
            self.note(chosen.note)
        return chosen.path

    @property
    def names_recipe(self) -> bool:
        """Whether the call itself says which recipe is meant."""
        return self._shared("recipe") is not None

    @cached_property
    def job(self) -> Job:
        """What is to be built. Raises RecipeError and UsageError."""
        from pathlib import Path

        from fromscratch.model.image import Platform
        from fromscratch.recipe import schema as recipe

        path = self.recipe_path
        made = recipe.load(path, settings=self.settings, variant=self._shared("variant") or "", checkout=self.checkout)
        platforms = self.platforms or tuple(Platform.parse(text) for text in made.platforms)
        job = self.job_of(made, Path(os.path.realpath(path)).parent, self.output_folder(made.name), platforms)
        if platforms:
            return job
        from fromscratch.flow.assembly import for_own_platform

        return for_own_platform(job, bring=self._request.verb.name in ("fetch", "configure"))

    @cached_property
    def settings(self) -> dict[str, str]:
        """The values for variables of the recipe. Raises UsageError."""
        found: dict[str, str] = {}
        for text in chain.shared_list(self._line, self._request, "set"):
            name, equals, value = text.partition("=")
            if not name or not equals:
                raise UsageError(f"--set {text}: there is no value", "write --set NAME=VALUE")
            if name in found:
                raise UsageError(f"--set {name} is given twice, as {found[name]} and as {value}", "say it once")
            found[name] = value
        return found

    def checkout(self, url: str, commit: str) -> Path:
        """The files of a repository that the recipe names; only `fetch` downloads them."""
        from fromscratch.host.machine.git_commit import checkout

        bring = self._request.verb.name == "fetch"
        return checkout(
            self.store.without_fallback() if bring else self.store, url, commit, bring=bring, progress=self.progress
        )

    def job_of(self, recipe: Recipe, folder: Path, output: Path, platforms: Sequence[Platform]) -> Job:
        """What is to be built by a recipe that lies in `folder`, for this machine if no platforms are named."""
        from fromscratch.cli.output.settings import spelled
        from fromscratch.flow.assembly import Job
        from fromscratch.model.image import Platform

        return Job(
            recipe=recipe,
            folder=folder,
            store=self.store,
            output=output,
            platforms=tuple(platforms) or (Platform.of_this_machine(),),
            epoch=self.epoch(recipe.epoch),
            progress=self.progress,
            jobs=len(os.sched_getaffinity(0)),
            spell=spelled,
            limits=self.limits,
        )

    @cached_property
    def platforms(self) -> tuple[Platform, ...]:
        """What `--platform` names."""
        from fromscratch.model.image import Platform

        words = [text.strip() for text in (self._shared("platform") or "").split(",")]
        return tuple(dict.fromkeys(Platform.parse(text) for text in words if text))

    def say(self, text: str) -> None:
        """What the user asked to see. Raises ImageError when it cannot be written."""
        streams.say(text)

    def note(self, text: str) -> None:
        """What is good to know; `--quiet` keeps it back."""
        if not chain.is_quiet(self._line):
            from fromscratch.cli.output.settings import spelled

            with suppress(OSError):  # what is only good to know is worth no failure
                print(spelled(text), file=sys.stderr, flush=True)

    def result(self, data: Any, text: str, as_json: bool) -> None:
        """The answer of a verb, for a program or for a person."""
        if as_json:
            from json import dumps

            text = dumps(data, indent=1)  # ASCII: valid in every locale, for every name
        self.say(text)

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

    def _shared(self, name: str) -> str | None:
        return chain.shared(self._line, self._request, name)
