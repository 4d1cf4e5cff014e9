"""Fixtures for checks that run images."""

from tests.host.conftest import caller as caller
from tests.host.conftest import package as package
