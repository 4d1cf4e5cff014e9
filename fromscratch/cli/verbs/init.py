"""`init`: write a commented recipe to start from, or one that says what another tool's declaration says."""

from pathlib import Path

from fromscratch.cli.call import Call
from fromscratch.cli.recipe_file import DEFAULT_RECIPE
from fromscratch.model.reference import slug


def init(call: Call, *, from_: str | None, force: bool) -> None:
    from fromscratch.cli.verbs.init_template import choices, template
    from fromscratch.errors import UsageError
    from fromscratch.host.storage import disk
    from fromscratch.nearest import nearest

    known = choices()
    kind = from_ or _asked(list(known))
    if kind not in known:
        word, colon, package = kind.partition(":")
        if colon and word in known and not Path(kind).exists():
            from fromscratch.cli.verbs.init_package import init_package

            _refuse_present(force=force)
            init_package(call, word, package)
            return
        if Path(kind).exists() or "/" in kind:
            from fromscratch.cli.verbs.init_from import init_from

            _refuse_present(force=force)
            init_from(call, kind)
            return
        near = nearest(kind, known)
        raise UsageError(
            f"init --from {kind}: no such kind of source, and no such file",
            f"did you mean {near[0]}?" if near else f"say one of: {', '.join(known)}, or a file of another tool",
        )
    _refuse_present(force=force)
    name = slug(Path.cwd().name, "image")
    disk.write_atomically(DEFAULT_RECIPE, template(kind, name, Path.cwd()).encode(), durable=True)
    wants = known[kind]
    if wants.missing_file and not Path(wants.missing_file).exists():
        call.say(f"wrote {DEFAULT_RECIPE}; next: {wants.advice}, then: fromscratch fetch build run")
    else:
        call.say(f"wrote {DEFAULT_RECIPE}; next: fromscratch fetch build run")


def _refuse_present(*, force: bool) -> None:
    """Raises UsageError where there is a recipe already, which the call does not say to replace."""
    from fromscratch.errors import UsageError

    if DEFAULT_RECIPE.exists() and not force:
        raise UsageError(f"{DEFAULT_RECIPE} is there already", "edit it, or say --force to replace it")


def _asked(kinds: list[str]) -> str:
    """The kind the user chooses; the first where nobody can be asked."""
    import sys

    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return kinds[0]
    print(
        f"Where does the root come from? [{'/'.join(kinds)}, default {kinds[0]}] ", end="", file=sys.stderr, flush=True
    )
    return sys.stdin.readline().strip() or kinds[0]
