"""`why`: the way a path takes through the tree of an image, and the reasons of each step."""

from typing import Any

from fromscratch import paths
from fromscratch.cli.call import Call
from fromscratch.errors import ImageError, NotInTree
from fromscratch.flow import evidence
from fromscratch.flow.images_by_name import Found
from fromscratch.model import view
from fromscratch.model.entry import Directory, Entry, Origin
from fromscratch.model.listing import line, quoted
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest


def why(call: Call, *, path: str | None, image: str | None, json: bool) -> None:
    from fromscratch.cli.chosen_image import target
    from fromscratch.errors import UsageError

    if path is None:
        raise UsageError("why needs a path", "ask for example: why /bin/sh")
    found = target(call, image)
    data, text = explained(found, found.tree(call.store, call.limits), path)
    call.result(data, text, json)


def explained(found: Found, tree: Rootfs, path: str) -> tuple[dict[str, Any], str]:
    """For a program and for a person. Raises NotInTree, saying whether the path was trimmed."""
    try:
        steps = view.symlinks_and_place(tree, path)
    except NotInTree as error:
        raise _absent(found, tree, path, error) from error
    data: dict[str, Any] = {"image": found.where, "path": quoted(path), "steps": []}
    rows: list[str] = []
    for step in steps:
        origins = evidence.origins(found.evidence, step) if found.evidence else tree[step].origins
        rows.append(line(step, tree[step]))
        rows += [f"  {text}" for origin in origins for text in reason_lines(origin)]
        if not origins:
            rows.append(_unexplained(found, tree[step]))
        data["steps"].append(
            {"path": quoted(step), "entry": line(step, tree[step]), "reasons": [_chain(origin) for origin in origins]}
        )
    return data, "\n".join(rows)


def _unexplained(found: Found, entry: Entry) -> str:
    if found.evidence is None:
        return "  no reason is recorded: this image was not built here"
    return "  there for what is below it" if isinstance(entry, Directory) else "  no reason is recorded"


def reason_lines(origin: Origin) -> list[str]:
    """A chain of reasons, each a step further in."""
    return [f"{'  ' * depth}{link.reason} {link.detail}  [{link.source}]" for depth, link in enumerate(origin.chain())]


def _chain(origin: Origin) -> list[dict[str, str]]:
    return [{"source": link.source, "reason": link.reason, "detail": link.detail} for link in origin.chain()]


def _absent(found: Found, tree: Rootfs, path: str, error: NotInTree) -> ImageError:
    removed = found.evidence.removed if found.evidence else {}
    spelled = quoted(paths.tree_path(path)) if ".." not in path else path
    rule = removed.get(spelled)
    if rule == evidence.SLIMMED:
        text = f"{path} is not in {found.where}: no run used it, and nothing that is kept needs it"
        return NotInTree(text, f"slim with --keep {path}, or with a trace of a run that uses it")
    if rule and rule.startswith("paths["):
        return NotInTree(f"{path} is not in {found.where}: {rule} has deleted it", "change paths: in the recipe")
    if rule:
        return NotInTree(f"{path} is not in {found.where}: it was trimmed by {rule!r}", "change trim: in the recipe")
    last = path.rstrip("/").rpartition("/")[2]
    same = [each for each in tree if paths.name(each) == last]
    names = same or nearest(path, [str(each) for each in tree], count=3)
    hint = f"did you mean {' or '.join(str(each) for each in names[:3])}?" if names else error.hint
    return NotInTree(f"{error.message} ({found.where})", hint)
