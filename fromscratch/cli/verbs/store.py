"""The verb that looks after the store: `store path`, `store check`, `store prune`."""

import re
from typing import TYPE_CHECKING, Any

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.host.storage.store_maintenance import Part

ACTIONS = ("path", "check", "prune")
_SECONDS = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


def store(
    call: Call,
    *,
    action: str | None,
    repair: bool,
    older_than: str | None,
    keep_size: str | None,
    json: bool,
) -> None:
    if action not in ACTIONS:
        raise UsageError(_not_an_action(action), f"say one of: {', '.join(f'store {one}' for one in ACTIONS)}")
    if repair and action != "check":
        raise UsageError(f"store {action} has no --repair", "say store check --repair")
    if (older_than or keep_size) and action != "prune":
        raise UsageError(f"store {action} removes nothing by age or size", "say store prune")
    if action == "path":
        call.result({"path": str(call.store.root)}, str(call.store.root), json)
    elif action == "check":
        _check(call, repair, json)
    else:
        _prune(call, older_than, keep_size, json)


def _not_an_action(action: str | None) -> str:
    return f"store {action}: no such thing to do" if action else "store does not say what to do with it"


def _check(call: Call, repair: bool, json: bool) -> None:
    from fromscratch.cli.output.sizes import counted, megabytes
    from fromscratch.errors import IntegrityError
    from fromscratch.host.storage import store_maintenance

    found = store_maintenance.check(call.store, repair=repair, progress=call.progress)
    facts = {
        "path": str(call.store.root),
        "parts": found.parts,
        "size": found.size,
        "damaged": [_facts(part) for part in found.damaged],
        "removed": repair,
    }
    lines = [f"damaged{', removed' if repair else ''}: {part.kind} {part.path}" for part in found.damaged]
    lines.append(f"{call.store.root}: {counted(found.parts, 'part', 'parts')}, {megabytes(found.size)} read")
    call.result(facts, "\n".join(lines), json)
    if found.damaged and not repair:
        raise IntegrityError(
            f"{counted(len(found.damaged), 'part', 'parts')} of the store {call.store.root} damaged",
            "store check --repair removes them; fetch and build bring them again",
        )


def _prune(call: Call, older_than: str | None, keep_size: str | None, json: bool) -> None:
    import time

    from fromscratch.cli.output.sizes import counted, megabytes
    from fromscratch.host.storage import store_maintenance

    if not older_than and not keep_size:
        raise UsageError("store prune does not say what may go", "say --older-than 30d, --keep-size 10G, or both")
    removed = store_maintenance.prune(
        call.store,
        unused_since=time.time() - age_of(older_than) if older_than else None,
        keep_size=_size(keep_size) if keep_size else None,
    )
    size = sum(part.size for part in removed)
    facts = {"path": str(call.store.root), "removed": [_facts(part) for part in removed], "size": size}
    call.result(facts, f"removed {counted(len(removed), 'part', 'parts')}, {megabytes(size)}", json)


def _facts(part: "Part") -> dict[str, Any]:
    return {"kind": part.kind, "path": str(part.path), "size": part.size}


def age_of(text: str) -> int:
    """Seconds: `30d`, `12h` or `2w`. Raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,6})([hdw])", text.strip().lower())
    if not found:
        raise UsageError(
            f"--older-than {text}: it is not an age", "write it like --older-than 30d, in hours, days or weeks"
        )
    return int(found[1]) * _SECONDS[found[2]]


def _size(text: str) -> int:
    from fromscratch.limits import size_of

    if text.strip() == "0":
        return 0
    try:
        return size_of(text)
    except UsageError:
        raise UsageError(
            f"--keep-size {text}: it is not a size", "write it like --keep-size 10G, or in bytes"
        ) from None
