"""`ls`: list the entries of an image."""

from fromscratch.cli.call import Call
from fromscratch.cli.parsing.verb import CHOSEN, verb
from fromscratch.cli.parsing.wording import IMAGE_NAMES

_SHOWN_BYTES = 64  # of an attribute, which may have 64 KiB; --json has all


@verb(
    operand="image",
    help={
        "image": IMAGE_NAMES,
        "path": "only this path and what is below it",
        "platform": CHOSEN,
        "json": "a list of objects instead of lines",
    },
)
def ls(call: Call, image: str | None = None, path: str | None = None, json: bool = False) -> None:
    """List an image: one line per entry, with kind, mode, owner, size and target."""
    from fromscratch.cli.chosen_image import target
    from fromscratch.cli.output.sizes import counted
    from fromscratch.errors import NotInTree
    from fromscratch.model import listing
    from fromscratch.paths import ROOT

    found = target(call, image)
    tree = found.tree(call.store, call.limits)
    top = tree.resolve(path) if path else ROOT
    shown = list(tree.within(top))
    if not shown:
        raise NotInTree(f"there is no {path} in {found.where}", "ls without --path shows all")
    if json:
        call.result([listing.facts(each, tree[each]) for each in shown], "", True)
        return
    call.note(f"{found.where}: {counted(len(tree), 'entry', 'entries')}, {counted(tree.size, 'byte', 'bytes')}")
    for each in shown:
        call.say(listing.line(each, tree[each], _SHOWN_BYTES))


@verb(
    operand="path",
    help={"path": "a path of the image", "image": IMAGE_NAMES, "platform": CHOSEN, "json": "for a program"},
)
def why(call: Call, path: str | None = None, image: str | None = None, json: bool = False) -> None:
    """Explain a file: every reason for which it is in the image, down to what was asked for."""
    from fromscratch.cli.chosen_image import target
    from fromscratch.cli.verbs.why import explained
    from fromscratch.errors import UsageError

    if path is None:
        raise UsageError("why needs a path", "ask for example: why /bin/sh")
    found = target(call, image)
    data, text = explained(found, found.tree(call.store, call.limits), path)
    call.result(data, text, json)
