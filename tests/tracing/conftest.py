"""Root and an ordinary user, as for images that are started without an engine."""

from tests.host.conftest import caller, package

__all__ = ["caller", "package"]
