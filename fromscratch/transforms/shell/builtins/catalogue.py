"""Every builtin, by its name."""

from collections.abc import Mapping

from fromscratch.transforms.shell.builtins import conditions, flow, printing, reading, searching, variables
from fromscratch.transforms.shell.state import Builtin

RUN: Mapping[str, Builtin] = {
    **flow.BUILTINS,
    **variables.BUILTINS,
    **printing.BUILTINS,
    **reading.BUILTINS,
    **searching.BUILTINS,
    **conditions.BUILTINS,
}
