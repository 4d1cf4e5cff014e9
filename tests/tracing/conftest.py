"""Recorders are tried as root and as an ordinary user, as containers are."""

from tests.host.conftest import caller, package

__all__ = ("caller", "package")
