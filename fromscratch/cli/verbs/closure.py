"""`closure`: what programs and libraries need to run."""

from __future__ import annotations

from collections.abc import Sequence

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError
from fromscratch.named_tuple import TYPE_CHECKING

if TYPE_CHECKING:
    from fromscratch.cli.verbs.closure_beyond import Answer


def closure(
    call: Call,
    *,
    files: tuple[str, ...],
    root: str,
    search: Sequence[str],
    preload: Sequence[str],
    beyond: bool,
    all_: bool,
    json: bool,
) -> None:
    from fromscratch.cli.verbs import closure_links

    if not files:
        raise UsageError("closure needs a file", "name programs or libraries, as in: closure /usr/bin/git")
    if all_ and not beyond:
        raise UsageError("--all lists what is offered, which needs --beyond", "say --beyond --all")
    linker, paths, linked = closure_links.question(files, root, search, preload)
    if linked and not beyond:
        found: closure_links.Answer | Answer = closure_links.Answer([linker.program(path) for path in paths])
    else:
        from fromscratch.cli import interruptions

        with interruptions.heeded():  # msgspec must not be interrupted while it is loaded
            from fromscratch.cli.verbs.closure_beyond import Answer as AnswerBeyond

            found = AnswerBeyond(linker, paths, beyond=beyond, every_offer=all_)
    call.result(found.facts if json else None, "" if json else found.text, json)
    closure_links.check(found.missing, found.missing_versions)
