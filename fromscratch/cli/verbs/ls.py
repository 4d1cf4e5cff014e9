"""`ls`: list the entries of an image."""

from fromscratch.cli.call import Call

_SHOWN_BYTES = 64  # of an attribute, which may have 64 KiB; --json has all


def ls(call: Call, *, image: str | None, path: str | None, json: bool) -> None:
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
