"""The manual page of the command goes into every wheel: hatchling calls this before it writes one.

The page is made from the table of verbs by the command itself, so it is never another than that of the sources.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PLACE = "share/man/man1/fromscratch.1"


class ManPage(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the page to a folder of its own (sources may be read-only) and add it to the files of the wheel.

        What pip installs for this build, which the command needs too, lies in its PYTHONPATH.
        """
        if version == "editable":
            return  # a checkout: the page would be that of another day
        self._folder = tempfile.TemporaryDirectory(prefix="fromscratch-")
        page = Path(self._folder.name) / "fromscratch.1"
        words = [sys.executable, "-m", "fromscratch", "--print-man-page"]
        path = os.pathsep.join(filter(None, (self.root, os.environ.get("PYTHONPATH", ""))))
        variables = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(words, cwd=self.root, env=variables, stdout=subprocess.PIPE)
        done.check_returncode()
        page.write_bytes(done.stdout)
        build_data["shared_data"][str(page)] = _PLACE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder, now that the wheel has the page."""
        if version != "editable":
            self._folder.cleanup()
