"""What came of the checks of an image, in lines and for programs."""

from __future__ import annotations

from collections import Counter

from fromscratch.cli.output.sizes import counted
from fromscratch.named_tuple import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from fromscratch.checks.contract import Results
    from fromscratch.flow.evidence import ImageEvidence


def checks_lines(evidence: ImageEvidence) -> list[str]:
    """A line about the checks of a built image; none if nothing was asked of it."""
    states = Counter(check.state for check in evidence.checks)
    parts = [f"{counted(states[state], 'check', 'checks')} {state}" for state in sorted(states, reverse=True)]
    return [f"  {', '.join(parts)}"] if parts else []


def results_lines(results: Results) -> list[str]:
    """A line for each check that passed, with the time that it took."""
    return [f"passed: {each.check.title} ({each.answer.seconds:.2f} s)" for each in results.results if each.passed]


def results_facts(results: Results) -> dict[str, Any]:
    """All results for a program; bytes that are not UTF-8 are written as \\xNN."""
    return {
        "platform": results.platform,
        "checks": [
            {
                "check": each.check.title,
                "state": "passed" if each.passed else "failed",
                "reason": each.fault,
                "code": each.answer.code,
                "status": each.answer.status,
                "output": each.answer.output.decode("utf-8", "backslashreplace"),
                "errors": each.answer.errors.decode("utf-8", "backslashreplace"),
                "seconds": each.answer.seconds,
            }
            for each in results.results
        ],
        "lacks": [lack.path for lack in results.lacks],
    }
