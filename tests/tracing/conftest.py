"""Root and an ordinary user, as for images started without an engine; the command in the process of the test."""

from collections.abc import Iterator

import pytest

from tests.cli.in_process import handlers_restored
from tests.host.conftest import caller, package

__all__ = ["caller", "package"]


@pytest.fixture(autouse=True)
def _handlers_restored() -> Iterator[None]:
    with handlers_restored():
        yield
