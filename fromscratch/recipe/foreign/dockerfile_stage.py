"""The instructions of the stage that becomes the image."""

import posixpath
from collections.abc import Callable

from fromscratch.formats.docker import instructions
from fromscratch.formats.docker.instructions import Instruction
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.dockerfile_copy import Copies, StageImage
from fromscratch.recipe.foreign.dockerfile_variables import Variables
from fromscratch.recipe.foreign.draft import Draft
from fromscratch.recipe.foreign.lines import Lines
from fromscratch.recipe.foreign.ports import port_numbers

_SHELL = ["/bin/sh", "-c"]
_TIMES = {"interval": "interval", "timeout": "timeout", "start-period": "start_period"}


class LastStage:
    """Puts one instruction after the other into the draft. Of those that set one value, the last counts."""

    def __init__(
        self,
        draft: Draft,
        lines: Lines,
        variables: Variables,
        surroundings: Surroundings,
        image_of: Callable[[str], StageImage | None],
    ) -> None:
        self._draft, self._lines, self._variables = draft, lines, variables
        self._copies = Copies(draft, lines, variables, surroundings, image_of)
        self._single: dict[str, tuple[Instruction, object]] = {}
        self._shell = _SHELL
        self._folder = "/"

    def read(self, instruction: Instruction) -> None:
        readers: dict[str, Callable[[Instruction], None]] = {
            "ARG": self._variables.argument,
            "ENV": self._environment,
            "LABEL": self._labels,
            "WORKDIR": self._workdir,
            "USER": self._text("user"),
            "STOPSIGNAL": self._text("stop_signal"),
            "MAINTAINER": self._text("author"),
            "EXPOSE": self._ports,
            "VOLUME": self._volumes,
            "ENTRYPOINT": self._command("entrypoint"),
            "CMD": self._command("cmd"),
            "SHELL": self._set_shell,
            "HEALTHCHECK": self._healthcheck,
            "COPY": lambda each: self._copies.copy(each, self._folder),
            "ADD": lambda each: self._copies.add(each, self._folder),
            "RUN": self._refuse("no recipe runs build steps in the image"),
            "ONBUILD": self._refuse("recipes have no triggers for images that build on this one"),
        }
        if instruction.name in readers:
            readers[instruction.name](instruction)

    def finish(self) -> None:
        """Put the values that were set once and for all."""
        for key, (instruction, value) in self._single.items():
            self._draft.put(("image", key), value, self._lines.place(instruction))
        self._copies.finish()

    def _refuse(self, why: str) -> Callable[[Instruction], None]:
        return lambda instruction: self._lines.place(instruction).leave_out(why)

    def _set(self, key: str, instruction: Instruction, value: object) -> None:
        if key in self._single:
            self._lines.place(self._single[key][0]).leave_out("a later line counts", remark=True)
        self._single[key] = (instruction, value)
        self._lines.take(instruction)

    def _text(self, key: str) -> Callable[[Instruction], None]:
        def read(instruction: Instruction) -> None:
            value = self._variables.expanded(instruction.rest, instruction)
            if value is not None:
                self._set(key, instruction, value)

        return read

    def _command(self, key: str) -> Callable[[Instruction], None]:
        def read(instruction: Instruction) -> None:
            words = instruction.words
            found = list(words) if words is not None else [*self._shell, instruction.rest]
            if words == ():
                self._set(key, instruction, [])
            elif found[-1]:
                self._set(key, instruction, found)
            if key == "entrypoint" and "cmd" in self._single and not self._single["cmd"][1]:
                del self._single["cmd"]

        return read

    def _set_shell(self, instruction: Instruction) -> None:
        place = self._lines.place(instruction)
        if not instruction.words:
            place.leave_out("this is not a list of words")
            return
        self._shell = list(instruction.words)
        place.leave_out("commands that are not lists are run by this shell", remark=True)

    def _pairs(self, instruction: Instruction) -> list[tuple[str, str]] | None:
        escape = self._variables.escape
        expanded = [
            (self._variables.expanded(key, instruction), self._variables.expanded(value, instruction))
            for key, value in instructions.pairs(instruction.rest, escape)
        ]
        found = [(key, value) for key, value in expanded if key is not None and value is not None]
        return found if len(found) == len(expanded) and found else None

    def _environment(self, instruction: Instruction) -> None:
        for key, value in self._pairs(instruction) or []:
            self._draft.put_text(("image", "env", key), value, self._lines.place(instruction))
            self._variables.set(key, value)
            self._lines.take(instruction)

    def _labels(self, instruction: Instruction) -> None:
        for key, value in self._pairs(instruction) or []:
            self._draft.put_text(("image", "labels", key), value, self._lines.place(instruction))
            self._lines.take(instruction)

    def _workdir(self, instruction: Instruction) -> None:
        value = self._variables.expanded(instruction.rest, instruction)
        if value is None:
            return
        self._folder = posixpath.normpath(posixpath.join(self._folder, value))
        if "workdir" in self._single:  # a folder all the same, which the builder makes
            del self._single["workdir"]
        self._set("workdir", instruction, self._folder)
        if self._folder != "/":
            self._draft.add(("paths",), {"path": self._folder, "type": "directory"}, self._lines.place(instruction))

    def _ports(self, instruction: Instruction) -> None:
        text = self._variables.expanded(instruction.rest, instruction)
        for word in text.split() if text is not None else []:
            for port in port_numbers(word.lower()):
                self._draft.add(("image", "ports"), port, self._lines.place(instruction))
            self._lines.take(instruction)

    def _volumes(self, instruction: Instruction) -> None:
        words = instruction.words
        if words is None:
            words = tuple(instructions.split(instruction.rest, self._variables.escape))
        for word in words:
            text = self._variables.expanded(word, instruction)
            if text is not None:
                path = posixpath.join("/", text)
                self._draft.add(("image", "volumes"), path, self._lines.place(instruction))
                self._draft.add(("paths",), {"path": path, "type": "directory"}, self._lines.place(instruction))
                self._lines.take(instruction)

    def _healthcheck(self, instruction: Instruction) -> None:
        kind, _, rest = instruction.rest.partition(" ")
        place = self._lines.place(instruction)
        if kind.upper() == "NONE":
            self._set("healthcheck", instruction, {"test": ["NONE"]})
            return
        words = instructions.read(f"CMD {rest}", "HEALTHCHECK").instructions[0].words if rest.strip() else None
        check: dict[str, object] = {"test": ["CMD", *words] if words else ["CMD-SHELL", rest.strip()]}
        for flag, value in instruction.flags:
            seconds = instructions.duration(value)
            if flag in _TIMES and seconds is not None:
                check[_TIMES[flag]] = str(round(seconds, 9)).removesuffix(".0")
            elif flag == "retries" and value.isdigit():
                check["retries"] = value
            else:
                place.leave_out(f"recipes have no {flag} of a health check")
        self._set("healthcheck", instruction, check)
