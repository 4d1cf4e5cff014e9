"""date(1), at a moment that is the same in every build."""

from datetime import UTC, datetime

from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import parse_options

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
"""When every image is made, so that two builds are the same bytes."""
_ISO_DATE, _RFC_DATE, _PLAIN_DATE = "%Y-%m-%d", "%a, %d %b %Y %H:%M:%S %z", "%a %b %e %H:%M:%S %Z %Y"
_FIELDS = frozenset("aAbBcdDeFgGHIjklmMnNpPrRsStTuUVwWxXyYzZ%")


def date(machine: Machine, call: Call) -> Result:
    """date(1) at a moment that is the same in every build."""
    options = parse_options(call.arguments, "uRI::d:", "utc=u universal=u rfc-email=R iso-8601::=I date:=d")
    moment = _BEGIN
    if (given := options.value("d")) is not None:
        if not (given[:1] == "@" and given[1:].isdecimal() and len(given) < 12):
            raise NotUnderstood(f"the date {given!r}")
        moment = datetime.fromtimestamp(int(given[1:]), UTC)
    template = options.operands[0][1:] if options.operands and options.operands[0][:1] == "+" else None
    if options.value("I") or len(options.operands) > (template is not None):
        raise NotUnderstood(f"{' '.join(call.words)} is not known")
    if template is None:
        template = _ISO_DATE if options.has("I") else _RFC_DATE if options.has("R") else _PLAIN_DATE
    return Result(0, f"{_formatted(template, moment)}\n".encode("utf-8", "surrogateescape"))


def _formatted(template: str, moment: datetime) -> str:
    out, rest = [], iter(template)
    for char in rest:
        field = next(rest, "") if char == "%" else ""
        if char == "%" and field not in _FIELDS:
            raise NotUnderstood(f"the format {template!r}")
        out.append(_field(field, moment) if field else char)
    return "".join(out)


def _field(field: str, moment: datetime) -> str:
    match field:
        case "N":
            return "000000000"
        case "s":
            return str(int(moment.timestamp()))
        case "n" | "t":
            return "\n" if field == "n" else "\t"
        case "P":
            return moment.strftime("%p").lower()
        case "Z":
            return "UTC"
        case _:
            return moment.strftime(f"%{field}")


COMMANDS = {"date": Command(date, "program")}
