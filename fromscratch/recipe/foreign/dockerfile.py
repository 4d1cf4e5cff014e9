"""Dockerfiles as recipes: the last stage becomes the image, and what it copies from others is taken from images.

A stage that only names an image is that image. One with steps of its own is a build, which no recipe runs: it is left
out, and what is copied from it is taken from an image of docker that its user builds of that stage.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.docker import instructions
from fromscratch.formats.docker.instructions import Instruction
from fromscratch.model.reference import slug
from fromscratch.recipe.foreign.contract import LeftOut, Reading, Surroundings
from fromscratch.recipe.foreign.dockerfile_copy import StageImage
from fromscratch.recipe.foreign.dockerfile_stage import LastStage
from fromscratch.recipe.foreign.dockerfile_variables import Variables
from fromscratch.recipe.foreign.draft import Draft
from fromscratch.recipe.foreign.lines import Lines

_SCRATCH = "scratch"
# What a stage may hold and still be no more than the image that it begins with, as far as its files go.
_NO_FILES = frozenset(
    ("ARG", "ENV", "LABEL", "USER", "EXPOSE", "CMD", "ENTRYPOINT", "STOPSIGNAL", "HEALTHCHECK", "SHELL", "MAINTAINER")
)


def recognises(name: str, text: str) -> bool:
    """Whether a text is a Dockerfile: instructions, the first of them FROM, behind ARGs at most."""
    if not re.search(r"(?mi)^\s*FROM\s+\S", text):
        return False
    try:
        found = instructions.read(text, name).instructions
    except FormatError:
        return False
    return bool(found) and next((each.name for each in found if each.name != "ARG"), "") == "FROM"


class Stage(Struct, frozen=True, kw_only=True):
    """`base` is the image or the name of the stage that it begins with, variables in place; `body` is behind FROM."""

    name: str
    number: int
    base: str | None
    head: Instruction
    body: tuple[Instruction, ...]


def read(text: str, surroundings: Surroundings) -> Reading:
    """The draft of a recipe of the last stage."""
    dockerfile = instructions.read(text, surroundings.name)
    lines = Lines(text, dockerfile.instructions, "this is not an instruction that is known")
    draft = Draft()
    _Reader(draft, lines, dockerfile.escape, surroundings).read(dockerfile.instructions)

    def entries() -> list[LeftOut]:
        return lines.entries()

    return draft, entries


class _Reader:
    def __init__(self, draft: Draft, lines: Lines, escape: str, surroundings: Surroundings) -> None:
        self._draft, self._lines, self._escape, self._surroundings = draft, lines, escape, surroundings
        self._variables = Variables(lines, escape)
        self._stages: list[Stage] = []
        self._numbers: dict[str, list[int]] = {}
        self._builds: list[bool] = []

    def read(self, found: tuple[Instruction, ...]) -> None:
        self._stages = list(self._split(found))
        self._index()
        chain = self._chain(self._stages[-1])
        self._base(chain[0])
        last = LastStage(self._draft, self._lines, self._variables, self._surroundings, self._image_of)
        for stage in chain:
            self._variables.begin_stage()
            for instruction in stage.body:
                last.read(instruction)
        last.finish()
        used, numbers = self._needed(chain), {stage.number for stage in chain}
        for stage in self._stages:
            if stage.number not in numbers:
                self._leave_out(stage, is_used=stage.number in used)

    def _split(self, found: tuple[Instruction, ...]) -> Iterator[Stage]:
        """The stages; arguments before the first count in their heads."""
        starts = [index for index, each in enumerate(found) if each.name == "FROM"]
        for argument in found[: starts[0]]:
            self._variables.argument(argument, is_global=True)
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(found)], strict=True)):
            head = found[start]
            words = instructions.split(head.rest, self._escape)
            has_name = len(words) == 3 and words[1].upper() == "AS"
            base = self._variables.expanded(words[0] if words else "", head, is_global=True)
            yield Stage(
                name=words[2].lower() if has_name else "",
                number=number,
                base=base if has_name or len(words) == 1 else None,
                head=head,
                body=found[start + 1 : end],
            )

    def _index(self) -> None:
        """Find the names of the stages, and which of them have files that their images do not have."""
        for stage in self._stages:
            before = self._stage_called(stage.base or "", stage.number)
            own = any(each.name not in _NO_FILES for each in stage.body)
            self._builds.append(own or (before is not None and self._builds[before.number]))
            if stage.name:
                self._numbers.setdefault(stage.name, []).append(stage.number)

    def _chain(self, stage: Stage) -> list[Stage]:
        """The stage behind those that it begins with."""
        chain = [stage]
        while before := self._stage_called(chain[-1].base or "", chain[-1].number):
            chain.append(before)
        return chain[::-1]

    def _stage_called(self, name: str, before: int) -> Stage | None:
        """The last stage of that name before the one of this number."""
        numbers = self._numbers.get(name.lower(), [])
        index = bisect_left(numbers, before)
        return self._stages[numbers[index - 1]] if index else None

    def _base(self, stage: Stage) -> None:
        place = self._lines.place(stage.head)
        if stage.base is None:
            place.leave_out("this does not name one image")
            return
        place.take()
        if stage.base.lower() != _SCRATCH:
            self._draft.item("image", {"from": stage.base}, place)
        if platform := stage.head.flag("platform"):
            if "$" in platform:
                place.leave_out("an image is built for the platform that the call names", remark=True)
            else:
                self._draft.add(("platforms",), platform, place)

    def _image_of(self, name: str) -> StageImage | None:
        """The image that COPY from this name takes files from; None for an empty one."""
        stage = self._stage_called(name, len(self._stages))
        if stage is None and name.isdigit() and int(name) < len(self._stages):
            stage = self._stages[int(name)]
        if stage is None:
            return StageImage(name)
        if self._builds[stage.number]:
            return StageImage(f"docker:{self._built_name(stage)}")
        first = self._chain(stage)[0]
        if first.base is None or first.base.lower() == _SCRATCH:
            return None
        platform = first.head.flag("platform")
        if "$" in platform:  # that of the builder, which has the same files that are not programs
            self._lines.place(first.head).leave_out("this is taken for the platform that is built", remark=True)
        return StageImage(first.base, "" if "$" in platform else platform)

    def _built_name(self, stage: Stage) -> str:
        return f"{self._surroundings.image}-{slug(stage.name, 'stage') if stage.name else f'stage{stage.number}'}"

    def _needed(self, stages: list[Stage]) -> set[int]:
        """The numbers of the stages that these copy from or begin with, and those that these need in turn."""
        found: set[int] = set()
        left = list(stages)
        while left:
            new = [other for other in self._sources(left.pop()) if other.number not in found]
            found.update(other.number for other in new)
            left += new
        return found

    def _sources(self, stage: Stage) -> Iterator[Stage]:
        """The stages that a stage copies from or begins with."""
        names = [each.flag("from") for each in stage.body if each.flag("from")]
        names += [mount[1] for each in stage.body for mount in re.finditer(r"from=([^,\s]+)", each.flag("mount"))]
        for name in [*names, stage.base or ""]:
            other = self._stage_called(name, stage.number)
            if other is None and name.isdigit() and int(name) < stage.number:
                other = self._stages[int(name)]
            if other:
                yield other

    def _leave_out(self, stage: Stage, *, is_used: bool) -> None:
        last = stage.body[-1] if stage.body else stage.head
        if not is_used:
            self._lines.leave_out(stage.head, last, "nothing of the image comes from this stage", remark=True)
        elif not self._builds[stage.number]:
            self._lines.leave_out(stage.head, last, "what is copied from here comes from the image itself", remark=True)
        else:
            target = stage.name or str(stage.number)
            why = f"no recipe runs build steps: build the stage {target} with docker, as {self._built_name(stage)}"
            self._lines.leave_out(stage.head, last, why)
