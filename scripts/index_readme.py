"""The README as a package index shows it: hatchling calls this when it writes the metadata of a wheel or an sdist.

An index shows the text alone, so links to files of this repository would lead nowhere. Where pyproject.toml says under
which address files of a release lie, they are made absolute; until then their text stays and the link goes.

    [tool.hatch.metadata.hooks.custom]
    files = "https://example.org/fromscratch/blob/v{version}/"
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = re.compile(r"\[([^\]]+)\]\((?![a-z][a-z+.-]*:|#)([^)\s]+)\)")


def index_readme(text: str, files: str = "") -> str:
    """The text with its relative links below `files`, or without them."""
    return _RELATIVE.sub(rf"[\1]({files}\2)" if files else r"\1", text)


class IndexReadme(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        """Add `readme` to the metadata, which says in `dynamic` that it comes from here."""
        files = str(self.config.get("files", "")).replace("{version}", metadata["version"])
        text = (Path(self.root) / "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": index_readme(text, files)}
