"""The comparison of versions by dpkg(1)."""

from fromscratch.errors import FormatError
from fromscratch.formats.debian.version import compare
from fromscratch.transforms.shell.machine import NotUnderstood, Result

_OPERATORS = {
    "lt": (-1,), "le": (-1, 0), "eq": (0,), "ne": (-1, 1), "ge": (0, 1), "gt": (1,),
    "<<": (-1,), "<=": (-1, 0), "=": (0,), ">=": (0, 1), ">>": (1,), "<": (-1, 0), ">": (0, 1),
}  # fmt: skip
_EMPTY_IS_LATER = "-nl"


def compared(left: str, operator: str, right: str) -> Result:
    """Whether the relation holds. No version at all is earlier than any, with an operator that ends in -nl later."""
    signs = _OPERATORS.get(operator.removesuffix(_EMPTY_IS_LATER))
    if signs is None:
        raise NotUnderstood(f"{operator} does not compare versions")
    if left and right:
        try:
            order = compare(left, right)
        except FormatError as error:
            raise NotUnderstood(error.message) from error
    else:
        order = bool(left) - bool(right)
        order = -order if operator.endswith(_EMPTY_IS_LATER) else order
    sign = (order > 0) - (order < 0)
    return Result(int(sign not in signs))
