"""What every test may use, and the table at the end that says what was skipped and why."""

import os
import signal
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is no fault of the code.
# How fast data comes tells of the machine, and not of the test.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", deadline=None, max_examples=3000)  # pytest --hypothesis-profile=thorough
# What pytest does alone: of the examples of a property, as many as leave the everyday run short.
settings.register_profile("everyday", settings.get_profile("house"), max_examples=40)
settings.load_profile("everyday")

# A shell lets what it starts in the background ignore Ctrl-C, and every child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    skipped = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if not skipped:
        return
    rows = [f"{count:5}  {reason}" for reason, count in sorted(skipped.items())]
    terminalreporter.section("skipped, and why")
    for row in rows:
        terminalreporter.write_line(row)
    collected = os.environ.get("FROMSCRATCH_SKIPPED")  # scripts/test runs pytest several times, and tells at the end
    if collected:
        with open(collected, "a") as file:
            file.write("".join(f"{row}\n" for row in rows))


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
