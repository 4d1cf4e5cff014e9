"""The variables that hold at an instruction of a Dockerfile."""

from fromscratch.formats.docker import instructions
from fromscratch.formats.docker.instructions import Instruction
from fromscratch.recipe.foreign.lines import Lines

# What the builder sets for the platform that it builds for, or on.
_OF_THE_BUILDER = frozenset(
    f"{kind}{part}" for kind in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH", "VARIANT", "STAGE")
)


class Variables:
    """The values of ARG and ENV. What the caller or the builder would set has none: its default is put in place."""

    def __init__(self, lines: Lines, escape: str) -> None:
        self._lines, self.escape = lines, escape
        self._global: dict[str, str] = {}
        self._globals: dict[str, Instruction] = {}
        self._arguments: dict[str, str] = {}
        self._environment: dict[str, str] = {}
        self._unset: set[str] = set()

    def begin_stage(self) -> None:
        """Arguments hold to the end of their stage."""
        self._arguments = {}
        self._unset = set()

    def argument(self, instruction: Instruction, *, is_global: bool = False) -> None:
        """Read an ARG; it is remarked that its default counts."""
        place = self._lines.place(instruction)
        place.take()
        for word in instructions.split(instruction.rest, self.escape):
            name, default, value = word.partition("=")
            if is_global:
                self._globals[name] = instruction
            if not default and name in self._global and not is_global:
                self._arguments[name] = self._global[name]
            elif default:
                found = self.expanded(value, instruction, is_global=is_global) or ""
                (self._global if is_global else self._arguments)[name] = found
            else:
                self._unset.add(name)
            if default:
                place.leave_out("the default is put in place of the variable", remark=True)
            elif name not in _OF_THE_BUILDER and name not in self._global:
                place.leave_out("no value is known; the caller of the builder gives it", remark=True)

    def set(self, name: str, value: str) -> None:
        """An ENV, which counts over an ARG of its name."""
        self._environment[name] = value

    def expanded(
        self, text: str, instruction: Instruction, *, is_global: bool = False, quotes: bool = True
    ) -> str | None:
        """A word with its variables; None, and the instruction left out, if the builder or its caller sets one."""
        unknown: list[str] = []

        def lookup(name: str) -> str | None:
            values = self._global if is_global else {**self._arguments, **self._environment}
            if name not in values and (name in _OF_THE_BUILDER or name in self._unset):
                unknown.append(name)
            return values.get(name)

        found = instructions.expand(text, lookup, self.escape, quotes=quotes)
        if not unknown:
            return found
        self._lines.place(instruction).leave_out(f"{unknown[0]} has no value before the build")
        return None
