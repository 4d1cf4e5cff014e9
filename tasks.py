"""The verbs of fromscratch as invoke tasks: `invoke VERB` here is `fromscratch VERB` when installed."""

import sys

# Invoke forbids it for task files, and every call would compile the whole package anew.
sys.dont_write_bytecode = False

from fromscratch.cli.main import namespace as _namespace  # noqa: E402

ns = _namespace()
