"""`run --check`: start an image, ask what is to be asked, and stop it; nothing of it is shown but the results."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fromscratch.cli.call import Call
from fromscratch.cli.output.checks import results_facts, results_lines
from fromscratch.cli.smoke_checks import checks_of
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.flow.images_by_name import Found


def run_checks(call: Call, found: "Found", engine: str | None, given: Sequence[tuple[str, str]], json: bool) -> None:
    """Raises ChecksFailed, after all results were written where a program reads them."""
    from fromscratch.checks.diagnosis import explained
    from fromscratch.checks.perform import perform
    from fromscratch.checks.report import ChecksFailed
    from fromscratch.host.container.preparation import Invocation
    from fromscratch.model.image import Platform, RunConfig

    if engine not in (None, "none"):
        raise UsageError(f"--engine {engine}: checks are made in a private root", "leave --engine out")
    image = found.image
    invocation = Invocation(
        tree=found.tree(call.store, call.limits),
        config=image.config if image else RunConfig(),
        argv=call.words,
        workdir=call.store.workspace("run", "roots"),
        platform=image.platform if image else Platform.of_this_machine(),
        progress=call.progress,
    )
    results = explained(perform(checks_of(given), invocation), invocation)
    lines = results_lines(results)
    if lines or json:
        call.result(results_facts(results), "\n".join(lines), json)
    if results.failed:
        raise ChecksFailed(results)
