"""A root made in a process of another user, as a tar: what `test_tools` starts."""

import json
from pathlib import Path

import msgspec

from fromscratch.formats.tar.writer import blocks
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.source import BootstrapSource
from fromscratch.sources.contract import Context


def build_again(options: str, place: str) -> None:
    """Build what the store of the test has fetched; it says when it begins."""
    folder = Path(place)
    context = Context(folder=folder, place="rootfs[0]", platform=Platform.of_this_machine())
    source = BootstrapSource(msgspec.convert(json.loads(options), BootstrapOptions), context)
    print("building", flush=True)
    source.build(Store(folder / "store"))


def main(options: str, place: str) -> None:
    folder = Path(place)
    context = Context(folder=folder, place="rootfs[0]", platform=Platform.of_this_machine())
    source, store = (
        BootstrapSource(msgspec.convert(json.loads(options), BootstrapOptions), context),
        Store(folder / "store"),
    )
    source.fetch(store)
    with open(folder / "root.tar", "wb") as out:
        out.writelines(blocks(source.build(store)))
